"""Reading one order by its id."""

import re
from typing import Any, Final

from tenantproxy.conformance.check import BrokenRuleError, Group, NotTriedError, expect
from tenantproxy.conformance.kit import Kit
from tenantproxy.conformance.oms import Reading
from tenantproxy.operations import GET_ORDER, Operation
from tenantproxy.orders import minor_units, raw_json
from tenantproxy.orders.minor_units import AMOUNTS

ORDER: Final = Group("order")

UNKNOWN: Final = "conformance-no-such-order-0"
"""An id that can't be an order's."""
NOT_FOUND: Final = "order-not-found"
"""What the answer for such an id means."""
_CONTRACT: Final = "docs/oms.md#what-it-serves"
_BY_A_GATEWAY: Final = {
    502: ", as a gateway does that gets no valid answer from what is behind it",
    504: ", as a gateway does that has waited too long for what is behind it",
}
_BINARY: Final = re.compile(r"-?\d+\.\d*?(?:0{6,}|9{6,})\d{1,2}")
"""Such as 0.30000000000000004 and 19.989999999999998."""
_WHOLE: Final = re.compile(r"-?\d{3,}")
"""An amount without decimals that would have two, if its last two digits were cents."""


def must_hold_contract(operation: Operation, reading: Reading) -> None:
    """Raise BrokenRuleError if a 200 breaks the contract, but for being another order."""
    problem = reading.problem
    if problem is None or problem.reason == "wrong-order":
        return
    places = "; ".join(f"`{error.field or operation.root}` {error.detail}" for error in problem.errors[:10])
    raise BrokenRuleError(f"{problem.detail} {places}".strip(), reading.exchange)


def must_be_200(reading: Reading) -> None:
    """Raise BrokenRuleError if a read was not answered 200, or `outcomes` say that its 200 is something else."""
    meaning = reading.response.meaning if reading.response is not None else None
    expect(
        reading.exchange.status == 200 and meaning is None,  # noqa: PLR2004 - HTTP
        f"{reading.outcome}{_BY_A_GATEWAY.get(reading.exchange.status or 0, '')}: a till gets {reading.code}.",
        reading.exchange,
    )


@ORDER.check(
    "read",
    rule="An order that exists is answered with 200.",
    source=_CONTRACT,
    fix="Serve GET …/business-units/{businessUnitId}/customer-orders/{customerOrderId}, or say in "
    "`upstream.operations` how your OMS is asked (docs/requests.md). Check the URL, and that --order and "
    "--business-unit are in your OMS. After a timeout, 502 or 504 look for what is slow or down behind the "
    "gateway; if it can't be faster, have `upstream.timeout` raised, and the gateway's with it.",
    needs=("auth.accepted",),
)
async def _read(kit: Kit) -> str:
    reading = await kit.read_order()
    must_be_200(reading)
    return f"{reading.exchange.seconds * 1000:.0f} ms"


@ORDER.check(
    "contract",
    rule="The order has each required field, with the right type, after mapping.",
    source="docs/mapping.md#what-goes-together",
    fix="Send the named fields, or map what you send to them (docs/mapping.md). A pointer is into what a till "
    "gets.",
)
async def _contract(kit: Kit) -> str:
    must_hold_contract(GET_ORDER, await kit.read_order())
    return ""


@ORDER.check(
    "id",
    rule="The answer is the order that was asked for.",
    source=_CONTRACT,
    fix="Answer the id of the path in customerOrderId, character for character. If your OMS writes ids in another "
    "form, see `idMatch` and `ids` (docs/requests.md#ids).",
    needs=("order.contract",),
)
async def _id(kit: Kit) -> str:
    _must_be_asked(await kit.read_order())
    return ""


@ORDER.check(
    "other",
    rule="Another order's id is answered with that other order.",
    source=_CONTRACT,
    fix="Look for a cache that does not have the whole path in its key.",
    needs=("order.id",),
    requests=3,
)
async def _other(kit: Kit) -> str:
    if kit.data.other_order is None:
        raise NotTriedError("there is no second order (--other-order)")
    for order_id in (kit.data.order, kit.data.other_order, kit.data.order):
        reading = await kit.read_order(order_id)
        must_be_200(reading)
        _must_be_asked(reading)
    return ""


