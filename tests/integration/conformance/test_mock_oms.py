"""The kit on the mock OMS: it passes all, and with each of its faults exactly the expected checks don't."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import aiohttp
import msgspec
import pytest

from support.conformance.runs import (
    QUICK,
    SAMPLES,
    basic,
    kit_for,
    mock_oms,
    oauth2,
    run_all,
    run_on_mock,
    with_status,
)
from tenantproxy.config import Operations, OrderEndpoint
from tenantproxy.conformance.checks.table import CHECKS
from tenantproxy.conformance.samples import Samples
from tenantproxy.devtools.faults import Faults
from tenantproxy.devtools.oms import API_PATH, CONTROL_PATH
from tenantproxy.devtools.quirks import QUIRKS


class Case(NamedTuple):
    """A fault, and the checks that it breaks; what these block is not tried."""

    faults: dict[str, Any]
    failed: AbstractSet[str] = frozenset()
    warnings: AbstractSet[str] = frozenset()
    way: str = "basic"
    given: Mapping[str, Any] = MappingProxyType({})


def _quirk(
    name: str,
    *failed: str,
    warnings: AbstractSet[str] = frozenset(),
    way: str = "basic",
    given: Mapping[str, Any] = MappingProxyType({}),
) -> Case:
    return Case({"quirks": frozenset({name})}, {*failed}, warnings, way, given)


ONE_ORDER: Final = SAMPLES._replace(other_order=None)
ALL_READS: Final = {"order.read", "search.read"}
CASES: Final = [
    _quirk("accepts-anyone", "auth.missing", "auth.missing-search", "auth.wrong"),
    _quirk("accepts-anyone", "auth.missing", "auth.missing-search", "auth.foreign-token", way="oauth2"),
    _quirk("accepts-any-secret", "auth.wrong"),
    _quirk("accepts-any-secret", "auth.foreign-token", "token.wrong-secret", way="oauth2"),
    Case(
        {"token_lifetime": 1, "quirks": frozenset({"accepts-expired-tokens"})},
        {"auth.expired-token"},
        {"token.lifetime"},
        "oauth2",
    ),
    _quirk("no-challenge", warnings={"auth.challenge"}),
    _quirk("open-search", "auth.missing-search"),
    _quirk("wrong-as-403", "auth.wrong"),
    _quirk("binary-amounts", "order.exact-amounts"),
    _quirk("cuts-id-at-dot", "ids.odd"),
    _quirk("ignores-case", warnings={"ids.case"}),
    _quirk("minor-units", warnings={"order.minor-units"}),
    _quirk("mixes-parallel-reads", "http.parallel"),
    _quirk("mixes-parallel-reads", "http.parallel", given={"samples": ONE_ORDER}),
    _quirk("next-order", "order.id"),
    _quirk("order-without-status", "order.contract"),
    _quirk("same-order-again", "order.other", "http.parallel"),
    _quirk("short-ids", "ids.long"),
    _quirk("text-amounts", "order.contract"),
    _quirk("unknown-as-empty", "order.unknown"),
    _quirk("unknown-as-500", "order.unknown"),
    _quirk("found-without-status", "search.contract"),
    _quirk(
        "ignores-criteria",
        "search.empty",
        warnings={"search.customer", "search.unsupported"},
    ),
    _quirk("ignores-unknown-criteria", warnings={"search.unsupported"}),
    _quirk("malformed-as-500", warnings={"search.malformed"}),
    _quirk("misses-first-order", warnings={"search.finds-order"}),
    _quirk("no-search", "search.read"),
    _quirk("nothing-as-404", "search.empty"),
    _quirk("other-customers-order", warnings={"search.customer"}),
    _quirk("refuses-tenant-id", "headers.tenant-id", *ALL_READS),
    _quirk("refuses-traceparent", "headers.traceparent"),
    _quirk("uuid-correlation-ids", "headers.correlation-id"),
    _quirk("closes-connection", warnings={"http.keep-alive"}),
    _quirk("gzips-always", warnings={"http.uncompressed"}),
    _quirk("hangs-up", "http.reachable"),
    _quirk("head-as-404", warnings={"http.head"}),
    _quirk("latin-1", "http.content-type"),
    _quirk("many-headers", warnings={"http.size"}),
    _quirk("no-length", warnings={"http.framing", "http.keep-alive"}),
    _quirk("redirects", "http.redirect", *ALL_READS),
    _quirk("text-plain", "http.content-type"),
    _quirk("cacheable-tokens", warnings={"token.no-store"}, way="oauth2"),
    _quirk("html-token-errors", warnings={"token.errors"}, way="oauth2"),
    _quirk("no-token-type", warnings={"token.type"}, way="oauth2"),
    _quirk("one-token-at-a-time", "token.parallel", way="oauth2"),
    Case({"latency": 0.03}, warnings={"latency.p95"}, given={"bounds": QUICK._replace(p95=0.02)}),
    Case({"latency_jitter": 0.03}, warnings={"latency.p95"}, given={"bounds": QUICK._replace(p95=0.005)}),
    Case({"error_rate": 1.0}, ALL_READS),
    Case({"error_rate": 1.0, "error_status": 403}, {"auth.accepted"}),
    Case({"fails_after": 70}, {"latency.steady"}, given={"bounds": QUICK._replace(requests=60)}),
    Case({"reject_credentials": True}, {"auth.accepted"}),
    Case({"reject_credentials": True}, {"token.issued"}, way="oauth2"),
    Case({"token_lifetime": 0}, warnings={"token.lifetime"}, way="oauth2"),
    Case({"token_status": 503}, {"token.issued"}, way="oauth2"),
    Case({"token_latency": 4.0}, {"token.issued"}, way="oauth2"),
    Case({"client_auth": "post"}, way="oauth2"),
    Case({"client_auth": "json"}, {"token.issued"}, way="oauth2"),
    Case({"revoke_on_issue": True}, {"token.kept"}, way="oauth2"),
]


@pytest.mark.parametrize("way", ["basic", "bearer", "oauth2"])
async def test_it_passes(way: str) -> None:
    """Without a fault nothing is broken, and nothing is left out but what this OMS has not."""
    report = await run_on_mock(way=way)
    assert with_status(report, "failed", "warning") == set()
    left_out = with_status(report, "not tried")
    assert {check.partition(".")[0] for check in left_out} <= {"auth", "poslog", "tls", "token"}
    assert ("token.issued" in left_out) == (way != "oauth2")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.way}-{msgspec.to_builtins(case.faults)}")
async def test_faults(case: Case) -> None:
    """With a fault exactly these checks fail or warn; none passes that needs one of them."""
    report = await run_on_mock(Faults(**case.faults), way=case.way, **case.given)
    assert (with_status(report, "failed"), with_status(report, "warning")) == (case.failed, case.warnings)
    passed = with_status(report, "passed")
    assert [check.id for check in CHECKS if check.id in passed and case.failed & {*check.needs}] == []


OF_NOBODY: Final = "there is no second order (--other-order), and "


@pytest.mark.parametrize(
    ("samples", "faults", "upstream", "said"),
    [
        (SAMPLES, {}, {}, ("passed", "4 at a time, of two orders")),
        (ONE_ORDER, {}, {}, ("passed", "4 at a time, of one order, and of an id that no order has")),
        *(
            (
                ONE_ORDER,
                {"quirks": frozenset({quirk})},
                {},
                ("not tried", f"{OF_NOBODY}an id that no order has is not answered 404"),
            )
            for quirk in ("unknown-as-500", "unknown-as-empty")
        ),
        (
            ONE_ORDER,
            {},
            {"operations": Operations(get_order=OrderEndpoint(id_pattern="CO-1001"))},
            ("not tried", f"{OF_NOBODY}no id of the tenant's `idPattern` is known to be no order's"),
        ),
    ],
)
async def test_what_is_read_in_parallel(
    samples: Samples, faults: dict[str, Any], upstream: dict[str, Any], said: tuple[str, str]
) -> None:
    """Two orders; else an order and an id whose answer is another one; what tells nothing is not tried."""
    faulty = Faults(**faults)
    report = await run_on_mock(faulty, samples=samples, upstream=upstream, only={"http.parallel"})
    (result,) = report.results
    assert (result.status, result.detail) == said


def test_each_fault_has_a_case() -> None:
    """Every mistake that the mock can make is in the table, and so is every other fault."""
    quirks = {quirk for case in CASES for quirk in case.faults.get("quirks", ())}
    assert quirks == {*QUIRKS}
    assert {name for case in CASES for name in case.faults} == {*Faults.__struct_fields__}


def test_each_check_has_a_fault() -> None:
    """Every check fails with some fault here, or is one of those that need another server."""
    broken = {check for case in CASES for check in case.failed | case.warnings}
    elsewhere = {check.id for check in CHECKS if check.group in ("tls", "poslog")}
    assert {check.id for check in CHECKS} - elsewhere == broken


@pytest.mark.parametrize("way", ["basic", "oauth2"])
async def test_requests_are_bounded(way: str) -> None:
    """A run makes no more requests than it says before, and one wrong login."""
    async with mock_oms() as base, aiohttp.ClientSession() as session:
        keys = basic() if way == "basic" else oauth2(base)
        await run_all(kit_for(base + API_PATH, keys))
        async with session.get(base + CONTROL_PATH) as answer:
            counts = (await answer.json())["counts"]
    made = sum(count for statuses in counts["requests"].values() for count in statuses.values())
    assert made <= sum(check.requests(QUICK) for check in CHECKS)
    assert counts["maxConcurrency"] <= QUICK.parallel
    # The right one, and one wrong one; a token for each fetch.
    assert len(counts["authorizations"]) == 2 if way == "basic" else counts["requests"]["token"]["401"] == 1
