"""The command `tenantproxy conformance` as a process: by a manifest, by a configuration, interrupted."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from support.commands import BIN, free_ports, run
from support.conformance.runs import PASSWORD, SECRET, mock_oms, oauth2
from support.waiting import PATIENCE
from tenantproxy.credentials.stores.environment import variable
from tenantproxy.devtools.faults import Faults

ACME = Path(__file__).parents[3] / "examples" / "acme.yaml"
SAMPLES = ("--order", "CO-1001", "--business-unit", "store-1", "--customer", "111", "--requests", "2")
COMMAND = ("tenantproxy", "conformance")


def _manifest(tmp_path: Path, base: str) -> Path:
    path = tmp_path / "acme.yaml"
    path.write_text(ACME.read_text().replace("http://127.0.0.1:8691", base))
    return path


async def test_by_manifest(tmp_path: Path) -> None:
    """The example's manifest and its Secret: all passes, each report is written, and no secret is in them."""
    async with mock_oms() as base:
        files = {kind: tmp_path / f"report.{kind}" for kind in ("html", "json", "junit")}
        options = [part for kind, path in files.items() for part in (f"--{kind}", path)]
        status, out, err = await run(*COMMAND, "--manifest", _manifest(tmp_path, base), *SAMPLES, *options)
    assert status == 0, out
    assert "with a wrong password (auth.wrong); --no-wrong-logins leaves it out." in err
    assert "[ 1/" in err
    assert json.loads(files["json"].read_bytes())["counts"]["failed"] == 0
    assert b"<failure" not in files["junit"].read_bytes()
    assert b"<!DOCTYPE html>" in files["html"].read_bytes()
    written = [out, err, *(path.read_text() for path in files.values())]
    assert not any(PASSWORD in text for text in written)


async def test_by_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented contract at a URL, on this machine, with an OAuth2 client from the environment."""
    async with mock_oms() as base:
        for name, value in oauth2(base).items():
            monkeypatch.setenv(variable(name), value)
        url = ("--url", f"{base}/api/v1")
        status, out, err = await run(*COMMAND, *url, *SAMPLES, "--group", "token", "--group", "auth")
    assert status == 0, out
    assert "wrong logins of the client globex" in err
    assert "one login is with a wrong secret (token.wrong-secret)" in err
    assert "passed     token.kept" in out
    assert SECRET not in out + err


async def test_by_config(tmp_path: Path) -> None:
    """What a proxy's pod has: a configuration, and a directory with the Secret; one check of a broken OMS."""
    async with mock_oms(Faults(quirks=frozenset({"unknown-as-500"}))) as base:
        config = tmp_path / "config.json"
        manifest = _manifest(tmp_path, base)
        status, rendered, _ = await run("tenantproxy-operator", "render", "-f", manifest, "--output", "config")
        assert status == 0
        config.write_text(rendered)
        secret = tmp_path / "secret"
        secret.mkdir()
        (secret / "username").write_text("acme\n")
        (secret / "password").write_text(PASSWORD)
        given = ("--config", config, "--credentials", secret, *SAMPLES)
        status, out, _ = await run(*COMMAND, *given, "--only", "order.unknown", "--json", "-")
    (result,) = json.loads(out)["results"]
    assert (status, result["id"], result["status"]) == (1, "order.unknown", "failed")
    assert result["exchanges"][0]["requestHeaders"]["Authorization"] == "Basic ***"


async def test_ctrl_c(tmp_path: Path) -> None:
    """An interrupt ends the run at once, with status 130, and leaves each report on what was tried."""
    async with mock_oms(Faults(latency=0.2)) as base:
        page = tmp_path / "report.json"
        process = await asyncio.create_subprocess_exec(
            BIN / COMMAND[0],
            *(*COMMAND[1:], "--manifest", _manifest(tmp_path, base), *SAMPLES, "--json", page),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        assert process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            while b"order.read" not in await process.stderr.readline():
                pass
            process.send_signal(signal.SIGINT)
            out, _ = await process.communicate()
    assert process.returncode == 130
    assert b"(interrupted: the run is not complete)" in out
    report = json.loads(page.read_bytes())
    assert report["ended"] == "interrupted"
    assert report["counts"]["passed"] >= 2


async def test_out_of_time(tmp_path: Path) -> None:
    """When time is up, the run ends with status 1 and a report; which is not that of an OMS that passes."""
    async with mock_oms(Faults(latency=0.3)) as base:
        status, out, _ = await run(*COMMAND, "--manifest", _manifest(tmp_path, base), *SAMPLES, "--timeout", "1")
    assert status == 1
    assert "(out of time: the run is not complete)" in out
    assert "0 failed" not in out


async def test_nothing_listens(tmp_path: Path) -> None:
    """An OMS that is not there fails, with a report."""
    (port,) = free_ports(1)
    manifest = _manifest(tmp_path, f"http://127.0.0.1:{port}")
    status, out, err = await run(*COMMAND, "--manifest", manifest, *SAMPLES)
    assert status == 1
    assert "There is no answer (connect)." in out
    assert "Traceback" not in err


async def test_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """That nothing could be tried with it is no success, whatever was selected."""
    async with mock_oms() as base:
        monkeypatch.setenv(variable("username"), "acme")
        monkeypatch.setenv(variable("password"), "not-the-password")
        status, out, _ = await run(*COMMAND, "--url", f"{base}/api/v1", *SAMPLES, "--only", "http.parallel")
    assert status == 1
    assert "the given credential was rejected" in out
