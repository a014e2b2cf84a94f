"""The API server's audit log: who asked it for what, and what allowed that."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

POLICY: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    # Without it each request would be logged twice; a watch is logged when it starts and when it ends.
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
WRITES: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One request, after it was answered; a watch, after its answer began."""

    user: str
    """Such as "system:serviceaccount:NAMESPACE:NAME"; a controller's or the operator's."""
    verb: str
    """As RBAC names it: get, list, watch, create, update, patch, delete, deletecollection."""
    group: str
    """API group; "" is the core group, and that of requests for no resource."""
    resource: str
    """With its subresource, as RBAC names it: "tenantproxies/status"; "" for requests for no resource."""
    namespace: str
    """"" for what has none, and for all."""
    name: str
    """"" for collections, and where the server gives the name."""
    code: int
    """HTTP status of the answer."""
    time: dt.datetime
    """When the server got the request."""
    uri: str
    """Path and query."""
    credential: str
    """Which of the user's tokens it was; "" for other credentials."""
    reason: str
    """The authorizer's words: which binding of which role allowed it, or why not; "" for system:masters."""

    @property
    def is_write(self) -> bool:
        return self.verb in WRITES and self.code < 400


def lines_of(log: Path, since: int = 0) -> Iterator[bytes]:
    """Yield the lines since the log had this size, none of them held.

    A line grows while it is written: one that had begun by then is not among them, one that has no end yet is left
    for later.
    """
    with log.open("rb") as lines:
        if since:
            lines.seek(since - 1)
            lines.readline()
        for line in lines:
            if not line.endswith(b"\n"):
                break
            yield line


def read(log: Path, since: int = 0) -> list[AuditEntry]:
    """Return the entries since the log had this size, in its order."""
    entries: dict[str, AuditEntry] = {}
    for line in lines_of(log, since):
        event: dict[str, Any] = json.loads(line)
        # The end of a watch adds nothing to its beginning.
        entries.setdefault(event["auditID"], _entry(event))
    return list(entries.values())


def writes(entries: Iterable[AuditEntry], user: str) -> list[AuditEntry]:
    """Return a user's requests that changed something, or wrote it again as it was."""
    return [entry for entry in entries if entry.user == user and entry.is_write]


def _entry(event: dict[str, Any]) -> AuditEntry:
    target = event.get("objectRef", {})
    resource = target.get("resource", "")
    if "subresource" in target:
        resource += f"/{target['subresource']}"
    return AuditEntry(
        user=event["user"].get("username", ""),  # nobody's: its token was not taken
        verb=event["verb"],
        group=target.get("apiGroup", ""),
        resource=resource,
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=event["responseStatus"]["code"],
        time=dt.datetime.fromisoformat(event["requestReceivedTimestamp"]),
        uri=event["requestURI"],
        credential="".join(event["user"].get("extra", {}).get("authentication.kubernetes.io/credential-id", [])),
        reason=event.get("annotations", {}).get("authorization.k8s.io/reason", ""),
    )
