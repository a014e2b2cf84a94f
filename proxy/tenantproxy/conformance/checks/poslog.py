"""The subscription to PosLogs, as far as it can be tried: by test events to the OMS's callback URL."""

from typing import Final

from tenantproxy.conformance.check import Group, NotTriedError, expect
from tenantproxy.conformance.exchange import Exchange
from tenantproxy.conformance.kit import Kit
from tenantproxy.conformance.webhooks import Webhooks, new_event
from tenantproxy.poslog.sending.delivery import ACKNOWLEDGED, TIMEOUT

POSLOG: Final = Group("poslog")

_ACKNOWLEDGE: Final = "docs/oms.md#acknowledge-first-process-later"
_SENDER: Final = "docs/oms.md#how-to-verify-the-sender"
_TAKEN: Final = ("poslog.test-event",)
_REFUSED: Final = range(400, 500)


@POSLOG.check(
    "test-event",
    rule="A test event is answered with 200, 201, 202 or 204 within 5 seconds.",
    source=_ACKNOWLEDGE,
    fix="Verify the sender, store the event, answer 202, and process it afterwards. A test event has the type "
    "exe.events.v1, and JSON in data.",
    needs=(),
)
async def _test_event(kit: Kit) -> str:
    exchange = await _webhooks(kit).send(new_event())
    expect(exchange.status in ACKNOWLEDGED, f"The answer was {_answer(exchange)}.", exchange)
    expect(exchange.seconds <= TIMEOUT, f"It took {exchange.seconds:.1f} s.", exchange)
    return f"{exchange.seconds * 1000:.0f} ms"


@POSLOG.check(
    "duplicate",
    rule="An event that comes again is acknowledged again.",
    source=_ACKNOWLEDGE,
    fix="Remember each id; answer 202 to one that you have, and do nothing else. An error would have it sent "
    "five times.",
    needs=_TAKEN,
    requests=2,
)
async def _duplicate(kit: Kit) -> str:
    webhooks, event = _webhooks(kit), new_event()
    await webhooks.send(event)
    exchange = await webhooks.send(event)
    expect(exchange.status in ACKNOWLEDGED, f"The answer was {_answer(exchange)}.", exchange)
    return ""


@POSLOG.check(
    "unauthorized",
    rule="An event without authorization and signature is refused.",
    source=_SENDER,
    fix="Answer 401 before the event is stored: anyone who knows the URL could say that an order was picked up.",
    needs=_TAKEN,
)
async def _unauthorized(kit: Kit) -> str:
    webhooks = _webhooks(kit)
    if not webhooks.is_authorized:
        raise NotTriedError("there is neither POSLOG_USERNAME nor POSLOG_SHARED_KEY")
    _must_be_refused(await webhooks.send(new_event(), authorized=False))
    return ""


@POSLOG.check(
    "signature",
    rule="An event with a wrong signature is refused.",
    source=_SENDER,
    fix="Compare X-Hii-Signature with your own HMAC-SHA256, in constant time.",
    needs=_TAKEN,
)
async def _signature(kit: Kit) -> str:
    webhooks = _webhooks(kit)
    if not webhooks.is_signed:
        raise NotTriedError("there is no POSLOG_SHARED_KEY")
    _must_be_refused(await webhooks.send(new_event(), key="not-the-shared-key"))
    return ""


def _webhooks(kit: Kit) -> Webhooks:
    if kit.webhooks is None:
        raise NotTriedError(
            "there is no callback URL (--webhook); whether your OMS subscribes, only Hii Retail can say"
        )
    return kit.webhooks


def _must_be_refused(exchange: Exchange) -> None:
    expect(exchange.status in _REFUSED, f"The answer was {_answer(exchange)}.", exchange)


def _answer(exchange: Exchange) -> str:
    return f"{exchange.status}" if exchange.status is not None else f"none ({exchange.failure})"
