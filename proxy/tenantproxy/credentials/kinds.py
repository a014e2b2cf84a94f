"""The table of credential kinds, and the words made of it."""

from collections.abc import Iterable, Sequence
from typing import Final

from tenantproxy.credentials.api_key import ApiKey
from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.bearer import Bearer
from tenantproxy.credentials.oauth2.credential import OAuth2


def _by_type(*kinds: type[Credential]) -> dict[str, type[Credential]]:
    return {kind.type: kind for kind in kinds}


KINDS: Final = _by_type(Basic, OAuth2, Bearer, ApiKey)
"""A row is all that a kind needs to be read, stored, used, counted and shown."""


def credential_keys() -> frozenset[str]:
    """Return the keys of a Secret that are ours; all others are not ours and are left alone."""
    return frozenset({"type", *(key for kind in KINDS.values() for key in kind.all_keys())})


def types_in_words(types: Iterable[str] | None = None) -> str:
    """Return some types, by default all, as `a`, `b` or `c`."""
    return _listed([f"`{name}`" for name in (KINDS if types is None else types)], "or")


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


def _listed(names: Sequence[str], word: str = "and") -> str:
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last
