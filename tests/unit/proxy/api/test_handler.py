"""The API port over real sockets: the main job, and the decision table with an OMS that must receive nothing."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from support.proxy import tokens
from support.proxy.oms import RawServer
from support.proxy.running import BASIC, GET_PATH, SEARCH_PATH, RunningProxy, proxy_config, running_proxy
from tenantproxy import __version__, config

HOST = b"Host: proxy\r\n"


@pytest.fixture
async def proxy(oms: RawServer, tmp_path: Path) -> AsyncIterator[RunningProxy]:
    """Run a proxy whose readers an edge has authenticated."""
    async with running_proxy(proxy_config(f"{oms.url}/base"), tmp_path, BASIC) as running:
        yield running


@pytest.fixture
async def guarded(oms: RawServer, tmp_path: Path) -> AsyncIterator[RunningProxy]:
    """Run a proxy that asks everybody for a token."""
    config = proxy_config(f"{oms.url}/base", access=tokens.access(tmp_path))
    async with running_proxy(config, tmp_path, BASIC) as running:
        yield running


async def test_an_order_is_read(proxy: RunningProxy, oms: RawServer) -> None:
    """A GET brings the OMS's order in the documented shape."""
    answer = await proxy.get()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json["customerOrder"]["customerOrderId"] == "CO-1"
    assert oms.received[0].target == "/base/business-units/BU-1/customer-orders/CO-1"


async def test_orders_are_searched(proxy: RunningProxy, oms: RawServer) -> None:
    """A search passes its criteria on and lists what the OMS found."""
    answer = await proxy.search({"customerId": "C-1"})
    assert answer.status == 200
    assert [order["customerOrderId"] for order in answer.json["customerOrders"]] == ["CO-1"]
    assert oms.received[0].target == "/base/business-units/BU-1/customer-orders:search"
    assert json.loads(oms.received[0].body) == {"customerId": "C-1"}


async def test_a_criterion_is_in_the_orders_that_were_found(oms: RawServer, tmp_path: Path) -> None:
    """As it was looked for, where the platform team says that the OMS does not repeat it."""
    fields = {"customerId": {"criterion": "customerId"}}
    mapping = msgspec.convert({"searchOrders": {"fields": fields}}, config.Mapping)
    configuration = msgspec.structs.replace(proxy_config(f"{oms.url}/base"), mapping=mapping)
    async with running_proxy(configuration, tmp_path, BASIC) as proxy:
        for customer in ("C-1", "C-2"):
            answer = await proxy.search({"customerId": customer})
            assert [order["customerId"] for order in answer.json["customerOrders"]] == [customer]


async def test_a_criterion_that_does_not_exist_is_refused(proxy: RunningProxy, oms: RawServer) -> None:
    """Nothing that a caller searches by is dropped or passed on unlooked at."""
    answer = await proxy.search({"customerId": "C-1", "email": "a@b.example"})
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/email"]
    assert not oms.received


