"""HTTP, as a client sees it that asks often and waits for each answer."""

import asyncio
from itertools import cycle, islice
from typing import Final

from tenantproxy.conformance.call import Call
from tenantproxy.conformance.check import BrokenRuleError, Group, NotTriedError, expect
from tenantproxy.conformance.checks.order import NOT_FOUND, unknown_id
from tenantproxy.conformance.connection import QUIET
from tenantproxy.conformance.exchange import Exchange
from tenantproxy.conformance.kit import NO_AUTHORIZATION, Kit
from tenantproxy.conformance.oms import Reading
from tenantproxy.oms import responses
from tenantproxy.operations import GET_ORDER, ORDER_ID, SEARCH_ORDERS, Operation
from tenantproxy.problems import Problem
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.connection import MAX_HEAD_BYTES, MAX_HEADERS, HttpConnection

HTTP: Final = Group("http")

_SEEN: Final = "docs/api.md#what-the-oms-sees"
_CONTRACT: Final = "docs/oms.md#what-it-serves"
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_NO_HEAD: Final = (405, 501)
"""By which a server says that it has no HEAD."""


@HTTP.check(
    "reachable",
    rule="The OMS answers at its URL.",
    source=_CONTRACT,
    fix="Check the URL, DNS, the firewall and, where TLS fails, the checks of `tls`. From a cluster, a proxy "
    "comes from other addresses than your desk.",
    needs=(),
)
async def _reachable(kit: Kit) -> str:
    reading = await kit.read_order(authorization=NO_AUTHORIZATION)
    expect(reading.exchange.status is not None, f"There is {reading.answer}.", reading.exchange)
    return f"{reading.exchange.seconds * 1000:.0f} ms"


@HTTP.check(
    "redirect",
    rule="A read is answered, not redirected.",
    source=_SEEN,
    fix="Answer at the URL that was called. If it has moved, change the URL in the manifest: for a proxy, "
    "redirects are not followed, so that a credential goes where the platform team has said and nowhere else.",
    needs=("http.reachable", "token.issued"),
)
async def _redirect(kit: Kit) -> str:
    reading = await kit.read_order()
    where = reading.headers.get("location", "")
    is_redirected = reading.exchange.status in _REDIRECTS
    expect(not is_redirected, f"{reading.outcome}, to {where or 'nowhere'}.", reading.exchange)
    return ""


@HTTP.check(
    "content-type",
    rule="A 200 has Content-Type: application/json, in UTF-8.",
    source="RFC 8259 sections 8.1 and 11",
    fix="Set the header. If you can't, have the platform team set `upstream.contentType: any`.",
    requests=2,
)
async def _content_type(kit: Kit) -> str:
    readings: list[tuple[Operation, Reading]] = [(GET_ORDER, await kit.read_order())]
    if kit.oms.plans[SEARCH_ORDERS.name].is_supported:
        readings.append((SEARCH_ORDERS, await kit.search()))
    if all(reading.exchange.status != 200 for _, reading in readings):  # noqa: PLR2004 - HTTP
        raise NotTriedError("nothing was answered with 200; see order.read")
    any_type = kit.config.upstream.content_type == "any"
    for operation, reading in readings:
        if reading.response is not None and reading.response.status == 200:  # noqa: PLR2004 - HTTP
            try:
                responses.check(operation, reading.response._replace(meaning=None), any_type=any_type)
            except Problem as problem:
                raise BrokenRuleError(f"{operation.name}: {problem.detail}", reading.exchange) from None
    return ""


@HTTP.check(
    "uncompressed",
    rule="An answer comes as it is: the proxy asks for `Accept-Encoding: identity`.",
    source=_CONTRACT,
    fix="Turn compression off for who does not ask for it. gzip and deflate are read, but cost both sides time; "
    "anything else, such as br, is not.",
    level="warning",
)
async def _uncompressed(kit: Kit) -> str:
    reading = await kit.read_order()
    coding = reading.headers.get("content-encoding", "identity")
    expect(coding.lower() in ("", "identity"), f"The answer is compressed: {coding}.", reading.exchange)
    return ""


