"""A status of several fields: the most exact row counts; overlaps and gaps are found before use."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from support.proxy.mappings import compiled, made, rule_errors
from tenantproxy import config
from tenantproxy.orders.rules.table import ANY, Rows, When, plain_rows
from tenantproxy.orders.rules.table import problems as table_problems


def table(*rows: str, default: Any = ..., columns: int = 2) -> dict[str, Any]:
    """Return the rule for rows such as `open paid: A`."""
    parsed = [row.rsplit(": ", 1) for row in rows]
    pointers = ["/state", "/payment", "/shipment"][:columns]
    rule: dict[str, Any] = {
        "table": {"from": pointers, "rows": [{"when": when.split(" "), "value": value} for when, value in parsed]}
    }
    return rule if default is ... else {**rule, "default": default}


def found(rule: dict[str, Any], *values: Any) -> Any:
    """Return what becomes of the values of the columns."""
    members = dict(zip(["state", "payment", "shipment"], values, strict=False))
    outward = made("status", rule, json.dumps(members).encode()[1:-1] or b'"x": 1')
    return None if outward is None else json.loads(outward)


STATUS = table(
    "open paid: P", "open *: O", "cancelled *: C", "* refunded: R", "open refunded: X", "cancelled refunded: Y"
)


@pytest.mark.parametrize(
    ("values", "status"),
    [
        (("open", "paid"), "P"),
        (("open", "unpaid"), "O"),
        (("open", None), "O"),
        (("open",), "O"),
        (("open", ["paid"]), "O"),
        (("open", "refunded"), "X"),
        (("other", "refunded"), "R"),
        ((None, "refunded"), "R"),
        (("cancelled", "paid"), "C"),
        (("cancelled", "*"), "C"),
        (("cancelled", "refunded"), "Y"),
    ],
)
def test_the_most_exact_row(values: tuple[Any, ...], status: str) -> None:
    """A word counts more than `*`, which is any other one, or none."""
    assert found({**STATUS, "default": "D"}, *values) == status


TWO_TEXTS = table("0 *: C", "0.00 *: C", "0 paid: P", "0.00 paid: P", default="O")


@pytest.mark.parametrize("state", ["0", "0.00", 0, 0.0])
def test_two_texts_of_one_number(state: Any) -> None:
    """In rows that are alike, both can be named."""
    assert found(TWO_TEXTS, state, "paid") == "P"
    assert found(TWO_TEXTS, state, "open") == "C"


NOTHING = {
    "table": {
        "from": ["/state", "/payment"],
        "rows": [
            {"when": [None, "paid"], "value": "P"},
            {"when": [None, "*"], "value": "N"},
            {"when": ["open", None], "value": "O"},
            {"when": ["*", "*"], "value": "R"},
        ],
    }
}


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ((None, "paid"), "P"),
        ((), "N"),
        ((None, None), "N"),
        ((None, "other"), "N"),
        (("open", None), "O"),
        (("open",), "O"),
        (("open", "other"), "R"),
        (("null", "paid"), "R"),
        (("", None), "R"),
        (([], None), "R"),
    ],
)
def test_nothing_is_told_from_other_words(values: tuple[Any, ...], status: str) -> None:
    """A row with null is for what is absent or null, and for no text."""
    assert found(NOTHING, *values) == status


def test_rows_for_nothing_that_overlap() -> None:
    """As rows for words do."""
    rows = [{"when": when, "value": "A"} for when in ([None, "*"], ["*", "paid"], ["*", "*"], [None, "*"])]
    errors = rule_errors(getOrder={"fields": {"status": {"table": {"from": ["/a", "/b"], "rows": rows}}}})
    assert list(errors.values()) == [
        "and rows[0] both fit [null, paid]; add a row for it, which then counts",
        "is for the same words as rows[0]; keep one",
    ]


@pytest.mark.parametrize("values", [("other", "paid"), ("*", "*"), ("other",), ()])
def test_no_row(values: tuple[Any, ...]) -> None:
    """The default."""
    assert found({**STATUS, "default": "D"}, *values) == "D"


def test_numbers_and_booleans() -> None:
    """They are words as everywhere: numbers by value."""
    rule = table("5 true: A", "5 false: B", "* true: C", default="D")
    yes, no = True, False
    assert found(rule, 5.0, yes) == "A"
    assert found(rule, 5, no) == "B"
    assert found(rule, "5", yes) == "A"
    assert found(rule, 6, yes) == "C"
    assert found(rule, 6, no) == "D"


def test_three_columns() -> None:
    """The first column counts most only where rows that fit are all exact enough, which is checked."""
    rule = table("a * *: 1", "a b *: 2", "a b c: 3", "* * c: 4", "a * c: 5", columns=3, default="D")
    for values in itertools.product(["a", "x"], ["b", "x"], ["c", "x"]):
        a, b, c = (value != "x" for value in values)
        expected = ("3" if b else "5") if a and c else ("2" if b else "1") if a else "4" if c else "D"
        assert found(rule, *values) == expected


def test_other_kinds_of_value() -> None:
    """A table makes what the field is, and null leaves an optional one out."""
    rows = [{"when": ["a", "b"], "value": True}, {"when": ["a", "*"], "value": None}]
    rule = {"table": {"from": ["/state", "/payment"], "rows": rows}, "default": False}
    assert made("isLocked", rule, b'"state": "a", "payment": "b"') == b"true"
    assert made("isLocked", rule, b'"state": "a"') is None


# ---- before use


def problems(rule: dict[str, Any]) -> dict[str, str]:
    errors = rule_errors(getOrder={"fields": {"status": rule}})
    return {field.removeprefix("getOrder.fields.status.table"): detail for field, detail in errors.items()}


REFUSED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "an overlap": (
        table("open *: A", "* paid: B", default="D"),
        {".rows[1]": "and rows[0] both fit [open, paid]; add a row for it, which then counts"},
    ),
    "an overlap in three columns": (
        table("a * c: A", "* b c: B", default="D", columns=3),
        {".rows[1]": "and rows[0] both fit [a, b, c]"},
    ),
    "twice": (
        table("open paid: A", "open paid: B", default="D"),
        {".rows[1]": "is for the same words as rows[0]"},
    ),
    "a gap": (
        table("open paid: A", "closed unpaid: B"),
        {".rows": "has none for [*, *], words that no row names; add one, or `default`"},
    ),
    "a gap for words that no row names": (
        table("1 x: A", "* y: B"),
        {".rows": "has none for [*, *]"},
    ),
    "a gap where each word that is named has a row": (
        table("open paid: A", "open *: B", "closed *: C"),
        {".rows": "has none for [*, *]"},
    ),
    "a gap in three columns": (
        table("a * *: A", "d b c: B", "a b e: C", columns=3),
        {".rows": "has none for [*, *, *]"},
    ),
    "a column without words": (table("a *: A", default="D"), {".from[1]": "is `*` in all rows; remove it"}),
    "one number twice": (
        table("5 a: A", "5.0 b: B", default="D"),
        {".rows": "has `5.0` and `5`, which are one number, in rows that differ"},
    ),
    "too few words": (table("a: A", default="D"), {".rows[0].when": "needs 2 words"}),
    "too many words": (table("a b: A", "a b c: A", default="D"), {".rows[1].when": "needs 2 words"}),
    "one column": (table("a: A", columns=1, default="D"), {".from": "has 1 pointers; name 2 or 3"}),
    "no rows": (table(default="D"), {".rows": "has 0 rows; write 1 to 64"}),
    "65 rows": (table(*(f"a{row} b: A" for row in range(65)), default="D"), {".rows": "has 65 rows"}),
    "a value of another type": (
        {"table": {"from": ["/a", "/b"], "rows": [{"when": ["a", "b"], "value": 5}]}, "default": "D"},
        {".rows[0].value": "must be a string"},
    ),
    "null where a value is required": (
        {"table": {"from": ["/a", "/b"], "rows": [{"when": ["a", "b"], "value": None}]}, "default": "D"},
        {".rows[0].value": "is null, but the output field is required"},
    ),
    "a wrong pointer": (
        {"table": {"from": ["/a", "b"], "rows": [{"when": ["a", "b"], "value": "A"}]}, "default": "D"},
        {".from[1]": "is not an RFC 6901 pointer"},
    ),
}


@pytest.mark.parametrize(("rule", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_table_that_is_refused(rule: dict[str, Any], expected: dict[str, str]) -> None:
    """With the rows and the combination that it is about."""
    errors = problems(rule)
    assert errors.keys() == expected.keys()
    assert all(words in errors[path] for path, words in expected.items())


@pytest.mark.parametrize(
    "rule",
    [
        table("open *: A", "* paid: B", "open paid: C", default="D"),
        table("open paid: A", "closed unpaid: B", default="D"),
        table("open paid: A", "open *: B", "closed *: C", "* *: D"),
        table("* *: A", "open paid: B"),
        table(*(f"a{row} *: A" for row in range(62)), "a0 b: B", "* *: C"),
    ],
)
def test_a_table_that_can_be_used(rule: dict[str, Any]) -> None:
    """Each combination has its row."""
    compiled(getOrder={"fields": {"status": rule}})


def test_gaps_are_found_by_trying_all() -> None:
    """A slower search, over all tables of three rows of a few words, finds the same."""
    words = ["a", "b", "*"]
    whens = list(itertools.product(words, words))
    for chosen in itertools.combinations(whens, 3):
        rule = table(*(f"{one} {two}: A" for one, two in chosen))
        if any({when[column] for when in chosen} == {"*"} for column in range(2)):
            continue
        gap = any(
            not any(all(word in ("*", value) for word, value in zip(when, values, strict=True)) for when in chosen)
            for values in itertools.product(["a", "b", "none of them"], repeat=2)
        )
        overlap = any(_meet(one, two) not in (None, *chosen) for one, two in itertools.combinations(chosen, 2))
        if gap or overlap:
            errors = " ".join(problems(rule).values())
            assert ("has none for" in errors) == gap
            assert ("both fit" in errors) == overlap
        else:
            compiled(getOrder={"fields": {"status": rule}})


def _meet(one: tuple[str, ...], two: tuple[str, ...]) -> tuple[str, ...] | None:
    if any(first != second and "*" not in (first, second) for first, second in zip(one, two, strict=True)):
        return None
    return tuple(second if first == "*" else first for first, second in zip(one, two, strict=True))


@given(
    st.integers(2, 3).flatmap(
        lambda width: st.dictionaries(
            st.tuples(*[st.sampled_from(("a", "b", None, ANY))] * width), st.integers(), min_size=1, max_size=5
        )
    )
)
def test_the_words_one_after_another_lead_to_the_same_value(rows: dict[When, int]) -> None:
    width = len(next(iter(rows)))
    table = config.Table(
        from_=("/x",) * width, rows=tuple(config.TableRow(when=when, value=rows[when]) for when in rows)
    )
    assume(not [*table_problems(table, has_default=True)])
    together = Rows(table, "default")
    for words in itertools.product(("a", "b", "other", ANY, None), repeat=width):
        found: Any = plain_rows(together)
        for word in words:
            found = found[word]
        assert found == together[words]
