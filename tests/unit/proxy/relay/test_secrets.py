"""The relay's keys, in files that change."""

import asyncio
import base64
from functools import partial
from pathlib import Path

import pytest

from support.waiting import eventually
from tenantproxy.config_poslog import IdToken, Poslog, PoslogDelivery, Verification
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy.problems import Problem
from tenantproxy.relay.secrets import (
    MOST_LINES,
    PASSWORD,
    SHARED_KEY,
    SIGNING_KEY,
    USERNAME,
    SecretFiles,
    needed,
    secrets_of,
)

KEY = bytes(range(32))
TEXT = base64.b64encode(KEY).decode()


def test_what_is_needed() -> None:
    """No more than the configuration asks for."""
    assert needed(Poslog(Verification(id_token=IdToken("a")))) == set()
    assert needed(Poslog(Verification(shared_key=True))) == {SHARED_KEY}
    assert needed(Poslog(Verification(basic=True), delivery=PoslogDelivery(signed=True))) == {
        *(USERNAME, PASSWORD, SIGNING_KEY)
    }


def test_several_lines_are_several_keys() -> None:
    """Whatever ends a line; an empty one is none, since it would let anybody in."""
    found = secrets_of({SHARED_KEY: "old\r\n\nnew\n", USERNAME: "not asked for"}, {SHARED_KEY})
    assert found.shared_keys == (b"old", b"new")
    assert found.usernames == ()
    found.check()


@pytest.mark.parametrize("text", [f"whsec_{TEXT}", TEXT, f"{TEXT}\n"])
def test_forms_of_a_signing_key(text: str) -> None:
    """With the prefix of Standard Webhooks, and without."""
    assert secrets_of({SIGNING_KEY: text}, {SIGNING_KEY}).signing_keys == (KEY,)


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        (SHARED_KEY, None, "is missing"),
        (SHARED_KEY, "\n \n".replace(" ", ""), "is missing"),
        (SHARED_KEY, "key\n" * (MOST_LINES + 1), "has 5 lines"),
        (SIGNING_KEY, "whsec_", "is no key"),
        (SIGNING_KEY, "whsec_not base64", "is no key"),
        (SIGNING_KEY, base64.b64encode(KEY[:23]).decode(), "is no key"),
        (SIGNING_KEY, f"{TEXT}\nwrong", "is no key"),
    ],
)
def test_what_can_not_be_used(name: str, text: str | None, what: str) -> None:
    """It is named, with the problem, and without what is in it; no event is taken then."""
    found = secrets_of({} if text is None else {name: text}, {name})
    with pytest.raises(Problem) as caught:
        found.check()
    assert (caught.value.code, caught.value.status) == ("poslog-secret-missing", 503)
    assert f"`{name}` {what}" in caught.value.detail
    assert (found.shared_keys, found.signing_keys) == ((), ())
    assert "***" in repr(found)


def _has(files: SecretFiles, text: str) -> bool:
    return files.current.shared_keys == tuple(text.encode().split(b"\n"))


@pytest.mark.virtual_time
async def test_they_are_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A key that comes, changes or goes is noticed without a restart; what is lacking is written down once."""
    files = SecretFiles(tmp_path / "poslog", frozenset({SHARED_KEY}))
    following = asyncio.create_task(files.follow())
    await eventually(lambda: "events are refused: poslogSharedKey is missing" in caplog.text)
    for text in ("old", "old\nnew", "new"):
        write_keys(tmp_path / "poslog", {SHARED_KEY: text})
        await eventually(partial(_has, files, text))
    (tmp_path / "poslog" / SHARED_KEY).unlink()
    await eventually(lambda: not files.current.shared_keys)
    assert caplog.text.count("is missing") == 2
    following.cancel()


async def test_what_can_not_be_read_changes_nothing(tmp_path: Path) -> None:
    """The keys at hand are used on."""
    files = SecretFiles(tmp_path, frozenset({SHARED_KEY}))
    write_keys(tmp_path, {SHARED_KEY: "key"})
    await files.load()
    (tmp_path / "directory").mkdir()  # which no file of a Secret is
    await files.load()
    assert files.current.shared_keys == (b"key",)