@ORDER.check(
    "unknown",
    rule="An order that does not exist is answered with 404.",
    source=_CONTRACT,
    fix="Answer 404, with any body: not 200 with an empty one, nor 500. If your OMS answers something else, "
    "say in `outcomes` that it means order-not-found (docs/outcomes.md).",
)
async def _unknown(kit: Kit) -> str:
    must_not_be_found(await kit.read_order(unknown_id(kit)))
    return ""


@ORDER.check(
    "exact-amounts",
    rule="Amounts are exact decimals, not what binary floating point makes of them.",
    source=_CONTRACT,
    fix="Keep amounts as decimals (BigDecimal, decimal, NUMERIC) up to the JSON: a till adds up what you send, "
    "digit by digit.",
    needs=("order.contract",),
)
async def _exact_amounts(kit: Kit) -> str:
    reading = await kit.read_order()
    amounts = _amounts(reading)
    inexact = [f"{name} {text}" for name, text in amounts if _BINARY.fullmatch(text)]
    expect(not inexact, f"Traces of binary floating point: {', '.join(inexact[:5])}.", reading.exchange)
    return f"{len(amounts)} amounts"


@ORDER.check(
    "minor-units",
    rule="Amounts are in the currency's main unit: 12.50, not 1250.",
    source="docs/mapping.md#minor-units",
    fix="Send decimals, or have the mapping move the point: `scale: 2`, or `scaleFrom` (docs/mapping.md). If the "
    "amounts are right, such as in yen, ignore this.",
    level="warning",
    needs=("order.contract",),
)
async def _minor_units(kit: Kit) -> str:
    reading = await kit.read_order()
    body = reading.response.body if reading.response is not None else b""
    suspects = dict(minor_units.suspects(kit.config.mapping))
    suspects |= dict(minor_units.suspects_in(kit.config.mapping, GET_ORDER, body))
    named = "; ".join(f"mapping.{rule} {detail}" for rule, detail in suspects.items())
    expect(not suspects, named, reading.exchange)
    amounts = [(name, text) for name, text in _amounts(reading) if text.strip("-0.")]
    whole = [f"{name} {text}" for name, text in amounts if _WHOLE.fullmatch(text)]
    suspicious = len(whole) > 1 and len(whole) == len(amounts)
    expect(not suspicious, f"No amount has decimals: {', '.join(whole[:5])}.", reading.exchange)
    return ""


def unknown_id(kit: Kit) -> str:
    """Return an id that is no order's, and that the tenant's orders may have."""
    rule = kit.oms.plans[GET_ORDER.name].order_ids
    # Of a tenant whose ids have a form, one that differs from the given order's in its digits.
    same_form = re.sub(r"\d", "9", kit.data.order)
    for candidate in (UNKNOWN, same_form):
        if rule.holds(candidate) and candidate != kit.data.order:
            return candidate
    raise NotTriedError("no id of the tenant's `idPattern` is known to be no order's")


def must_not_be_found(reading: Reading) -> None:
    """Raise BrokenRuleError if the answer is anything but that there is no such order."""
    expect(
        reading.code == NOT_FOUND,
        f"{reading.outcome}; no such order is 404.",
        reading.exchange,
    )


def _must_be_asked(reading: Reading) -> None:
    problem = reading.problem
    if problem is not None:
        raise BrokenRuleError(problem.detail, reading.exchange)


def _amounts(reading: Reading) -> list[tuple[str, str]]:
    """Return the names and digits of all amounts in what a till gets."""
    found: list[tuple[str, str]] = []

    def walk(value: Any) -> None:  # noqa: ANN401 - JSON of any shape
        if isinstance(value, dict):
            for name, inner in value.items():
                if name in AMOUNTS:
                    found.append((name, bytes(inner).decode()))
                else:
                    walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(raw_json.parse(reading.body) if reading.body else None)
    return found
