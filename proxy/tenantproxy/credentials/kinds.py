"""The table of credential kinds, and the words made of it."""

from collections.abc import Sequence
from typing import Final

from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.oauth2.credential import OAuth2


def _by_type(*kinds: type[Credential]) -> dict[str, type[Credential]]:
    return {kind.type: kind for kind in kinds}


KINDS: Final = _by_type(Basic, OAuth2)
"""A row is all that a kind needs to be read, stored, used, counted and shown."""


def credential_keys() -> frozenset[str]:
    """Return the keys of a Secret that are ours; all others are not ours and are left alone."""
    return frozenset({"type", *(key for kind in KINDS.values() for key in kind.all_keys())})


def types_in_words() -> str:
    """Return the types as `a` or `b`."""
    return " or ".join(f"`{name}`" for name in KINDS)


def required_in_words() -> str:
    """Return what has to be set, kind by kind."""
    return ", or ".join(_listed(kind.required_keys) for kind in KINDS.values())


def keys_in_words() -> str:
    """Return all that can be set, kind by kind."""
    return ", or ".join(_keys_of(kind) for kind in KINDS.values())


def _keys_of(kind: type[Credential]) -> str:
    optional = kind.all_keys()[len(kind.required_keys) :]
    if not optional:
        return _listed(kind.required_keys)
    return f"{', '.join(kind.required_keys)} and optionally {', '.join(optional)}"


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
