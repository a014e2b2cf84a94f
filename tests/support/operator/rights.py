"""Which permissions the operator lacks, uses and has; from the audit log."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from support.apiserver.audit import AuditEntry
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.render.operator_rbac import HELD_TO_GRANT, operator_manifests

OPTIONAL_KINDS: Final = frozenset(kind.kind for kind in kinds.OPTIONAL)

NAMESPACED: Final = "namespaced"
"""What an operator watches that does not watch all namespaces."""


class Right(NamedTuple):
    """What a rule of a role allows."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{self.group and f'.{self.group}'}"


def lacking(
    entries: Iterable[AuditEntry], user: str, starts: Sequence[tuple[dt.datetime, dt.datetime]]
) -> list[str]:
    """Return what a user asked for and was not allowed.

    Another's limits, such as a quota, are not meant, nor what an API server refuses while it starts.
    """
    return [
        f"{entry.verb} {entry.uri}"
        for entry in entries
        if entry.user == user and entry.code == 403 and not entry.reason.startswith("RBAC: allowed")
        if not any(begin <= entry.time <= ready for begin, ready in starts)
    ]


def used(entries: Iterable[AuditEntry], user: str) -> set[Right]:
    """Return the rights that a user has used."""
    mine = [entry for entry in entries if entry.user == user and entry.code != 403]
    # To apply what is not there needs both rights; the log knows it as a patch.
    created = {Right(entry.group, entry.resource, "create") for entry in mine if entry.code == 201}
    return created | {Right(entry.group, entry.resource, entry.verb) for entry in mine}


def granted(watch: str) -> set[Right]:
    """Return all rights that an operator is given to use that watches this, with all kinds switched on."""
    held = {Right(*right) for right in HELD_TO_GRANT}
    namespaces = ("x",) if watch == NAMESPACED else None
    return {
        Right(group, resource, verb)
        for manifest in operator_manifests(namespaces, "x", "x", optional_kinds=OPTIONAL_KINDS)
        for rule in manifest.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    } - held
