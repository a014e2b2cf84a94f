"""The mock OMS as an aiohttp application: the documented reads, store events, tokens, a control endpoint."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from math import inf
from random import Random
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from tenantproxy.devtools import orders, quirks
from tenantproxy.devtools.authority import Authority, TokenRefusedError
from tenantproxy.devtools.counts import Counts
from tenantproxy.devtools.faults import Faults, overlaid
from tenantproxy.devtools.store_events import StoreEvents

API_PATH: Final = "/api/v1"
EVENTS_PATH: Final = f"{API_PATH}/store-events"
TOKEN_PATH: Final = "/oauth2/token"
CONTROL_PATH: Final = "/_control"

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_OVERLAP: Final = 0.05
"""Seconds that a read takes which is mixed up with those that come meanwhile."""
_ISSUING: Final = 0.4
"""Seconds that a token takes where there is one at a time."""
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a mock OMS is started with: its orders, who may call it, what it does wrong."""

    orders: int = 300
    seed: int = 1
    basic: Mapping[str, str] = MappingProxyType({})
    clients: Mapping[str, str] = MappingProxyType({})
    bearer: tuple[str, ...] = ()
    api_keys: Mapping[str, str] = MappingProxyType({})
    faults: Faults = Faults()


def create_app(settings: Settings) -> web.Application:
    """Return an application that plays a tenant's OMS."""
    oms = _Oms(settings)
    app = web.Application(middlewares=[oms.counted])
    app.on_response_prepare.append(oms.prepare)
    units = f"{API_PATH}/business-units/{{businessUnitId}}"
    app.router.add_get(f"{units}/customer-orders/{{customerOrderId}}", oms.get_order, name="getOrder")
    app.router.add_post(f"{units}/customer-orders:search", oms.search_orders, name="searchOrders")
    app.router.add_post(EVENTS_PATH, oms.take_event, name="storeEvents")
    app.router.add_post(TOKEN_PATH, oms.issue_token, name="token")
    app.router.add_get(CONTROL_PATH, oms.show_control)
    app.router.add_put(CONTROL_PATH, oms.change_faults)
    app.router.add_get(f"{CONTROL_PATH}/events", oms.show_events)
    app.router.add_delete(f"{CONTROL_PATH}/tokens", oms.revoke_tokens)
    return app


