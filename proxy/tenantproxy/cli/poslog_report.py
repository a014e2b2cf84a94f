"""What `tenantproxy poslog inspect` says of a file, for people."""

from collections.abc import Iterator
from typing import Final

from tenantproxy.poslog.inspection.report import Report, Sent
from tenantproxy.poslog.rules.document import Transaction
from tenantproxy.poslog.rules.explanation import RuleExplanation, TransactionExplanation

_PACKED: Final = {
    "CloudEvent": "an event (CloudEvent)",
    "base64": "base64",
    "zlib": "a zlib stream",
    "ZIP": "a ZIP archive",
    "XML": "XML",
}
_OUTCOMES: Final = {
    "relevant": "The relay sends it to the OMS, and acknowledges it once the OMS has taken it.",
    "irrelevant": "It concerns no customer order: the relay acknowledges it, and sends nothing.",
    "test": "It is the event that tries a webhook: the relay acknowledges it, and sends nothing.",
    "refused": "The relay refuses it: ExternalEvents tries it again, then keeps it in its journal as failed.",
}


def report_text(name: str, report: Report, sought: str = "") -> str:
    """Return what is said of a file of that name, in which a text was sought; with printable characters only."""
    text = "\n".join(_lines("Standard input" if name == "-" else name, report, sought))
    return "".join(
        each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text.replace("\r\n", "\n")
    )


def _lines(name: str, report: Report, sought: str) -> Iterator[str]:
    if report.outcome == "unknown":
        yield f"{name} {report.why}."
        return
    yield f"{name} is {_what(report)}."
    for number, each in enumerate(report.transactions, start=1):
        yield f"Transaction {number}: {_header(each.transaction)}"
        yield from _transaction(each)
    for place in report.places:
        code = f" (TypeCode {place.type_code})" if place.type_code is not None else ""
        yield f"Found at {place.path}{code}: {place.value}"
    if sought and report.transactions and not report.places:
        yield f"Not found in it: {sought}"
    if report.code is not None:
        yield f"{report.code}: {report.why}"
    elif report.why is not None:
        yield f"No rule can match: nothing that they need is in it. Besides, {report.why}"
    yield _OUTCOMES[report.outcome]
    if report.sent is not None:
        yield from _sent(report.sent)


def _what(report: Report) -> str:
    parts = " of ".join(_PACKED[layer] for layer in report.layers[1:])
    first = _PACKED[report.layers[0]] if report.layers else "JSON"
    if report.event_id is not None:
        said = [report.event_type or "", f"id {report.event_id}"]
        said += [f"published {report.event_time}"] if report.event_time else []
        said += [f"business day {report.business_day}"] if report.business_day else []
        first = f"{first} of the type {', '.join(said)}"
    inside = f", with {parts} in it" if parts else ""
    size = f"; its PosLog has {report.poslog_bytes:,} bytes" if report.poslog_bytes is not None else ""
    return f"{first}{inside}{size}"


def _header(given: Transaction) -> str:
    said = {
        "business unit": given.business_unit_id,
        "workstation": given.workstation_id,
        "operator": given.operator_id,
        "receipt": given.receipt_number,
        "sequence number": given.sequence_number,
        "ended": given.end_date_time,
        "status": given.status,
    }
    known = [f"{name} {value}" for name, value in said.items() if value]
    return ", ".join(known) or "nothing is said of where and when it was"


def _transaction(given: TransactionExplanation) -> Iterator[str]:
    if given.why_not is not None:
        yield f"  No order, whatever is in it: {given.why_not}."
    for rule in given.rules:
        yield from _rule(rule)
    passed = [rule.rule for rule in given.rules if rule.not_asked]
    if passed:
        yield f"  not asked, as an earlier rule matches there: {', '.join(passed)}"
    absent = dict.fromkeys(rule.element for rule in given.rules if _is_absent(rule))
    if absent:
        yield f"  not in it: {', '.join(absent)}"


def _is_absent(rule: RuleExplanation) -> bool:
    return not (rule.matched or rule.missed or rule.not_asked)


def _rule(rule: RuleExplanation) -> Iterator[str]:
    for match in rule.matched:
        yield f"  {rule.rule}: MATCHES, order {match.order_id} ({match.kind}) at {match.path}"
    for miss in rule.missed:
        more = f" and {miss.times - 1} more" if miss.times > 1 else ""
        yield f"  {rule.rule}: does not match, as {miss.why}: {miss.path}{more}"


def _sent(sent: Sent) -> Iterator[str]:
    yield ""
    yield f"{sent.method} {sent.url}"
    for name, value in sent.headers.items():
        yield f"{name}: {value}"
    yield "(and Correlation-Id, the credential, and the signature if `signed`)"
    yield ""
    yield sent.body
