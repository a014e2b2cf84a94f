"""The short campaign, on every run of the tests; `make fuzz` runs a long one."""

from fuzz.campaign import campaign, report


async def test_hostile_requests_do_no_harm() -> None:
    """A hundred thousand hostile messages reach the OMS as nothing but the two reads, and hurt nobody."""
    result = await campaign(requests=100_000, seconds=300, seed=2026)
    print(report(result))  # noqa: T201 - the number is part of the evidence
    assert result.violations == []
    assert result.requests >= 100_000
    assert result.reached_oms > 1_000, "the campaign must also send what gets through"
