"""What commands import: a pod's memory, and the time to start."""

import base64
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from support.apiserver.scripts import PlayedSecret
from support.certificates import HERE, Authority
from support.commands import serve
from support.proxy import tokens
from support.proxy.configuration import configuration
from support.proxy.idp import ON_LOOPBACK, Idp, oauth2
from support.proxy.oms import ORDER_ANSWER, RawServer, answering, http
from support.proxy.relay_process import relay
from support.proxy.relaying import event_of, login, signed
from support.proxy.running import BASIC, GET_PATH
from support.proxy.tls_server import TlsServer
from tenantproxy.credentials.stores.files import write_keys

_FOR_A_PERSON = ("rich", "tenantproxy_operator.fleet", "tenantproxy_operator.local.supervisor")


def _loaded(modules: str) -> set[str]:
    """Return what is loaded after an import."""
    code = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_nothing_for_terminals_in_the_operator() -> None:
    """Neither the commands' options nor what `run` imports has any of it."""
    loaded = _loaded("tenantproxy_operator.cli.main, tenantproxy_operator.controller.manager")
    assert "tenantproxy_operator.controller.reconciler" in loaded
    assert loaded & set(_FOR_A_PERSON) == set()


def test_rich_only_where_a_table_is_renewed() -> None:
    """A snapshot, JSON, and the tables' text do without."""
    loaded = _loaded("tenantproxy_operator.local.overview, tenantproxy_operator.fleet.document")
    assert "tenantproxy_operator.fleet.table" in loaded
    assert "rich" not in loaded


MODES: Final = ("trusted", "jwt", "oauth2", "secret", "ca")
AUTHORITY: Final = Authority()
OF_OTHERS: Final = ("tenantproxy.orders.rules", "tenantproxy.poslog", "tenantproxy.relay.app")
"""Of tenants with a mapping, and of relays."""


def _budget(kind: str) -> set[str]:
    """Return what `imports.txt` allows of a kind."""
    lines = Path(__file__).with_name("imports.txt").read_text().splitlines()
    return {name for line in lines for name in line.split()[1:] if line.split()[0] == kind}


@pytest.fixture
async def endpoints(request: pytest.FixtureRequest) -> AsyncIterator[tuple[RawServer, RawServer]]:
    """Run an OMS and a token endpoint."""
    idp = Idp()
    play = idp.check if request.param == "oauth2" else answering(ORDER_ANSWER)
    server = TlsServer(play, AUTHORITY.issue(*HERE)) if request.param == "ca" else RawServer(play)
    async with server as oms, RawServer(idp.issue) as endpoint:
        yield oms, endpoint


@pytest.mark.parametrize(("mode", "endpoints"), [(mode, mode) for mode in MODES], indirect=["endpoints"])
async def test_what_a_proxy_loads(
    mode: str, endpoints: tuple[RawServer, RawServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but what `imports.txt` lists, until it has answered and ended, and all of the packages there."""
    oms, endpoint = endpoints
    secret = BASIC if mode == "secret" else None
    if secret is None:
        write_keys(tmp_path / "credentials", oauth2(endpoint.url) if mode == "oauth2" else BASIC)
    access = {"access": tokens.access(tmp_path)} if mode == "jwt" else {}
    if mode == "ca":
        write_keys(tmp_path / "tls/ca", {"ca.crt": AUTHORITY.pem})
    upstream = {"tls": {"ca": mode == "ca"}}
    config = configuration(oms.url, upstream=upstream, auth=ON_LOOPBACK, **access)
    headers = tokens.bearer(tokens.machine_token()) if mode == "jwt" else {}
    report = _reporting_modules(tmp_path, monkeypatch)
    tls = ("--tls", str(tmp_path / "tls"))
    async with in_pod(tmp_path, secret, monkeypatch) as options, serve(tmp_path, config, *tls, *options) as proxy:
        async with aiohttp.ClientSession() as session, session.get(proxy.api + GET_PATH, headers=headers) as got:
            assert got.status == 200
        proxy.process.terminate()
        assert await proxy.ended() == 0
    names = report.read_text().split()
    assert [name for name in names if name.startswith(OF_OTHERS)] == []
    loaded = {name for name in names if _counts(name)}
    standard = {name for name in loaded if _top(name) in sys.stdlib_module_names}
    packages = loaded - standard
    budget = _budget("trusted") | _budget(mode)
    came_in = {_top(name) for name in standard} - _budget("standard")
    came_in |= {name for name in packages if not _parts(name) & budget and not _is_parent(name, budget)}
    assert came_in == set()
    assert {part for part in budget if not any(part in _parts(name) for name in packages)} == set()


async def test_what_a_relay_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same and no package more, after an event that the OMS has taken."""
    event = event_of("pickup")
    headers = {**login(), **signed(event.body)}
    report = _reporting_modules(tmp_path, monkeypatch)
    async with RawServer(answering(http(204))) as oms, relay(tmp_path, oms.url) as running:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{running.api}/events", data=event.body, headers=headers) as got,
        ):
            assert got.status == 204
        running.process.terminate()
        assert await running.ended() == 0
    loaded = {name for name in report.read_text().split() if _counts(name)}
    budget = _budget("standard") | _budget("trusted") | _budget("poslog")
    came_in = {name for name in loaded if _top(name) in sys.stdlib_module_names and _top(name) not in budget}
    packages = {name for name in loaded if _top(name) not in sys.stdlib_module_names}
    came_in |= {name for name in packages if not _parts(name) & budget and not _is_parent(name, budget)}
    assert came_in == set()


@contextlib.asynccontextmanager
async def in_pod(
    folder: Path, keys: Mapping[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[str, ...]]:
    """Yield the options of a proxy that reads and watches its Secret; none without `keys` for that."""
    if keys is None:
        yield ()
        return
    for name, content in {"ca.crt": AUTHORITY.pem, "namespace": "acme", "token": "t"}.items():
        (folder / name).write_text(content)
    secret = PlayedSecret({key: base64.b64encode(value.encode()).decode() for key, value in keys.items()})
    async with TlsServer(secret, AUTHORITY.issue(*HERE)) as server:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
        yield "--secret", "s", "--service-account", str(folder)
        assert any("watch=true" in request.target for request in server.received)


def _reporting_modules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have Python processes write the names of all modules to a file as they end, and return its path."""
    report = folder / "modules"
    write = f"pathlib.Path({str(report)!r}).write_text(' '.join(sys.modules))"
    (folder / "sitecustomize.py").write_text(f"import atexit, pathlib, sys\natexit.register(lambda: {write})\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return report


def _top(name: str) -> str:
    return name.partition(".")[0]


def _counts(name: str) -> bool:
    """Tell whether a module is no part of another one, of ours, or of how it is found out."""
    top = _top(name)
    ours = {"tenantproxy", "tenantproxy__mypyc"}
    return not top.startswith("_") and top not in ours | {"cython_runtime", "sitecustomize"}


def _parts(name: str) -> set[str]:
    """Return a module's name, and those of the packages that it is in."""
    parts = name.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts) + 1)}


def _is_parent(name: str, budget: set[str]) -> bool:
    return any(part.startswith(f"{name}.") for part in budget)
