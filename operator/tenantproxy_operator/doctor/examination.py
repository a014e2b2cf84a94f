"""Looks at a cluster: all that `findings` needs, within the rights that one has."""

import asyncio
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from tenantproxy.credentials.proof import Proof, from_note
from tenantproxy.credentials.stores.secret import NOTE
from tenantproxy.kube.api import KubeError
from tenantproxy_operator.api.labels import INSTANCE
from tenantproxy_operator.api.names import COMPONENTS, KIND, POSLOG, PROXY, default_secret_name
from tenantproxy_operator.doctor import trial
from tenantproxy_operator.doctor.credential import why_no_trial
from tenantproxy_operator.doctor.view import DryRun, OperatorView, Process, TenantView, View
from tenantproxy_operator.fleet.cluster import EVENT, POD, PROXIES, RELAYS, ClusterReader
from tenantproxy_operator.fleet.objects import Deployment, Event, Lease, Pod, TenantProxy
from tenantproxy_operator.fleet.samples import read_samples
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import TENANT_PROXY
from tenantproxy_operator.kube.kinds import Key, Manifest
from tenantproxy_operator.render.common import API_PORT

BETWEEN: Final = 2.0
"""Seconds between two readings of the metrics: what has grown meanwhile goes on."""
_OPERATORS: Final = "app.kubernetes.io/name=tenantproxy-operator"
_OPERATOR_CONTAINER: Final = "operator"
_CHILD: Final = re.compile(rf"-({'|'.join(COMPONENTS)})(?=-|$)")
"""Where the name of a TenantProxy may end in that of a child (`names.child_name`), or of a child's child."""
_LEASE: Final = "tenantproxy-operator"
_LEASES_OF_ALL: Final = "kube-system"
_FEW_PODS: Final = 40
"""Up to so many have their logs read in any case: they say since when something has been wrong."""
_LOG_LINES: Final = 500
_LOG_BYTES: Final = 128 * 1024


