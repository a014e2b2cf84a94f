"""`tenantproxy map --url`: one read, as the proxy makes it, and what becomes of it."""

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from support.certificates import HERE, Authority
from support.proxy.oms import ORDER, RawServer, answering, http, order_answer, raw_server
from support.proxy.orders import SUMMARY
from support.proxy.running import proxy_config
from support.proxy.tls_server import TlsServer
from tenantproxy.cli.live import Reading, read_live
from tenantproxy.cli.main import main
from tenantproxy.cli.question import Question
from tenantproxy.config import ConfigError
from tenantproxy.credentials.stores.environment import PREFIX
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy.problems import Problem
from tenantproxy.validation import validate_config

MANIFEST = """
apiVersion: proxy.hiiretail.com/v1alpha1
kind: TenantProxy
metadata: {name: acme}
spec:
  tenantId: T-acme
  upstream:
    url: URL
    allowInsecure: true
    allowPrivateNetworks: true
    operations:
      searchOrders:
        method: GET
        query: {customer: "{criteria.customerId}", page: "{page.number}"}
        pages: {size: 1, max: 2}
  access: {mode: trusted}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-credentials}
stringData: {bearerToken: theirs}
"""
BASIC = {"username": "till", "password": "MARKED secret"}


async def read(
    url: str,
    directory: Path,
    *,
    keys: Mapping[str, str] = BASIC,
    order: str | None = "CO-1",
    criteria: Mapping[str, str] | None = None,
    **overrides: Any,
) -> Reading:
    """Read one order; `overrides` are of `upstream`, and of the configuration."""
    config = proxy_config(url, **overrides)
    write_keys(directory / "credentials", keys)
    question = Question(
        "", "BU-1", order, criteria or {}, directory / "credentials", directory / "tls", directory / "proxy"
    )
    return await read_live(question, config, validate_config(config), {})


async def test_an_order(oms: RawServer, tmp_path: Path) -> None:
    """The request is the proxy's, and so is the answer; the OMS's own is there for an explanation."""
    reading = await read(oms.url, tmp_path)
    assert json.loads(reading.preview.body) == {"customerOrder": ORDER}
    assert reading.answer is not None
    assert json.loads(reading.answer) == {"customerOrder": ORDER}
    (request,) = oms.received
    assert (request.method, request.target) == ("GET", "/business-units/BU-1/customer-orders/CO-1")
    assert request.headers["tenant-id"] == "T-acme"
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"till:MARKED secret"


async def test_an_order_by_another_form_of_its_id(oms: RawServer, tmp_path: Path) -> None:
    """Each form is tried, as the proxy does."""
    oms.play = answering(http(404), order_answer("A-CO-1"), http(500), order_answer("CO-1"))
    forms = {"getOrder": {"path": "/o/{customerOrderId}", "ids": ["{customerOrderId}", "A-{customerOrderId}"]}}
    reading = await read(oms.url, tmp_path, operations=forms, retries=0)
    assert [request.target for request in oms.received] == ["/o/CO-1", "/o/A-CO-1"]
    assert reading.preview.violations == []
    with pytest.raises(Problem, match="upstream-error"):
        await read(oms.url, tmp_path, operations=forms, retries=0)
    assert len(oms.received) == 3


async def test_a_search(oms: RawServer, tmp_path: Path) -> None:
    """Criteria are checked as those of callers are; an empty search by its meaning has nothing to be mapped."""
    reading = await read(oms.url, tmp_path, order=None, criteria={"customerId": "C-1"})
    assert json.loads(oms.received[0].body) == {"customerId": "C-1"}
    assert reading.preview.operation.name == "searchOrders"
    with pytest.raises(Problem) as caught:
        await read(oms.url, tmp_path, order=None, criteria={"email": "a@b"})
    assert caught.value.code == "invalid-request"
    oms.play = answering(http(404))
    none = {"searchOrders": {"outcomes": [{"status": [404], "means": "no-orders-found"}]}}
    reading = await read(oms.url, tmp_path, order=None, criteria={"customerId": "C-1"}, operations=none)
    assert (reading.answer, json.loads(reading.preview.body)) == (None, {"customerOrders": []})


