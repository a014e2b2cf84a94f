"""The words of a mapping's rule, as manifests write them: for which output fields each is, and what goes with it.

The proxy's compile step, the manifest's models and the API server's rules (CEL) all follow from these tables.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

import msgspec

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.orders.pointers import EVERY

_SINGLE: Final = ("string", "number", "boolean")
_ANY: Final = (*_SINGLE, "list", "object")

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "pick": _ANY,
    "from": _ANY,
    "orFrom": _ANY,
    "nullIf": _SINGLE,
    "join": ("string",),
    "const": _ANY,
    "criterion": ("string",),
    "part": _SINGLE,
    "values": _SINGLE,
    "table": _SINGLE,
    "as": ("string", "number", "list"),
    "scale": ("number",),
    "scaleFrom": ("number",),
    "negate": ("number",),
    "default": _ANY,
    "each": ("list",),
    "andEach": ("list",),
    "within": ("list",),
    "where": ("list",),
    "fields": ("list", "object"),
}
"""The kinds of output field (see `transform.outward_type`) that a word is for."""

AS: Final[Mapping[str, tuple[str, ...]]] = {
    "string": ("string",),
    "number": ("number",),
    "list": ("single",),
}
"""What `as` may say, by the kind of output field."""

_CONVERTING: Final = ("as", "scale", "scaleFrom", "negate")
EXCLUDES: Final[Mapping[str, tuple[str, ...]]] = {
    "const": tuple(word for word in KINDS if word != "const"),
    "criterion": tuple(word for word in KINDS if word not in ("const", "criterion", "default")),
    "each": ("from",),
    "join": ("from", "nullIf"),
    "table": ("from", "nullIf", "join", "part", "values", *_CONVERTING),
    "values": _CONVERTING,
    "scale": ("scaleFrom",),
}
"""What can't be said beside a word: another source, or a conversion of what is a constant of the output."""

NEEDS: Final[Mapping[str, str]] = {
    "orFrom": "from",
    "where": "each",
    "andEach": "each",
    "within": "each",
    "each": "fields",
}
"""What a word says nothing without."""
PART_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {"number": ("as", "values"), "boolean": ("values",)}
"""Of what `part`, which makes a text, needs one, by the kind of output field that is no text."""

MAX_POINTERS: Final = 8
"""In `orFrom`, `andEach` and `join`."""
MAX_NULLS: Final = 8
MAX_CONDITIONS: Final = 8
"""In one `where`."""
MAX_SCALE: Final = 9


MEMBERS_OF_ONE: Final = "ends in the step `*`, and `as: single` takes an object as one element; remove one of them"


def takes_one_apart(as_: str | None, pointer: str) -> bool:
    """Return whether `as` has one object as an element, and a list's pointer has its members as elements."""
    return as_ == "single" and pointer.endswith(f"/{EVERY}")


_WORDS: Final = [(field.encode_name, field.name, field.default) for field in msgspec.structs.fields(config.Rule)]
"""Looked up once: msgspec reads all annotations anew each time, and a mapping may have hundreds of rules."""


def given(rule: config.Rule) -> list[str]:
    """Return the words of a rule."""
    return [word for word, name, default in _WORDS if getattr(rule, name) != default]


def contradictions(words: Collection[str]) -> Iterator[FieldProblem]:
    """Yield what is wrong with words that stand in one rule, whatever it is for; the field is a word, or empty."""
    if "const" in words and len(words) > 1:
        others = ", ".join(f"`{word}`" for word in KINDS if word in words and word != "const")
        yield FieldProblem("", f"has `const` together with {others}; a constant stands alone, remove one")
        return
    for word, excluded in EXCLUDES.items():
        for other in excluded:
            if word in words and other in words:
                yield FieldProblem("", f"has both `{word}` and `{other}`; keep one")
    for word, needed in NEEDS.items():
        if word in words and needed not in words:
            yield FieldProblem(word, f"needs `{needed}`; add it, or remove `{word}`")
