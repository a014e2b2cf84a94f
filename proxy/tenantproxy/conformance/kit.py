"""What the checks have: the tenant's test data, what may be asked of the OMS, and the ways to ask it."""

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, Self

import msgspec

from tenantproxy.config import ProxyConfig
from tenantproxy.conformance.connection import OmsAddress
from tenantproxy.conformance.exchange import Mask
from tenantproxy.conformance.oms import Oms, Reading
from tenantproxy.conformance.samples import Samples
from tenantproxy.conformance.tokens import TokenAnswer, Tokens
from tenantproxy.conformance.webhooks import Webhook, Webhooks
from tenantproxy.credentials.authorizer import Authorization
from tenantproxy.credentials.base import Credential, StaticCredential
from tenantproxy.credentials.formats import from_secret, to_secret
from tenantproxy.credentials.oauth2.credential import OAuth2
from tenantproxy.metrics import Metrics
from tenantproxy.oms.clients import ClientFactory
from tenantproxy.oms.outcomes import REJECTED
from tenantproxy.oms.requests.criteria import CUSTOMER_ID
from tenantproxy.operations import GET_ORDER, ORDER_ID, SEARCH_ORDERS
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.problems import Problem
from tenantproxy.transport.forward_proxy import forward_proxy
from tenantproxy.transport.tls import TlsFiles

NO_AUTHORIZATION: Final = Authorization({})
_SHOWN: Final = frozenset(
    {
        "audience",
        "authUrl",
        "clientAuth",
        "clientId",
        "headerName",
        "scope",
        "secondHeaderName",
        "tokenHeader",
        "type",
    }
)
"""Keys of a credential that are no secret, as far as they are known."""
_SECRET_KEYS: Final = {"basic": "password", "bearer": "bearerToken", "apiKey": "headerValue"}
"""Which key of a credential is changed to make it wrong."""
_WAS_REJECTED: Final = "the given credential was rejected"


class Bounds(NamedTuple):
    """How much may be asked of the OMS."""

    requests: int = 20
    """For latencies."""
    rate: float = 5.0
    """Of these, per second."""
    parallel: int = 8
    p95: float = 1.0
    """Seconds that nineteen of twenty reads may take before there is a warning."""
    longest_token: float = 15.0
    """Seconds for which it is waited that a token expires."""
    wrong_logins: bool = True


class NoTokenError(Exception):
    """There is no token to read with."""