async def test_the_pages_of_a_search(oms: RawServer, tmp_path: Path) -> None:
    """They are followed up to the proxy's bounds; what is wrong on one is told with its own response."""
    search = {
        "path": "/s",
        "method": "GET",
        "query": {"customer": "{criteria.customerId}", "page": "{page.number}"},
        "pages": {"size": 1, "max": 2},
    }
    given: dict[str, Any] = {
        "order": None,
        "criteria": {"customerId": "C-1"},
        "operations": {"searchOrders": search},
    }
    pages = [
        json.dumps({"customerOrders": [{**SUMMARY, "customerOrderId": str(number)}]}).encode() for number in (1, 2)
    ]
    oms.play = answering(*(http(200, page) for page in pages))
    reading = await read(oms.url, tmp_path, **given)
    assert [request.target for request in oms.received] == ["/s?customer=C-1&page=1", "/s?customer=C-1&page=2"]
    found = json.loads(reading.preview.body)["customerOrders"]
    assert [order["customerOrderId"] for order in found] == ["1", "2"]
    assert (reading.answer, reading.cut_by) == (pages[0], "pages")
    oms.play = answering(http(200, pages[0]), http(200, b'{"customerOrders": []}'))
    assert (await read(oms.url, tmp_path, **given)).cut_by is None
    oms.play = answering(http(200, pages[0]), http(200, b'{"customerOrders": [{}]}'))
    reading = await read(oms.url, tmp_path, **given)
    assert reading.answer == b'{"customerOrders": [{}]}'
    assert reading.preview.violations[0].field == "/customerOrders/0/customerOrderId"


@pytest.mark.parametrize(
    ("answer", "pointer", "detail"),
    [
        (order_answer("CO-2"), "/customerOrder/customerOrderId", "is not the requested id"),
        (http(200, b'{"customerOrder": {}}'), "/customerOrder/customerOrderId", "is missing"),
    ],
)
async def test_a_broken_contract(oms: RawServer, tmp_path: Path, answer: bytes, pointer: str, detail: str) -> None:
    """Another order, or none, is told as a sample's violations are."""
    oms.play = answering(answer)
    reading = await read(oms.url, tmp_path)
    (first, *_) = reading.preview.violations
    assert first.field == pointer
    assert first.detail.startswith(detail)
    assert reading.answer is not None


@pytest.mark.parametrize(
    ("found", "endpoint", "told"),
    [
        ("CO-2", {}, True),
        ("CO-1", {}, False),
        (7, {}, False),
        ("co-1", {}, True),
        ("co-1", {"idMatch": "ignoreCase"}, False),
        ("CO-2", {"idMatch": "off"}, False),
        ("A-CO-1", {"ids": ["B-{customerOrderId}", "A-{customerOrderId}"]}, False),
        ("B-CO-1", {"ids": ["B-{customerOrderId}", "A-{customerOrderId}"]}, True),
    ],
)
async def test_another_order_that_is_broken(
    oms: RawServer,
    tmp_path: Path,
    found: object,
    endpoint: dict[str, Any],
    told: bool,  # noqa: FBT001 - a table
) -> None:
    """That it is another order is told beside what is wrong with its fields."""
    broken = http(200, json.dumps({"customerOrder": {**ORDER, "customerOrderId": found, "status": 1}}).encode())
    oms.play = answering(http(404), broken) if "ids" in endpoint else answering(broken)
    path = {"path": "/o/{customerOrderId}"}
    reading = await read(oms.url, tmp_path, operations={"getOrder": {**path, **endpoint}})
    violations = {each.field: each.detail for each in reading.preview.violations}
    assert "/customerOrder/status" in violations
    said = violations.get("/customerOrder/customerOrderId", "")
    assert said.startswith("is not the requested id") == told


@pytest.mark.parametrize(
    ("answer", "code", "reason"),
    [
        (http(401), "upstream-rejected-credentials", "upstream-rejected-credentials"),
        (http(404), "order-not-found", "order-not-found"),
        (http(302, location="https://elsewhere.example/"), "upstream-contract", "status-302"),
        (http(500), "upstream-error", "status-500"),
        (http(200, b"<html>", content_type="text/html"), "upstream-error", "content-type"),
    ],
)
async def test_a_failed_read(oms: RawServer, tmp_path: Path, answer: bytes, code: str, reason: str) -> None:
    """The problem is that of the proxy. A wrong password is tried once, and a redirect is never followed."""
    oms.play = answering(answer)
    with pytest.raises(Problem) as caught:
        await read(oms.url, tmp_path, retries=0)
    assert (caught.value.code, caught.value.reason) == (code, reason)
    assert len(oms.received) == 1


