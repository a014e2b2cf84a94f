"""What a mapping's rules may say."""

from typing import Any

import msgspec
import pytest
from pydantic import BaseModel, ValidationError

from support.operator.mappings import EVERY_WORD
from tenantproxy import config
from tenantproxy.orders.rule_words import KINDS
from tenantproxy_operator.api.mapping import InnerRule, Mapping, Rule, SearchRule, ValueRule
from tenantproxy_operator.api.mapping_parts import ElementCondition, Join, Part, Pick, Table, TableRow
from tenantproxy_operator.api.mapping_rules import words_of
from tenantproxy_operator.manifests.problems import field_errors

_ALONE = "a constant stands alone, remove one"
_PICK = {"each": "/r", "where": [{"from": "/a", "in": ["b"]}]}


def _get_order(**fields: Any) -> dict[str, Any]:
    return {"getOrder": {"fields": fields}}


@pytest.mark.parametrize(
    ("model", "struct"),
    [
        (Rule, config.Rule),
        (InnerRule, config.Rule),
        (ElementCondition, config.Condition),
        (Pick, config.Pick),
        (Join, config.Join),
        (Part, config.Part),
        (Table, config.Table),
        (TableRow, config.TableRow),
    ],
)
def test_words(model: type[BaseModel], struct: type[msgspec.Struct]) -> None:
    """A manifest has the words that the proxy has, and no others."""
    words = {field.encode_name for field in msgspec.structs.fields(struct)}
    if struct is config.Rule:  # what is for searches alone, only their rules have
        words -= set(words_of(SearchRule)) - set(words_of(Rule))
    assert {field.alias for field in model.model_fields.values()} == words


def test_words_by_level() -> None:
    """Where there are no lists, or no numbers, a rule has no words for them."""
    assert {*words_of(Rule), *words_of(SearchRule)} == set(KINDS)
    lists = {"each", "andEach", "within", "where", "fields"}
    assert set(words_of(Rule)) - set(words_of(ValueRule)) == lists
    assert set(words_of(ValueRule)) ^ set(words_of(SearchRule)) == {"scale", "scaleFrom", "negate", "criterion"}


