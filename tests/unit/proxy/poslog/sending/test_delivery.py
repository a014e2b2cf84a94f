"""Events are delivered, authorized and retried as ExternalEvents does it, over real sockets."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import aiohttp
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from support.proxy.webhook import webhook
from tenantproxy.poslog.sending import authorization, delivery
from tenantproxy.poslog.sending.delivery import Attempt, Sender, why_of
from tenantproxy.poslog.sending.events import test_event as webhook_test

FASTEST = 30_000.0
EVENT = webhook_test(event_id="7", now=datetime.now(UTC))
BASIC = authorization.basic("hii", "pässword")


async def _deliver(url: str, authorize: authorization.Authorize = BASIC, key: str = "") -> list[Attempt]:
    attempts: list[Attempt] = []
    async with aiohttp.ClientSession() as session:
        sender = Sender(
            session,
            url,
            authorize,
            lambda event: authorization.signature(event, key, "body") if key else {},
            speed=FASTEST,
        )
        is_delivered = await sender.deliver(EVENT, attempts.append)
    assert is_delivered is attempts[-1].is_acknowledged
    return attempts


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_acknowledged(status: int) -> None:
    """One attempt, with the headers that ExternalEvents sends."""
    async with webhook(status) as receiver:
        (attempt,) = await _deliver(receiver.url)
    assert (attempt.number, attempt.outcome, attempt.next_in) == (1, status, None)
    ((headers, body),) = receiver.deliveries
    assert json.loads(body)["id"] == "7"
    assert headers["user-agent"] == "Hii-Event-Gun/1.0"
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == "Basic aGlpOnDDpHNzd29yZA=="
    assert "x-hii-signature" not in headers


@pytest.mark.parametrize("status", [203, 302, 400, 410, 500])
async def test_whatever_else_is_answered_is_a_failure(status: int) -> None:
    """Five more attempts follow, of the same event, with growing pauses; then it is failed."""
    async with webhook(status) as receiver:
        attempts = await _deliver(receiver.url)
    assert [attempt.outcome for attempt in attempts] == [status] * 6
    pauses = [attempt.next_in and attempt.next_in * FASTEST / 60 for attempt in attempts]
    assert pauses == pytest.approx([1, 2, 4, 8, 10, None])
    assert len({each.headers["correlation-id"] for each in receiver.deliveries}) == 1
    assert {each.body for each in receiver.deliveries} == {EVENT.body}


async def test_a_receiver_that_comes_back() -> None:
    """The attempts end with the acknowledgement."""
    async with webhook(500, 503, 202) as receiver:
        assert [attempt.outcome for attempt in await _deliver(receiver.url)] == [500, 503, 202]


async def test_no_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five seconds, here less, are the receiver's time."""
    monkeypatch.setattr(delivery, "TIMEOUT", 0.05)
    async with webhook(0, 202) as receiver:
        attempts = await _deliver(receiver.url)
    assert [str(attempt.outcome)[:9] for attempt in attempts] == ["no answer", "202"]


async def test_nobody_there() -> None:
    """A receiver that can't be reached is one that failed."""
    async with webhook() as receiver:
        url = receiver.url
    assert all(str(attempt.outcome).startswith("no answer: ") for attempt in await _deliver(url))


async def test_signed() -> None:
    """The signature over the body is the one that a receiver computes."""
    async with webhook() as receiver:
        await _deliver(receiver.url, key="k")
    ((headers, body),) = receiver.deliveries
    assert headers["x-hii-signature"] == f"HS256={hmac.new(b'k', body, hashlib.sha256).hexdigest()}"


def test_the_other_reading_of_a_signature() -> None:
    """Over the text in `data`, as the sample code has it."""
    expected = hmac.new(b"k", EVENT.data.encode(), hashlib.sha256).hexdigest()
    assert authorization.signature(EVENT, "k", "data") == {"X-Hii-Signature": f"HS256={expected}"}


def test_a_token_as_google_makes_them() -> None:
    """A receiver that has the key takes it; it is for an hour, and for one audience."""
    key = RSAKey.generate_key(2048, auto_kid=True)
    headers = authorization.id_token(key, "my-webhook", clock=lambda: 1_000.0)()
    token = jwt.decode(headers["Authorization"].removeprefix("Bearer "), key)
    assert token.header["kid"] == key.kid
    assert (token.claims["iss"], token.claims["aud"]) == ("https://accounts.google.com", "my-webhook")
    assert (token.claims["iat"], token.claims["exp"]) == (1_000, 4_600)
    assert token.claims["email_verified"] is True


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"status": 401, "code": "event-unauthorized", "detail": "No user."}', "event-unauthorized: No user."),
        (b'{"title": "Bad Request", "detail": "No."}', "No."),
        (b'{"error": 1}', '{"error": 1}'),
        (b'{"code": 1}', '{"code": 1}'),
        (b"<h1>\x1b[31mno\r\n</h1>\xff", "<h1> [31mno  </h1>\ufffd"),
        (b"x" * 1000, "x" * 300),
        (b"", ""),
    ],
)
def test_why(body: bytes, told: str) -> None:
    """A problem's code and detail, else what there is: on one line, bounded, without what a terminal obeys."""
    assert why_of(body) == told
