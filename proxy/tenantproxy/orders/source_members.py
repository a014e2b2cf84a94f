"""Generate the structs that read an OMS's answer, of the members that rules name, each with its type."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT

from tenantproxy.orders.transform import NotDirectError

_UNSUITABLE: Final = re.compile(r'0|[1-9][0-9]*|.*["\\\x00-\x1f].*', re.DOTALL)
"""Steps of a pointer that may be an index, or that msgspec takes for no member's name."""
THIS: Final = "{this}"
"""Stands for the OMS's object in the code of what is made of it, until it is known how that is come by."""


class Members:
    """The members of an object that rules read, each with its type and its default, or with members of its own."""

    def __init__(self) -> None:
        self._members: dict[str, Members | tuple[Any, Any]] = {}

    def add(self, tokens: Sequence[str], expected: Any, default: Any = NODEFAULT) -> str:  # noqa: ANN401
        """Return the code that gets the value at a pointer from `THIS`, which is of the generated struct."""
        if not tokens or any(map(_UNSUITABLE.fullmatch, tokens)):
            raise NotDirectError
        inner: Any = self
        way = [THIS]
        for token in tokens[:-1]:
            way.append(inner.place(token, Members()))
            inner = inner.member(token)
            if not isinstance(inner, Members):
                raise NotDirectError
        way.append(inner.place(tokens[-1], (expected, default)))
        if inner.member(tokens[-1]) != (expected, default):
            raise NotDirectError
        return ".".join(way)

    def place(self, token: str, member: "Members | tuple[Any, Any]") -> str:
        """Return the name of a member in the generated struct, which is put there unless it is there."""
        self._members.setdefault(token, member)
        return f"member{list(self._members).index(token)}"

    def member(self, token: str) -> "Members | tuple[Any, Any]":
        """Return what is known of a member."""
        return self._members[token]

    def struct(self) -> Any:  # noqa: ANN401 - a generated type
        """Return the struct, in which what is not required has a default."""
        fields: list[Any] = []
        for place, member in enumerate(self._members.values()):
            expected, default = member if isinstance(member, tuple) else _part(member)
            fields.append((f"member{place}", expected, *(() if default is NODEFAULT else (default,))))
        rename = {f"member{place}": token for place, token in enumerate(self._members)}
        return msgspec.defstruct("Members", fields, rename=rename, kw_only=True, gc=False)

    def is_required(self) -> bool:
        """Return whether anything of it is."""
        return any(
            member[1] is NODEFAULT if isinstance(member, tuple) else member.is_required()
            for member in self._members.values()
        )


def _part(members: Members) -> tuple[Any, Any]:
    struct = members.struct()
    return struct, NODEFAULT if members.is_required() else msgspec.field(default_factory=struct)
