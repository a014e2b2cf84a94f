"""The OMS's callback URL for PosLogs, called once for each event, so that each answer can be shown."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from tenantproxy.config import ConfigError
from tenantproxy.conformance.call import Call, made_within
from tenantproxy.conformance.exchange import Exchange, Mask
from tenantproxy.poslog.sending.authorization import CREDENTIALS, Signed, basic, secrets_of, signature
from tenantproxy.poslog.sending.delivery import TIMEOUT, event_headers
from tenantproxy.poslog.sending.events import Event
from tenantproxy.poslog.sending.events import test_event as webhook_test
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.egress import Policy, UrlError, check_url
from tenantproxy.transport.tls import ContextSource

ANYWHERE: Final = ("0.0.0.0/0", "::/0")
"""Who runs the kit names the URL, on a machine of their own."""
_MAX_BYTES: Final = 64 * 1024


class Webhook(NamedTuple):
    """Where the OMS takes PosLogs; what is empty is not used."""

    url: str
    username: str = ""
    password: str = ""
    shared_key: str = ""
    signed: Signed = "data"


def webhook_of(url: str, signed: Signed, environ: Mapping[str, str]) -> Webhook:
    """Return a callback with its credentials, in the variables that `tenantproxy poslog send` takes.

    Raises:
        ConfigError: The URL can't be called, or a credential can't be sent.

    """
    try:
        check_url(url, Policy(allow=ANYWHERE), allow_insecure=True, allow_query=True, credentials=CREDENTIALS)
    except UrlError as error:
        raise ConfigError(f"--webhook {error}") from None
    try:
        secrets = secrets_of(environ)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return Webhook(url, *secrets, signed)


class Webhooks:
    """Sends test events."""

    def __init__(self, webhook: Webhook, tls: ContextSource, mask: Mask) -> None:
        self._webhook = webhook
        self._mask = mask
        for secret in (webhook.password, webhook.shared_key, f"{webhook.username}:{webhook.password}"):
            mask.add(secret)
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

    async def send(self, event: Event, *, authorized: bool = True, key: str | None = None) -> Exchange:
        """Send an event, once; `key` is another one to sign with."""
        headers = event_headers(str(uuid.uuid4()), self._authorization(event, key) if authorized else {})
        call = Call("POST", self._webhook.url, "", headers, event.body)
        return (await made_within(TIMEOUT, call, self._transport)).shown(self._mask)

    def _authorization(self, event: Event, key: str | None) -> dict[str, str]:
        webhook = self._webhook
        headers = dict(basic(webhook.username, webhook.password)()) if webhook.username else {}
        shared_key = key or webhook.shared_key
        return headers | (dict(signature(event, shared_key, webhook.signed)) if shared_key else {})

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()


def new_event() -> Event:
    """Return a test event with an id that was not used before."""
    return webhook_test(event_id=f"conformance-{uuid.uuid4()}", now=datetime.now(UTC))
