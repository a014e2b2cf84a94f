"""The OMS's callback URL for PosLogs, called as ExternalEvents calls it with a test event."""

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from tenantproxy.conformance.exchange import Exchange, Mask, recorded
from tenantproxy.credentials.basic import basic_authorization
from tenantproxy.transport.base import UpstreamError, UpstreamResponse
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.egress import Policy
from tenantproxy.transport.tls import ContextSource

ACCEPTED: Final = frozenset({200, 201, 202, 204})
TIMEOUT: Final = 5.0
"""Seconds, of ExternalEvents."""
_MAX_BYTES: Final = 64 * 1024
ANYWHERE: Final = ("0.0.0.0/0", "::/0")


class Webhook(NamedTuple):
    """Where the OMS takes PosLogs; what is empty is not used."""

    url: str
    username: str = ""
    password: str = ""
    shared_key: str = ""


class Webhooks:
    """Sends test events."""

    def __init__(self, webhook: Webhook, tls: ContextSource, mask: Mask) -> None:
        self._webhook = webhook
        self._mask = mask
        for secret in (webhook.password, webhook.shared_key, f"{webhook.username}:{webhook.password}"):
            mask.add(secret)
        # The URL is given by who runs the kit, on a machine of their own.
        self._transport = HttpClient(
            webhook.url,
            max_connections=1,
            max_response_bytes=_MAX_BYTES,
            policy=Policy(allow=ANYWHERE),
            tls=tls,
        )

    @property
    def is_signed(self) -> bool:
        """Whether there is a key to sign with."""
        return bool(self._webhook.shared_key)

    @property
    def is_authorized(self) -> bool:
        """Whether there is anything by which the OMS can know who calls."""
        return self.is_signed or bool(self._webhook.username)

    async def send(self, event_id: str, *, authorized: bool = True, key: str | None = None) -> Exchange:
        """Send a test event; `key` is another one to sign with."""
        body = test_event(event_id)
        headers = {"Content-Type": "application/json", "User-Agent": "Hii-Event-Gun/1.0"}
        if authorized:
            headers |= self._authorization(body, key)
        outcome: UpstreamResponse | str
        start = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT):
                outcome = await self._transport.request("POST", "", headers, body)
        except TimeoutError:
            outcome = "timeout"
        except UpstreamError as error:
            outcome = error.reason
        seconds = time.monotonic() - start
        return recorded("POST", self._webhook.url, headers, body, outcome, seconds, self._mask)

    def _authorization(self, body: bytes, key: str | None) -> Mapping[str, str]:
        headers = {}
        if self._webhook.username:
            headers["Authorization"] = basic_authorization(self._webhook.username, self._webhook.password)
        if shared_key := key or self._webhook.shared_key:
            headers["X-Hii-Signature"] = f"HS256={signature(shared_key, body)}"
        return headers

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()


def test_event(event_id: str) -> bytes:
    """Return a CloudEvent as ExternalEvents sends it to try a webhook."""
    return msgspec.json.encode(
        {
            "id": event_id,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "type": "exe.events.v1",
            "specversion": "1.0",
            "source": "exe-dispatch.retailsvc.com",
            "datacontenttype": "application/json",
            "dataencoding": "base64",
            "data": base64.b64encode(b'{"message": "a test event"}').decode(),
        }
    )


def new_id() -> str:
    """Return an event's id that was not used before."""
    return f"conformance-{secrets.token_hex(8)}"


def signature(key: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of a payload, in lower-case hex."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
