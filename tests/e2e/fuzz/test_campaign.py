"""A short share of each side, on every run of the tests; `make fuzz` runs the long ones."""

import pytest

from e2e.fuzz import answers, answers_proxied, interleavings, requests

SHARES = {
    "requests": (requests.campaign, 20_000, 300),
    "answers": (answers.campaign, 20_000, 4_000),
    "answers, proxied": (answers_proxied.campaign, 5_000, 1_000),
    "interleavings": (interleavings.campaign, 3_000, 500),
}
"""How many, and how many must get through: a campaign must also have what is right."""


@pytest.mark.parametrize("side", SHARES)
async def test_no_harm_is_done(side: str) -> None:
    """Nothing that clients send, servers answer, or who comes and goes does any harm."""
    campaign, count, through = SHARES[side]
    result = await campaign(requests=count, seconds=300, seed=2026)
    print(result)  # noqa: T201 - the numbers are part of the evidence
    assert result.violations == []
    assert result.tried >= count
    assert result.through > through