class _Oms:
    def __init__(self, settings: Settings) -> None:
        generated = list(orders.generate(settings.orders, seed=settings.seed))
        self._by_id = {order.order_id: order.document for order in generated}
        self._by_customer: dict[str, list[msgspec.Raw]] = {}
        for order in generated:
            self._by_customer.setdefault(order.customer_id, []).append(order.summary)
        self._authority = Authority(
            basic=settings.basic,
            clients=settings.clients,
            bearer=settings.bearer,
            api_keys=settings.api_keys,
        )
        self._counts = Counts()
        self._events = StoreEvents()
        self._start_faults = self._faults = settings.faults
        self._random = Random(settings.seed)  # noqa: S311 - decides which request fails
        self._reads = 0
        self._first_read: str | None = None
        self._in_flight: list[str] = []
        self._issuing = 0

    @web.middleware
    async def counted(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Count every request but those of the control endpoint."""
        if request.path.startswith(CONTROL_PATH):
            return await handler(request)
        status = None
        self._counts.begin(request.headers.get("Authorization"))
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            self._counts.end(request.match_info.route.name or "other", status)
        return response

    async def prepare(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Change what only shows when an answer is sent."""
        quirks.leave_length_out(self._faults.quirks, response)

    async def get_order(self, request: web.Request) -> web.Response:
        """Answer one order, in its wrapper."""
        given = self._faults.quirks
        asked = request.match_info["customerOrderId"]
        if refusal := await self._refusal(request):
            return refusal
        if quirks.is_hidden(given, request):
            return _error(HTTPStatus.NOT_FOUND, "no such route")
        if (status := quirks.breaks_on(given, asked)) is not None:
            return _error(status, "this id can't be an order's")
        document = self._by_id.get(await self._order_id(asked))
        if document is not None:
            return quirks.answer(given, _json({"customerOrder": quirks.order(given, document)}))
        if "unknown-as-empty" in given:
            return _json({})
        return _error(500 if "unknown-as-500" in given else HTTPStatus.NOT_FOUND, "no such customer order")

    async def _order_id(self, asked: str) -> str:
        """Return which order is looked up: the one that was asked for, or another one by mistake."""
        given = self._faults.quirks
        if "mixes-parallel-reads" in given:
            self._in_flight.append(asked)
            await asyncio.sleep(_OVERLAP)
            last = self._in_flight[-1]
            self._in_flight.remove(asked)
            asked = last
        if asked in self._by_id:
            self._first_read = self._first_read or asked
            asked = self._first_read if "same-order-again" in given else asked
        return quirks.order_id(given, asked, [*self._by_id])

    async def search_orders(self, request: web.Request) -> web.Response:
        """Answer a customer's orders: the three documented fields, and internal ones."""
        given = self._faults.quirks
        if refusal := await self._refusal(request, open_to_all="open-search" in given):
            return refusal
        if "no-search" in given:
            return _error(HTTPStatus.NOT_FOUND, "no such route")
        try:
            criteria = msgspec.json.decode(await request.read(), type=dict[str, Any])
        except msgspec.DecodeError:
            return _error(500 if "malformed-as-500" in given else 400, "the body is not a JSON object")
        # Criteria that this OMS does not know find nothing.
        if not isinstance(customer := criteria.get("customerId", ""), str):
            return _error(HTTPStatus.BAD_REQUEST, "customerId must be a string")
        everyones = [order for orders in self._by_customer.values() for order in orders]
        found = quirks.found(given, self._by_customer.get(customer, []), everyones, criteria)
        if not found and "nothing-as-404" in given:
            return _error(HTTPStatus.NOT_FOUND, "no orders")
        return quirks.answer(given, _json({"customerOrders": found}))

    async def take_event(self, request: web.Request) -> web.Response:
        """Take what a relay of store events delivers."""
        if refusal := await self._refusal(request):
            return refusal
        key = request.headers.get("Idempotency-Key", "")
        try:
            self._events.take(key, request.content_type, await request.read())
        except ValueError as error:
            return _error(HTTPStatus.BAD_REQUEST, str(error))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def issue_token(self, request: web.Request) -> web.Response:
        """Play the token endpoint of RFC 6749."""
        faults = self._faults
        self._issuing += 1
        try:
            return await self._token_answer(request, faults, is_alone=self._issuing == 1)
        finally:
            self._issuing -= 1

    async def _token_answer(self, request: web.Request, faults: Faults, *, is_alone: bool) -> web.Response:
        if "one-token-at-a-time" in faults.quirks:
            await asyncio.sleep(_ISSUING)
            if not is_alone:
                return _json({"error": "slow_down"}, status=HTTPStatus.TOO_MANY_REQUESTS)
        await asyncio.sleep(faults.token_latency)
        if faults.token_status is not None:
            return _json({"error": "temporarily_unavailable"}, status=faults.token_status)
        try:
            answer = self._authority.issue(
                authorization=request.headers.get("Authorization"),
                form=await (_json_members(request) if faults.client_auth == "json" else _form(request)),
                faults=faults,
                now=time.monotonic(),
            )
        except TokenRefusedError as error:
            body, kind = quirks.token_error(faults.quirks, error.body)
            response = web.Response(body=body, status=error.status, content_type=kind)
            if error.status == HTTPStatus.UNAUTHORIZED:
                response.headers["WWW-Authenticate"] = 'Basic realm="mock OMS"'
        else:
            self._counts.tokens_issued += 1
            response = _json(quirks.token(faults.quirks, answer))
        if "cacheable-tokens" not in faults.quirks:
            response.headers["Cache-Control"] = "no-store"
        return response

    async def show_control(self, _request: web.Request) -> web.Response:
        """Answer the faults in force and the counts."""
        return _json({"faults": self._faults, "counts": self._counts.snapshot()})

    async def show_events(self, _request: web.Request) -> web.Response:
        """Answer the store events that came, each once."""
        return _json(self._events.snapshot())

    async def change_faults(self, request: web.Request) -> web.Response:
        """Set the faults in the body; those that are not in it are again as at the start."""
        try:
            self._faults = overlaid(self._start_faults, await request.read())
        except msgspec.DecodeError as error:
            return _error(HTTPStatus.BAD_REQUEST, str(error))
        return await self.show_control(request)

    async def revoke_tokens(self, _request: web.Request) -> web.Response:
        """Make every token that is out useless."""
        self._authority.revoke_all()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _refusal(self, request: web.Request, *, open_to_all: bool = False) -> web.Response | None:
        faults = self._faults
        self._reads += 1
        if "hangs-up" in faults.quirks and request.transport is not None:
            request.transport.abort()
        await asyncio.sleep(faults.latency + self._random.uniform(0, faults.latency_jitter))
        is_exhausted = faults.fails_after is not None and self._reads > faults.fails_after
        if is_exhausted or self._random.random() < faults.error_rate:
            return _error(faults.error_status, "out of order, as you wished")
        if "Tenant-Id" not in request.headers and "refuses-tenant-id" not in faults.quirks:
            return _error(HTTPStatus.BAD_REQUEST, "the header Tenant-Id is missing")
        if why := quirks.refused_headers(faults.quirks, request):
            return _error(HTTPStatus.BAD_REQUEST, why)
        is_refused = not open_to_all and not self._is_accepted(request)
        return quirks.unauthorized(faults.quirks) if is_refused else quirks.redirect(faults.quirks, request)

    def _is_accepted(self, request: web.Request) -> bool:
        faults = self._faults
        if "accepts-anyone" in faults.quirks:
            return True
        if "accepts-any-secret" in faults.quirks and "Authorization" in request.headers:
            return True
        now = -inf if "accepts-expired-tokens" in faults.quirks else time.monotonic()
        return not faults.reject_credentials and self._authority.accepts(request.headers, now=now)


async def _form(request: web.Request) -> list[tuple[str, str]]:
    if request.content_type != _FORM:
        raise TokenRefusedError("invalid_request", f"the Content-Type is not {_FORM}")
    return parse_qsl(await request.text(), keep_blank_values=True)


async def _json_members(request: web.Request) -> list[tuple[str, str]]:
    if request.content_type != _JSON:
        raise TokenRefusedError("invalid_request", f"the Content-Type is not {_JSON}")
    try:
        return list(msgspec.json.decode(await request.read(), type=dict[str, str]).items())
    except msgspec.DecodeError:
        raise TokenRefusedError("invalid_request", "the body is not a JSON object of strings") from None


def _json(content: object, *, status: int = HTTPStatus.OK) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), status=status, content_type=_JSON)


def _error(status: int, message: str) -> web.Response:
    return _json({"error": message}, status=status)
