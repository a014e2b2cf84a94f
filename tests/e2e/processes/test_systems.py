"""Real order systems, by their manifests in examples/systems: what each is asked, and what a till gets."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import pytest
import yaml

from support.proxy import tokens
from support.proxy.idp import ON_LOOPBACK
from support.proxy.oms import RawServer, Received, http, token_answer
from support.proxy.running import RunningProxy, running_proxy
from tenantproxy.config import Access
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.settings import Settings

EXAMPLES: Final = Path(__file__).parents[3] / "examples" / "systems"
SYSTEMS: Final = sorted(path.parent for path in EXAMPLES.glob("*/manifest.yaml"))
TOKEN_PATH: Final = "/token"


class System:
    """An order system: its folder, and what its `requests.yaml` says of each operation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest, secret = yaml.safe_load_all((folder / "manifest.yaml").read_text())
        self.base = urlsplit(self.manifest["spec"]["upstream"]["url"]).path
        self.keys: dict[str, str] = secret["stringData"]
        documented = yaml.safe_load((folder / "requests.yaml").read_text())
        self.credential: dict[str, str] = documented["credential"]
        self.token: dict[str, str] = documented.get("token", {})
        self.content_type: str = documented.get("contentType", "application/json")
        self.orders: dict[str, Any] = documented["getOrder"]
        self.search: dict[str, Any] = documented["searchOrders"]
        self.case = ""
        self.asked: list[Received] = []
        self.tokens: list[dict[str, str]] = []

    def connect(self, oms: RawServer) -> TenantProxy:
        """Return its TenantProxy, with this server in the system's place."""
        oms.play = self.play
        spec = self.manifest["spec"]
        spec["upstream"] |= {"url": f"{oms.url}{self.base}", "allowInsecure": True, "allowPrivateNetworks": True}
        spec["auth"] = ON_LOOPBACK
        if "authUrl" in self.keys:
            self.keys["authUrl"] = f"{oms.url}{TOKEN_PATH}"
        return TenantProxy.model_validate(self.manifest)

    async def play(self, request: Received, writer: asyncio.StreamWriter) -> None:
        """Answer as the system does in the present case; and as its token endpoint."""
        if request.target == TOKEN_PATH:
            self.tokens.append(dict(parse_qsl(request.body.decode())))
            writer.write(token_answer("t-1"))
            return
        self.asked.append(request)
        documented = self.documented(self.case)
        path = self.page(len(self.asked))
        status = documented.get("status", {}).get(self.case, 200)
        body = path.read_bytes() if path.exists() else b""
        headers = {"content_type": self.content_type}
        if "link" in documented and self.page(len(self.asked) + 1).exists():
            base = f"http://{request.headers['host']}{self.base}"
            asked = documented["customers"][self.case]
            headers["link"] = documented["link"].replace("{base}", base).replace("{id}", asked)
        writer.write(http(status, body, **headers))

    def page(self, number: int) -> Path:
        """Return the answer to a case's first request, or to a further one."""
        return self.folder / "answers" / (f"{self.case}.json" if number == 1 else f"{self.case}.{number}.json")

    def documented(self, case: str) -> dict[str, Any]:
        """Return what is documented of the operation that a case is of."""
        return self.orders if case in self.orders["ids"] else self.search

    def expected(self, case: str) -> Any:
        return exact((self.folder / "expected" / f"{case}.json").read_bytes())


