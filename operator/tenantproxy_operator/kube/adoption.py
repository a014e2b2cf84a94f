"""Take over what kubectl has applied: the fields that it manages become ours, as if we had applied them. Pure.

Our next apply then removes those that it does not have, among them kubectl's own annotations. It is what `kubectl
apply --server-side` does with what it had applied client-side (client-go's `csaupgrade`).
"""

from collections.abc import Iterable
from typing import Any, Final

from tenantproxy_operator.kube.objects import FIELD_MANAGER

Entry = dict[str, Any]
"""One of `metadata.managedFields`."""

_KUBECTL: Final = frozenset(
    {"kubectl", "kubectl-client-side-apply", "kubectl-create", "kubectl-last-applied", "kubectl-replace"}
)


def taken_over(entries: Iterable[Entry]) -> list[Entry]:
    """Return the managed fields with those of kubectl's writes of whole objects as ours."""
    entries = list(entries)
    theirs = [entry for entry in entries if entry["manager"] in _KUBECTL and not entry.get("subresource")]
    if not theirs:
        return entries
    ours = [entry for entry in entries if _is_ours(entry)]
    first, *more = ours + theirs
    fields = first["fieldsV1"]
    for entry in more:
        if entry["apiVersion"] == first["apiVersion"]:
            fields = _union(fields, entry["fieldsV1"])
    own = first | {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields}
    return [own, *(entry for entry in entries if entry not in ours and entry not in theirs)]


def _is_ours(entry: Entry) -> bool:
    return (entry["manager"], entry["operation"]) == (FIELD_MANAGER, "Apply") and not entry.get("subresource")


def _union(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of both, each as `fieldsV1` has them: a member for each field, with those below it."""
    return one | {key: _union(one.get(key, {}), below) for key, below in other.items()}
