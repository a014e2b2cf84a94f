"""`tenantproxy poslog send`, as the developer of a receiver uses it."""

import base64
import io
import json
import re
import zipfile
import zlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from support.commands import run
from support.proxy.relaying import relay_config, running_relay
from support.proxy.webhook import webhook
from tenantproxy.cli.main import main

LOGIN = {"POSLOG_USERNAME": "hii", "POSLOG_PASSWORD": "MARKED"}


def _send(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["poslog", "send", *arguments], env=LOGIN if env is None else env)


async def test_all_that_is_asked_for_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test event, a file and a sample, PosLogs in both compressions, each twice; nothing secret is shown."""
    for name, value in (LOGIN | {"POSLOG_SHARED_KEY": "MARKED"}).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "own.xml").write_text("<POSLog/>")
    async with webhook() as receiver:
        status, out, err = await run(
            *("tenantproxy", "poslog", "send", "--url", receiver.url, "--test", "--sample", "sale", "--twice"),
            *("--compression", "zlib", "--compression", "zip", tmp_path / "own.xml"),
        )
    assert status == 0, err
    ids = [json.loads(each.body)["id"] for each in receiver.deliveries]
    assert len(ids) == 10
    assert len(set(ids)) == 5
    assert all("x-hii-signature" in each.headers for each in receiver.deliveries)
    assert out.count("attempt 1: 202") == 10
    assert "MARKED" not in out + err


async def test_each_event_is_another_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its sample and compression: of the business day that was given, one after another."""
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    async with webhook() as receiver:
        status, _, err = await run(
            *("tenantproxy", "poslog", "send", "--url", receiver.url, "--business-day", "2025-02-28"),
            *("--compression", "zlib", "--compression", "zip", "--sample", "sale", "--sample", "sale"),
        )
    assert status == 0, err
    events = [json.loads(each.body) for each in receiver.deliveries]
    assert {event["meta"]["businessDay"] for event in events} == {"2025-02-28"}
    poslogs = [_unpacked(base64.b64decode(event["data"])) for event in events]
    for name in ("TransactionID", "SequenceNumber", "EndDateTime"):
        values = [re.findall(f"<{name}>(.*?)</{name}>", poslog)[0] for poslog in poslogs]
        assert len({*values}) == 4
        assert values == sorted(values, key=lambda value: (len(value), value))
    assert all(re.search("<EndDateTime>2025-0(2-28|3-01)T", each) for each in poslogs), "at midnight the next day"


def _unpacked(data: bytes) -> str:
    if not data.startswith(b"PK"):
        return zlib.decompress(data).decode()
    with zipfile.ZipFile(io.BytesIO(data)) as files:
        return files.read(files.namelist()[0]).decode()


async def test_many_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each about an order of its own, in a transaction of its own."""
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    async with webhook() as receiver:
        status, _, err = await run(
            *("tenantproxy", "poslog", "send", "--url", receiver.url, "--sample", "pickup", "--count", "3"),
            *("--order", "CO-7"),
        )
    assert status == 0, err
    poslogs = [_unpacked(base64.b64decode(json.loads(each.body)["data"])) for each in receiver.deliveries]
    assert [re.findall("CO-7-.", poslog) for poslog in poslogs] == [["CO-7-1"], ["CO-7-2"], ["CO-7-3"]]
    assert len({*re.findall("<TransactionID>(.*?)<", "".join(poslogs))}) == 3


async def test_a_receiver_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says so, and what ExternalEvents would do."""
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    async with webhook(500) as receiver:
        status, out, _ = await run(
            *("tenantproxy", "poslog", "send", "--url", receiver.url, "--test", "--speed", "3600")
        )
    assert (status, len(receiver.deliveries)) == (1, 6)
    assert "failed: ExternalEvents would now keep it in its journal" in out


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        (("--url", "http://x"), LOGIN, "nothing to send"),
        (("--url", "nonsense", "--test"), LOGIN, "--url is not an http(s) URL"),
        (
            ("--url", "http://user:secret@x", "--test"),
            LOGIN,
            "--url has user-info; put credentials into $POSLOG_USERNAME and $POSLOG_PASSWORD\n",
        ),
        (("--url", "http://x", "--test"), LOGIN | {"POSLOG_USERNAME": "a:b"}, "$POSLOG_USERNAME has a colon"),
        (
            ("--url", "http://x", "--test"),
            LOGIN | {"POSLOG_PASSWORD": "\udcff"},
            "$POSLOG_PASSWORD has a character",
        ),
        (("--url", "http://x", "--test"), LOGIN | {"POSLOG_SHARED_KEY": "\udcff"}, "$POSLOG_SHARED_KEY has a"),
        (("--url", "http://x", "--test", "--id-token", "\udcff"), LOGIN, "has a character that can't be shown"),
        (
            ("--url", "http://x", "--test", "--id-token", "a", "--jwks", "/nonexistent/f"),
            LOGIN,
            "--jwks: /nonexistent/f can't be written: No such file or directory",
        ),
        (("--url", "http://x", "--test"), {}, "set $POSLOG_USERNAME and $POSLOG_PASSWORD, or give --id-token"),
        (("--url", "http://x", "--test", "--jwks", "f"), LOGIN, "go with --id-token"),
        (
            ("--url", "http://x", "--sample", "sale", "--business-day", "30.11.2026"),
            LOGIN,
            "'30.11.2026' is not a date; write YYYY-MM-DD",
        ),
        (
            ("--url", "http://x", "--sample", "sale", "--business-day", "2026-02-30"),
            LOGIN,
            "'2026-02-30' is not a date; write YYYY-MM-DD",
        ),
        (("--url", "http://x", "--sample", "sale", "--order", "A\udcff"), LOGIN, "has a character that can't be"),
        (("--url", "http://x", "--sample", "sale", "--order", "A\x01"), LOGIN, "has a character that can't be"),
        (("--url", "http://x", "--test", "--id-token", "a", "--key", __file__), LOGIN, "not an RSA private key"),
    ],
)
def test_bad_input(arguments: tuple[str, ...], env: dict[str, str], said: str) -> None:
    """It is told before anything is sent."""
    result = _send(*arguments, env=env)
    assert result.exit_code == 2
    assert said in result.output


def test_the_key_of_tokens_is_published(tmp_path: Path) -> None:
    """The receiver's test configuration can take it from a file."""
    jwks = tmp_path / "jwks.json"
    arguments = (
        "--url",
        "http://127.0.0.1:9",
        "--test",
        "--id-token",
        "a",
        "--jwks",
        str(jwks),
        "--speed",
        "3600",
    )
    assert _send(*arguments).exit_code == 1
    (key,) = json.loads(jwks.read_text())["keys"]
    assert key["kty"] == "RSA"
    assert "d" not in key


async def test_why_it_is_not_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a receiver says of a failure is told once for all attempts."""
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    config = relay_config("http://127.0.0.1:1", verification={"sharedKey": True})
    async with running_relay(config, tmp_path) as relay:
        url = f"http://127.0.0.1:{relay.port}/events"
        status, out, _ = await run(
            *("tenantproxy", "poslog", "send", "--url", url, "--sample", "pickup", "--speed", "3600")
        )
    assert status == 1
    assert out.count(": 401, ") == 6
    assert out.count("  the receiver says: event-unauthorized: ") == 1
