"""The admission policy's rules for constants: which there are. What they say, tests/integration/chart tries."""

from tenantproxy_operator.api.constant_rules import constant_rules


def test_every_output_field_has_two() -> None:
    """One for the types of constants, one for `values`; also for those of list elements and objects."""
    fields = [message.split(" ")[0].removesuffix(".values") for _, message in constant_rules()]
    assert fields[::2] == fields[1::2]
    assert "spec.mapping.getOrder.fields.items.fields.discounts.fields.discountAmount" in fields
    assert "spec.mapping.searchOrders.fields.status" in fields
    assert len(set(fields)) == len(fields) // 2


def test_null_is_for_optional_fields() -> None:
    """A required field can't be left out."""
    rules = {message.split(" ")[0]: (rule, message) for rule, message in constant_rules()}
    rule, message = rules["spec.mapping.getOrder.fields.isLocked"]
    assert "it == null" in rule
    assert message.endswith("or null")
    rule, message = rules["spec.mapping.getOrder.fields.status"]
    assert "it == null" not in rule
    assert message.endswith("null is not, as the field is required")
