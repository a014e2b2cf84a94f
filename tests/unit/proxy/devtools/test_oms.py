"""The mock OMS over real sockets: the documented contract, both ways to authenticate, every fault."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from tenantproxy.credentials.basic import basic_authorization
from tenantproxy.devtools import oms as devtools_oms
from tenantproxy.devtools import store_events
from tenantproxy.devtools.oms import Settings, create_app

ORDER = "/api/v1/business-units/store-1/customer-orders/CO-1001"
SEARCH = "/api/v1/business-units/store-1/customer-orders:search"
TENANT = {"Tenant-Id": "T-acme"}
USER, PASSWORD = "acme", "pässword:with colon"
KNOWN = TENANT | {"Authorization": basic_authorization(USER, PASSWORD)}
CLIENT_ID, CLIENT_SECRET = "globex & sons", "a+b/c:d%ü"
BY_BASIC = {"Authorization": basic_authorization(CLIENT_ID, CLIENT_SECRET, form_encoded=True)}
GRANT = {"grant_type": "client_credentials"}
POSTED = GRANT | {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}

"""Seconds: long enough for a prompt answer meanwhile."""

Client = TestClient[Any, Any]


@pytest.fixture
async def oms() -> AsyncIterator[Client]:
    """Run a mock OMS that knows two users, two tokens, an API key in two headers, and a client."""
    settings = Settings(
        orders=30,
        basic={USER: PASSWORD, "other": "other"},
        clients={CLIENT_ID: CLIENT_SECRET},
        bearer=("fixed", "fixed-2"),
        api_keys={"X-App-Key": "k", "X-App-Token": "t"},
    )
    async with TestClient(TestServer(create_app(settings))) as client:
        yield client


async def _read(oms: Client, token: str | None = None) -> ClientResponse:
    if token is None:
        return await oms.get(ORDER, headers=KNOWN)
    return await oms.get(ORDER, headers=TENANT | {"Authorization": f"Bearer {token}"})


async def _faults(oms: Client, **faults: Any) -> None:
    assert (await oms.put("/_control", json=faults)).status == 200


async def _counts(oms: Client) -> dict[str, Any]:
    counts: dict[str, Any] = (await (await oms.get("/_control")).json())["counts"]
    return counts


async def _token(oms: Client) -> str:
    answer = await oms.post("/oauth2/token", data=POSTED)
    assert answer.status == 200
    return str((await answer.json())["access_token"])


# The contract


async def test_an_order_is_in_its_wrapper(oms: Client) -> None:
    """A GET answers one order, wrapped, in JSON."""
    answer = await _read(oms)
    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert (await answer.json())["customerOrder"]["customerOrderId"] == "CO-1001"


async def test_a_search_finds_a_customers_orders(oms: Client) -> None:
    """A search answers the orders of the customer, an empty list for one without any."""
    found = await oms.post(SEARCH, json={"customerId": "111"}, headers=KNOWN)
    assert [order["customerOrderId"] for order in (await found.json())["customerOrders"]] == [
        "CO-1001",
        "CO-1002",
        "CO-1003",
    ]
    none = await oms.post(SEARCH, json={"customerId": "nobody"}, headers=KNOWN)
    assert await none.json() == {"customerOrders": []}


@pytest.mark.parametrize("body", ["", "nonsense", "[]", '{"customerId": 111}'])
async def test_a_search_needs_a_customer(oms: Client, body: str) -> None:
    """A search that is no object, or whose customer's id is no text, is 400."""
    assert (await oms.post(SEARCH, data=body, headers=KNOWN)).status == 400


async def test_an_unknown_order_is_404_in_json(oms: Client) -> None:
    """An order that isn't there is 404, with a JSON body."""
    answer = await oms.get(f"{ORDER}-unknown", headers=KNOWN)
    assert answer.status == 404
    assert "error" in await answer.json()


async def test_the_tenant_must_be_named(oms: Client) -> None:
    """A request without Tenant-Id is 400, as the contract has the header on every call."""
    assert (await oms.get(ORDER, headers=BY_BASIC)).status == 400


