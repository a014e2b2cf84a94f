"""What a mapping's rules may say."""

from typing import Any

import pytest
from pydantic import ValidationError

from tenantproxy_operator.api.mapping import Mapping
from tenantproxy_operator.manifests.problems import field_errors

_CONST = "has `const` together with other sources; a constant needs none of"


def _get_order(**fields: Any) -> dict[str, Any]:
    return {"getOrder": {"fields": fields}}


@pytest.mark.parametrize(
    "mapping",
    [
        {},
        {"getOrder": {"root": ""}, "searchOrders": {"root": "/hits/0"}},
        _get_order(status={"from": "/a~1b/~0", "values": {"x": "y", "n": None}, "default": None}),
        _get_order(isLocked={"const": False}, minimumDownPaymentAmount={"const": 1.5}),
        _get_order(items={"const": []}),
        _get_order(items={"each": "/l", "fields": {"discounts": {"each": "/d", "fields": {}}}}),
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
        (_get_order(status={"const": "x", "from": "/y"}), f"getOrder.fields.status: {_CONST}"),
        (_get_order(status={"const": None, "values": {}}), f"getOrder.fields.status: {_CONST}"),
        (_get_order(items={"const": [], "fields": {}}), f"getOrder.fields.items: {_CONST}"),
        (_get_order(items={"each": "/a", "from": "/b"}), "getOrder.fields.items: has both `each` and `from`"),
        (_get_order(items={"each": "/a"}), "getOrder.fields.items: has `each` without `fields`; add them"),
        (_get_order(status={"const": {"a": 1}}), "getOrder.fields.status.const: can't be a constant; write"),
        (_get_order(status={"const": ["a"]}), "getOrder.fields.status.const: can't be a constant"),
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