@pytest.mark.parametrize(
    "mapping",
    [
        {},
        {"getOrder": {"root": ""}, "searchOrders": {"root": "/hits/0"}},
        _get_order(status={"from": "/a~1b/~0", "values": {"x": "y", "n": None}, "default": None}),
        _get_order(isLocked={"const": False}, minimumDownPaymentAmount={"const": 1.5}),
        _get_order(items={"const": []}),
        _get_order(items={"each": "/l", "fields": {"discounts": {"each": "/d", "fields": {}}}}),
        EVERY_WORD,
    ],
)
def test_good_mapping(mapping: dict[str, Any]) -> None:
    """All forms of the documentation are accepted, and keep what was written."""
    model = Mapping.model_validate(mapping)
    assert model.model_dump(by_alias=True, exclude_unset=True) == mapping


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ({"getOrder": {"root": "data"}}, "getOrder.root: is not an RFC 6901 pointer"),
        ({"getOrder": {"root": "/~2"}}, "getOrder.root: is not an RFC 6901 pointer"),
        (
            _get_order(status={"const": "x", "from": "/y"}),
            f"getOrder.fields.status: has `const` together with `from`; {_ALONE}",
        ),
        (
            _get_order(status={"const": None, "values": {}, "default": "y"}),
            f"getOrder.fields.status: has `const` together with `values`, `default`; {_ALONE}",
        ),
        (
            _get_order(items={"const": [], "fields": {}}),
            f"getOrder.fields.items: has `const` together with `fields`; {_ALONE}",
        ),
        (_get_order(items={"each": "/a", "from": "/b"}), "getOrder.fields.items: has both `each` and `from`"),
        (
            _get_order(items={"each": "/a"}),
            "getOrder.fields.items: `each` needs `fields`; add it, or remove `each`",
        ),
        (_get_order(status={"orFrom": ["/a"]}), "getOrder.fields.status: `orFrom` needs `from`; add it"),
        (
            _get_order(status={"from": "/a", "orFrom": []}),
            "getOrder.fields.status.orFrom: has 0 entries; at least 1",
        ),
        (_get_order(status={"as": "text"}), "getOrder.fields.status.as: must be 'string', 'number' or 'single'"),
        (_get_order(status={"scale": 10}), "getOrder.fields.status.scale: is too large; use at most 9"),
        (_get_order(status={"part": {}}), "getOrder.fields.status.part: is empty; say what the part is"),
        (
            _get_order(status={"part": {"after": "a", "afterLast": "b"}}),
            "getOrder.fields.status.part: has both `after` and `afterLast`; keep one",
        ),
        (_get_order(status={"part": {"before": ""}}), "getOrder.fields.status.part.before: is empty; set a value"),
        (
            _get_order(status={"join": {"from": ["/a"]}}),
            "getOrder.fields.status.join.from: has 1 entries; at least 2",
        ),
        (
            _get_order(status={"pick": {**_PICK, "where": [{"from": "/a"}]}}),
            "getOrder.fields.status.pick.where[0]: needs one of `in`, `notIn`, `absent` and `sameAs`, and",
        ),
        (
            _get_order(items={"each": "/l", "fields": {}, "where": [{"from": "/a", "in": ["b"], "absent": True}]}),
            "getOrder.fields.items.where[0]: needs one of `in`, `notIn`, `absent` and `sameAs`, and",
        ),
        (
            _get_order(items={"andEach": ["/l"], "fields": {}}),
            "getOrder.fields.items: `andEach` needs `each`; add it, or remove `andEach`",
        ),
        (
            _get_order(status={"criterion": "customerId"}),
            "getOrder.fields.status.criterion: does not belong here",
        ),
        (
            {"searchOrders": {"fields": {"customerId": {"criterion": "customer id"}}}},
            "searchOrders.fields.customerId.criterion: is not the name of a criterion",
        ),
        (
            {"searchOrders": {"fields": {"customerId": {"criterion": "customerId", "from": "/a"}}}},
            "searchOrders.fields.customerId: has both `criterion` and `from`; keep one",
        ),
        (
            _get_order(status={"join": {"from": ["/a", "/b"]}, "nullIf": [""]}),
            "getOrder.fields.status: has both `join` and `nullIf`; keep one",
        ),
        (
            _get_order(
                status={"table": {"from": ["/a", "/b"], "rows": [{"when": ["a", "b", "c"], "value": "d"}]}}
            ),
            "getOrder.fields.status.table: has 3 words in row 0, and 2 pointers in `from`; write a word for each",
        ),
        (_get_order(status={"const": {"a": 1}}), "getOrder.fields.status.const: can't be a constant; write"),
        (_get_order(status={"const": ["a"]}), "getOrder.fields.status.const: can't be a constant"),
        (_get_order(status={"const": 0.12345678901234568}), "getOrder.fields.status.const: can't be a constant"),
        (_get_order(status={"default": 2**60}), "getOrder.fields.status.default: can't be a constant"),
        (_get_order(status={"values": {"a": {}}}), "getOrder.fields.status.values.a: can't be a constant"),
        (_get_order(status={"form": "/a"}), "getOrder.fields.status.form: is unknown; did you mean `from`?"),
        (
            {"searchOrders": {"fields": {"status": {"each": "/a"}}}},
            "searchOrders.fields.status.each: does not belong here",
        ),
    ],
)
def test_bad_mapping(mapping: dict[str, Any], expected: str) -> None:
    """A rule that contradicts itself is refused at its path, with the fix."""
    with pytest.raises(ValidationError) as caught:
        Mapping.model_validate(mapping)
    (found,) = field_errors(caught.value, Mapping)
    assert f"{found.field}: {found.detail}".startswith(expected)
