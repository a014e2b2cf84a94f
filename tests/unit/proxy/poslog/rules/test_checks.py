"""What is wrong with a filter is told by field, problem and fix, and never with its values."""

from typing import Any

import pytest

from tenantproxy.config_poslog import PoslogFilter, PoslogRule, PropertyCondition
from tenantproxy.poslog.rules.checks import find_problems
from tenantproxy.poslog.rules.compile import Filter
from tenantproxy.poslog.rules.defaults import DEFAULT_RULES

GOOD: dict[str, Any] = {"name": "own", "element": "LineItem/Sale", "order_id": ("Property[Ext:Order]", ".", "/@a")}


@pytest.mark.parametrize(
    ("wrong", "field", "told"),
    [
        ({"name": "MARKED Rule"}, "name", "use at most 63 of a-z"),
        ({"name": "-marked"}, "name", "with a letter or digit at both ends"),
        ({"element": "ext:MARKED"}, "element", "without a prefix"),
        ({"element": "A/MARKED/C/D/E"}, "element", "last names of its path"),
        ({"element": "MARKED/"}, "element", "is not an element"),
        ({"order_id": ()}, "orderId", "has 0 paths; give one to 4"),
        ({"order_id": ("a",) * 5}, "orderId", "has 5 paths"),
        *(
            ({"order_id": ("a", path)}, "orderId[1]", "is not a path")
            for path in (
                "//MARKED",
                "MARKED/",
                "@MARKED/b",
                "a[MARKED]",
                "Property[]",
                "../MARKED",
                "",
                "a" * 65,
                "/",
            )
        ),
        ({"attributes": {f"a{at}": ("x",) for at in range(9)}}, "attributes", "has 9 attributes; leave at most 8"),
        ({"attributes": {"ext:MARKED": ("x",)}}, "attributes", "write it without a prefix"),
        ({"attributes": {"Status": ()}}, "attributes.Status", "has no values"),
        ({"attributes": {"Status": ("",)}}, "attributes.Status", "is empty"),
        ({"attributes": {"Status": ("x",) * 33}}, "attributes.Status", "has 33 values; leave at most 32"),
        ({"property": PropertyCondition(type_code="MAR KED")}, "property.typeCode", "is not a TypeCode"),
        (
            {"property": PropertyCondition(type_code="a", values=("x" * 129,))},
            "property.values",
            "longer than 128",
        ),
    ],
)
def test_wrong_rules(wrong: dict[str, Any], field: str, told: str) -> None:
    """One problem each, at its field."""
    assert find_problems(PoslogFilter(rules=(PoslogRule(**GOOD),)), "spec.filter") == []
    [problem] = find_problems(PoslogFilter(rules=(PoslogRule(**GOOD | wrong),)), "spec.filter")
    assert problem.field == f"spec.filter.rules[0].{field}"
    assert told in problem.detail
    assert "MARKED" not in problem.detail


def test_wrong_filters() -> None:
    """Rules that have one name, too many of them, and a pattern that is none."""
    rules = tuple(PoslogRule(**GOOD | {"name": f"r{at % 32}"}) for at in range(33))
    problems = find_problems(PoslogFilter(rules=rules, order_id_pattern="(MARKED"), "f")
    assert [each.field for each in problems] == ["f.orderIdPattern", "f.rules"]
    problems = find_problems(PoslogFilter(rules=rules[:2] + rules[:1]), "f")
    assert [(each.field, each.detail) for each in problems] == [
        ("f.rules[2].name", "is another rule's name; give each rule its own")
    ]


def test_the_default_rules() -> None:
    """Nothing is wrong with them."""
    assert find_problems(PoslogFilter(rules=DEFAULT_RULES), "f") == []
    assert Filter(PoslogFilter()).rules
