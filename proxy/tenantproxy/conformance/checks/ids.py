"""Ids as tills may send them."""

from typing import Final

from tenantproxy.conformance.check import Group, NotTriedError, expect
from tenantproxy.conformance.checks.order import must_not_be_found
from tenantproxy.conformance.kit import Kit
from tenantproxy.operations import GET_ORDER

IDS: Final = Group("ids")

_SOURCE: Final = "docs/api.md#the-api-of-a-proxy"
_ODD: Final = ("A.b_c~d:e-1", "0", "a..b", "no-such:order.pdf", "1.0e5")
_LONGEST: Final = 128


@IDS.check(
    "odd",
    rule="An id with any of `. _ ~ : -` is an id like any other: an order, or 404.",
    source=_SOURCE,
    fix="Take the whole segment of the path as the id: don't cut it at a dot as a file's suffix, or at a "
    "colon, and don't answer 400 to one that can't be an id of yours.",
    needs=("order.unknown",),
    requests=len(_ODD),
)
async def _odd(kit: Kit) -> str:
    tried = _allowed(kit, _ODD)
    for order_id in tried:
        must_not_be_found(await kit.read_order(order_id))
    return ", ".join(tried)


@IDS.check(
    "long",
    rule="An id of 128 characters is an id like any other.",
    source=_SOURCE,
    fix="Answer 404 to an id that is longer than yours, before it reaches a column or a file's name.",
    needs=("order.unknown",),
)
async def _long(kit: Kit) -> str:
    (longest,) = _allowed(kit, ("conformance".ljust(_LONGEST, "0"),))
    must_not_be_found(await kit.read_order(longest))
    return ""


@IDS.check(
    "case",
    rule="An id in other letters is another id, unless the manifest says `idMatch: ignoreCase`.",
    source="docs/requests.md#ids",
    fix="Compare ids by their letters' case, or set `idMatch: ignoreCase`: as it is, a till that asks in other "
    "letters gets 502.",
    level="warning",
    needs=("order.unknown",),
)
async def _case(kit: Kit) -> str:
    if kit.config.upstream.operations.get_order.id_match != "exact":
        raise NotTriedError("the manifest says that ids are compared in another way (`idMatch`)")
    swapped = kit.data.order.swapcase()
    if swapped == kit.data.order:
        raise NotTriedError("the order's id has no letters")
    (swapped,) = _allowed(kit, (swapped,))
    reading = await kit.read_order(swapped)
    expect(
        reading.problem is None or reading.problem.reason != "wrong-order",
        f"The OMS answered {swapped} with the order {kit.data.order}, which the proxy refuses as another one.",
        reading.exchange,
    )
    return ""


def _allowed(kit: Kit, ids: tuple[str, ...]) -> tuple[str, ...]:
    rule = kit.oms.plans[GET_ORDER.name].order_ids
    allowed = tuple(order_id for order_id in ids if rule.holds(order_id))
    if not allowed:
        raise NotTriedError("the manifest's `idPattern` lets no such id through")
    return allowed
