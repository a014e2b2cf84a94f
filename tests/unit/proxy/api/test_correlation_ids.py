"""A request is found by its caller's id, or else by one that nobody can guess."""

import uuid

import pytest

from tenantproxy.api.correlation_ids import CorrelationIds


@pytest.mark.parametrize("given", ["c", "7f0c2a51-6c1e", "a.b_c:d-E", "1" * 128])
def test_the_caller_s(given: str) -> None:
    """A harmless one is taken as it is."""
    assert CorrelationIds().of(given) == given


@pytest.mark.parametrize("given", [None, "", "a b", "1" * 129, "a\n", "{}", "ä", "a;b"])
def test_what_is_not_taken(given: str | None) -> None:
    """Where there is none, or one that could harm a log, it is a UUID."""
    assert uuid.UUID(CorrelationIds().of(given)).version == 4


def test_random_ones() -> None:
    """Each is another UUID of version 4, as UUIDs are written; all bits of it but six are random."""
    ids = CorrelationIds()
    made = [ids.new() for _ in range(1000)]
    assert len({*made}) == 1000
    parsed = [uuid.UUID(each) for each in made]
    assert [str(each) for each in parsed] == made
    assert {(each.version, each.variant) for each in parsed} == {(4, uuid.RFC_4122)}
    ones = [sum(each.int >> bit & 1 for each in parsed) for bit in range(128)]
    assert sum(300 < count < 700 for count in ones) == 122
