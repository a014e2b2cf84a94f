"""The checks that need another server: TLS with certificates of each kind, and a callback URL for PosLogs."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from support.certificates import Authority, Pair
from support.conformance.runs import basic, kit_for, mock_oms, run_all, with_status
from support.proxy.oms import answering
from support.proxy.tls_server import TlsServer
from tenantproxy import config
from tenantproxy.conformance.checks.table import CHECKS
from tenantproxy.conformance.report.model import Report
from tenantproxy.conformance.runner import run
from tenantproxy.conformance.samples import Samples
from tenantproxy.conformance.webhooks import Webhook
from tenantproxy.poslog.sending.authorization import Signed, signature
from tenantproxy.poslog.sending.events import Event

TLS_CHECKS = ("tls.https", "tls.trusted", "tls.name", "tls.expiry", "tls.version", "tls.old-versions")
HOOK = Webhook("", username="hook", password="hook-password", shared_key="0123456789abcdef")
HOOK_CHECKS = ("poslog.test-event", "poslog.duplicate", "poslog.unauthorized", "poslog.signature")


async def _tls(
    tmp_path: Path, authority: Authority, pair: Pair, *, context: Any = None, trusts: bool = True
) -> Report:
    """Run the checks of TLS on a server with this certificate; `context` changes what it speaks."""
    if trusts:
        (tmp_path / "ca").mkdir()
        (tmp_path / "ca" / "ca.crt").write_text(authority.pem)
    async with TlsServer(answering(), pair) as server:
        if context is not None:
            context(server.context)
        return await run_all(kit_for(server.url, basic(), tls=tmp_path), only=TLS_CHECKS)


async def test_tls(tmp_path: Path) -> None:
    """A certificate of a trusted CA, with the right name, valid for long, and no old version: all passes."""
    authority = Authority()
    report = await _tls(tmp_path, authority, authority.issue("127.0.0.1", days=90))
    assert with_status(report, "passed") == {*TLS_CHECKS}


@pytest.mark.parametrize(
    ("hosts", "issued", "trusts", "failed", "warnings"),
    [
        (("127.0.0.1",), {}, True, set(), {"tls.expiry"}),
        (("127.0.0.1",), {"expired": True}, True, {"tls.trusted"}, set()),
        (("127.0.0.1",), {"days": 90}, False, {"tls.trusted"}, set()),
        (("oms.example",), {"days": 90}, True, {"tls.name"}, set()),
    ],
    ids=["expires tomorrow", "expired", "of an unknown CA", "of another name"],
)
async def test_certificates(
    tmp_path: Path, hosts: tuple[str, ...], issued: Any, *, trusts: bool, failed: set[str], warnings: set[str]
) -> None:
    """What is wrong with a certificate fails one check, whose detail is OpenSSL's."""
    authority = Authority()
    report = await _tls(tmp_path, authority, authority.issue(*hosts, **issued), trusts=trusts)
    assert (with_status(report, "failed"), with_status(report, "warning")) == (failed, warnings)


async def test_a_client_certificate(tmp_path: Path) -> None:
    """A server that wants a client certificate, in TLS 1.2 where it is part of the handshake, gets it."""
    authority = Authority()
    (tmp_path / "client").mkdir()
    client = authority.issue("tenantproxy", days=90)
    (tmp_path / "client" / "tls.crt").write_text(client.certificate)
    (tmp_path / "client" / "tls.key").write_text(client.key)

    def demanding(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=authority.pem)

    report = await _tls(tmp_path, authority, authority.issue("127.0.0.1", days=90), context=demanding)
    assert with_status(report, "passed") == {*TLS_CHECKS}


async def test_old_tls_only(tmp_path: Path) -> None:
    """A server that speaks 1.1 at most fails; nothing is said about its certificate."""

    def old(context: ssl.SSLContext) -> None:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    authority = Authority()
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        report = await _tls(tmp_path, authority, authority.issue("127.0.0.1", days=90), context=old)
    assert with_status(report, "failed") == {"tls.version"}
    assert {"tls.trusted", "tls.name"} <= with_status(report, "not tried")


async def test_old_tls_too(tmp_path: Path) -> None:
    """A server that still takes 1.1 is a warning."""

    def old_too(context: ssl.SSLContext) -> None:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1_1

    authority = Authority()
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        report = await _tls(tmp_path, authority, authority.issue("127.0.0.1", days=90), context=old_too)
    assert with_status(report, "warning", "failed") == {"tls.old-versions"}


async def test_plain_http_elsewhere() -> None:
    """Plain http that is not on this machine is a warning; no request is needed for it."""
    report = await run_all(kit_for("http://oms.example/api", basic()), only=["tls.https"])
    assert with_status(report, "warning") == {"tls.https"}


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_server_that_is_not_there(scheme: str) -> None:
    """Without a server the first check fails, and says how; nothing else is tried on it, but what is left is."""
    report = await run_all(kit_for(f"{scheme}://127.0.0.1:9/api", basic()))
    assert with_status(report, "failed") == {"http.reachable"}
    (failed,) = (result for result in report.results if result.status == "failed")
    assert failed.detail == "There is no answer (connect)."


