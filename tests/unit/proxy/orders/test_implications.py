"""What conditions say of each other, against documents that hold them or don't."""

import itertools
import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from tenantproxy import config
from tenantproxy.orders.conditions import compile_conditions
from tenantproxy.orders.implications import contradictions, follow

Conditions = tuple[config.Condition, ...]

WORDS = [["x"], ["5"], ["5.0"], ["x", "5"], ["y"], ["true"]]
TESTS: list[dict[str, Any]] = [
    *({name: words} for name in ("in", "notIn") for words in WORDS),
    {"absent": True},
    {"absent": False},
]
values: list[Any] = [None, "x", "5", 5, "5.0", True, "true", "y", "other", 6]
DOCUMENTS = [
    *values,
    *({"a": value, **more} for value in values for more in ({}, {"ab": "x"}, {"ab": 5})),
    *({"a": {"b": value}} for value in values),
    *({"a": [value]} for value in values),
    [],
    {},
    {"ab": "other"},
    {"a": {}},
    {"a": []},
]


def conditions(*given: dict[str, Any]) -> Conditions:
    return msgspec.convert(given, Conditions)


def held(given: Conditions) -> set[int]:
    """Return the places of the documents of which all conditions hold."""
    hold = compile_conditions(given, "", [])
    return {place for place, each in enumerate(DOCUMENTS) if hold(Raw(json.dumps(each).encode()))}


SINGLE = [conditions({"from": pointer, **test}) for pointer in ("", "/a", "/a/b", "/a/0", "/ab") for test in TESTS]
HELD = {one: held(one) for one in SINGLE}


def test_what_follows_holds() -> None:
    """Of no document holds a condition, without what is said to follow from it."""
    for one, other in itertools.product(SINGLE, SINGLE):
        if follow(one, other):
            assert HELD[other] <= HELD[one], (one, other)


def test_what_excludes_never_holds() -> None:
    """Of no document hold two conditions of which one is said to exclude the other."""
    for one, other in itertools.product(SINGLE, SINGLE):
        if [*contradictions(one + other)]:
            assert not HELD[one] & HELD[other], (one, other)


def test_nothing_is_overlooked_at_one_pointer() -> None:
    """What is so of all documents is told."""
    every = [one for one in SINGLE if one[0].from_ == "/a"]
    for one, other in itertools.product(every, every):
        assert follow(one, other) == (HELD[other] <= HELD[one]), (one, other)
        assert bool([*contradictions(one + other)]) == (not HELD[one] & HELD[other]), (one, other)


def test_several() -> None:
    """Each has to follow from one of the others, in whatever order."""
    x, y, some = conditions(
        {"from": "/a", "in": ["x"]}, {"from": "/b", "in": ["y"]}, {"from": "/a", "absent": False}
    )
    assert follow((some, y), (y, x))
    assert follow((), (x,))
    assert not follow((x, y), (x,))
    assert not follow((x,), ())


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([{"from": "/a", "in": ["x"]}, {"from": "/a", "absent": True}], [(1, 0)]),
        ([{"from": "/a", "absent": True}, {"from": "/a/b", "in": ["x"]}], [(1, 0)]),
        ([{"from": "/a/b", "absent": False}, {"from": "/a", "absent": True}], [(1, 0)]),
        ([{"from": "/a", "in": ["x"]}, {"from": "/a", "in": ["y"]}], [(1, 0)]),
        ([{"from": "/a", "in": ["x"]}, {"from": "/a", "notIn": ["y", "x"]}], [(1, 0)]),
        ([{"from": "/a", "in": ["x", "y"]}, {"from": "/b", "absent": True}, {"from": "/a", "in": ["y"]}], []),
        ([{"from": "/a", "in": ["x", "y"]}, {"from": "/a", "notIn": ["y"]}], []),
        ([{"from": "/a", "absent": False}, {"from": "/a/b", "absent": True}], []),
        ([{"from": "/a", "sameAs": "/b"}, {"from": "/a", "absent": True}], []),
        ([{"from": "/a"}, {"from": "/a", "absent": True}], []),
    ],
)
def test_contradictions(given: list[dict[str, Any]], found: list[tuple[int, int]]) -> None:
    """Each is found once, at its second place."""
    assert [*contradictions(conditions(*given))] == found
