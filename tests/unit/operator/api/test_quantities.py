"""Durations, sizes and amounts of manifests."""

from decimal import Decimal

import pytest

from tenantproxy_operator.api.quantities import parse_amount, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"), [("100ms", 0.1), ("1500ms", 1.5), ("5s", 5.0), ("1m", 60.0), ("300s", 300.0)]
)
def test_duration(text: str, seconds: float) -> None:
    """A duration is exactly the seconds that it says."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(("text", "size"), [("1Ki", 1024), ("8Mi", 8_388_608), ("256Mi", 268_435_456)])
def test_size(text: str, size: int) -> None:
    """A size is exactly the bytes that it says."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "5", "5 s", "0s", "05s", "5h", "-1s", "5s\n", "\u0665s", "1e3s", "1Mi", "1234567s"]
)
def test_not_a_duration(text: str) -> None:
    """Anything else is refused with the fix."""
    with pytest.raises(ValueError, match=r"is not a duration; write .* such as `500ms`"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "8", "8M", "8mi", "0Ki", "8Gi", "8Mi\n", "5s"])
def test_not_a_size(text: str) -> None:
    """Anything else is refused with the fix."""
    with pytest.raises(ValueError, match=r"is not a size; write .* such as `64Ki`"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", "0"),
        ("1", "1"),
        ("0.25", "0.25"),
        ("250m", "0.25"),
        ("1k", "1000"),
        ("1.5Ki", "1536"),
        ("1P", "1000000000000000"),
        ("1Pi", "1125899906842624"),
    ],
)
def test_amount(text: str, amount: str) -> None:
    """An amount is exactly what Kubernetes takes it for."""
    assert parse_amount(text) == Decimal(amount)