class Examination:
    """Looks at one cluster."""

    def __init__(
        self, reader: ClusterReader, *, operator_namespace: str, token: str | None = None, logs: bool = False
    ) -> None:
        """Look by `reader`; with the token of a tenant's admin also try the credential; `logs`: of all pods."""
        self._reader = reader
        self._operator_namespace = operator_namespace
        self._token = token
        self._logs = logs

    async def of(self, namespace: str | None, names: Sequence[str]) -> View:
        """Return what there is to see of a namespace, or of all (None); `names`: of these tenants only.

        Raises:
            KubeError: The API server can't be reached, or lets nobody see TenantProxies.

        """
        if not await self._reader.serves(TENANT_PROXY):
            return View(now=time.time(), is_crd_missing=True)
        found = await self._reader.tenant_proxies(namespace)
        wanted = [raw for raw in found if not names or raw["metadata"]["name"] in names]
        pods = _by_tenant(await self._reader.listed(POD, namespace, PROXIES))
        relays = _by_tenant(await self._reader.listed(POD, namespace, RELAYS))
        deployments = _by_tenant(await self._reader.listed(kinds.DEPLOYMENT, namespace, PROXIES))
        events = _by_subject(await self._reader.listed(EVENT, namespace))
        tenants = []
        for proxy in self._reader.readable(wanted, TenantProxy):
            key = proxy.metadata.key
            tenant = self._tenant(proxy, pods.get(key, []), deployments.get(key, []), events.get(key, []))
            found_relays = relays.get(key, [])
            typed = tuple(self._reader.readable(found_relays, Pod))
            tenants.append(replace(tenant, relay_pods=typed, objects={**tenant.objects, "relays": found_relays}))
        objects = {_key(raw): raw for raw in wanted}
        tenants = [replace(each, objects={"tenantproxy": objects[each.key], **each.objects}) for each in tenants]
        operator = await self._operator({tenant.key.namespace for tenant in tenants})
        pods_of = {PROXY: [pod for tenant in tenants for pod in tenant.pods]}
        pods_of |= {POSLOG: [pod for tenant in tenants for pod in tenant.relay_pods]}
        processes = await self._processes(pods_of | {_OPERATOR_CONTAINER: list(operator.pods)})

        def of(pods: Iterable[Pod]) -> tuple[Process, ...]:
            return tuple(processes[pod.metadata.key] for pod in pods)

        tenants = [replace(each, processes=of(each.pods), relays=of(each.relay_pods)) for each in tenants]
        tenants = list(await asyncio.gather(*map(self._with_credential, tenants)))
        return View(
            now=time.time(),
            tenants=tuple(sorted(tenants, key=lambda tenant: tenant.key)),
            operator=replace(operator, processes=of(operator.pods)),
            unseen=tuple(self._reader.problems),
        )

    def _tenant(
        self, proxy: TenantProxy, pods: list[Manifest], deployments: list[Manifest], events: list[Manifest]
    ) -> TenantView:
        typed = self._reader.readable(events, Event)
        return TenantView(
            proxy=proxy,
            deployment=next(iter(self._reader.readable(deployments, Deployment)), None),
            pods=tuple(self._reader.readable(pods, Pod)),
            events=tuple(sorted(typed, key=lambda event: event.last or "")),
            objects={"deployment": deployments, "pods": pods, "events": events},
        )

    async def _operator(self, watched: Iterable[str]) -> OperatorView:
        namespace = self._operator_namespace
        known = len(self._reader.problems)
        deployments = await self._reader.listed(kinds.DEPLOYMENT, namespace, _OPERATORS)
        pods = await self._reader.listed(POD, namespace, _OPERATORS)
        is_seen = len(self._reader.problems) == known
        known = len(self._reader.problems)
        leases = {about: await self._lease(about) for about in sorted(watched)}
        if not all(leases.values()):
            leases["*"] = await self._lease(_LEASES_OF_ALL)
        return OperatorView(
            namespace=namespace,
            is_seen=is_seen,
            deployments=tuple(self._reader.readable(deployments, Deployment)),
            pods=tuple(self._reader.readable(pods, Pod)),
            leases={about: lease for about, lease in leases.items() if lease is not None},
            are_leases_seen=len(self._reader.problems) == known,
            objects={"deployments": deployments, "pods": pods},
        )

    async def _lease(self, namespace: str) -> Lease | None:
        what = f"the operator's Lease in {namespace}"
        raw = await self._reader.got(what, kinds.LEASE, Key(namespace, _LEASE))
        return next(iter(self._reader.readable([raw] if raw else [], Lease)), None)

    # ---- processes

    async def _processes(self, pods: Mapping[str, list[Pod]]) -> dict[Key, Process]:
        """Return what all pods say of themselves, by their keys; `pods` are those of each container."""
        containers = {pod.metadata.key: container for container, found in pods.items() for pod in found}
        all_pods = [pod for found in pods.values() for pod in found]
        before = await self._metrics(all_pods)
        await asyncio.sleep(BETWEEN if any(before.values()) else 0)
        now = await self._metrics([pod for pod in all_pods if before[pod.metadata.key]])
        wanted = [self._logs or len(all_pods) <= _FEW_PODS or not pod.ready for pod in all_pods]
        logs = await asyncio.gather(
            *(
                self._log(pod, containers[pod.metadata.key]) if want else _no_log()
                for pod, want in zip(all_pods, wanted, strict=True)
            )
        )
        return {
            pod.metadata.key: Process(
                name=pod.metadata.name,
                before=read_samples(before[pod.metadata.key]),
                now=read_samples(now.get(pod.metadata.key, b"")),
                since=pod.running_since,
                metrics=now.get(pod.metadata.key, b""),
                log=log,
            )
            for pod, log in zip(all_pods, logs, strict=True)
        }

    async def _metrics(self, pods: Sequence[Pod]) -> dict[Key, bytes]:
        """Return the metrics of pods; empty where they can't be read."""
        replicas = await self._reader.replicas(pods)
        for pod in pods:
            problem = replicas[pod.metadata.key].problem
            if problem is not None and pod.runs:
                self._reader.tell(f"can't see the metrics of {pod.metadata.key}: {problem}")
        return {key: replica.metrics or b"" for key, replica in replicas.items()}

    async def _log(self, pod: Pod, container: str) -> str:
        """Return the end of a pod's log; of its container's last run, where that has ended."""
        ended = any(each.state.waiting and each.restart_count for each in pod.status.container_statuses)
        return await self._reader.log(pod, container, lines=_LOG_LINES, size=_LOG_BYTES, previous=ended)

    # ---- the credential

    async def _with_credential(self, tenant: TenantView) -> TenantView:
        secret = tenant.proxy.status.secret_name or default_secret_name(tenant.key.name)
        key = Key(tenant.key.namespace, secret)
        what = f"annotations of Secrets in {key.namespace}, where what the proxies know of the credential is kept"
        raw = await self._reader.got(what, kinds.SECRET, key, metadata_only=True)
        known = replace(tenant, proof=_proof(raw))
        return replace(known, dry_run=await self._dry_run(known))

    async def _dry_run(self, tenant: TenantView) -> DryRun:
        """Try the stored credential, where that may be done, and one is told by whom."""
        if self._token is None:
            return DryRun(skipped=trial.NO_TOKEN)
        if why := why_no_trial(tenant, time.time()):
            return DryRun(skipped=f"no trial was made: {why}")
        pod = next((pod for pod in tenant.pods if pod.ready), None)
        if pod is None:
            return DryRun(skipped="no trial was made: no proxy is ready")
        ask: dict[str, Any] = {"method": "PUT", "headers": trial.headers(self._token), "body": trial.BODY}
        try:
            answer = await self._reader.ask(pod, API_PORT, trial.PATH, **ask)
        except KubeError as error:
            return DryRun(skipped=f"no trial was made: {error}")
        return trial.understood(answer.status, answer.body)


async def _no_log() -> str:
    return ""


def _key(raw: Manifest) -> Key:
    metadata = raw.get("metadata", {})
    return Key(str(metadata.get("namespace", "")), str(metadata.get("name", "")))


def _by_tenant(children: Iterable[Manifest]) -> dict[Key, list[Manifest]]:
    """Return children by the TenantProxies that their labels name."""
    found: dict[Key, list[Manifest]] = {}
    for child in children:
        name = (child["metadata"].get("labels") or {}).get(INSTANCE, "")
        found.setdefault(Key(child["metadata"].get("namespace", ""), name), []).append(child)
    return found


def _by_subject(events: Iterable[Manifest]) -> dict[Key, list[Manifest]]:
    """Return Events by the TenantProxies that they may be about, or about what was made for them."""
    found: dict[Key, list[Manifest]] = {}
    for event in events:
        reference = event.get("involvedObject", {})
        about = str(reference.get("name", ""))
        names = {about[: match.start()] for match in _CHILD.finditer(about)}
        for name in {about} if reference.get("kind") == KIND else names:
            found.setdefault(Key(_key(event).namespace, name), []).append(event)
    return found


def _proof(secret: Manifest | None) -> Proof | None:
    annotations = (secret or {}).get("metadata", {}).get("annotations") or {}
    return from_note(annotations.get(NOTE))