# Who may read


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Basic",
        "Basic !",
        "Basic YWNtZQ==",
        "Bearer",
        "Bearer nonsense",
        "Digest x",
        "Basic b3RoZXI6d3Jvbmc=",
    ],
)
async def test_a_wrong_credential_is_401(oms: Client, authorization: str | None) -> None:
    """No credential, a malformed and a wrong one are 401 with a challenge."""
    headers = TENANT | ({} if authorization is None else {"Authorization": authorization})
    answer = await oms.get(ORDER, headers=headers)
    assert answer.status == 401
    assert "Basic" in answer.headers["WWW-Authenticate"]


async def test_every_known_user_may_read(oms: Client) -> None:
    """Several users are known at once."""
    headers = TENANT | {"Authorization": basic_authorization("other", "other")}
    assert (await oms.get(ORDER, headers=headers)).status == 200


async def test_a_token_may_read_until_it_expires(oms: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is good for its lifetime and then no more."""
    now = 1000.0
    monkeypatch.setattr(devtools_oms, "time", SimpleNamespace(monotonic=lambda: now))
    await _faults(oms, tokenLifetime=60)
    token = await _token(oms)
    now += 59
    assert (await _read(oms, token)).status == 200
    now += 2
    assert (await _read(oms, token)).status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer fixed"}, 200),
        ({"Authorization": "bearer fixed-2"}, 200),
        ({"Authorization": "Bearer other"}, 401),
        ({"x-app-key": "k", "X-APP-TOKEN": "t"}, 200),
        ({"X-App-Key": "k"}, 401),
        ({"X-App-Key": "k", "X-App-Token": "other"}, 401),
        ({}, 401),
    ],
)
async def test_fixed_tokens_and_api_keys(oms: Client, headers: dict[str, str], status: int) -> None:
    """A known token is enough, and so are all headers of the API key."""
    assert (await oms.get(ORDER, headers=TENANT | headers)).status == status
    await _faults(oms, rejectCredentials=True)
    assert (await oms.get(ORDER, headers=TENANT | headers)).status == 401


# The token endpoint (RFC 6749)


async def test_a_client_authenticates_by_post(oms: Client) -> None:
    """client_secret_post gets a bearer token that is not to be cached."""
    answer = await oms.post("/oauth2/token", data=POSTED | {"scope": "orders"})
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    token = await answer.json()
    assert token.pop("access_token")
    assert token == {"token_type": "Bearer", "expires_in": 3600, "scope": "orders"}


async def test_a_client_authenticates_by_basic_form_encoded(oms: Client) -> None:
    """client_secret_basic has both parts form-urlencoded, and only so."""
    assert (await oms.post("/oauth2/token", data=GRANT, headers=BY_BASIC)).status == 200
    plain = {"Authorization": basic_authorization(CLIENT_ID, CLIENT_SECRET)}
    assert (await oms.post("/oauth2/token", data=GRANT, headers=plain)).status == 401


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        (GRANT, 401, "invalid_client"),
        (POSTED | {"client_secret": "wrong"}, 401, "invalid_client"),
        (POSTED | {"client_id": "unknown"}, 401, "invalid_client"),
        (POSTED | {"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({k: v for k, v in POSTED.items() if k != "grant_type"}, 400, "invalid_request"),
        ([*POSTED.items(), ("grant_type", "client_credentials")], 400, "invalid_request"),
    ],
)
async def test_a_bad_token_request_has_the_standards_error(
    oms: Client, form: Any, status: int, error: str
) -> None:
    """Errors are those of RFC 6749 section 5.2, with a challenge on 401."""
    answer = await oms.post("/oauth2/token", data=form)
    assert (answer.status, (await answer.json())["error"]) == (status, error)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


async def test_two_ways_of_authentication_at_once_are_refused(oms: Client) -> None:
    """A client must not authenticate in two ways in one request."""
    answer = await oms.post("/oauth2/token", data=POSTED, headers=BY_BASIC)
    assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


async def test_a_token_request_is_a_form(oms: Client) -> None:
    """JSON is not what RFC 6749 has a client send, and GET is no way to get a token."""
    assert (await oms.post("/oauth2/token", json=POSTED)).status == 400
    assert (await oms.get("/oauth2/token")).status == 405


# Faults


async def test_reads_fail_at_the_asked_rate(oms: Client) -> None:
    """About the asked share of reads fails, with the asked status."""
    await _faults(oms, errorRate=0.5, errorStatus=502)
    statuses = [(await _read(oms)).status for _ in range(60)]
    assert set(statuses) == {200, 502}
    assert 15 < statuses.count(502) < 45


async def test_answers_are_late_by_the_asked_time(oms: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Latency delays reads, token latency tokens, and neither the other."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(devtools_oms, "asyncio", SimpleNamespace(sleep=sleep))
    await _faults(oms, latency=5.0, latencyJitter=0.5)
    await _token(oms)
    await _read(oms)
    assert slept[0] == 0.0
    assert 5.0 <= slept[1] <= 5.5
    slept.clear()
    await _faults(oms, tokenLatency=3.0)
    await _token(oms)
    await _read(oms)
    assert slept == [3.0, 0.0]


async def test_every_credential_can_be_made_wrong(oms: Client) -> None:
    """With rejectCredentials, users, tokens and clients are all refused; healed, all work again."""
    token = await _token(oms)
    await _faults(oms, rejectCredentials=True)
    assert (await _read(oms)).status == 401
    assert (await _read(oms, token)).status == 401
    assert (await oms.post("/oauth2/token", data=POSTED)).status == 401
    await _faults(oms)
    assert (await _read(oms)).status == 200
    assert (await _read(oms, token)).status == 200


@pytest.mark.parametrize(
    ("style", "by_basic", "unencoded", "by_post", "by_json"),
    [
        ("any", 200, 401, 200, 400),
        ("basic", 200, 401, 401, 400),
        ("post", 401, 401, 200, 400),
        ("basic_unencoded", 401, 200, 401, 400),
        ("json", 400, 400, 400, 200),
    ],
)
async def test_one_way_of_client_authentication_can_be_required(
    oms: Client, style: str, by_basic: int, unencoded: int, by_post: int, by_json: int
) -> None:
    """Another way is invalid_client or invalid_request then, as with a real server that knows only one."""
    await _faults(oms, clientAuth=style)
    requests: list[dict[str, Any]] = [
        {"data": GRANT, "headers": BY_BASIC},
        {"data": GRANT, "headers": {"Authorization": basic_authorization(CLIENT_ID, CLIENT_SECRET)}},
        {"data": POSTED},
        {"json": POSTED},
    ]
    statuses = [(await oms.post("/oauth2/token", **request)).status for request in requests]
    assert statuses == [by_basic, unencoded, by_post, by_json]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"client_id": 1}', b"\xff"])
async def test_a_token_request_in_json_is_an_object_of_strings(oms: Client, body: bytes) -> None:
    """Anything else is the standard's invalid_request."""
    await _faults(oms, clientAuth="json")
    answer = await oms.post("/oauth2/token", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


async def test_a_token_may_have_no_stated_lifetime(oms: Client) -> None:
    """Lifetime 0: no expires_in, and the token holds until it is revoked."""
    await _faults(oms, tokenLifetime=0)
    answer = await (await oms.post("/oauth2/token", data=POSTED)).json()
    assert "expires_in" not in answer
    assert (await _read(oms, answer["access_token"])).status == 200
    assert (await oms.delete("/_control/tokens")).status == 204
    assert (await _read(oms, answer["access_token"])).status == 401


async def test_a_new_token_can_end_the_old_one(oms: Client) -> None:
    """With revokeOnIssue a client has one token at a time; without, tokens live side by side."""
    first, second = await _token(oms), await _token(oms)
    assert [(await _read(oms, token)).status for token in (first, second)] == [200, 200]
    await _faults(oms, revokeOnIssue=True)
    third = await _token(oms)
    assert [(await _read(oms, token)).status for token in (first, second, third)] == [401, 401, 200]


async def test_the_token_endpoint_can_fail_alone(oms: Client) -> None:
    """With tokenStatus no token is issued, while reads go on."""
    token = await _token(oms)
    await _faults(oms, tokenStatus=503)
    assert (await oms.post("/oauth2/token", data=POSTED)).status == 503
    assert (await _read(oms, token)).status == 200


@pytest.mark.parametrize("body", ["", "nonsense", '{"nope": 1}', '{"errorRate": 2}', '{"latency": "1"}'])
async def test_a_bad_fault_changes_nothing(oms: Client, body: str) -> None:
    """A fault that is unknown or out of bounds is 400, and those in force stay."""
    await _faults(oms, errorRate=1)
    assert (await oms.put("/_control", data=body)).status == 400
    assert (await _read(oms)).status == 503


# Counts


async def test_everything_is_counted_and_no_value_kept(oms: Client) -> None:
    """The control endpoint shows requests by route and status, tokens, credentials by digest, concurrency."""
    await _faults(oms, latency=0.05)
    await asyncio.gather(*(_read(oms) for _ in range(4)))
    await _token(oms)
    await oms.get("/elsewhere")
    counts = await _counts(oms)
    assert counts["requests"] == {"getOrder": {"200": 4}, "other": {"404": 1}, "token": {"200": 1}}
    assert counts["tokensIssued"] == 1
    assert counts["maxConcurrency"] == 4
    assert [len(digest) for digest in counts["authorizations"]] == [12]


async def test_a_store_event_is_kept_once(oms: Client) -> None:
    """By its key; what came first stays, and how often it came is told."""
    for key, body in (("7", {"orders": [1]}), ("8", {"orders": [2]}), ("7", {"orders": [3]})):
        answer = await oms.post("/api/v1/store-events", json=body, headers=KNOWN | {"Idempotency-Key": key})
        assert answer.status == 204
    assert await (await oms.get("/_control/events")).json() == [
        {"key": "7", "times": 2, "body": {"orders": [1]}},
        {"key": "8", "times": 1, "body": {"orders": [2]}},
    ]
    assert (await _counts(oms))["requests"]["storeEvents"] == {"204": 3}


async def test_numbers_stay_as_they_are(oms: Client) -> None:
    """Digit by digit, as a relay has sent them."""
    headers = KNOWN | {"Idempotency-Key": "7", "Content-Type": "application/json"}
    await oms.post("/api/v1/store-events", data=b'{"amount": 24.90}', headers=headers)
    assert '"amount": 24.90' in await (await oms.get("/_control/events")).text()


async def test_a_store_event_as_xml(oms: Client) -> None:
    """With `format: poslog` the body is text."""
    headers = KNOWN | {"Idempotency-Key": "7", "Content-Type": "application/xml"}
    assert (await oms.post("/api/v1/store-events", data=b"<POSLog/>", headers=headers)).status == 204
    (event,) = await (await oms.get("/_control/events")).json()
    assert event["body"] == "<POSLog/>"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param(KNOWN, b"{}", 400, id="no key"),
        pytest.param(KNOWN | {"Idempotency-Key": "7"}, b"{", 400, id="no JSON"),
        pytest.param(TENANT | {"Idempotency-Key": "7"}, b"{}", 401, id="no credential"),
    ],
)
async def test_a_store_event_that_is_refused(
    oms: Client, headers: dict[str, str], body: bytes, status: int
) -> None:
    """It is not kept."""
    given = headers | {"Content-Type": "application/json"}
    assert (await oms.post("/api/v1/store-events", data=body, headers=given)).status == status
    assert await (await oms.get("/_control/events")).json() == []


async def test_the_oldest_store_events_are_forgotten(oms: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it can run for long."""
    monkeypatch.setattr(store_events, "_KEPT", 2)
    for key in ("1", "2", "3"):
        await oms.post("/api/v1/store-events", json={}, headers=KNOWN | {"Idempotency-Key": key})
    assert [each["key"] for each in await (await oms.get("/_control/events")).json()] == ["2", "3"]