class Callback:
    """A callback URL: what it checks, and what it answers."""

    def __init__(
        self, *, verifies: bool = True, status: int = 202, again: int = 202, signed: Signed = "data"
    ) -> None:
        self.signed = signed
        self.verifies = verifies
        self.status = status
        self.again = again
        self.events: list[str] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        event = json.loads(body)
        right = signature(Event(event["id"], body, event["data"]), HOOK.shared_key, self.signed)
        if self.verifies and not right.items() <= request.headers.items():
            return web.Response(status=401)
        assert event["type"] == "exe.events.v1"
        known = event["id"] in self.events
        self.events.append(event["id"])
        return web.Response(status=self.again if known else self.status)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/poslogs", self.take)
        async with TestServer(app) as server:
            yield str(server.make_url("/poslogs"))


@pytest.mark.parametrize(
    ("callback", "failed"),
    [
        (Callback(), set()),
        (Callback(signed="body"), set()),
        (Callback(verifies=False), {"poslog.unauthorized", "poslog.signature"}),
        (Callback(status=500), {"poslog.test-event"}),
        (Callback(again=409), {"poslog.duplicate"}),
    ],
    ids=["right", "signed over the body", "open", "broken", "refuses duplicates"],
)
async def test_callbacks(callback: Callback, failed: set[str]) -> None:
    """A callback URL gets test events as ExternalEvents sends them."""
    async with mock_oms() as base, callback.running() as url:
        report = await run_all(
            kit_for(base, basic(), webhook=HOOK._replace(url=url, signed=callback.signed)), only=HOOK_CHECKS
        )
    assert with_status(report, "failed") == failed
    assert not any(HOOK.password in str(result) or HOOK.shared_key in str(result) for result in report.results)


async def test_a_callback_without_credentials() -> None:
    """Without a credential for it, whether the callback verifies anything can't be tried."""
    async with mock_oms() as base, Callback(verifies=False).running() as url:
        report = await run_all(kit_for(base, basic(), webhook=Webhook(url)), only=HOOK_CHECKS)
    assert with_status(report, "not tried") == {"poslog.unauthorized", "poslog.signature"}


async def test_pages() -> None:
    """Pages are followed as a proxy does: the order is found on the second one, and the last answer is shown."""
    orders = [{"customerOrderId": f"CO-{number}", "customerId": "111", "status": "CREATED"} for number in range(5)]

    async def search(request: web.Request) -> web.Response:
        offset = int(request.query["offset"])
        found = orders if request.query["customer"] == "111" else []
        return web.json_response({"customerOrders": found[offset : offset + 2]})

    app = web.Application()
    app.router.add_get("/orders", search)
    endpoint = config.SearchEndpoint(
        method="GET",
        path="/orders",
        query={"customer": "{criteria.customerId}", "offset": "{page.offset}"},
        pages=config.Pages(size=2),
    )
    operations = config.Operations(search_orders=endpoint)
    async with TestServer(app) as server:
        samples = Samples("store-1", "CO-3", "111")
        kit = kit_for(str(server.make_url("/")), basic(), samples=samples, upstream={"operations": operations})
        report = await run_all(kit, only=["search.contract", "search.finds-order", "search.empty"])
    assert with_status(report, "passed") == {"search.contract", "search.finds-order", "search.empty"}
    assert "5 orders" in {result.detail for result in report.results}


async def test_no_secret_in_a_report() -> None:
    """An OMS that repeats all that it got does not bring a secret into a report."""

    async def echo(request: web.Request) -> web.Response:
        return web.json_response(
            {"got": dict(request.headers)}, status=500, headers={"X-Echo": str(request.headers)}
        )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    async with TestServer(app) as server:
        url = str(server.make_url("/api"))
        for keys in (
            {"username": "acme", "password": "pass-wörd+/="},
            {"username": "a-key-as-username", "password": ""},
            {"bearerToken": "bearer+/=token"},
            {
                "headerName": "X-App",
                "headerValue": 'k"ey+/=value',
                "secondHeaderName": "X-B",
                "secondHeaderValue": "second+/",
            },
        ):
            report = await run_all(kit_for(url, keys))
            assert with_status(report, "failed")
            assert not [
                key
                for key, value in keys.items()
                if key[-4:] in ("word", "oken", "alue") and value and value in str(report)
            ]
            assert "a-key-as-username" not in str(report)
            encoded = [part for part in str(report).split() if part.startswith("YWNtZTp")]
            assert encoded == []


async def test_an_interrupt_leaves_a_report() -> None:
    """What was tried before is in the report, what was not is told apart, and what was begun is ended."""
    async with mock_oms() as base:
        kit = kit_for(f"{base}/api/v1", basic())
        stopped: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def progress(_number: int, check: Any, result: Any) -> None:
            if check.id == "order.read" and result is None:
                stopped.set_result("interrupted")

        async with kit:
            report = await run(kit, CHECKS, seconds=60, stopped=stopped, progress=progress)
    assert report.ended == "interrupted"
    assert len(report.results) == len(CHECKS)
    assert {"http.reachable", "auth.accepted"} <= with_status(report, "passed")
    assert {result.detail for result in report.results if result.id in ("order.read", "order.id")} == {
        "interrupted: the run had ended before"
    }
