"""What an OMS does wrong in each of its answers: one word for each mistake that real ones make."""

import gzip
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, get_args

import msgspec
from aiohttp import web
from msgspec import Raw

Quirk = Literal[
    # who may read
    "accepts-anyone",
    "accepts-any-secret",
    "accepts-expired-tokens",
    "no-challenge",
    "open-search",
    "wrong-as-403",
    # one order
    "binary-amounts",
    "cuts-id-at-dot",
    "ignores-case",
    "minor-units",
    "mixes-parallel-reads",
    "next-order",
    "order-without-status",
    "same-order-again",
    "short-ids",
    "text-amounts",
    "unknown-as-empty",
    "unknown-as-500",
    # a search
    "found-without-status",
    "ignores-criteria",
    "ignores-unknown-criteria",
    "malformed-as-500",
    "misses-first-order",
    "no-search",
    "nothing-as-404",
    "other-customers-order",
    # headers
    "refuses-tenant-id",
    "refuses-traceparent",
    "uuid-correlation-ids",
    # HTTP
    "closes-connection",
    "gzips-always",
    "hangs-up",
    "head-as-404",
    "latin-1",
    "many-headers",
    "no-length",
    "redirects",
    "text-plain",
    # the token endpoint
    "cacheable-tokens",
    "html-token-errors",
    "no-token-type",
    "one-token-at-a-time",
]
QUIRKS: Final[tuple[str, ...]] = get_args(Quirk)

_AMOUNT: Final = re.compile(rb'("(?:unitPrice|\w*Amount)"):(-?[0-9.eE+]+)')
_STATUS: Final = re.compile(rb'"status":"\w*",')
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAX_ID: Final = 64
_HEADERS: Final = 100

Quirks = frozenset[Quirk]


def refused_headers(quirks: Quirks, request: web.Request) -> str | None:
    """Return why a request's headers are refused; None: they are not."""
    headers = request.headers
    if "refuses-tenant-id" in quirks and "Tenant-Id" in headers:
        return "the header Tenant-Id is unknown"
    if "refuses-traceparent" in quirks and "traceparent" in headers:
        return "the header traceparent is unknown"
    if "uuid-correlation-ids" in quirks and not _UUID.fullmatch(headers.get("Correlation-Id", "")):
        return "the header Correlation-Id is no UUID"
    return None


def order_id(quirks: Quirks, asked: str, known: Sequence[str]) -> str:
    """Return the id that is looked up instead of the one that was asked for."""
    if "ignores-case" in quirks:
        return next((each for each in known if each.lower() == asked.lower()), asked)
    if "next-order" in quirks and asked in known:
        return known[(known.index(asked) + 1) % len(known)]
    return asked


def breaks_on(quirks: Quirks, asked: str) -> int | None:
    """Return the status by which an order's id is refused; None: it is looked up."""
    if "cuts-id-at-dot" in quirks and "." in asked:
        return 400
    return 500 if "short-ids" in quirks and len(asked) > _MAX_ID else None


def order(quirks: Quirks, document: Raw) -> Raw:
    """Return an order as it is answered."""
    text = bytes(document)
    if "order-without-status" in quirks:
        text = _STATUS.sub(b"", text)
    if "text-amounts" in quirks:
        text = _AMOUNT.sub(rb'\1:"\2"', text)
    if "binary-amounts" in quirks:
        text = _AMOUNT.sub(rb"\1:0.30000000000000004", text)
    if "minor-units" in quirks:
        text = _AMOUNT.sub(rb"\1:129900", text)
    return Raw(text)


def found(quirks: Quirks, orders: Sequence[Raw], everyones: Iterable[Raw], criteria: dict[str, Any]) -> list[Raw]:
    """Return the orders that a search answers."""
    if "ignores-criteria" in quirks or ("ignores-unknown-criteria" in quirks and "customerId" not in criteria):
        return list(everyones)
    answered = list(orders)
    if "misses-first-order" in quirks:
        answered = answered[1:]
    if "other-customers-order" in quirks and answered:
        answered.append([*everyones][-1])
    if "found-without-status" in quirks:
        answered = [Raw(_STATUS.sub(b"", bytes(each))) for each in answered]
    return answered


def unauthorized(quirks: Quirks) -> web.Response:
    """Return the answer to a read without the right credential."""
    response = web.json_response({"error": "credentials are missing, wrong or expired"}, status=401)
    if "wrong-as-403" in quirks:
        response.set_status(403)
    elif "no-challenge" not in quirks:
        response.headers["WWW-Authenticate"] = 'Basic realm="mock OMS", Bearer realm="mock OMS"'
    return response


def is_hidden(quirks: Quirks, request: web.Request) -> bool:
    """Return whether a read is answered as if there were nothing: only GET has a route."""
    return "head-as-404" in quirks and request.method == "HEAD"


def redirect(quirks: Quirks, request: web.Request) -> web.Response | None:
    """Return where a read is sent instead of being answered."""
    if "redirects" not in quirks:
        return None
    return web.Response(status=307, headers={"Location": f"{request.path}/"})


def answer(quirks: Quirks, response: web.Response) -> web.Response:
    """Return a read's answer as HTTP has it."""
    if "text-plain" in quirks:
        response.content_type = "text/plain"
    if "latin-1" in quirks:
        response.headers["Content-Type"] = "application/json; charset=iso-8859-1"
    if "gzips-always" in quirks and isinstance(response.body, bytes):
        response.body = gzip.compress(response.body)
        response.headers["Content-Encoding"] = "gzip"
    if "many-headers" in quirks:
        response.headers.update({f"X-Filler-{index}": "x" for index in range(_HEADERS)})
    if quirks & {"closes-connection", "no-length"}:
        response.force_close()
    return response


def leave_length_out(quirks: Quirks, response: web.StreamResponse) -> None:
    """Have an answer's end be that of its connection; once aiohttp has decided that it needs no chunks."""
    if "no-length" in quirks and not response.keep_alive:
        response.headers.pop("Content-Length", None)


def token(quirks: Quirks, answered: dict[str, Any]) -> dict[str, Any]:
    """Return what the token endpoint answers."""
    return {
        name: value for name, value in answered.items() if name != "token_type" or "no-token-type" not in quirks
    }


def token_error(quirks: Quirks, error: dict[str, str]) -> tuple[bytes, str]:
    """Return the body of a token endpoint's error, and its type."""
    if "html-token-errors" in quirks:
        return b"<html><body>Bad Request</body></html>", "text/html"
    return msgspec.json.encode(error), "application/json"
