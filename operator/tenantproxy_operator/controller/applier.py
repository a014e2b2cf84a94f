"""Bring one tenant's children to what they shall be: apply what differs, leave alone what is another's, prune."""

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import Final

from tenantproxy.kube.api import KubeError
from tenantproxy_operator.api.names import PROXY, component_of
from tenantproxy_operator.cache.children import ChildName, Children
from tenantproxy_operator.cache.secrets import SecretVersions
from tenantproxy_operator.cache.tenants import Tenant
from tenantproxy_operator.controller.apply_result import ApplyResult, ChildResult, Failure
from tenantproxy_operator.controller.child_writer import ChildWriter, is_right, metric_result, name_of
from tenantproxy_operator.controller.pod_revision import revision_hash, revision_name, stored_manifests
from tenantproxy_operator.controller.pruning import prune_config_maps as prune
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import Cluster
from tenantproxy_operator.kube.kinds import Key, Kind, Manifest
from tenantproxy_operator.kube.objects import SecretContent
from tenantproxy_operator.metrics import Metrics

_KINDS: Final = {kind.plural: kind for kind in kinds.CHILDREN}
_KEPT_KINDS: Final = frozenset({kinds.SECRET, kinds.CONFIG_MAP})
"""Kinds of which what is no longer wanted stays: what a tenant's admin may have set, what pods may still need."""


class ChildApplier:
    """Brings all children of a tenant to what they shall be."""

    def __init__(self, cluster: Cluster, children: Children, secrets: SecretVersions, metrics: Metrics) -> None:
        self._cluster = cluster
        self._children = children
        self._metrics = metrics
        self._writer = ChildWriter(cluster, children, secrets, metrics)

    async def apply_all(
        self,
        tenant: Tenant,
        manifests: Iterable[Manifest],
        trusted: Mapping[ChildName, bytes],
        *,
        tenant_id: str,
        create_secret: bool,
        secret: SecretContent | None = None,
        hold_pods: bool = False,
        revision: str = "",
        prune_config_maps: bool = False,
    ) -> ApplyResult:
        """Make the tenant's children what `manifests` say.

        `trusted` is what we owned of each after our last write; `create_secret`: whether a missing Secret is made;
        `secret` is the one with the credential, where it was read; `hold_pods`: have the pods as they were last
        released, with `revision`; `prune_config_maps`: delete those that pods need no more.

        A child that fails holds back those of its component that need it, and no others, unless the API server
        does not answer.
        """
        wanted = {name_of(manifest): manifest for manifest in manifests}
        # An autoscaler that goes must not fight over the number of replicas that comes instead.
        results = await self._prune(tenant, wanted, only=kinds.AUTOSCALER)
        if secret is not None and secret.data:
            results += await self._writer.keep_secret(tenant, secret.metadata, tenant_id)
        failed: list[ChildName] = []
        for name, manifest in wanted.items():
            kind, child = _KINDS[name[0]], self._children.of(tenant.key).get(name)
            ours = child is None or child.belongs_to(tenant.uid)
            if hold_pods and ours and kind in kinds.POD_KINDS:
                continue
            missing = next((each for each in failed if _needs(name, each)), None)
            if missing and ours and not is_right(child, manifest, trusted.get(name)):
                result = ChildResult(name=name, failure=_waits(name, missing))
            elif kind is kinds.SECRET:
                result = await self._writer.apply_secret(
                    tenant, name, manifest, trusted, secret, create=create_secret
                )
            else:
                result = await self._writer.apply(tenant, name, manifest, child, trusted)
            results.append(result)
            if result.failure:
                failed.append(name)
            if result.unreachable:
                left = _remembered(trusted, wanted)
                return ApplyResult.of(wanted, trusted, [*results, *left], revision=revision)
        released = any(_of_proxies(result) and result.owned for result in results)
        needed, kept = set(wanted), _KEPT_KINDS
        if released:
            revision = revision_hash(wanted.values())
        else:
            held = hold_pods or any(_holds_back(result) for result in results)
            put_back = await self._put_back(tenant, wanted, trusted, failed, revision) if held else None
            results += _remembered(trusted, wanted) if put_back is None else put_back
            # What the pods need stays with them, and what they are put back from.
            needed.add(revision_name(tenant.key, revision))
            kept = kept.union(kinds.REQUIRES[kinds.DEPLOYMENT])
        results += await self._prune(tenant, needed, kept=kept)
        if prune_config_maps:
            await prune(self._cluster, self._children, self._writer, tenant, _config_maps(wanted))
        results += self._unwanted(tenant, {*wanted, *(result.name for result in results)})
        return ApplyResult.of(wanted, trusted, results, revision=revision)

    async def _put_back(
        self,
        tenant: Tenant,
        wanted: Iterable[ChildName],
        trusted: Mapping[ChildName, bytes],
        failed: Sequence[ChildName],
        revision: str,
    ) -> list[ChildResult]:
        """Have Deployments, and what they mount, as they were last released, where anybody has changed them."""
        children, before = self._children.of(tenant.key), _remembered(trusted, wanted)
        now = {name: child.owned_fields_digest for name, child in children.items()}
        intact = before and all(now.get(each.name) == each.owned for each in before)
        name = revision_name(tenant.key, revision)
        if intact or name not in children or not children[name].belongs_to(tenant.uid):
            return []
        key = Key(tenant.key.namespace, name[1])
        try:
            stored = await self._cluster.read(kinds.CONTROLLER_REVISION, key)
            manifests = stored_manifests(stored or {}, revision)
            if not manifests:
                # Somebody has put other content in its place: then nothing is stored.
                await self._writer.delete(tenant, name, children[name].uid)
                return []
        except KubeError as error:
            return [*before, self._writer.failed(kinds.CONTROLLER_REVISION, name, error)]
        results = []
        components = _components(wanted)
        for manifest in manifests:
            each = name_of(manifest)
            if component_of(each[1]) not in components:
                continue
            child = children.get(each)
            if child is None and _KINDS[each[0]] is kinds.DEPLOYMENT and self._lacks(tenant, each, failed):
                continue
            results.append(await self._writer.apply(tenant, each, manifest, child, trusted))
            if results[-1].failure:
                return [*before, *results]
        return results

    def _lacks(self, tenant: Tenant, deployment: ChildName, failed: Iterable[ChildName]) -> bool:
        """Tell whether something is not there that this Deployment needs, whatever it mounts."""
        children = self._children.of(tenant.key)
        needed = (name for name in failed if _needs(deployment, name) and name[0] != kinds.CONFIG_MAP.plural)
        return any(name not in children or not children[name].belongs_to(tenant.uid) for name in needed)

    async def _prune(
        self,
        tenant: Tenant,
        wanted: Collection[ChildName],
        *,
        only: Kind | None = None,
        kept: Collection[Kind] = (),
    ) -> list[ChildResult]:
        """Delete what is ours and no longer wanted, but nothing of the kinds `kept`.

        What was of a component that there is not to be any more goes with it: no pod needs it.
        """
        results = []
        components = _components(wanted)
        for name, child in list(self._children.of(tenant.key).items()):
            kind = _KINDS[name[0]]
            is_kept = kind in kept and (kind.shared or component_of(name[1]) in components)
            if name in wanted or (only or kind) is not kind or is_kept or not child.belongs_to(tenant.uid):
                continue
            try:
                await self._writer.delete(tenant, name, child.uid)
            except KubeError as error:
                failure = Failure(kind.kind, name[1], f"can't be deleted: {error}", "failed")
                results.append(ChildResult(name=name, failure=failure))
                self._metrics.applied(kind.kind, metric_result(error))
        return results

    def _unwanted(self, tenant: Tenant, wanted: Container[ChildName]) -> list[ChildResult]:
        """Return what was kept though it is no longer wanted."""
        return [
            ChildResult(name=name, owned=child.owned_fields_digest)
            for name, child in self._children.of(tenant.key).items()
            if name not in wanted and child.belongs_to(tenant.uid)
        ]


