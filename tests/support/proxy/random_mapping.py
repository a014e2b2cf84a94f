"""Random rules of a mapping, of which most can be used, and random answers in which they find something.

By `random` rather than by strategies, which take ten times as long to draw the same; a seed tells all of it.
"""

import itertools
from collections.abc import Sequence
from random import Random
from typing import Any, Final

import msgspec

from tenantproxy.orders.transform import outward_type

NUMBERS: Final = [
    *("0", "-0", "2", "5", "5.0", "50e-1", "1245", "-15.00", "0.10", "1e2", "-1E-3", "12345678901234567890.125"),
    *("1.5E+3", "-0.0e5", "100"),
]
_TEXTS: Final = ['"open"', '"a"', '"5"', '""', '"true"', '"x"']
LEAVES: Final[dict[str, list[str]]] = {
    "a": ['"5"', '"-3"', '"12.45"', '"1e3"', '"\\u0035"', '"05"', '""', '"5.0"'],
    "b": NUMBERS,
    "c": _TEXTS,
    "f": ["true", "false"],
    "p": ['"x/y/5"', '"gid://a/7"', '"gid://b/5"', '"a/"', '"open"'],
    **dict.fromkeys(("customerOrderId", "customerId", "status", "itemId"), _TEXTS),
    **dict.fromkeys(("quantityOrdered", "unitPrice", "invoicingAmount"), NUMBERS),
}
"""What members mostly have, by their names; those of the output, which are taken as they are, too."""
ANY_LEAF: Final = ["null", *(leaf for leaves in LEAVES.values() for leaf in leaves)]
FITTING: Final = {"string": "cccap", "number": "bbba", "boolean": "f"}
"""Where rules for a kind mostly look."""
WORDS: Final = ["open", "a", "5", "true", "12.45", "2"]
NULLS: Final = ["", "5", "a", "0"]
"""What may be as good as null."""
PARTS: Final = [
    {"after": "/"},
    {"afterLast": "/"},
    {"before": "/"},
    {"after": "gid://", "before": "/"},
    {"before": "5"},
]
CRITERIA: Final = ["customerId", "email"]
CONSTANTS: Final[dict[str, list[Any]]] = {
    "string": ["K", ""],
    "boolean": [True, False],
    "number": [-9, 0, 7],
    "list": [[]],
    "object": [None],
}