def exact(text: bytes) -> Any:
    """Return JSON with its numbers as exact decimals."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def filled(template: Any, value: str) -> Any:
    """Return what the system documents, with an id in its place; `{quoted}`: within quotes of a query language."""
    if isinstance(template, dict):
        return {name: filled(each, value) for name, each in template.items()}
    if isinstance(template, list):
        return [filled(each, value) for each in template]
    if not isinstance(template, str):
        return template
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return " ".join(template.replace("{id}", value).replace("{quoted}", quoted).split())


def changed(request: Any, changes: Any) -> Any:
    """Return a documented request with some of its members changed; null: left out."""
    if not isinstance(changes, dict):
        return changes
    made = {name: changed(request.get(name), change) for name, change in changes.items()}
    return {name: member for name, member in {**request, **made}.items() if member is not None}


def sent(request: Received) -> dict[str, Any]:
    """Return a request in the words of `requests.yaml`."""
    target = urlsplit(request.target)
    assert "%2F" not in target.path.upper()
    said: dict[str, Any] = {"method": request.method, "path": unquote(target.path)}
    query = parse_qsl(target.query, keep_blank_values=True, strict_parsing=bool(target.query))
    assert len(dict(query)) == len(query)
    if query:
        said["query"] = dict(query)
    if request.body:
        assert request.headers["content-type"] == "application/json"
        said["body"] = filled(json.loads(request.body), "")
    return said


async def ask(proxy: RunningProxy, system: System, case: str) -> None:
    """Ask the proxy as a till does; compare what the system is asked, and what the till gets."""
    documented = system.documented(case)
    units = "/api/v1/business-units/store-1"
    system.case, system.asked = case, []
    if documented is system.orders:
        asked = documented["ids"][case]
        answered = await proxy.get(f"{units}/customer-orders/{asked}")
    else:
        asked = documented["customers"][case]
        answered = await proxy.request("POST", f"{units}/customer-orders:search", json={"customerId": asked})

    requests = [documented["request"]]
    if system.page(2).exists():
        requests.append(changed(documented["request"], documented["second"]))
    assert len(system.asked) == len(requests), answered.body
    for request, template in zip(system.asked, requests, strict=True):
        wanted = filled(template, asked)
        headers = {name.lower(): value for name, value in wanted.pop("headers", {}).items()} | system.credential
        assert sent(request) == {**wanted, "path": system.base + wanted["path"]}
        received = {name: request.headers.get(name) for name in {"authorization", *headers}}
        assert received == {"authorization": None, **headers}
    assert "incomplete-results" not in answered.headers

    got, expected = exact(answered.body), system.expected(case)
    if "code" in expected:  # a problem has more members: words for people, and the correlation id
        got = {name: got.get(name) for name in expected}
    assert got == expected
    assert answered.status == expected.get("status", 200)


@pytest.mark.parametrize("folder", SYSTEMS, ids=lambda folder: folder.name)
async def test_a_system(folder: Path, oms: RawServer, tmp_path: Path) -> None:
    """An order, an unknown one, a search, one that finds nothing, one with two pages; and what else there is."""
    system = System(folder)
    config = render_config(system.connect(oms), Settings())
    cases = (*system.orders["ids"], *system.search["customers"])
    answers, expected = (
        {path.name.split(".")[0] for path in (folder / name).iterdir()} for name in ("answers", "expected")
    )
    assert {"order", "unknown-order", "orders", "no-orders"} | answers == expected == set(cases)
    pages = system.manifest["spec"]["upstream"]["operations"]["searchOrders"].get("pages", {"size": None})
    assert ("more-orders" in cases) == ("size" not in pages)  # which would need a hundred orders
    async with running_proxy(config, tmp_path, system.keys) as proxy:
        for case in cases:
            await ask(proxy, system, case)
    assert system.tokens == ([system.token] if system.token else [])


@pytest.mark.parametrize("folder", SYSTEMS, ids=lambda folder: folder.name)
async def test_a_credential_can_be_tried(folder: Path, oms: RawServer, tmp_path: Path) -> None:
    """The manifest alone says how: a system that knows no order of the probe's has taken the credential."""
    system = System(folder)
    system.case = "unknown-order"
    rendered = render_config(system.connect(oms), Settings())
    access = msgspec.convert(tokens.access(tmp_path), Access)
    admin = tokens.user_token(rendered.tenant.id, email=tokens.ADMIN_EMAIL)
    async with running_proxy(msgspec.structs.replace(rendered, access=access), tmp_path, system.keys) as proxy:
        answered = await proxy.put({}, query="?dryRun=true", headers=tokens.bearer(admin))
    assert (answered.status, answered.json["test"]["outcome"]) == (200, "accepted"), answered.body
    (asked,) = system.asked
    assert {name: asked.headers.get(name) for name in system.credential} == system.credential