async def test_only_our_headers_go_out(proxy: RunningProxy, oms: RawServer) -> None:
    """The OMS gets a fresh set of headers; the client's own, its token too, stay here."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    sent = {
        "Authorization": "Bearer MARKED",
        "Cookie": "MARKED",
        "X-Forwarded-For": "MARKED",
        "Correlation-Id": "c-1",
        "traceparent": trace,
        "tracestate": "MARKED",
        "User-Agent": "MARKED",
    }
    answer = await proxy.get(headers=sent)
    assert answer.headers["Correlation-Id"] == "c-1"
    received = oms.received[0].headers
    assert received.pop("user-agent").startswith("TenantProxy/")
    assert received.pop("host") == f"127.0.0.1:{oms.port}"
    assert received == {
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": "Basic dXNlcjpyaWdodA==",
        "correlation-id": "c-1",
        "tenant-id": "T-acme",
        "traceparent": trace,
    }


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, 'a"b', "ä"])
async def test_bad_correlation_ids_are_replaced(proxy: RunningProxy, oms: RawServer, given: str) -> None:
    """A correlation id that could do harm in a log or header is replaced by one of ours."""
    answer = await proxy.get(headers={"Correlation-Id": given, "traceparent": given})
    assert answer.headers["Correlation-Id"] == oms.received[0].headers["correlation-id"] != given
    assert "traceparent" not in oms.received[0].headers


async def test_answers_say_nothing_of_the_server(proxy: RunningProxy) -> None:
    """No `Server` header, no caching of an order."""
    for answer in (await proxy.get(), await proxy.get("/nowhere")):
        assert "Server" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Date" in answer.headers


@pytest.mark.parametrize("path", ["customer-orders%3Asearch", "customer-orders%3asearch"])
async def test_encoded_colon_is_a_colon(proxy: RunningProxy, path: str) -> None:
    """`:` and `%3A` are the same in the search's path."""
    raw = f"POST /api/v1/business-units/BU-1/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    raw += 'Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{"customerId":"1"}'
    assert (await proxy.raw(raw.encode())).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("order", ["CO%2D1", "%43O-1", "a~b.c_d-e", "a:b", "a%3Ab"])