class RandomAnswer:
    """Writes an OMS's answer, with few names."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def object(self, depth: int) -> str:
        """Return an object, mostly with single values, objects and lists of objects where rules look for them."""
        members = {name: self._leaf(name) for name in LEAVES if self._random.random() < 0.95}
        if depth:
            for name, make in (("o", self.object), ("l", self.list), ("m", self.list)):
                if self._random.random() < 0.9:
                    members[name] = make(depth - 1)
        return _object(members)

    def list(self, depth: int) -> str:
        """Return a list, mostly of objects; or an object in place of one."""
        elements = [
            self.object(depth) if self._random.random() < 0.98 else self._leaf("c")
            for _ in range(self._random.choice([0, 1, 1, 2, 3]))
        ]
        if elements and self._random.random() < 0.1:
            return _object(dict(zip(self._random.sample(["0", "10", "9", "x"], 3), elements, strict=False)))
        return f"[{','.join(elements)}]"

    def _leaf(self, name: str) -> str:
        return self._random.choice(LEAVES[name] if self._random.random() < 0.95 else ANY_LEAF)


def _object(members: dict[str, str]) -> str:
    return "{%s}" % ",".join(f'"{name}":{value}' for name, value in members.items())  # noqa: UP031 - braces


class RandomRules:
    """Writes rules, as a manifest has them."""

    def __init__(self, random: Random, *, takes_criteria: bool = False) -> None:
        self._random = random
        self._takes_criteria = takes_criteria
        self._is_simple = random.random() < 0.5
        """Whether all is at a place of its own, for which there is a faster way."""

    def fields(self, shape: type[msgspec.Struct]) -> dict[str, Any]:
        """Return rules for what a shape requires, and for some of the rest."""
        return {
            field.name: self._rule(*outward_type(field.type))
            for field in msgspec.structs.fields(shape)
            if field.required or self._is(0.4)
        }

    def of_list(self) -> dict[str, Any]:
        """Return the words for the list of a search."""
        if self._is_simple:
            return {"root": self._random.choice(["/l", "/m", "/o/l"])}
        rule: dict[str, Any] = {"root": self._list()}
        if self._is(0.3):
            rule["as"] = "single"
        return rule | ({"where": [self._condition()]} if self._is(0.3) else {})

    def _is(self, probability: float) -> bool:
        return self._random.random() < probability

    def _pointer(self, kind: str = "") -> str:
        above = self._random.choice(["", "", "", "", "", "/o", "/l/0", "/a"][: 6 if self._is_simple else 8])
        return f"{above}/{self._random.choice(FITTING[kind] if kind and self._is(0.95) else 'abcfp')}"

    def _pointers(self, least: int, most: int, kind: str = "") -> Sequence[str]:
        found = {self._pointer(kind): None for _ in range(self._random.randint(least, most) + 1)}
        return [*found][:most] if len(found) >= least else ["/a", "/c"]

    def _rule(self, kind: str, inner: Any) -> dict[str, Any]:
        if self._is(0.05):
            return {"const": self._constant(kind)}
        if self._takes_criteria and self._is(0.2):
            return {"criterion": self._random.choice(CRITERIA), "default": self._constant(kind)}
        if inner is None:
            rule = self._single(kind)
        elif kind == "list":
            rule = self._elements(inner)
        else:
            rule = {"from": self._random.choice(["", "/o", "/l/0"]), "fields": self.fields(inner)}
        if self._is(0.2) and not self._is_simple:
            rule["pick"] = self._pick()
        if self._is(0.95 if {"table", "values"} & {*rule} else 0.5) and kind != "object":
            rule["default"] = self._constant(kind)
        return rule

    def _elements(self, inner: Any) -> dict[str, Any]:
        rule: dict[str, Any] = {"each": self._list(), "fields": self.fields(inner)}
        is_single = self._is(0.3)
        if self._is(0.3):
            rule["where"] = [self._condition()]
        if self._is(0.2):
            rule["andEach"] = [each for each in (self._list(), self._list()) if each != rule["each"]][:1]
        if is_single and not any(each.endswith("/*") for each in (rule["each"], *rule.get("andEach", ()))):
            rule["as"] = "single"
        return rule | (self._related() if self._is(0.2) else {})

    def _single(self, kind: str) -> dict[str, Any]:
        form = self._random.choice(["plain", "plain", "values", "table", "join", "part"])
        if form == "table":
            return {"table": self._table(kind)}
        if form == "join" and kind == "string":
            rule: dict[str, Any] = {"join": {"from": self._pointers(2, 3, kind), "with": "-"}}
        else:
            first, *others = self._pointers(1, 3, kind)
            rule = {"from": first, **({"orFrom": others} if others else {})}
            if self._is(0.2):
                rule["nullIf"] = self._random.sample(NULLS, self._random.randint(1, 2))
        if form == "part":
            rule = {"from": "/p", "part": self._random.choice(PARTS)}
        if form == "values" or (form == "part" and kind == "boolean"):
            words = self._random.sample(WORDS, self._random.randint(1, 3))
            return rule | {"values": {word: self._constant(kind) for word in words}}
        if kind == "string" and self._is(0.8):
            rule["as"] = "string"
        if kind == "number":
            rule |= self._number(must_be_read=form == "part")
        return rule

    def _number(self, *, must_be_read: bool) -> dict[str, Any]:
        rule: dict[str, Any] = {"as": "number"} if must_be_read or self._is(0.8) else {}
        rule |= self._random.choice(
            [{}, {}, {"scale": 2}, {"scale": 0}, {"scaleFrom": "/a"}, {"scaleFrom": "1/b"}]
        )
        return rule | self._random.choice([{}, {"negate": True}])

    def _table(self, kind: str) -> dict[str, Any]:
        pointers = self._pointers(2, 3)
        words = [*WORDS, None, None]
        named = [dict.fromkeys(self._random.sample(words, self._random.randint(1, 2))) for _ in pointers]
        whens = [*itertools.product(*([*words, "*"] for words in named))]
        if not self._is(0.05):  # else there may be gaps and overlaps
            whens = [when for when in whens if when.count("*") < 2 or self._is(0.5)]
        else:
            whens = self._random.sample(whens, self._random.randint(1, 4))
        return {
            "from": pointers,
            "rows": [{"when": list(when), "value": self._constant(kind)} for when in whens],
        }

    def _condition(self) -> dict[str, Any]:
        if self._is(0.5):
            return {"from": self._pointer(), "absent": self._is(0.5)}
        return {"from": self._pointer(), "in" if self._is(0.7) else "notIn": self._random.sample(WORDS, 4)}

    def _related(self) -> dict[str, Any]:
        where = [{"from": self._pointer(), "sameAs": self._pointer()}]
        if self._is(0.3):
            where.append(self._condition())
        return {"where": where, **({"within": "document"} if self._is(0.7) else {})}

    def _pick(self) -> dict[str, Any]:
        related = {"from": self._pointer(), "sameAs": self._pointer()}
        where = [related] if self._is(0.5) else [self._condition()]
        if self._is(0.2):
            where.append(self._condition())
        return {"each": self._list(), "where": where, **({"within": "document"} if self._is(0.5) else {})}

    def _list(self) -> str:
        return self._random.choice(
            ["/l", "/l", "/m", "/m", "/l/*", "/l/*/m", "/m/*/o/l", "/o/l", "/o/l/*/m", "/l/*/*"]
        )

    def _constant(self, kind: str) -> Any:
        return self._random.choice(CONSTANTS[kind])
