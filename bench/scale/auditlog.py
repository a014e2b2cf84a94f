"""The API server's audit log, streamed and never held in memory: a large fleet has hundreds of megabytes."""

import datetime as dt
from collections import Counter
from pathlib import Path

import msgspec

from support.apiserver.audit import WRITES, lines_of
from tenantproxy_operator.kube.kinds import LEASE


class _User(msgspec.Struct, frozen=True):
    username: str


class _Target(msgspec.Struct, frozen=True):
    resource: str = ""
    subresource: str = ""


class _Status(msgspec.Struct, frozen=True):
    code: int = 0


class _Event(msgspec.Struct, rename="camel"):
    stage: str
    verb: str
    user: _User
    request_received_timestamp: str
    stage_timestamp: str
    object_ref: _Target = _Target()
    response_status: _Status = _Status()


class Requests(msgspec.Struct):
    """What was asked of the API server in a while."""

    first_create: str = ""
    """When the first POST of a TenantProxy came; times as the log has them sort as text."""
    last_write: str = ""
    """When the last write of `user` was answered, other than of its Lease, or of a Deployment's status."""
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    """Requests of `user` by verb and resource."""
    writes: int = 0
    """Those of them that wrote."""
    errors: Counter[str] = msgspec.field(default_factory=Counter)
    """Those that failed, by status, verb and resource."""

    @property
    def seconds(self) -> float:
        """From the first TenantProxy to the last write."""
        begin, end = map(dt.datetime.fromisoformat, (self.first_create, self.last_write))
        return (end - begin).total_seconds()


def read(log: Path, user: str, since: int = 0) -> Requests:
    """Return what was asked since the log had this size; counted are the requests of `user`."""
    decode = msgspec.json.Decoder(_Event).decode
    found = Requests()
    for line in lines_of(log, since):
        event = decode(line)
        if (event.stage == "ResponseComplete") == (event.verb == "watch"):
            continue  # a watch is logged when it begins and when it ends
        _count(found, event, user)
    return found


def _count(found: Requests, event: _Event, user: str) -> None:
    target = event.object_ref
    resource = f"{target.resource}/{target.subresource}" if target.subresource else target.resource
    received = event.request_received_timestamp
    if event.verb == "create" and resource == "tenantproxies":
        found.first_create = min(found.first_create or received, received)
    if event.verb in WRITES and resource == "deployments/status":
        found.last_write = max(found.last_write, event.stage_timestamp)
    if event.user.username != user:
        return
    found.counts[f"{event.verb} {resource or 'discovery'}"] += 1
    if event.verb in WRITES and resource != LEASE.plural:  # which is renewed at rest, too
        found.last_write = max(found.last_write, event.stage_timestamp)
        found.writes += 1
    # A look for an object of a child's name ends in 404.
    if event.response_status.code >= 400 and (event.verb, event.response_status.code) != ("get", 404):
        found.errors[f"{event.response_status.code} {event.verb} {resource}"] += 1