class NotAcceptedError(Exception):
    """The OMS has not accepted the given credential, and why nothing more is asked with it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Kit:
    """One tenant's OMS, to be checked with one credential."""

    def __init__(
        self,
        config: ProxyConfig,
        mapping: CompiledMapping,
        credential: Credential,
        data: Samples,
        *,
        bounds: Bounds,
        tls: TlsFiles,
        forward_proxy_credentials: Path,
        webhook: Webhook | None = None,
    ) -> None:
        self.config = config
        self.credential = credential
        self.data = data
        self.bounds = bounds
        self.mask = Mask(_secrets(to_secret(credential)), credential.header_names.values())
        way_out = forward_proxy(config, tls, forward_proxy_credentials)
        clients = ClientFactory(config, tls, way_out)
        self.oms = Oms(config, mapping, clients, self.mask, Metrics(config.tenant))
        self.tokens = Tokens(credential, clients, self.mask) if isinstance(credential, OAuth2) else None
        self.webhooks = None if webhook is None else Webhooks(webhook, tls.token_endpoint, self.mask)
        self.address = OmsAddress(config, tls.oms, way_out)
        self.rejection: Reading | None = None
        """The answer by which the OMS rejected the given credential: the last that was asked for with it.

        Order systems lock an account after some wrong logins.
        """
        self.is_accepted = False
        """Whether the OMS has accepted the given credential in this run."""
        self._steady: asyncio.Task[list[Reading]] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._steady is not None:
            self._steady.cancel()
            await asyncio.gather(self._steady, return_exceptions=True)
        await self.oms.close()
        if self.webhooks is not None:
            await self.webhooks.close()
        if self.tokens is not None:
            await self.tokens.close()

    async def authorization(self) -> Authorization:
        """Return what authorizes a read.

        Raises:
            NoTokenError: There is no token.
            NotAcceptedError: The given credential was rejected in this run.

        """
        if self.rejection is not None:
            raise NotAcceptedError(_WAS_REJECTED)
        if self.tokens is None:
            return _unchanging(self.credential)
        token = await self.tokens.current()
        if isinstance(token, TokenAnswer):
            raise NoTokenError
        return self.tokens.authorization(token.value)

    async def need_accepted(self) -> None:
        """Go on only if the OMS has accepted the given credential in this run, by a read of its own if need be.

        Whatever is asked in parallel, at a rate or with a wrong credential comes after that.

        Raises:
            NoTokenError: There is no token.
            NotAcceptedError: It has not.

        """
        if self.is_accepted and self.rejection is None:
            return
        reading = await self.read_order()
        if not self.is_accepted:
            raise NotAcceptedError(f"the given credential was not accepted: there was {reading.answer}")

    async def wrong_authorization(self) -> Authorization:
        """Return one that the OMS must reject: of the same account, where the credential names one.

        Raises:
            NoTokenError: There is no token.
            NotAcceptedError: The given credential has not been accepted.

        """
        await self.need_accepted()
        wrong = f"wrong-{secrets.token_urlsafe(12)}"
        self.mask.add(wrong)
        if self.tokens is not None:
            return self.tokens.authorization(wrong)
        keys = to_secret(self.credential)
        secret = _SECRET_KEYS[self.credential.type]
        # An empty password: the user's name is the secret.
        changed = from_secret(keys | {secret if keys[secret] else "username": wrong})
        assert changed is not None  # noqa: S101 - it has the keys of a credential
        return _unchanging(changed)

    async def read_order(
        self,
        order_id: str | None = None,
        *,
        authorization: Authorization | None = None,
        headers: Mapping[str, str | None] = MappingProxyType({}),
    ) -> Reading:
        """Read an order, by default the tenant's, with the right credential.

        Raises:
            NoTokenError: There is no token.
            NotAcceptedError: The given credential was rejected.
            Problem: A proxy would not ask for such an order.

        """
        order_id = self.data.order if order_id is None else order_id
        rule = self.oms.plans[GET_ORDER.name].order_ids
        if not rule.holds(order_id):
            raise Problem("invalid-id", f"`{ORDER_ID}` {rule.detail}.")
        ids = {"businessUnitId": self.data.business_unit, ORDER_ID: order_id}
        if authorization is not None:
            return await self.oms.read(GET_ORDER, ids, authorization, headers=headers)
        return self._noted(await self.oms.read(GET_ORDER, ids, await self.authorization(), headers=headers))

    async def search(
        self,
        customer: str | None = None,
        *,
        authorization: Authorization | None = None,
        body: bytes | None = None,
    ) -> Reading:
        """Search, by default for the tenant's customer, with the right credential; `body` is sent as it is.

        Raises:
            NoTokenError: There is no token.
            NotAcceptedError: The given credential was rejected.
            Problem: A proxy would not send such a search.

        """
        plan = self.oms.plans[SEARCH_ORDERS.name]
        given = {CUSTOMER_ID: self.data.customer if customer is None else customer, **self.data.criteria}
        sent = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in given.items()}
        criteria = given if plan.criteria is None else plan.criteria.check(sent)
        ids = {"businessUnitId": self.data.business_unit}
        if authorization is not None:
            return await self.oms.read(SEARCH_ORDERS, ids, authorization, criteria=criteria, body=body)
        given_authorization = await self.authorization()
        return self._noted(
            await self.oms.read(SEARCH_ORDERS, ids, given_authorization, criteria=criteria, body=body)
        )

    def _noted(self, reading: Reading) -> Reading:
        """Take note of what an answer says of the given credential.

        Once it was accepted, a 403 is about an order; and a 401 is for the check to tell, but the last one.
        """
        was_accepted = self.is_accepted
        self.is_accepted = was_accepted or reading.accepts
        if reading.code == REJECTED or (reading.rejects and not was_accepted):
            self.rejection = self.rejection or reading
            if not was_accepted:
                raise NotAcceptedError(_WAS_REJECTED)
        return reading

    async def steady_readings(self) -> list[Reading]:
        """Return reads that were made at a steady rate: once, though several checks are about them.

        Raises:
            NoTokenError: There is no token.
            NotAcceptedError: The given credential has not been accepted.

        """
        await self.need_accepted()
        if self._steady is None:
            self._steady = asyncio.create_task(self._read_steadily(), name="steady reads")
        return await asyncio.shield(self._steady)

    async def _read_steadily(self) -> list[Reading]:
        await self.authorization()  # no fetch of a token is part of a latency

        async def one() -> Reading | None:
            try:
                return (await self.read_order())._replace(response=None, body=b"")  # there may be hundreds
            except NotAcceptedError:
                return None  # rejected by now: another one tells it

        loop = asyncio.get_running_loop()
        begin = loop.time()
        async with asyncio.TaskGroup() as group:
            tasks = []
            for index in range(self.bounds.requests):
                await asyncio.sleep(begin + index / self.bounds.rate - loop.time())
                tasks.append(group.create_task(one()))
        return [reading for task in tasks if (reading := task.result()) is not None]


def _secrets(keys: Mapping[str, str]) -> list[str]:
    """Return what must not be shown of a credential; a user name without a password is the secret itself."""
    hidden = [value for key, value in keys.items() if key not in _SHOWN and key != "username"]
    if "username" in keys:
        hidden.append(f"{keys['username']}:{keys['password']}")
        if not keys["password"]:
            hidden.append(keys["username"])
    return hidden


def _unchanging(credential: Credential) -> Authorization:
    """Return what authorizes a request with a credential of a kind without tokens."""
    assert isinstance(credential, StaticCredential)  # noqa: S101 - there is no other kind
    return Authorization(credential.headers)