def _config_maps(wanted: Iterable[ChildName]) -> frozenset[str]:
    return frozenset(name for plural, name in wanted if plural == kinds.CONFIG_MAP.plural)


def _components(wanted: Iterable[ChildName]) -> frozenset[str]:
    """Return the components that have a Deployment among these."""
    return frozenset(component_of(name) for plural, name in wanted if plural == kinds.DEPLOYMENT.plural)


def _needs(name: ChildName, other: ChildName) -> bool:
    """Tell whether a child needs another one: of its component, or that all share."""
    kind = _KINDS[other[0]]
    if kind not in kinds.REQUIRES.get(_KINDS[name[0]], ()):
        return False
    return kind.shared or component_of(name[1]) == component_of(other[1])


def _remembered(trusted: Mapping[ChildName, bytes], wanted: Iterable[ChildName]) -> list[ChildResult]:
    """Return what pods are made of as it was last released: it still has to be put back."""
    components = _components(wanted)
    return [
        ChildResult(name=name, owned=digest)
        for name, digest in trusted.items()
        if _KINDS[name[0]] in kinds.POD_KINDS and component_of(name[1]) in components
    ]


def _of_proxies(result: ChildResult) -> bool:
    """Tell whether it is the Deployment that every tenant has: by it a revision counts as released."""
    return result.name[0] == kinds.DEPLOYMENT.plural and component_of(result.name[1]) == PROXY


def _holds_back(result: ChildResult) -> bool:
    """Tell whether that Deployment can't be changed, other than by a passing failure."""
    return _of_proxies(result) and result.failure is not None and result.failure.cause in ("waiting", "refused")


def _waits(name: ChildName, missing: ChildName) -> Failure:
    why = f"waits for {_KINDS[missing[0]].kind} {missing[1]}"
    return Failure(_KINDS[name[0]].kind, name[1], why, "waiting")
