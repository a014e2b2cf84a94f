"""What the answers' side uses of the proxy's internals: its client, and its conversion of a response."""

from pathlib import Path

from e2e.fuzz.answer_bodies import Kind
from support.proxy.running import proxy_config
from tenantproxy.config import Tls
from tenantproxy.credentials.oauth2.token_answer import parse_answer
from tenantproxy.credentials.oauth2.token_cache import Token
from tenantproxy.oms.conversion import Converter
from tenantproxy.operations import GET_ORDER, SEARCH_ORDERS
from tenantproxy.problems import Problem
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.egress import Policy
from tenantproxy.transport.tls import TlsFiles
from tenantproxy.validation import validate_config

MAX_BYTES = 64 * 1024
"""Of an answer."""

_MAPPING = {"getOrder": {"root": "/data", "fields": {"customerOrderId": {"from": "/id"}}}}


class Product:
    """What the proxy asks an OMS and a token endpoint with, on the loopback, and makes of their answers."""

    def __init__(self, url: str, connections: int) -> None:
        tls = TlsFiles(Tls(), Path("/none")).oms
        policy = Policy(allow_private_networks=True)
        self._oms, self._tokens = (
            HttpClient(url, max_connections=count, max_response_bytes=MAX_BYTES, policy=policy, tls=tls)
            for count in (connections, connections)
        )
        plain, mapped = (proxy_config(url), proxy_config(url, mapping=_MAPPING))
        self._plain, self._mapped = (
            Converter(config.upstream, validate_config(config)) for config in (plain, mapped)
        )

    async def ask(self, kind: Kind, name: str) -> tuple[str, bytes]:
        """Ask for what has a name; return the outcome, as metrics name it, and what a caller gets."""
        try:
            if kind == "token":
                return await self._token(name)
            return await self._read(kind, name)
        except UpstreamError as error:
            return error.reason, b""

    async def _token(self, name: str) -> tuple[str, bytes]:
        answer = await self._tokens.request("POST", f"/token/{name}", {}, b"grant_type=client_credentials")
        parsed = parse_answer(answer)
        if isinstance(parsed, Token):
            return "200", parsed.value.encode()
        return type(parsed).__name__, b""

    async def _read(self, kind: Kind, name: str) -> tuple[str, bytes]:
        if kind == "searchOrders":
            operation = SEARCH_ORDERS
            answer = await self._oms.request("POST", f"/{kind}/{name}", {}, b"{}")
        else:
            operation = GET_ORDER
            answer = await self._oms.request("GET", f"/{kind}/{name}", {})
        converter = self._mapped if kind == "mapped" else self._plain
        try:
            return "200", await converter.outward(operation, answer, name if operation.reads_one_order else None)
        except Problem as problem:
            answer.discard_connection()
            return problem.code, problem.body("")

    async def close(self) -> None:
        """Close all connections."""
        await self._oms.close()
        await self._tokens.close()