async def test_ids_reach_the_oms_decoded_and_safe(proxy: RunningProxy, oms: RawServer, order: str) -> None:
    """However an id is spelled, the OMS gets it in one spelling."""
    raw = (
        f"GET /api/v1/business-units/BU-1/customer-orders/{order} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert (await proxy.raw(raw.encode())).startswith(b"HTTP/1.1 200 ")
    plain = order.replace("%2D", "-").replace("%43", "C").replace("%3A", ":")
    assert oms.received[0].target == f"/base/business-units/BU-1/customer-orders/{plain}"


async def test_query_is_not_forwarded(proxy: RunningProxy, oms: RawServer) -> None:
    """A query string is ignored."""
    assert (await proxy.get(GET_PATH + "?expand=all&x=%0a")).status == 200
    assert "?" not in oms.received[0].target


# ---- the decision table: (what is sent, status, code); the OMS receives nothing

UNIT = b"/api/v1/business-units/BU-1"
ORDER = UNIT + b"/customer-orders/CO-1"
SEARCH = UNIT + b"/customer-orders:search"
JSON_TYPE = b"Content-Type: application/json\r\n"


def _request(method: bytes, target: bytes, headers: bytes = HOST, body: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return b"%s %s HTTP/1.1\r\n%s%s\r\n%s" % (method, target, headers, length, body)


METHOD_NOT_ALLOWED = [
    *(_request(method, ORDER) for method in (b"HEAD", b"OPTIONS", b"TRACE", b"POST", b"PUT", b"PATCH", b"DELETE")),
    *(_request(method, SEARCH) for method in (b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE")),
    *(_request(method, b"/api/v1/proxy-config") for method in (b"GET", b"DELETE", b"POST", b"HEAD", b"PATCH")),
    _request(b"get", ORDER),
    _request(b"Get", ORDER),
    _request(b"BREW", ORDER),
    _request(b"PROPFIND", ORDER),
    _request(b"CONNECT", b"example.com:443"),
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    _request(b"OPTIONS", b"*"),
    *(
        _request(b"GET", target)
        for target in (
            b"/",
            b"/metrics",
            b"/healthz",
            b"/readyz",
            b"/api/v1",
            b"/api/v2/business-units/BU-1/customer-orders/CO-1",
            b"/API/v1/business-units/BU-1/customer-orders/CO-1",
            b"/" + ORDER,
            ORDER + b"/",
            ORDER + b"/items",
            UNIT + b"/customer-orders",
            UNIT + b"/customer-orders/",
            UNIT + b"//customer-orders/CO-1",
            b"/api/v1/business-units//customer-orders/CO-1",
            b"/api/v1/./business-units/BU-1/customer-orders/CO-1",
            b"/api/v1/x/../business-units/BU-1/customer-orders/CO-1",
            b"/api/v1/business-units/BU-1/customer%2Dorders/CO-1",
            b"/api%2Fv1/business-units/BU-1/customer-orders/CO-1",
            b"/api/v1/business-units/BU-1/customer-orders%2FCO-1",
            b"/api/v1/business-units/BU-1/../../admin/customer-orders/CO-1",
            b"/proxy-config",
            b"/api/v1/proxy-config/",
        )
    ),
    _request(b"POST", UNIT + b"/customer-orders"),
    _request(b"POST", UNIT + b"/customer-orders%253Asearch"),
    _request(b"POST", UNIT + b"/customer-orders:searc"),
    _request(b"POST", UNIT + b"/customer-orders:search/"),
]
INVALID_ID = [
    _request(b"GET", UNIT + b"/customer-orders/" + order)
    for order in (
        b"..",
        b".",
        b"%2e%2e",
        b"..%2F..%2Fadmin",
        b"..%5C..%5Cadmin",
        b"%2F",
        b"a%2Fb",
        b"a%00",
        b"a%0d%0aX:%20y",
        b"a%3Fb",
        b"a%23b",
        b"a%",
        b"a%zz",
        b"a%2",
        b"%252e%252e",
        b"%c0%ae%c0%ae",
        b"%C3%A4",
        b"a;b=c",
        b"a@b",
        b"a+b",
        b"a%20b",
        b"-a",
        b"~a",
        b"a" * 129,
    )
] + [_request(b"GET", b"/api/v1/business-units/..%2f..%2fadmin/customer-orders/CO-1")]
MALFORMED = [
    _request(b"GET", ORDER, b""),
    _request(b"GET", ORDER, HOST + HOST),
    _request(b"GET", ORDER, b"Host:\r\n"),
    _request(b"GET", ORDER, b"Host: a b\r\n"),
    _request(b"GET", ORDER, b"Host: user@a/b\r\n"),
    _request(b"POST", SEARCH, HOST + JSON_TYPE + b"Transfer-Encoding: gzip, chunked\r\n"),
    _request(b"POST", SEARCH, HOST + JSON_TYPE + b"Transfer-Encoding: chunked\r\n").replace(b"1.1", b"1.0", 1),
    _request(b"GET", ORDER, HOST + b"Host: other\r\n"),
    _request(b"GET", ORDER, HOST + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"),
    _request(b"GET", ORDER, HOST + b"Tenant-Id: T-acme\r\nTenant-Id: T-other\r\n"),
    _request(b"GET", b"http://127.0.0.1" + ORDER),
    _request(b"GET", b"https://oms.example/x"),
    _request(b"GET", b"example.com:443"),
    _request(b"GET", ORDER + b"\x00"),
    _request(b"GET", ORDER + b" x"),
    _request(b"GET", ORDER, HOST + b"X: a\r\n b\r\n"),
    _request(b"GET", ORDER, HOST + b"X : a\r\n"),
    _request(b"GET", ORDER, HOST + b"X: a\x00b\r\n"),
    _request(b"GET", ORDER, HOST + b"no colon\r\n"),
    _request(b"GET", ORDER, HOST + b"Content-Length: x\r\n"),
    _request(b"GET", ORDER, HOST + b"Content-Length: -1\r\n"),
    b"GET " + ORDER + b" HTTP/9.9\r\n" + HOST + b"\r\n",
    b"GET " + ORDER + b" HTTQ/1.1\r\n" + HOST + b"\r\n",
    b"GET " + ORDER + b" HTTP/1.1\n" + b"Host: proxy\n\n",
    b"GET " + ORDER + b" HTTP/1.1\r\nHost: proxy\nX: y\r\n\r\n",
    b"GET " + ORDER + b"\r\n\r\n",
]
BODIES = [
    (_request(b"POST", SEARCH, HOST + JSON_TYPE, b"{}" + b" " * 65536), 413, "payload-too-large"),
    (_request(b"POST", SEARCH, HOST, b"{}"), 415, "unsupported-media-type"),
    (_request(b"POST", SEARCH, HOST + b"Content-Type: text/json\r\n", b"{}"), 415, "unsupported-media-type"),
    (
        _request(b"POST", SEARCH, HOST + b"Content-Type: application/jsonp\r\n", b"{}"),
        415,
        "unsupported-media-type",
    ),
    (
        _request(b"POST", SEARCH, HOST + JSON_TYPE + b"Content-Encoding: gzip\r\n", b"{}"),
        415,
        "unsupported-media-type",
    ),
    (
        _request(b"POST", SEARCH, HOST + b'Content-Type: application/json; charset="utf-16"\r\n', b"{}"),
        415,
        "unsupported-media-type",
    ),
    (_request(b"POST", SEARCH, HOST + JSON_TYPE), 400, "malformed-json"),
    (_request(b"POST", SEARCH, HOST + JSON_TYPE, b"{"), 400, "malformed-json"),
    (_request(b"POST", SEARCH, HOST + JSON_TYPE, b'{"a":NaN}'), 400, "malformed-json"),
    (_request(b"POST", SEARCH, HOST + JSON_TYPE, b"[" * 60000), 400, "malformed-json"),
    (_request(b"POST", SEARCH, HOST + JSON_TYPE, b'"\xff"'), 400, "malformed-json"),
    (_request(b"POST", SEARCH, HOST + JSON_TYPE, b"[]"), 400, "invalid-request"),
    (_request(b"POST", SEARCH, HOST + JSON_TYPE, b"null"), 400, "invalid-request"),
    (_request(b"POST", SEARCH, HOST + JSON_TYPE, b'{"customerId":1}'), 400, "invalid-request"),
]
TOO_LONG = [
    (_request(b"GET", ORDER + b"?" + b"x" * 9000), 414, "target-too-long"),
    (
        _request(b"GET", ORDER, HOST + b"Authorization: Bearer MARKED" + b"x" * 9000 + b"\r\n"),
        431,
        "headers-too-large",
    ),
    (_request(b"GET", ORDER, HOST + b"X" * 9000 + b": MARKED\r\n"), 431, "headers-too-large"),
    (
        _request(b"GET", ORDER, HOST + b"".join(b"X-%d: MARKED\r\n" % n for n in range(200))),
        431,
        "headers-too-large",
    ),
]
TABLE = (
    [(raw, 405, "method-not-allowed") for raw in METHOD_NOT_ALLOWED]
    + [(raw, 400, "invalid-id") for raw in INVALID_ID]
    + [(raw, 400, "malformed-request") for raw in MALFORMED]
    + BODIES
    + TOO_LONG
)


def _name(value: object) -> str:
    return value[:60].decode("latin-1") if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize(("raw", "status", "code"), TABLE, ids=_name)
async def test_decision_table(
    proxy: RunningProxy, oms: RawServer, caplog: pytest.LogCaptureFixture, raw: bytes, status: int, code: str
) -> None:
    """Whatever is not one of the two reads is refused in our own words, and the OMS never hears of it."""
    caplog.set_level("DEBUG")
    answer = await proxy.raw(raw.replace(b"\r\nHost:", b"\r\nConnection: close\r\nHost:", 1))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"Content-Type: application/problem+json" in head
    assert b"Server:" not in head
    if not raw.startswith(b"HEAD"):
        problem = json.loads(body)
        assert (problem["code"], problem["status"]) == (code, status)
        assert problem.keys() >= {"type", "title", "detail", "correlationId"}
    if status == 405:
        assert b"\r\nAllow: " in head
    assert b"MARKED" not in answer
    assert "MARKED" not in caplog.text
    assert oms.received == []


@pytest.mark.parametrize(
    ("path", "method", "allow"),
    [
        (GET_PATH, "DELETE", "GET"),
        (SEARCH_PATH, "GET", "POST"),
        ("/api/v1/proxy-config", "GET", "PUT"),
        ("/x", "GET", ""),
    ],
)
async def test_405_says_what_is_allowed(guarded: RunningProxy, path: str, method: str, allow: str) -> None:
    """A known path names its method, an unknown one none; nobody needs a token to learn that."""
    answer = await guarded.request(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allow)


# ---- who may call


async def test_reads_need_a_token_of_the_tenant(guarded: RunningProxy, oms: RawServer) -> None:
    """Machine clients and users of the tenant read; without a token 401, with another tenant's 403."""
    for token in (tokens.machine_token(), tokens.user_token()):
        assert (await guarded.get(headers=tokens.bearer(token))).status == 200
        assert (await guarded.search(headers=tokens.bearer(token))).status == 200
    asked = len(oms.received)
    missing = await guarded.get()
    assert (missing.status, missing.code) == (401, "unauthenticated")
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="customer-orders"'
    bad = await guarded.get(headers=tokens.bearer("MARKED"))
    assert bad.status == 401
    assert 'error="invalid_token"' in bad.headers["WWW-Authenticate"]
    assert b"MARKED" not in bad.body
    for token in (tokens.machine_token("T-other"), tokens.user_token("T-other")):
        other = await guarded.get(headers=tokens.bearer(token))
        assert (other.status, other.code) == (403, "wrong-tenant")
    assert len(oms.received) == asked


async def test_tenant_id_header_must_be_ours(proxy: RunningProxy, guarded: RunningProxy, oms: RawServer) -> None:
    """A request that names another tenant is refused, whatever its token."""
    assert (await proxy.get(headers={"Tenant-Id": "T-acme"})).status == 200
    asked = len(oms.received)
    assert (await proxy.get(headers={"Tenant-Id": "T-other"})).code == "wrong-tenant"
    headers = tokens.bearer(tokens.machine_token()) | {"Tenant-Id": "T-other"}
    assert (await guarded.get(headers=headers)).code == "wrong-tenant"
    assert len(oms.received) == asked


async def test_token_comes_before_the_id(guarded: RunningProxy) -> None:
    """Who has no token learns nothing about ids and bodies."""
    assert (await guarded.get("/api/v1/business-units/BU-1/customer-orders/-")).status == 401
    assert (await guarded.request("POST", SEARCH_PATH, data=b"x")).status == 401


# ---- the admin port


async def test_admin_port(proxy: RunningProxy) -> None:
    """Probes and metrics are on the admin port only."""
    assert (await proxy.admin("/healthz")).status == 200
    assert (await proxy.admin("/readyz")).status == 200
    assert (await proxy.admin("/api/v1/proxy-config")).status == 404
    await proxy.get()
    await proxy.get("/nowhere")
    assert await proxy.metric('tenantproxy_requests_total{code="200",route="getOrder"}') == 1
    assert await proxy.metric('tenantproxy_requests_total{code="405",route="other"}') == 1
    assert await proxy.metric('tenantproxy_rejected_requests_total{reason="method-not-allowed"}') == 1
    assert await proxy.metric("tenantproxy_credentials_accepted") == 1
    assert await proxy.metric(f'tenantproxy_build_info{{tenant_id="T-acme",version="{__version__}"}}') == 1
    assert await proxy.metric("tenantproxy_requests_in_flight") == 0


async def test_without_credentials_it_is_ready_and_says_so(oms: RawServer, tmp_path: Path) -> None:
    """A tenant sets its credential days later; until then reads say what is missing."""
    async with running_proxy(proxy_config(oms.url), tmp_path) as proxy:
        assert (await proxy.admin("/readyz")).status == 200
        answer = await proxy.get()
        assert (answer.status, answer.code) == (503, "credentials-not-configured")
        assert oms.received == []


async def test_unusable_credentials_are_named(oms: RawServer, tmp_path: Path) -> None:
    """A Secret that can't be used is a problem of its own, naming the key and not the value."""
    async with running_proxy(proxy_config(oms.url), tmp_path, {"username": "MARKED"}) as proxy:
        answer = await proxy.get()
        assert (answer.status, answer.code) == (503, "credentials-invalid")
        assert "`password`" in answer.json["detail"]
        assert b"MARKED" not in answer.body
