"""Verdicts on a TenantProxy and its Secrets that a schema can't give; pure, for `local` and the cluster."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tenantproxy import memory, validation
from tenantproxy.credentials.base import CredentialError
from tenantproxy.credentials.checks import usable_credential
from tenantproxy.errors import FieldProblem
from tenantproxy.orders import minor_units
from tenantproxy_operator.api.quantities import parse_amount, parse_size
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.render.config_poslog import render_poslog_config
from tenantproxy_operator.settings import Settings

MOST_NESTED: Final = 50
"""Levels of a spec. What is passed on verbatim, such as an affinity, may hold any; no right one has twenty."""

_MIB: Final = 1024 * 1024


def is_too_deep(value: Any) -> bool:  # noqa: ANN401 - JSON of any shape
    """Tell whether JSON is nested so deeply that whoever walks through it may fail."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MOST_NESTED):
        inner = (thing.values() if isinstance(thing, dict) else thing for thing in level)
        level = [child for things in inner for child in things if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def check_resource(resource: TenantProxy, settings: Settings) -> list[FieldProblem]:
    """Return what is wrong with a TenantProxy that its models accept; `field` is a path in the manifest."""
    found = validation.find_errors(render_config(resource, settings))
    errors = [FieldProblem(f"spec.{field}", detail) for field, detail in found]
    errors += (error for error in _check_relay(resource, settings) if error not in errors)
    upstream = resource.spec.upstream
    if upstream.tls is not None and upstream.url.startswith("http:"):
        detail = "does not apply to plain http; make `url` https, or remove `tls`"
        errors.append(FieldProblem("spec.upstream.tls", detail))
    errors += filter(None, (_check_autoscaling(resource), _check_memory(resource)))
    return errors + _check_pod_metadata(resource, settings)


def find_warnings(resource: TenantProxy, settings: Settings) -> list[FieldProblem]:
    """Return what is probably wrong with a TenantProxy that is accepted; `field` is a path in the manifest."""
    found = minor_units.suspects(render_config(resource, settings).mapping)
    return [FieldProblem(f"spec.mapping.{field}", detail) for field, detail in found]


def _check_relay(resource: TenantProxy, settings: Settings) -> Iterator[FieldProblem]:
    """Yield what is wrong with the relay's configuration; what it shares with the proxies' is said there, too."""
    relay = resource.relay
    if relay is None:
        return
    for field, detail in validation.find_errors(render_poslog_config(resource, relay, settings)):
        is_its_own = field == "upstream.url" and relay.delivery.url is not None
        yield FieldProblem("spec.poslog.delivery.url" if is_its_own else f"spec.{field}", detail)


def _check_autoscaling(resource: TenantProxy) -> FieldProblem | None:
    """Refuse what would never scale: utilization is a share of the request."""
    spec = resource.spec
    if spec.autoscaling is None or spec.resources is None:
        return None
    requested = spec.resources.requested_cpu
    if requested is not None and parse_amount(requested) > 0:
        return None
    detail = "is missing or 0, so `autoscaling` can't work; set it, such as `100m`, or remove `resources`"
    return FieldProblem("spec.resources.requests.cpu", detail)


def _check_memory(resource: TenantProxy) -> FieldProblem | None:
    """Refuse a limit that right answers of the OMS may exceed: the proxy would be killed."""
    resources = resource.spec.resources
    if resources is None or resources.limits is None or resources.limits.memory is None:
        return None
    largest = resource.spec.upstream.max_response_bytes
    needed = memory.needed(parse_size(largest))
    if parse_amount(resources.limits.memory) >= needed:
        return None
    fixed = memory.needed(0) // _MIB
    enough = -(-needed // _MIB)
    detail = (
        f"is less than a proxy may need: {fixed}Mi plus {enough - fixed}Mi for a response of"
        f" `maxResponseBytes`, which is {largest}; set it to at least `{enough}Mi`, or lower"
        " `spec.upstream.maxResponseBytes`"
    )
    return FieldProblem("spec.resources.limits.memory", detail)


def _check_pod_metadata(resource: TenantProxy, settings: Settings) -> list[FieldProblem]:
    """Refuse labels and annotations that the platform does not permit: others select by them, and inject."""
    prefixes, template = settings.pod_metadata_prefixes, resource.spec.pod_template
    if not prefixes or template is None:
        return []
    permitted = " or ".join(f"`{prefix}`" for prefix in prefixes)
    return [
        FieldProblem(
            f"spec.podTemplate.{field}",
            f"has the key `{key}`, which the platform does not permit; use one that begins with {permitted}, or "
            "remove it",
        )
        for field, values in (("labels", template.labels), ("annotations", template.annotations))
        for key in values
        if not key.startswith(prefixes)
    ]


def check_secret(data: Mapping[str, str], resource: TenantProxy, settings: Settings) -> list[FieldProblem]:
    """Return what is wrong with the credential keys of the Secret that `resource` refers to.

    A Secret without any is fine: the credential is not configured yet. `field` is one of its keys.
    """
    try:
        usable_credential(data, render_config(resource, settings))
    except CredentialError as error:
        return error.errors
    return []
