"""The headers that a proxy adds, in all their forms."""

from collections.abc import Mapping
from typing import Final

from tenantproxy.conformance.check import Group, NotTriedError, expect
from tenantproxy.conformance.kit import Kit
from tenantproxy.conformance.oms import Reading

HEADERS: Final = Group("headers")

_SOURCE: Final = "docs/api.md#what-the-oms-sees"
_CORRELATION_IDS: Final = (
    "1c8b0a52-6a8e-4d2c-9f43-6f1f1d7c2a10",
    "7",
    "a:b.c_d-E",
    "0123456789abcdef" * 8,
)
_TRACEPARENT: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@HEADERS.check(
    "tenant-id",
    rule="A read with the header Tenant-Id is answered like one without it.",
    source=_SOURCE,
    fix="Ignore the header, or compare it with the id that your tenant has at Hii Retail: the proxy sends it "
    "always.",
    needs=("auth.accepted",),
    requests=2,
)
async def _tenant_id(kit: Kit) -> str:
    given = await kit.read_order()
    if given.exchange.status == 200:  # noqa: PLR2004 - HTTP
        return f"Tenant-Id: {kit.config.tenant.id}"
    without = await kit.read_order(headers={"Tenant-Id": None})
    expect(
        without.exchange.status != 200,  # noqa: PLR2004 - HTTP
        f"{given.outcome} with the header, and {without.answer} without it.",
        given.exchange,
        without.exchange,
    )
    raise NotTriedError("there is no 200 without it, either; see order.read")


@HEADERS.check(
    "correlation-id",
    rule="Any Correlation-Id of 1 to 128 letters, digits and `. _ : -` is taken.",
    source=_SOURCE,
    fix="Log it as it comes: callers choose it, and not all choose a UUID. Cut it in your log, if you must, "
    "not in the request.",
    requests=len(_CORRELATION_IDS),
)
async def _correlation_id(kit: Kit) -> str:
    for value in _CORRELATION_IDS:
        _must_be_read(await _with(kit, {"Correlation-Id": value}), f"Correlation-Id: {value}")
    return ""


@HEADERS.check(
    "traceparent",
    rule="A read with the header traceparent is answered like one without it.",
    source="https://www.w3.org/TR/trace-context/",
    fix="Let the header pass, in gateways too: it joins your traces with those of the caller.",
)
async def _traceparent(kit: Kit) -> str:
    _must_be_read(await _with(kit, {"traceparent": _TRACEPARENT}), "traceparent")
    return ""


async def _with(kit: Kit, headers: Mapping[str, str | None]) -> Reading:
    return await kit.read_order(headers=headers)


def _must_be_read(reading: Reading, header: str) -> None:
    expect(
        reading.exchange.status == 200,  # noqa: PLR2004 - HTTP
        f"{reading.outcome} to a read with {header}.",
        reading.exchange,
    )