async def test_a_manifest(oms: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Secret has the credential, unless the environment has one; what was cut is told as clients are."""
    manifest, order = tmp_path / "manifest.yaml", json.dumps({"customerOrders": [SUMMARY]}).encode()
    manifest.write_text(MANIFEST.replace("URL", oms.url))
    asked = ["--url", "--business-unit", "B", "--criterion", "customerId=C-1"]

    async def result() -> Result:
        oms.play = answering(http(200, order), http(200, order.replace(b"CO-1", b"CO-2")))
        given = ["map", "--manifest", str(manifest), *asked]
        return await asyncio.to_thread(CliRunner().invoke, main, given)

    read = await result()
    assert (read.exit_code, len(json.loads(read.stdout)["customerOrders"])) == (0, 2)
    assert read.stderr == (
        "warning: searchOrders is incomplete, which clients are told by `Incomplete-Results: pages`\n"
    )
    monkeypatch.setenv(f"{PREFIX}BEARER_TOKEN", "ours")
    assert (await result()).exit_code == 0
    assert [each.headers["authorization"] for each in oms.received[::2]] == ["Bearer theirs", "Bearer ours"]


async def test_tls(tmp_path: Path) -> None:
    """A certificate of nobody's is refused, before the credential is sent; with its CA it is read."""
    authority = Authority()
    async with TlsServer(answering(order_answer("CO-1")), authority.issue(*HERE)) as server:
        with pytest.raises(Problem) as caught:
            await read(server.url, tmp_path)
        assert (caught.value.code, caught.value.reason) == ("upstream-unreachable", "tls")
        assert server.received == []
        with pytest.raises(ConfigError, match=r"upstream\.tls"):
            await read(server.url, tmp_path, tls={"ca": True})
        (tmp_path / "tls" / "ca").mkdir(parents=True)
        (tmp_path / "tls" / "ca" / "ca.crt").write_text(authority.pem)
        assert (await read(server.url, tmp_path, tls={"ca": True})).preview.violations == []


async def test_a_token(tmp_path: Path, oms: RawServer) -> None:
    """OAuth2 fetches one first; what its endpoint refuses is told."""
    token = http(200, b'{"access_token": "T", "token_type": "Bearer", "expires_in": 60}')
    async with raw_server(answering(token)) as endpoint:
        keys = {"clientId": "c", "clientSecret": "MARKED s", "authUrl": f"{endpoint.url}/token"}
        assert (await read(oms.url, tmp_path, keys=keys)).preview.violations == []
        assert oms.received[0].headers["authorization"] == "Bearer T"
        endpoint.play = answering(http(400, b'{"error": "invalid_client"}'))
        with pytest.raises(Problem) as caught:
            await read(oms.url, tmp_path, keys=keys)
        assert caught.value.code.startswith(("token-", "upstream-rejected"))


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {},
            "no credential for the OMS: set TENANTPROXY_USERNAME and TENANTPROXY_PASSWORD, or ",
        ),
        ({"USERNAME": "MARKED user"}, "`TENANTPROXY_PASSWORD` is missing"),
        ({"BEARER_TOKEN": "MARKED\x07"}, "`TENANTPROXY_BEARER_TOKEN` "),
        ({"TYPE": "MARKED"}, "`TENANTPROXY_TYPE` is unknown"),
    ],
)
def test_credentials_that_can_not_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: Mapping[str, str], message: str
) -> None:
    """The message names the variables, and no value; the status is that of a wrong configuration."""
    for name, value in environ.items():
        monkeypatch.setenv(PREFIX + name, value)
    result = run(tmp_path, "--url", "--order", "1", "--business-unit", "B")
    assert result[0] == 2
    assert message in result[1]
    assert "MARKED" not in result[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give SAMPLE, --url, or --openapi"),
        (["--json"], "--json needs --explain"),
        (["--manifest", "m.yaml", "-"], "give one of --config and --manifest"),
        (["--url"], "--url needs --order ID or --criterion NAME=VALUE"),
        (["--url", "--order", "1"], "--url needs --business-unit ID"),
        (["--url", "--order", "1", "--criterion", "customerId=1"], "--url needs --order ID or --criterion"),
        (["--url", "--criterion", "customerId"], "'customerId' is not NAME=VALUE"),
        (["--order", "1"], "are for --url; without it nothing is read"),
        (["--business-unit", "1"], "are for --url; without it nothing is read"),
        (
            ["--url", "--business-unit", "1", "--criterion", "a=1", "--criterion", "a=2"],
            "--criterion has a name twice; remove one",
        ),
        (
            ["--operation", "searchOrders", "--url", "--order", "1", "--business-unit", "B"],
            "--order is for --operation getOrder",
        ),
        (["--url", "https://u:MARKED@o.example", "--order", "1", "--business-unit", "B"], "`upstream.url`"),
    ],
)
def test_options_that_do_not_go_together(tmp_path: Path, options: list[str], message: str) -> None:
    """What is asked for is named before anything is read."""
    result = run(tmp_path, *options)
    assert result[0] == 2
    assert message in result[1]
    assert "MARKED" not in result[1]


def run(directory: Path, *options: str) -> tuple[int, str]:
    """Run `map`; return its status and what it says."""
    path = directory / "config.json"
    path.write_bytes(msgspec.json.encode(proxy_config("https://oms.example.com")))
    result = CliRunner().invoke(main, ["map", "--config", str(path), *options])
    return result.exit_code, result.stderr
