"""Tries a credential: one harmless read of the OMS, as any other, but beside those of the credential in use.

It has a connection, a place and a time of its own. No circuit, cooldown, cached token or metric has part in it.
"""

import asyncio
from collections.abc import Mapping

from tenantproxy.admission import Admission
from tenantproxy.config import Upstream
from tenantproxy.credentials.authorizer import Authorization, Failure, FoundStyle
from tenantproxy.credentials.base import Credential
from tenantproxy.observation import Observation
from tenantproxy.oms import verdict
from tenantproxy.oms.client import OmsClient
from tenantproxy.oms.clients import ClientFactory
from tenantproxy.oms.conversion import Converter
from tenantproxy.oms.requests.plan import RequestPlan
from tenantproxy.oms.verdict import Verdict
from tenantproxy.operations import GET_ORDER, ORDER_ID
from tenantproxy.problems import Problem


class CredentialTrial:
    """Tries credentials of one tenant, one after another at its OMS."""

    def __init__(self, upstream: Upstream, clients: ClientFactory, oms: OmsClient, converter: Converter) -> None:
        self._clients = clients
        self._oms = oms
        self._converter = converter
        self._plan = RequestPlan(GET_ORDER, upstream.operations.get_order)
        self._admission = Admission(1, upstream.max_response_bytes)
        self._turn = asyncio.Lock()

    async def of(
        self,
        credential: Credential,
        headers: Mapping[str, str],
        observation: Observation,
        found: FoundStyle | None = None,
    ) -> Verdict:
        """Return what comes of one read of the probe's order; `headers` are those that all reads have.

        `observation` is that of the request that wants it, `found` the style of client authentication that is
        known to work.

        A wrong secret is one failed login: at the OMS, or at the token endpoint, where it may be two (see
        `OAuth2.try_out`).
        """
        authorization = await credential.try_out(self._clients, found)
        if isinstance(authorization, Failure):
            return verdict.of_token(authorization)
        async with self._turn:
            try:
                await self._read(credential.type, authorization, headers, observation)
                told = verdict.of_order(found=True)
            except Problem as problem:
                told = verdict.of_problem(problem, by_token=credential.token_url is not None)
        return told._replace(found=authorization.found)

    async def _read(
        self, kind: str, authorization: Authorization, headers: Mapping[str, str], observation: Observation
    ) -> None:
        """Read the order by the first form of its id. Raises Problem."""
        ids = self._plan.probe
        request = self._plan.requests(ids, None, {**self._plan.headers, **headers})[0]
        ticket = self._admission.admit(None, observation=observation)
        transport = self._clients.oms(trial=True)
        try:
            answer = await self._oms.try_out(transport, ticket, request, authorization, kind)
            await self._converter.outward(GET_ORDER, answer, ids[ORDER_ID], form=request.order_id)
        finally:
            ticket.release()
            await transport.close()
