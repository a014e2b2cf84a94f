"""The bench's mapping in jsonata and jmespath for Python, to compare with: the same answers, from bytes to bytes.

Both get what msgspec decodes, and msgspec encodes what they make. Neither checks what it makes, as ours does.
jsonata divides amounts as floating-point numbers. jmespath has no arithmetic: its amounts stay in cents.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import jmespath
import msgspec
from jsonata import Jsonata

from bench import payloads
from bench.processes import BenchError
from tenantproxy import config
from tenantproxy.orders.mapping import CompiledMapping, compile_mapping

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
        minimumDownPaymentAmount: payment.deposit,
        invoicePaymentInstructions: payment.invoice.{{
            customerAccountId: account, invoicingAmount: amount, additionalInformation: references}},
        items: lines[].{{
            itemId: sku, quantityOrdered: qty, unitPrice: price.cents, contributedAmount: part,
            discounts: rebates[].{{
                discountAmount: off, discountId: code, discountText: name, rewardType: kind}}}}}}}}""",
    "searchOrders": f"""{{customerOrders: hits[].{{
        customerOrderId: to_string(number),
        customerId: account == 'north' && 'C-100200' || account == 'south' && 'C-100201',
        status: {_STATUS}}}}}""",
}
ANSWERS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "getOrder": payloads.mapped_order,
    "searchOrders": payloads.mapped_search,
}


class Costs(NamedTuple):
    """CPU seconds of one answer in each round."""

    ours: list[float]
    jsonata: list[float]
    jmespath: list[float]


def compare(operation: str, rounds: int) -> Costs:
    """Let all three make an operation's answer in turn, round after round.

    Raises:
        BenchError: They do not make the same of it.

    """
    body = payloads.encoded(ANSWERS[operation]())
    ours = _compiled(payloads.MAPPING)[operation]
    jsonata, jmes = _by_jsonata(_JSONATA[operation]), _by_jmespath(_JMESPATH[operation])
    unscaled = _compiled(_unscaled(payloads.MAPPING))[operation]
    if not _exact(ours(body)) == _exact(jsonata(body)) or not _exact(unscaled(body)) == _exact(jmes(body)):
        raise BenchError(f"ours, jsonata and jmespath do not make the same of the answer to {operation}")
    costs = Costs([], [], [])
    for _ in range(rounds):
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


def _by_jmespath(expression: str) -> _Convert:
    compiled = jmespath.compile(expression)
    return lambda body: msgspec.json.encode(compiled.search(msgspec.json.decode(body)))


def _compiled(mapping: dict[str, Any]) -> CompiledMapping:
    return compile_mapping(msgspec.convert(mapping, config.Mapping))


def _unscaled(rules: Any) -> Any:  # noqa: ANN401 - parsed JSON
    """Return rules without their scales."""
    if isinstance(rules, dict):
        return {name: _unscaled(rule) for name, rule in rules.items() if name != "scale"}
    return rules


def _exact(body: bytes) -> Any:  # noqa: ANN401 - parsed JSON
    return json.loads(body, parse_int=Decimal, parse_float=Decimal)


def shares(costs: Costs) -> dict[str, Sequence[float]]:
    """Return how many times ours each of the others costs, round by round."""
    return {
        name: [theirs / ours for ours, theirs in zip(costs.ours, others, strict=True)]
        for name, others in (("jsonata", costs.jsonata), ("jmespath", costs.jmespath))
    }
