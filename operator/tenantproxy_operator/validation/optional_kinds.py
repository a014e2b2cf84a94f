"""Which children of a spec are unavailable: their kind is switched off, or not served by the API server. Pure."""

from collections.abc import Iterator

from tenantproxy.errors import FieldProblem
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.conditions import ConditionValue
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Kind, Switch


def find_unavailable(resource: TenantProxy, available: frozenset[str]) -> ConditionValue | None:
    """Return what the condition Accepted says where the spec asks for a kind that is not `available`."""
    for field, kind, switch in _unavailable(resource, available):
        message = (
            f"spec.{field} needs {kind.kind}s ({kind.api_version}); install {switch.project} and run the"
            f" operator with {switch.option}, or remove spec.{field}"
        )
        return ConditionValue("False", switch.reason, message)
    return None


def find_unused(resource: TenantProxy, available: frozenset[str]) -> list[FieldProblem]:
    """Return which fields are right but have no effect here; no reason to refuse the TenantProxy."""
    return [
        FieldProblem(
            f"spec.{field}",
            f"has no effect; it needs the operator's option {switch.option}, and {switch.project} in the cluster",
        )
        for field, _, switch in _unavailable(resource, available)
    ]


def _unavailable(resource: TenantProxy, available: frozenset[str]) -> Iterator[tuple[str, Kind, Switch]]:
    for kind, switch in kinds.OPTIONAL.items():
        for field in switch.fields:
            if kind.kind not in available and _is_set(resource, field):
                yield field, kind, switch


def _is_set(resource: TenantProxy, field: str) -> bool:
    """Tell whether a field of the spec is set; those of a relay that there is not to be are not."""
    if field.startswith("poslog.") and resource.relay is None:
        return False
    found: object = resource.spec
    for name in field.split("."):
        found = getattr(found, name, None)
    return found is not None
