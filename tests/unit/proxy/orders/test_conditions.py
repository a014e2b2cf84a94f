"""Conditions tell by values at pointers which elements of a list, or which answers, are meant."""

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.orders.conditions import compile_conditions

LINE = {"type": "simple", "no": 5.0, "gift": False, "parent": None, "price": {"kind": "net"}, "text": "0.00"}


def holds(*conditions: dict[str, Any]) -> bool:
    errors: list[FieldProblem] = []
    hold = compile_conditions(msgspec.convert(conditions, tuple[config.Condition, ...]), "where", errors)
    assert errors == []
    return hold(Raw(msgspec.json.encode(LINE)))


HELD: list[dict[str, Any]] = [
    {"from": "/type", "in": ["bundle", "simple"]},
    {"from": "/no", "in": ["5"]},
    {"from": "/gift", "in": ["false"]},
    {"from": "/price/kind", "in": ["net"]},
    {"from": "/parent", "absent": True},
    {"from": "/nothing/there", "absent": True},
    {"from": "/price", "absent": False},
    {"from": "/gift", "absent": False},
    {"from": "/type", "notIn": ["bundle"]},
    {"from": "/no", "notIn": ["5.1", "50"]},
    {"from": "/text", "in": ["0", "0.00"]},
    {"from": "/text", "notIn": ["0"]},
    {"from": "/price", "notIn": ["net", ""]},
    {"from": "/parent", "notIn": ["null", ""]},
    {"from": "/nothing", "notIn": ["simple"]},
]
BROKEN: list[dict[str, Any]] = [
    {"from": "/type", "in": ["bundle"]},
    {"from": "/no", "in": ["5.1", "50"]},
    {"from": "/price", "in": ["net", ""]},
    {"from": "/parent", "in": ["null", ""]},
    {"from": "/nothing", "in": ["simple"]},
    {"from": "/parent", "absent": False},
    {"from": "/type", "absent": True},
    {"from": "", "absent": True},
    {"from": "/type", "notIn": ["bundle", "simple"]},
    {"from": "/no", "notIn": ["50e-1"]},
    {"from": "/gift", "notIn": ["false"]},
    {"from": "/text", "notIn": ["0", "0.00"]},
    {"from": "/no", "notIn": ["5", "5.00"]},
]


@pytest.mark.parametrize("condition", HELD)
def test_one_that_holds(condition: dict[str, Any]) -> None:
    """By equality, or by absence, for which null counts."""
    assert holds(condition)


@pytest.mark.parametrize("condition", BROKEN)
def test_one_that_does_not_hold(condition: dict[str, Any]) -> None:
    """Then neither do several of which it is one."""
    assert not holds(condition)
    other = {"from": "/no", "notIn": ["5.1"]}
    assert not holds(other, condition)
    assert not holds(condition, other)


def test_all_of_them_have_to_hold() -> None:
    """And none at all hold of everything."""
    assert holds(*HELD)
    assert holds()


@pytest.mark.parametrize(
    ("condition", "field", "problem"),
    [
        ({"from": "/a"}, "where[0]", "needs one of `in`, `notIn`, `absent` and `sameAs`"),
        (
            {"from": "/a", "in": ["x"], "absent": True},
            "where[0]",
            "needs one of `in`, `notIn`, `absent` and `sameAs`",
        ),
        ({"from": "/a", "in": ["x"], "notIn": ["y"]}, "where[0]", "needs one of `in`, `notIn`, `absent` and"),
        ({"from": "/a", "notIn": []}, "where[0].notIn", "lists no word; add one"),
        ({"from": "a", "in": ["x"]}, "where[0].from", "is not an RFC 6901 pointer"),
    ],
)
def test_one_that_can_not_be_used(condition: dict[str, Any], field: str, problem: str) -> None:
    """It is named by its place."""
    errors: list[FieldProblem] = []
    compile_conditions([msgspec.convert(condition, config.Condition)], "where", errors)
    (error,) = errors
    assert error.field == field
    assert error.detail.startswith(problem)


def test_two_that_never_hold_together() -> None:
    """They are refused, as nothing could be meant by them."""
    errors: list[FieldProblem] = []
    two = [{"from": "/a", "in": ["x"]}, {"from": "/a", "absent": True}]
    compile_conditions(msgspec.convert(two, tuple[config.Condition, ...]), "where", errors)
    assert errors == [FieldProblem("where[1]", "never holds where [0] does; change or remove one of them")]
