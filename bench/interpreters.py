"""The bench's mapping in jsonata and jmespath for Python, to compare with: the same answers, from bytes to bytes.

All do the same work: what comes out has been held to the contract. What the others make is handed to it as an
unmapped answer is, as one would do who puts them in the place of our mapping. Both get what msgspec decodes, and
msgspec encodes what they make: no library is faster.

jmespath has no arithmetic, but takes functions: amounts are scaled as exact decimals, and its answer must be ours
to the byte. jsonata divides amounts as floating-point numbers, so these must be equal as decimals.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import jmespath
import jmespath.functions
import msgspec
from jsonata import Jsonata

from bench import payloads
from bench.processes import BenchError
from tenantproxy import config
from tenantproxy.orders.contract import CONTRACTS
from tenantproxy.orders.mapping import compile_mapping

_Convert = Callable[[bytes], bytes]
_CALLS: Final = {"ours": 200, "others": 4}
"""In each round: some ten milliseconds."""

_JSONATA: Final = {
    "getOrder": """{"customerOrder": data.order.{
        "customerOrderId": id,
        "customerId": customer.number,
        "status": $lookup($states, state & "/" & payment.state),
        "isLocked": $lookup({"yes": true, "no": false}, locked),
        "minimumDownPaymentAmount": payment.deposit / 100,
        "invoicePaymentInstructions": payment.invoice.{
            "customerAccountId": account, "invoicingAmount": amount / 100, "additionalInformation": references},
        "items": [lines.{
            "itemId": sku, "quantityOrdered": qty, "unitPrice": price.cents / 100, "contributedAmount": part / 100,
            "discounts": [rebates.{
                "discountAmount": off / 100, "discountId": code, "discountText": name, "rewardType": kind}]}]}}""",
    "searchOrders": """{"customerOrders": [hits.{
        "customerOrderId": $string(number),
        "customerId": $lookup({"north": "C-100200", "south": "C-100201"}, account),
        "status": $lookup($states, state & "/" & payment.state)}]}""",
}
_STATES: Final = '{"open/due": "CREATED", "picking/paid": "IN_PROGRESS", "done/paid": "FULFILLED"}'

_STATUS: Final = (
    "state == 'open' && payment.state == 'due' && 'CREATED'"
    " || state == 'picking' && payment.state == 'paid' && 'IN_PROGRESS'"
    " || state == 'done' && payment.state == 'paid' && 'FULFILLED' || 'UNKNOWN'"
)
_JMESPATH: Final = {
    "getOrder": f"""{{customerOrder: data.order.{{
        customerOrderId: id,
        customerId: customer.number,
        status: {_STATUS},
        isLocked: locked == 'yes',
        minimumDownPaymentAmount: scaled(payment.deposit),
        invoicePaymentInstructions: payment.invoice.{{
            customerAccountId: account, invoicingAmount: scaled(amount), additionalInformation: references}},
        items: lines[].{{
            itemId: sku, quantityOrdered: qty, unitPrice: scaled(price.cents), contributedAmount: scaled(part),
            discounts: rebates[].{{
                discountAmount: scaled(off), discountId: code, discountText: name, rewardType: kind}}}}}}}}""",
    "searchOrders": f"""{{customerOrders: hits[].{{
        customerOrderId: to_string(number),
        customerId: account == 'north' && 'C-100200' || account == 'south' && 'C-100201',
        status: {_STATUS}}}}}""",
}
ANSWERS: Final[Mapping[str, tuple[Callable[[], dict[str, Any]], Callable[[], dict[str, Any]]]]] = {
    "getOrder": (payloads.order, payloads.mapped_order),
    "searchOrders": (payloads.search, payloads.mapped_search),
}
"""In the documented shape, and in that of the mapping."""


class Costs(NamedTuple):
    """CPU seconds of one answer in each round."""

    unmapped: list[float]
    """Of the same answer in the documented shape, which the contract alone converts."""
    ours: list[float]
    jsonata: list[float]
    jmespath: list[float]


def compare(operation: str, rounds: int) -> Costs:
    """Let all three make an operation's answer in turn, round after round.

    Raises:
        BenchError: They do not make the same of it.

    """
    unmapped, body = (payloads.encoded(answer()) for answer in ANSWERS[operation])
    contract = CONTRACTS[operation].outward
    ours = compile_mapping(msgspec.convert(payloads.MAPPING, config.Mapping))[operation]
    jsonata = _checked(operation, _by_jsonata(_JSONATA[operation]))
    jmes = _checked(operation, _by_jmespath(_JMESPATH[operation]))
    if jmes(body) != ours(body) or _exact(jsonata(body)) != _exact(ours(body)):
        raise BenchError(f"ours, jsonata and jmespath do not make the same of the answer to {operation}")
    costs = Costs([], [], [], [])
    for _ in range(rounds):
        costs.unmapped.append(_cost(lambda sent: contract(sent, at_once=True), unmapped, _CALLS["ours"]))
        costs.ours.append(_cost(lambda sent: ours(sent, at_once=True), body, _CALLS["ours"]))
        costs.jsonata.append(_cost(jsonata, body, _CALLS["others"]))
        costs.jmespath.append(_cost(jmes, body, _CALLS["others"]))
    return costs


def _cost(convert: _Convert, body: bytes, calls: int) -> float:
    convert(body)
    start = time.thread_time()
    for _ in range(calls):
        convert(body)
    return (time.thread_time() - start) / calls


def _by_jsonata(expression: str) -> _Convert:
    compiled = Jsonata(f"($states := {_STATES}; {expression})")
    return lambda body: msgspec.json.encode(compiled.evaluate(msgspec.json.decode(body)))


class _Functions(jmespath.functions.Functions):  # type: ignore[misc] # without types, as the next one
    @jmespath.functions.signature({"types": []})  # type: ignore[untyped-decorator]
    def _func_scaled(self, amount: Any) -> Decimal | None:  # noqa: ANN401 - parsed JSON
        return None if amount is None else Decimal(amount).scaleb(-payloads.PLACES)


def _by_jmespath(expression: str) -> _Convert:
    compiled, options = jmespath.compile(expression), jmespath.Options(custom_functions=_Functions())
    decode = msgspec.json.Decoder(float_hook=Decimal).decode
    encode = msgspec.json.Encoder(decimal_format="number").encode
    return lambda body: encode(compiled.search(decode(body), options))


def _checked(operation: str, convert: _Convert) -> _Convert:
    outward = CONTRACTS[operation].outward
    return lambda body: outward(convert(body))


def _exact(body: bytes) -> Any:  # noqa: ANN401 - parsed JSON
    return json.loads(body, parse_int=Decimal, parse_float=Decimal)


def shares(costs: Costs) -> dict[str, Sequence[float]]:
    """Return how many times ours each of the others costs, round by round."""
    return {
        name: [theirs / ours for ours, theirs in zip(costs.ours, others, strict=True)]
        for name, others in (("jsonata", costs.jsonata), ("jmespath", costs.jmespath))
    }


def added(costs: Costs) -> dict[str, Sequence[float]]:
    """Return the same of what each adds to the conversion of an unmapped answer."""
    over = costs._replace(
        **{
            name: [cost - floor for cost, floor in zip(costs_of, costs.unmapped, strict=True)]
            for name, costs_of in costs._asdict().items()
        }
    )
    return shares(over)
