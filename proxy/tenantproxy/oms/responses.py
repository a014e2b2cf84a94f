"""What each response of the OMS means for our caller: pure decisions."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from tenantproxy.admission import overloaded
from tenantproxy.errors import FieldProblem
from tenantproxy.oms.outcomes import RATE_LIMITED
from tenantproxy.oms.pause import UNAVAILABLE
from tenantproxy.operations import ORDER_ID, SEARCH_ORDERS, Operation
from tenantproxy.orders import surrogates
from tenantproxy.orders.contract import is_of
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.orders.transform import NO_CRITERIA, ContractError, Criteria, UnparsableError
from tenantproxy.problems import Problem, retry_after
from tenantproxy.retry_after import named_seconds, parse_retry_after
from tenantproxy.transport.base import FORWARD_PROXY_FAILED, UNREACHABLE, FailureReason, UpstreamResponse
from tenantproxy.transport.content_coding import unreadable

_USUAL: Final = frozenset(
    {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
)
_JSON: Final = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_CHARSET: Final = re.compile(r';\s*charset\s*=\s*"?([^";\s]+)', re.IGNORECASE)
_SHOWN: Final = re.compile(r"[A-Za-z0-9!#$&^_.+/;,= -]{1,100}")
"""The content types that callers are told of; of others nothing but that they are others."""

EMPTY_SEARCH: Final = b'{"%s":[]}' % SEARCH_ORDERS.root.removeprefix("/").encode()
"""The body of our 200 to a search that finds nothing."""


class Asked(NamedTuple):
    """The order that was asked for."""

    order_id: str
    """By the caller."""
    form: str | None = None
    """By the proxy, where it looked the order up by another form of the id."""
    ignore_case: bool = False


def check(operation: Operation, response: UpstreamResponse, *, any_type: bool = False) -> None:
    """Check that a response of the OMS is a 200 with a body that can be read; `any_type`: whatever its type says.

    Raises:
        Problem: It is anything else.

    """
    if response.meaning is not None or response.status != 200:  # noqa: PLR2004 - HTTP
        raise failure(operation, response)
    headers = response.headers
    given = headers.get("content-type", "")
    # Where the header came twice, a gateway may have made one of both: the last one counts.
    if not any_type and not is_json(given) and not is_json(given.rpartition(",")[2].strip()):
        kind = given if _SHOWN.fullmatch(given) else "of another type" if given else "of no type"
        detail = f"The OMS's answer is {kind}, not application/json in UTF-8."
        raise Problem("upstream-error", detail, reason="content-type")


def failure(operation: Operation, response: UpstreamResponse) -> Problem:
    """Return the problem of a response that is no 200, or that the configuration says to be one."""
    if response.meaning is not None:
        return _meant(response.meaning, response)
    return _problem(operation, response)


def timed_out() -> Problem:
    """Return the problem of a read that took too long."""
    return Problem("upstream-timeout", "The OMS did not answer in time.")


def unanswered(reason: FailureReason) -> Problem:
    """Return the problem of a call that brought no whole answer."""
    if reason == "overloaded":
        return overloaded("The proxy has too many responses in flight.")
    if reason in FORWARD_PROXY_FAILED:
        detail = f"No connection through the forward proxy ({reason})."
        return Problem("forward-proxy-error", detail, reason=reason)
    if reason in UNREACHABLE:
        return Problem("upstream-unreachable", f"No connection to the OMS ({reason}).", reason=reason)
    return Problem("upstream-error", f"The OMS sent no complete response ({reason}).", reason=reason)


def asked_pause(response: UpstreamResponse, statuses: frozenset[int] = UNAVAILABLE) -> float:
    """Return the seconds without requests that an OMS asks for, by such a status and `Retry-After`; 0: none."""
    if response.status not in statuses or response.meaning not in (None, RATE_LIMITED):
        return 0.0
    headers = response.headers
    return parse_retry_after(headers.get("retry-after", ""), headers.get("date", "")) or 0.0


def outward_body(
    operation: Operation,
    response: UpstreamResponse,
    mapping: CompiledMapping,
    asked: Asked | None,
    *,
    at_once: bool = False,
    criteria: Criteria = NO_CRITERIA,
) -> bytes:
    """Return the body of our 200 for a response of the OMS; with `asked`, only if it is that order.

    `criteria` is what was searched for.

    Raises:
        HeavyError: It was to be made `at_once`, and can't be.
        Problem: It breaks the contract, or is another order.

    """
    convert, body = mapping[operation.name], response.body
    try:
        try:
            outward = convert(body, at_once=at_once, criteria=criteria)
        except UnparsableError:
            outward = surrogates.mended(convert, body, at_once=at_once, criteria=criteria)
    except UnparsableError:
        raise _unparsable(response) from None
    except ContractError as error:
        raise broken(error.violations) from None
    if asked is not None and not _is_asked(operation, outward, asked):
        raise Problem(
            "upstream-contract",
            "The OMS's answer is another order than the requested one.",
            errors=[FieldProblem(f"{operation.root}/{ORDER_ID}", _WRONG_ID)],
            reason="wrong-order",
        )
    return outward


def other_order(operation: Operation, found: str, asked: Asked | None) -> list[FieldProblem]:
    """Return what is wrong with the id that was found in a response whose other fields break the contract."""
    name = operation.root.removeprefix("/")
    outward = msgspec.json.encode({name: {ORDER_ID: found, "": None}})
    if asked is None or _is_asked(operation, outward, asked):
        return []
    return [FieldProblem(f"{operation.root}/{ORDER_ID}", _WRONG_ID)]


def broken(violations: Sequence[FieldProblem]) -> Problem:
    """Return the problem of a response that breaks the contract."""
    return Problem(
        "upstream-contract",
        "Fields of the OMS's answer are missing or have the wrong type.",
        errors=violations,
        reason="contract",
    )


def _unparsable(response: UpstreamResponse) -> Problem:
    if coding := unreadable(response.headers.get("content-encoding", "")):
        detail = f"The OMS's answer is compressed ({coding}), and nobody asked for it."
        return Problem("upstream-error", detail, reason="content-encoding")
    return Problem("upstream-error", "The OMS's answer is not valid JSON.", reason="malformed-json")


_WRONG_ID: Final = (
    "is not the requested id; if the OMS uses another form of it, set `idMatch: ignoreCase` or `off`"
)


def _is_asked(operation: Operation, outward: bytes, asked: Asked) -> bool:
    """Return whether the answer is the order that the caller asked for, or that the OMS was asked for instead."""
    return is_of(operation, outward, asked.order_id, ignore_case=asked.ignore_case) or (
        asked.form is not None and is_of(operation, outward, asked.form, ignore_case=asked.ignore_case)
    )


def is_json(content_type: str) -> bool:
    """Return whether a `Content-Type` says JSON in UTF-8 (RFC 8259)."""
    if content_type.lower() in _USUAL:
        return True
    if not _JSON.fullmatch(content_type):
        return False
    charset = _CHARSET.search(content_type)
    return charset is None or charset[1].lower() in ("utf-8", "utf8", "us-ascii")


def _problem(operation: Operation, response: UpstreamResponse) -> Problem:
    status = response.status
    if status == 404 and operation.reads_one_order:  # noqa: PLR2004 - HTTP statuses, here and below
        return Problem("order-not-found", "The OMS knows no such order.")
    if status == 400 and operation.takes_criteria:  # noqa: PLR2004
        return Problem("search-rejected", "The OMS refused the search's criteria.")
    reason = f"status-{status}"
    if status == 403:  # noqa: PLR2004
        return Problem("upstream-forbidden", "The OMS answered 403.", reason=reason)
    if status == 429 or asked_pause(response):  # noqa: PLR2004
        return _rate_limited(f"The OMS answered {status}.", response)
    if status >= 500:  # noqa: PLR2004
        return Problem("upstream-error", f"The OMS answered {status}.", reason=reason)
    return Problem("upstream-contract", f"The OMS answered {status}, which is not in the contract.", reason=reason)


def _meant(meaning: str, response: UpstreamResponse) -> Problem:
    """Return the problem that a configuration says an answer to be."""
    detail = f"The OMS answered {response.status}, which `outcomes` gives this meaning."
    if meaning == RATE_LIMITED:
        return _rate_limited(detail, response)
    return Problem(meaning, detail, reason=f"status-{response.status}")


def _rate_limited(detail: str, response: UpstreamResponse) -> Problem:
    pause = retry_after(named_seconds(response.headers) or 0.0)
    return Problem(RATE_LIMITED, detail, headers=pause, reason=f"status-{response.status}")
