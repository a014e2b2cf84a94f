"""Checks across manifests: duplicates, and Secrets that are missing, unfit for their use, or shared."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from tenantproxy.errors import FieldProblem
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.api.upstream import FORWARD_PROXY_KEYS
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.local.manifests import LoadedFile, Origin, SecretManifest, TenantManifest
from tenantproxy_operator.manifests.problems import FileProblem
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation import resource as admission
from tenantproxy_operator.validation import uniqueness
from tenantproxy_operator.validation.certificates import check_ca, check_client_certificate
from tenantproxy_operator.validation.claims import Claim, Claims, Rival

_MOST_NAMED: Final = 5
_ALIKE: Final = 0.6
"""From which ratio on names are alike, as difflib has it."""
_ELSEWHERE: Final = 0.1
"""Of the same name in another namespace: any that is like it in its own is nearer."""

Contradiction = tuple[FileProblem, frozenset[Path]]
"""A problem between objects, and the files involved."""


def find_contradictions(files: Iterable[LoadedFile], settings: Settings, *, complete: bool) -> list[Contradiction]:
    """Return the problems between objects, each with the files involved.

    `complete`: a Secret without which a proxy can't start must be there.
    """
    loaded = list(files)
    tenants = [tenant for file in loaded for tenant in file.tenants]
    secrets = [secret for file in loaded for secret in file.secrets]
    found = list(_duplicates([*(tenant.origin for tenant in tenants), *(secret.origin for secret in secrets)]))
    for tenant, reference, secret, meant in _referenced(loaded, settings):
        if secret is not None:
            found += _misfits(tenant, secret, reference)
        elif reference.needed and complete:
            detail = f"names Secret {reference.key}, which no manifest has; add its manifest{meant}"
            error = FieldProblem(f"{reference.field}.name", detail)
            found.append((tenant.origin.problem(error), frozenset({tenant.origin.path})))
    return found + list(_refused(tenants, settings))


def find_notes(files: Iterable[LoadedFile], settings: Settings) -> list[str]:
    """Say what is no reason to refuse manifests, but may not be meant.

    That are TenantProxies that claim the same (the platform's settings may refuse those), Secrets that none names
    while one misses its own, and objects of other kinds.
    """
    loaded = list(files)
    rivals = find_rivals(tenant for file in loaded for tenant in file.tenants)
    misspelt = [
        tenant.origin.problem(FieldProblem(reference.field, f"no manifest has Secret {reference.key}{meant}"))
        for tenant, reference, _, meant in _referenced(loaded, settings)
        if meant
    ]
    others = [problem for file in loaded for problem in file.others]
    return [str(problem) for problem in (*rivals, *misspelt, *others)]


def find_rivals(tenants: Iterable[TenantManifest]) -> list[FileProblem]:
    """Say which TenantProxies claim the same, at the later one by name."""
    origins = {tenant.origin.key: tenant for tenant in tenants}
    found = [
        (uniqueness.describe(key, rival), key, "spec.auth.secretRef" if rival.secret else "spec.tenantId")
        for key, rivals in _rivals(tenant.resource for tenant in origins.values())
        for rival in rivals
        if rival.first
    ]
    return [origins[key].origin.problem(FieldProblem(field, text)) for text, key, field in sorted(found)]


def check_unchanged(files: Iterable[LoadedFile], running: Iterable[LoadedFile]) -> list[Contradiction]:
    """Return a problem for each TenantProxy whose tenant id is another one than it has been running with."""
    ids = {tenant.origin.key: tenant.resource.spec.tenant_id for file in running for tenant in file.tenants}
    found: list[Contradiction] = []
    for tenant in (tenant for file in files for tenant in file.tenants):
        if ids.get(tenant.origin.key, tenant.resource.spec.tenant_id) != tenant.resource.spec.tenant_id:
            detail = "is immutable; another tenant needs a TenantProxy of its own"
            problem = tenant.origin.problem(FieldProblem("spec.tenantId", detail))
            found.append((problem, frozenset({tenant.origin.path})))
    return found


def secret_key(resource: TenantProxy, name: str) -> Key:
    """Return the key of a Secret that a TenantProxy names."""
    return Key(resource.metadata.namespace, name)


def _referenced(
    files: Iterable[LoadedFile], settings: Settings
) -> list[tuple[TenantManifest, "_Reference", SecretManifest | None, str]]:
    """Return all references of TenantProxies with the Secrets; for one that is missing, with which one is meant.

    A Secret that nobody names, where a TenantProxy misses its own, has a misspelt name, as a rule.
    """
    loaded = list(files)
    secrets = {secret.origin.key: secret for file in loaded for secret in file.secrets}
    references = [
        (tenant, reference)
        for file in loaded
        for tenant in file.tenants
        for reference in _references(tenant.resource, settings)
    ]
    missing = sorted({reference.key for _, reference in references} - secrets.keys())
    meant = _meant(missing, sorted(secrets.keys() - {reference.key for _, reference in references}))
    return [
        (tenant, reference, secrets.get(reference.key), meant.get(reference.key, ""))
        for tenant, reference in references
    ]


def _meant(missing: Sequence[Key], strays: Sequence[Key]) -> dict[Key, str]:
    """Return which Secrets may be meant instead of those that are missing; none is meant twice.

    That is the one whose name is most like it, or the same in another namespace; else any of its namespace, where
    nothing else is missing.
    """
    near: dict[Key, list[Key]] = {}
    taken: set[Key] = set()
    pairs = [(likeness, key, stray) for key in missing for stray in strays if (likeness := _likeness(key, stray))]
    for _, key, stray in sorted(pairs, key=lambda pair: -pair[0]):
        if key not in near and stray not in taken:
            near[key] = [stray]
            taken.add(stray)
    others = [stray for stray in strays if stray not in taken]
    for namespace in {key.namespace for key in missing}:
        doubtful = [key for key in missing if key.namespace == namespace and key not in near]
        if len(doubtful) == 1:
            near[doubtful[0]] = [stray for stray in others if stray.namespace == namespace]
    return {
        key: f" (no TenantProxy names {', '.join(map(str, found[:_MOST_NAMED]))}: is that meant?)"
        for key, found in near.items()
        if found
    }


def _likeness(missing: Key, stray: Key) -> float:
    """Return how much alike the names of two Secrets are; 0: it is not worth a word."""
    if missing.namespace != stray.namespace:
        return _ELSEWHERE if missing.name == stray.name else 0.0
    matcher = SequenceMatcher(None, missing.name, stray.name)
    # The first two are upper bounds, and fast: a folder may have thousands of both.
    if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= _ALIKE else 0.0


def _refused(tenants: Iterable[TenantManifest], settings: Settings) -> Iterator[Contradiction]:
    """Yield what the platform's settings refuse, as problems of the later one by namespace and name."""
    origins = {tenant.origin.key: tenant.origin for tenant in tenants}
    for key, rivals in _rivals(tenant.resource for tenant in tenants):
        if refusal := uniqueness.refuse(key, rivals, settings):
            paths = frozenset(origins[each].path for each in (key, *(rival.key for rival in rivals)))
            yield origins[key].problem(FieldProblem("spec", refusal)), paths


def _rivals(resources: Iterable[TenantProxy]) -> Iterator[tuple[Key, list[Rival]]]:
    claims = Claims(lambda _: None)
    keys = []
    for resource in resources:
        key = Key(resource.metadata.namespace, resource.metadata.name)
        keys.append(key)
        upstream = resource.spec.upstream
        forward_proxy = upstream.forward_proxy and upstream.forward_proxy.secret_ref
        certificates = (
            resource.ca_secret_name,
            resource.client_certificate_secret_name,
            forward_proxy.name if forward_proxy else None,
        )
        claims.put(
            Claim(
                newcomer=False,
                created="",
                key=key,
                tenant_id=resource.spec.tenant_id,
                credential=secret_key(resource, resource.secret_name),
                certificates=frozenset(secret_key(resource, name) for name in certificates if name),
            )
        )
    for key in keys:
        yield key, claims.rivals(key)


class _Reference(NamedTuple):
    """A TenantProxy's reference to a Secret."""

    field: str
    key: Key
    check: Callable[[Mapping[str, str]], list[FieldProblem]]
    """Returns what is wrong with the Secret's data for this use."""
    needed: bool
    """Whether the proxy can't start without it."""


def _references(resource: TenantProxy, settings: Settings) -> Iterator[_Reference]:
    """Yield the Secrets that a TenantProxy uses, and what for."""
    check = partial(admission.check_secret, resource=resource, settings=settings)
    yield _Reference("spec.auth.secretRef", secret_key(resource, resource.secret_name), check, needed=False)
    tls = "spec.upstream.tls"
    if name := resource.ca_secret_name:
        yield _Reference(f"{tls}.caSecretRef", secret_key(resource, name), check_ca, needed=True)
    if name := resource.client_certificate_secret_name:
        key = secret_key(resource, name)
        yield _Reference(f"{tls}.clientCertificateSecretRef", key, check_client_certificate, needed=True)
    if name := settings.forward_proxy_secret_of(resource):
        own = resource.spec.upstream.forward_proxy is not None
        field = "spec.upstream.forwardProxy.secretRef" if own else "--forward-proxy-secret"
        yield _Reference(field, secret_key(resource, name), _check_forward_proxy_secret, needed=own)


def _check_forward_proxy_secret(data: Mapping[str, str]) -> list[FieldProblem]:
    return [FieldProblem(key, "is missing or empty; set it") for key in FORWARD_PROXY_KEYS if not data.get(key)]


def _misfits(tenant: TenantManifest, secret: SecretManifest, reference: _Reference) -> Iterator[Contradiction]:
    for error in reference.check(secret.data):
        detail = f"{error.detail} (used by TenantProxy {tenant.origin.key} as {reference.field})"
        section = "data" if secret.origin.document.lines.at("data", error.field).line else "stringData"
        problem = secret.origin.problem(FieldProblem(f"{section}.{error.field}", detail))
        yield problem, frozenset({tenant.origin.path, secret.origin.path})


def _duplicates(origins: list[Origin]) -> Iterator[Contradiction]:
    first: dict[tuple[str, Key], Origin] = {}
    for origin in origins:
        earlier = first.setdefault((origin.kind, origin.key), origin)
        if earlier is not origin:
            detail = f"is also in {earlier.path} (document {earlier.document.number}); remove one, or rename it"
            error = FieldProblem("metadata.name", detail)
            yield origin.problem(error), frozenset({origin.path, earlier.path})