@HTTP.check(
    "framing",
    rule="An answer says where it ends: by Content-Length, or in chunks.",
    source="RFC 9112 section 6.3",
    fix="Answer in HTTP/1.1 with Content-Length or `Transfer-Encoding: chunked`. An answer that ends with its "
    "connection looks whole when it was cut off.",
    level="warning",
)
async def _framing(kit: Kit) -> str:
    reading = await kit.read_order()
    given = reading.headers
    expect("content-length" in given or "transfer-encoding" in given, "It says nothing.", reading.exchange)
    return "in chunks" if "transfer-encoding" in given else "Content-Length"


@HTTP.check(
    "size",
    rule="An answer is well below the limits: half of `upstream.maxResponseBytes`, 64 headers, 32 KiB of head.",
    source=_CONTRACT,
    fix="Send fewer fields, use paging for a search, and remove headers that are for browsers; or have the "
    "platform team raise `upstream.maxResponseBytes`.",
    level="warning",
    requests=2,
)
async def _size(kit: Kit) -> str:
    readings = [await kit.read_order()]
    if kit.oms.plans[SEARCH_ORDERS.name].is_supported:
        readings.append(await kit.search())
    sizes = []
    for reading in readings:
        if reading.response is None:
            raise BrokenRuleError(f"There is {reading.answer}.", reading.exchange)
        headers, body = reading.headers, len(reading.response.body)
        head = sum(len(name) + len(value) for name, value in headers.items())
        half = kit.config.upstream.max_response_bytes // 2
        expect(body <= half, f"The body has {body} bytes; half of the limit is {half}.", reading.exchange)
        expect(len(headers) <= MAX_HEADERS // 2, f"There are {len(headers)} headers.", reading.exchange)
        expect(head <= MAX_HEAD_BYTES // 2, f"The headers have {head} bytes.", reading.exchange)
        sizes.append(f"{body} bytes")
    return ", ".join(sizes)


@HTTP.check(
    "keep-alive",
    rule="A connection stays open after an answer, for the next request, and nothing else comes on it.",
    source="RFC 9112 section 9.3",
    fix="Keep idle connections open for a minute, in the load balancer too. A new connection for each read "
    "costs a till the time of TCP and TLS.",
    level="warning",
    requests=3,
)
async def _keep_alive(kit: Kit) -> str:
    address = kit.address
    if not (address.is_direct or address.is_https):
        raise NotTriedError("the connection is the forward proxy's, not the OMS's")
    await kit.need_accepted()
    call = await _order_call(kit)
    first: Exchange | None = None
    unsolicited = asyncio.Event()
    try:
        async with asyncio.timeout(2 * kit.oms.timeout(GET_ORDER)):
            connection = await address.open(unsolicited.set)
            try:
                first = (await address.exchange(connection, call)).shown(kit.oms.mask)
                _must_be_kept(connection, first, unsolicited=unsolicited.is_set())
                await asyncio.sleep(QUIET)
                _must_be_kept(connection, first, unsolicited=unsolicited.is_set())
                await address.exchange(connection, call)
            finally:
                connection.close()
    except (TimeoutError, UpstreamError) as error:
        why = getattr(error, "reason", "timeout")
        which = "first" if first is None else "second"
        shown = () if first is None else (first,)
        raise BrokenRuleError(f"The {which} request on the connection had no answer ({why}).", *shown) from None
    return ""


def _must_be_kept(connection: HttpConnection, first: Exchange, *, unsolicited: bool) -> None:
    """Raise BrokenRuleError if a connection is of no use any more after its first answer, and say why."""
    junk = "Something came behind the answer that belongs to no request: it would be taken for the next answer."
    expect(not unsolicited, junk, first)
    said = first.response_headers.get("connection", "")
    closes = f"The OMS said that it would close the connection (Connection: {said})."
    expect(connection.reusable or said.lower() != "close", closes, first)
    expect(connection.reusable and connection.is_quiet, "The OMS closed the connection after the answer.", first)


@HTTP.check(
    "head",
    rule="HEAD is answered like GET, but without the body, however large that is; or with 405 or 501.",
    source="RFC 9110 section 9.3.2",
    fix="The proxy never sends HEAD, but what is between does: health checks of load balancers, caches, "
    "monitoring. Answer with the status and headers of GET and no body, as frameworks do by themselves, or refuse "
    "it with 405.",
    level="warning",
    requests=3,
)
async def _head(kit: Kit) -> str:
    address = kit.address
    if not (address.is_direct or address.is_https):
        raise NotTriedError("the answer could be the forward proxy's, not the OMS's")
    await kit.need_accepted()
    call = await _order_call(kit)
    if call.method != "GET":
        raise NotTriedError(f"an order is read by {call.method}")
    read = await kit.read_order()
    try:
        async with asyncio.timeout(kit.oms.timeout(GET_ORDER)):
            ended = await address.head(call)
    except (TimeoutError, UpstreamError) as error:
        why = getattr(error, "reason", "timeout")
        raise BrokenRuleError(f"HEAD had no answer ({why}).", read.exchange) from None
    given = ended.shown(kit.oms.mask)
    if given.status in _NO_HEAD:
        return f"refused, with {given.status}"
    behind = "Something came behind the answer to HEAD: it would be taken for the next answer."
    expect(given.response_body == "", behind, given)
    expect(given.status == read.exchange.status, f"HEAD is answered {given.status}, GET {read.answer}.", given)
    lengths = [headers.get("content-length") for headers in (given.response_headers, read.headers)]
    differ = None not in lengths and lengths[0] != lengths[1]
    expect(not differ, f"Content-Length is {lengths[0]} for HEAD, and {lengths[1]} for GET.", given, read.exchange)
    return ""


async def _order_call(kit: Kit) -> Call:
    """Return the call by which the order is read."""
    ids = {"businessUnitId": kit.data.business_unit, ORDER_ID: kit.data.order}
    request = kit.oms.requests(GET_ORDER, ids)[0]
    headers = {**request.headers, **(await kit.authorization()).headers}
    return Call(request.method, kit.oms.url + request.path, request.path, headers, request.body)


@HTTP.check(
    "parallel",
    rule="Reads at the same time are each answered with their own order.",
    source=_CONTRACT,
    fix="Look for state that requests share (a field of a singleton, a connection, a cache), and for a limit on "
    "parallel requests: a proxy has up to `upstream.maxConnections`.",
    needs=("order.id",),
    requests=lambda bounds: bounds.parallel + 2,
)
async def _parallel(kit: Kit) -> str:
    await kit.need_accepted()
    second = kit.data.other_order or await _nobodys_id(kit)
    codes = {kit.data.order: "", second: "" if kit.data.other_order else NOT_FOUND}
    orders = list(islice(cycle(codes), kit.bounds.parallel))
    readings = await asyncio.gather(*(kit.read_order(order) for order in orders))
    broken = [reading for order, reading in zip(orders, readings, strict=True) if reading.code != codes[order]]
    if broken:
        first = broken[0]
        what = first.problem.detail if first.problem is not None else ""
        raise BrokenRuleError(
            f"{len(broken)} of {len(readings)} were not: {what} ({first.answer})",
            *(reading.exchange for reading in broken),
        )
    what = "two orders" if kit.data.other_order else "one order, and of an id that no order has"
    return f"{len(readings)} at a time, of {what}"


async def _nobodys_id(kit: Kit) -> str:
    """Return an id that can be told from the order's, where there is no second order: its answer is 404."""
    no_other = "there is no second order (--other-order)"
    try:
        unknown = unknown_id(kit)
    except NotTriedError as error:
        raise NotTriedError(f"{no_other}, and {error.reason}") from None
    reading = await kit.read_order(unknown)
    if reading.code != NOT_FOUND:
        raise NotTriedError(f"{no_other}, and an id that no order has is not answered 404")
    return unknown
