"""What the OMS's answers mean outwards: the failure table, as pure decisions."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from tenantproxy.mapping import CompiledMapping
from tenantproxy.orders import ContractError, UnparsableError
from tenantproxy.problems import Problem, retry_after
from tenantproxy.routes import Operation
from tenantproxy.upstream import Answer

_JSON: Final = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_CHARSET: Final = re.compile(r';\s*charset\s*=\s*"?([^";\s]+)', re.IGNORECASE)
_SECONDS: Final = re.compile(r"[0-9]{1,6}")
_MAX_PAUSE: Final = 999_999.0


def outward_body(operation: Operation, answer: Answer, mapping: CompiledMapping) -> bytes:
    """Return the body of our 200 for an answer of the OMS.

    Raises:
        Problem: The answer is anything but a 200 that holds the contract.

    """
    if answer.status != 200:  # noqa: PLR2004 - HTTP
        raise _problem(operation, answer)
    if not is_json(answer.headers.get("content-type", "")):
        raise Problem("upstream-error", "The OMS's answer is not application/json.", reason="content-type")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem("upstream-error", "The OMS's answer is compressed.", reason="content-encoding")
    convert = mapping.get_order if operation == "getOrder" else mapping.search_orders
    try:
        return convert(answer.body)
    except UnparsableError:
        raise Problem("upstream-error", "The OMS's answer is not valid JSON.", reason="malformed-json") from None
    except ContractError as error:
        raise Problem(
            "upstream-contract",
            "Fields of the OMS's answer are missing or of another type.",
            errors=error.violations,
            reason="contract",
        ) from None


def is_json(content_type: str) -> bool:
    """Return whether a `Content-Type` says JSON in UTF-8 (RFC 8259)."""
    if not _JSON.fullmatch(content_type):
        return False
    charset = _CHARSET.search(content_type)
    return charset is None or charset[1].lower() in ("utf-8", "utf8", "us-ascii")


def _problem(operation: Operation, answer: Answer) -> Problem:
    status = answer.status
    if status == 404 and operation == "getOrder":  # noqa: PLR2004 - HTTP statuses, here and below
        return Problem("order-not-found", "The OMS knows no such order.")
    if status == 400 and operation == "searchOrders":  # noqa: PLR2004
        return Problem("search-rejected", "The OMS refused the search's criteria.")
    reason = f"status-{status}"
    if status == 403:  # noqa: PLR2004
        return Problem("upstream-forbidden", "The OMS answered 403.", reason=reason)
    if status == 429:  # noqa: PLR2004
        pause = retry_after(_pause(answer.headers))
        return Problem("upstream-rate-limited", "The OMS answered 429.", headers=pause, reason=reason)
    if status >= 500:  # noqa: PLR2004
        return Problem("upstream-error", f"The OMS answered {status}.", reason=reason)
    return Problem("upstream-contract", f"The OMS answered {status}, which the contract has not.", reason=reason)


def _pause(headers: Mapping[str, str]) -> float:
    """Return the seconds in a `Retry-After`, a number or a date (RFC 9110 section 10.2.3); 0 if there is none.

    A date is read against the answer's own, as the OMS's clock may differ from ours.
    """
    after = headers.get("retry-after", "")
    if _SECONDS.fullmatch(after):
        return float(after)
    try:
        until, now = (parsedate_to_datetime(date) for date in (after, headers.get("date", "")))
        return min((until - now).total_seconds(), _MAX_PAUSE)
    except (ValueError, TypeError, OverflowError):
        return 0.0
