"""`tenantproxy serve` and `tenantproxy map` as processes: files in, signals, exit statuses, logs."""

import asyncio
import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.commands import free_ports, run, serve
from support.proxy import tokens
from support.proxy.configuration import configuration
from support.proxy.idp import ON_LOOPBACK
from support.proxy.oms import (
    ORDER_ANSWER,
    RawServer,
    answering,
    documented,
    held_until,
    http,
    raw_server,
    token_answer,
)
from support.proxy.running import BASIC, GET_PATH, PUT_PATH
from support.waiting import eventually
from tenantproxy.credentials.stores.files import read_keys, write_keys


def config(url: str, **sections: Any) -> dict[str, Any]:
    return configuration(url, **{"auth": ON_LOOPBACK} | sections)


async def get(url: str, **headers: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, await response.read()


async def test_files_in_orders_out(oms: RawServer, tmp_path: Path) -> None:
    """A configuration and a credential in files are all that a proxy needs; it follows changes."""
    async with serve(tmp_path, config(oms.url)) as proxy:
        assert (await get(proxy.api + GET_PATH))[0] == 503
        write_keys(tmp_path / "credentials", BASIC)
        await eventually(lambda: get(proxy.api + GET_PATH), lambda found: found[0] == 200, pause=0.1)
        # The line follows the answer.
        (line,) = await eventually(lambda: [line for line in proxy.log.splitlines() if '"status":200' in line])
        request = json.loads(line)
        assert request.keys() >= {"method", "route", "status", "durationMs", "tenant", "correlationId", "time"}


async def test_lines_for_people(oms: RawServer, tmp_path: Path) -> None:
    """With `--log-format text`, no JSON; and no colours, since nobody's terminal is there."""
    async with serve(tmp_path, config(oms.url), "--log-format", "text") as proxy:
        assert (await get(proxy.api + GET_PATH))[0] == 503
        (line,) = await eventually(lambda: [line for line in proxy.log.splitlines() if "GET getOrder 503" in line])
        assert " acme  GET getOrder 503 No credential is configured yet (credentials-not-configured) in " in line
        assert "{" not in proxy.log
        assert "\x1b" not in proxy.log


async def refuses(url: str) -> bool:
    """Say whether new connections are refused."""
    try:
        await get(url)
    except aiohttp.ClientConnectionError:
        return True
    return False


async def test_sigterm_lets_requests_end(oms: RawServer, tmp_path: Path) -> None:
    """SIGTERM ends the process with 0, after what was in flight."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(ORDER_ANSWER))
    write_keys(tmp_path / "credentials", BASIC)
    async with serve(tmp_path, config(oms.url)) as proxy:
        reading = asyncio.create_task(get(proxy.api + GET_PATH))
        await oms.reached(1)
        proxy.process.send_signal(signal.SIGTERM)
        await eventually(lambda: refuses(proxy.api))
        release.set()
        assert (await reading)[0] == 200
        assert await proxy.ended() == 0
        with pytest.raises(aiohttp.ClientConnectionError):
            await get(proxy.api + GET_PATH)


async def test_supervised_ends_with_its_parent(oms: RawServer, tmp_path: Path) -> None:
    """A supervised proxy says when it is ready, and stops when its standard input ends."""
    read, write = os.pipe()
    async with serve(tmp_path, config(oms.url), "--supervised", stdin=read) as proxy:
        os.close(read)
        assert '{"event": "ready"}' in proxy.log
        os.close(write)
        assert await proxy.ended() == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version 1"),
        ({"tenant": {"id": "x"}}, "name"),
        ({"surprise": 1}, "surprise"),
        ({"upstream": {"url": "http://oms.example"}}, "`upstream.url` is plain http"),
        ({"upstream": {"url": "https://127.0.0.1"}}, "`upstream.url` names a host that is loopback"),
        (
            {"upstream": {"url": "https://oms.example", "operations": {"getOrder": {"path": "/x?y"}}}},
            "`upstream.operations.getOrder.path`",
        ),
        ({"mapping": {"getOrder": {"fields": {"status": {"const": 1}}}}}, "getOrder.fields.status.const`"),
    ],
)
async def test_bad_configuration_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """A configuration that can't be used ends the process with 2 and a line that names the field."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config("https://oms.example") | change))
    status, out, err = await run("tenantproxy", "serve", "--config", path)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


async def test_missing_configuration_is_named(tmp_path: Path) -> None:
    """A file that isn't there is named."""
    status, _, err = await run("tenantproxy", "serve", "--config", tmp_path / "none.json")
    assert (status, err) == (2, f"tenantproxy: {tmp_path}/none.json: No such file or directory\n")


async def test_taken_port_is_named(oms: RawServer, tmp_path: Path) -> None:
    """A port that another process has ends the process with 1."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config(oms.url)))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        admin = f"127.0.0.1:{free_ports(1)[0]}"
        status, _, err = await run("tenantproxy", "serve", "--config", path, "--api", address, "--admin", admin)
    assert status == 1
    assert address in err


async def test_no_secret_leaves_the_process(oms: RawServer, tmp_path: Path) -> None:
    """At debug level, through success and failure: no secret in logs, answers, argv, environment, files."""
    marks = ["MARK-password", "MARK-secret", "MARK-bearer", "MARK-access"]
    admin_token = tokens.user_token(email=tokens.ADMIN_EMAIL)
    write_keys(tmp_path / "credentials", {"username": "u", "password": "MARK-password"})
    access = tokens.access(tmp_path, mode="trusted")
    async with (
        raw_server(answering(token_answer("MARK-access", expires_in=60))) as idp,
        serve(tmp_path, config(oms.url, access=access), "--log-level", "debug") as proxy,
        aiohttp.ClientSession() as session,
    ):
        collected = b""

        async def send(method: str, path: str, **options: Any) -> None:
            nonlocal collected
            async with session.request(method, proxy.api + path, **options) as response:
                collected += await response.read() + str(response.headers).encode()

        async def put(body: Any, *, query: str = "") -> None:
            await send("PUT", PUT_PATH + query, json=body, headers=tokens.bearer(admin_token))

        for play in (documented, answering(http(401)), answering(http(500, b"MARK-access"))):
            oms.play = play
            await send("GET", GET_PATH, headers={"Authorization": "Bearer MARK-bearer"})
        await send("GET", GET_PATH, headers={"Authorization": "Bearer MARK-bearer" + "x" * 9000})
        await send("PUT", PUT_PATH, json={}, headers={"Authorization": "Bearer MARK-bearer"})
        await put({"type": "basic", "config": {"username": "a:b", "password": "MARK-password"}})
        oauth2 = {"clientId": "id", "clientSecret": "MARK-secret", "authUrl": f"{idp.url}/token"}
        await put({"type": "oauth2", "config": oauth2})
        oms.play = documented
        await send("GET", GET_PATH)
        for bad in (http(401, b"MARK-secret"), http(200, b"MARK-access"), b"MARK-access\r\n\r\n"):
            idp.play = answering(bad)
            await put({"type": "oauth2", "config": oauth2}, query="?validate=true")
            await put({"type": "oauth2", "config": {**oauth2, "scope": str(len(bad))}})
            await send("GET", GET_PATH)
        async with session.get(f"{proxy.admin}/metrics") as response:
            collected += await response.read()
        proc = Path(f"/proc/{proxy.process.pid}")
        if proc.exists():  # noqa: ASYNC240 - not a disk
            collected += (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
        collected += proxy.log.encode()
        everything = tmp_path.rglob("*")  # noqa: ASYNC240 - a test may block
        others = [path for path in everything if path.is_file() and "credentials" not in path.parts]
        collected += b"".join(path.read_bytes() for path in others)
        for mark in [*marks, admin_token]:
            assert mark.encode() not in collected
        assert read_keys(tmp_path / "credentials")["clientSecret"] == "MARK-secret"


# ---- tenantproxy map and the help


async def test_map_shows_the_answer_or_the_errors(tmp_path: Path) -> None:
    """A sample of the OMS's answer is mapped offline, or every violation is named."""
    path = tmp_path / "config.json"
    mapping = {
        "getOrder": {"root": "", "fields": {"customerId": {"const": "x"}, "items": {"from": "/lines"}}},
        "searchOrders": {"root": "/hits", "fields": {"status": {"values": {"o": "CREATED"}}}},
    }
    path.write_text(json.dumps(config("https://oms.example", mapping=mapping)))
    lines = b'[{"itemId": "a", "quantityOrdered": 1e3, "unitPrice": 0.10}]'
    order = b'{"customerOrderId": "1", "status": "S", "lines": ' + lines + b"}"
    status, out, err = await run("tenantproxy", "map", "--config", path, "-", stdin=order)
    assert (status, err) == (0, "")
    assert '"quantityOrdered": 1e3' in out
    assert '"unitPrice": 0.10' in out
    hits = b'{"hits": [{"customerOrderId": "1", "customerId": "c", "status": "o"}]}'
    status, out, _ = await run("tenantproxy", "map", "--config", path, "-", stdin=hits)
    assert json.loads(out)["customerOrders"][0]["status"] == "CREATED"
    status, out, err = await run("tenantproxy", "map", "--config", path, "-", stdin=hits.replace(b'"o"', b'"?"'))
    assert (status, out) == (1, "")
    assert "searchOrders: `/customerOrders/0/status` has a value" in err
    options = ("--operation", "getOrder", "--config", str(path))
    status, _, err = await run("tenantproxy", "map", *options, "-", stdin=hits)
    assert status == 1
    assert "getOrder: `/customerOrder/customerOrderId` is missing" in err


async def test_help_is_enough_to_start_with() -> None:
    """The version, and help for each command and for the mock OMS's faults."""
    assert (await run("tenantproxy", "--version"))[1].startswith("tenantproxy, version ")
    assert {"serve", "map", "mock-oms", "dev-issuer"} <= set((await run("tenantproxy", "--help"))[1].split())
    faults = (await run("tenantproxy", "mock-oms", "--help"))[1]
    for fault in ("--latency", "--error-rate", "--token-lifetime", "--reject-credentials"):
        assert fault in faults


async def test_a_secret_can_only_be_followed_in_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere `--secret` is refused at once, with what is missing."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config("https://oms.example")))
    options = ("--config", path, "--secret", "acme-credentials", "--service-account", tmp_path)
    status, out, err = await run("tenantproxy", "serve", *options)
    assert (status, out) == (2, "")
    assert err == "tenantproxy: --secret: the environment has no KUBERNETES_SERVICE_HOST; is this a pod?\n"


@pytest.mark.parametrize("program", ["tenantproxy", "tenantproxy-operator"])
async def test_no_server_runs_with_the_pure_python_parser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """Both programs say in one line why they don't start, and how they would."""
    monkeypatch.setenv("AIOHTTP_NO_EXTENSIONS", "1")
    admin = f"127.0.0.1:{free_ports(1)[0]}"
    if program == "tenantproxy":
        (tmp_path / "config.json").write_text(json.dumps(config("http://127.0.0.1:1")))
        options = ["serve", "--config", str(tmp_path / "config.json"), "--api", admin, "--admin", "127.0.0.1:0"]
    else:
        cluster = {"clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}]}
        context = {"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "current-context": "c"}
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps({**cluster, **context, "users": [{"name": "u", "user": {"token": "t"}}]}))
        options = ["run", "--namespace", "n", "--proxy-image", "i", "--kubeconfig", str(path), "--admin", admin]
    status, out, err = await run(program, *options)
    assert (status, out) == (1, "")
    (line,) = [line for line in err.splitlines() if not line.startswith("{")]
    assert "pure-Python HTTP parser" in line
    assert "unset AIOHTTP_NO_EXTENSIONS" in line
