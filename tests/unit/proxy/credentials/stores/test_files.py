"""The credential as files: all keys at once, safe against everything that can come in between."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.proxy.fleet import Oms, TokenEndpoint
from support.proxy.running import proxy_config
from support.waiting import PATIENCE
from tenantproxy.config import Tenant
from tenantproxy.credentials.active import ActiveCredential
from tenantproxy.credentials.base import CredentialError
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.formats import from_secret
from tenantproxy.credentials.manager import CredentialManager
from tenantproxy.credentials.oauth2.credential import OAuth2
from tenantproxy.credentials.stores import files
from tenantproxy.credentials.stores.base import Stored, StoreError
from tenantproxy.credentials.stores.files import FileStore, read_keys, write_keys
from tenantproxy.metrics import Metrics
from tenantproxy.problems import Problem

BASIC = Basic(username="user", password="secret")
OAUTH2 = OAuth2(client_id="id", client_secret="secret", auth_url="https://idp.example/token")
UNSEEN = Stored({}, None)
"""What is read of a store that has never been read."""


def test_missing_directory_means_no_keys(tmp_path: Path) -> None:
    """A tenant without a Secret is not configured; that is no error."""
    assert read_keys(tmp_path / "none") == {}


def test_written_keys_are_read_back(tmp_path: Path) -> None:
    """What was written is what is there, and nothing else."""
    write_keys(tmp_path, {"a": "1", "b": "ö\n"})
    write_keys(tmp_path, {"b": "2"})
    assert read_keys(tmp_path) == {"b": "2"}
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith("..")} == {"b"}
    assert len(list(tmp_path.glob("..version-*"))) == 1, "old versions are removed"


def test_files_are_private(tmp_path: Path) -> None:
    """Only the owner may read a secret."""
    write_keys(tmp_path / "credentials", {"password": "secret"})
    assert (tmp_path / "credentials" / "password").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "credentials").stat().st_mode & 0o777 == 0o700


def test_plain_files_are_taken_over(tmp_path: Path) -> None:
    """Files that a person wrote are read, and replaced by the next write."""
    (tmp_path / "username").write_text("u")
    (tmp_path / "stale").write_text("x")
    assert read_keys(tmp_path) == {"username": "u", "stale": "x"}
    write_keys(tmp_path, {"username": "v"})
    assert read_keys(tmp_path) == {"username": "v"}


def test_a_credential_that_is_not_text_is_named_and_not_quoted(tmp_path: Path) -> None:
    """It is read, and refused as a credential."""
    (tmp_path / "username").write_text("u")
    (tmp_path / "password").write_bytes(b"MARKED\xff")
    with pytest.raises(CredentialError, match="`password` is not valid Unicode text") as caught:
        from_secret(read_keys(tmp_path))
    assert "MARKED" not in str(caught.value)


async def test_binary_keys_of_others_survive(tmp_path: Path) -> None:
    """A keystore beside the credential neither hinders reading nor is changed by a replacement."""
    (tmp_path / "username").write_text("u")
    (tmp_path / "password").write_text("p")
    (tmp_path / "keystore.jks").write_bytes(bytes(range(256)))
    store = FileStore(tmp_path)
    assert from_secret((await store.read()).keys) == Basic(username="u", password="p")
    await store.replace(UNSEEN, OAUTH2)
    assert (tmp_path / "keystore.jks").read_bytes() == bytes(range(256))
    assert from_secret((await store.read()).keys) == OAUTH2


def test_unreadable_files_are_an_error(tmp_path: Path) -> None:
    """What can't be read is named."""
    (tmp_path / "password").mkdir()
    with pytest.raises(StoreError, match="Is a directory"):
        read_keys(tmp_path)


def test_failed_write_changes_nothing(tmp_path: Path) -> None:
    """A key that can't be a file's name fails the whole write."""
    write_keys(tmp_path, {"a": "1"})
    with pytest.raises(StoreError):
        write_keys(tmp_path, {"a": "2", "no/such": "x"})
    assert read_keys(tmp_path) == {"a": "1"}


def test_readers_see_whole_versions_only(tmp_path: Path) -> None:
    """A reader beside a writer never sees keys of two versions."""
    versions = [{"clientId": str(n), "clientSecret": str(n)} for n in range(40)]
    write_keys(tmp_path, versions[0])

    async def race() -> None:
        async def write() -> None:
            for version in versions:
                await asyncio.to_thread(write_keys, tmp_path, version)

        writing = asyncio.create_task(write())
        while not writing.done():
            keys = await asyncio.to_thread(read_keys, tmp_path)
            assert len(set(keys.values())) == 1, keys
        await writing

    asyncio.run(race())


async def test_replace_keeps_the_keys_of_others(tmp_path: Path) -> None:
    """Another type removes our old keys; what is not ours stays."""
    write_keys(tmp_path, {"username": "u", "password": "p", "note": "theirs"})
    await FileStore(tmp_path).replace(UNSEEN, OAUTH2)
    assert read_keys(tmp_path) == {
        "authUrl": "https://idp.example/token",
        "clientId": "id",
        "clientSecret": "secret",
        "note": "theirs",
        "type": "oauth2",
    }


async def test_extra_params_stay_while_the_type_is_oauth2(tmp_path: Path) -> None:
    """Only the platform sets `extraParams`; a tenant's change of its secret keeps them."""
    write_keys(tmp_path, {"clientId": "x", "clientSecret": "x", "authUrl": "x", "extraParams": '{"a":"b"}'})
    store = FileStore(tmp_path)
    assert (await store.replace(UNSEEN, OAUTH2)).keys["extraParams"] == '{"a":"b"}'
    assert "extraParams" not in (await store.replace(UNSEEN, BASIC)).keys


async def test_concurrent_replacements_are_ordered(tmp_path: Path) -> None:
    """The last call is the one that stays."""
    store = FileStore(tmp_path)
    await asyncio.gather(*(store.replace(UNSEEN, Basic(username="u", password=str(n))) for n in range(20)))
    assert read_keys(tmp_path)["password"] == "19"


@pytest.mark.parametrize("by", ["our own writer", "an editor"])
async def test_what_has_changed_since_it_was_read_is_kept(tmp_path: Path, by: str) -> None:
    """Keys of others that came between the read and the replacement stay."""
    write_keys(tmp_path, {"username": "u", "password": "p", "note": "old"})
    store = FileStore(tmp_path)
    stored = await store.read()
    if by == "our own writer":
        write_keys(tmp_path, {"username": "u", "password": "p", "note": "new"})
    else:
        (tmp_path / "note").write_text("new")
    await store.replace(stored, OAUTH2)
    assert read_keys(tmp_path)["note"] == "new"


async def test_what_was_read_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing has changed, a replacement goes on from what was read."""
    write_keys(tmp_path, {"username": "u", "password": "p", "note": "theirs"})
    store = FileStore(tmp_path)
    stored = await store.read()
    monkeypatch.setattr(files, "read_keys", None)
    await store.replace(stored, OAUTH2)
    assert read_keys(tmp_path)["note"] == "theirs"


@pytest.mark.virtual_time
@pytest.mark.parametrize("by", ["our own writer", "an editor", "the kubelet"])
async def test_changes_are_noticed(tmp_path: Path, by: str) -> None:
    """Whoever changes the files, the store says so within a second."""
    write_keys(tmp_path, {"password": "old"})
    changes = FileStore(tmp_path).watch()
    await anext(changes)
    waiting = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0)
    if by == "our own writer":
        write_keys(tmp_path, {"password": "new"})
    elif by == "an editor":
        (tmp_path / "password").write_text("new")
    else:
        version = tmp_path / "..2026_11_24"
        version.mkdir()
        (version / "password").write_text("new")
        (tmp_path / "..data_tmp").symlink_to(version.name)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    async with asyncio.timeout(1):
        await waiting
    assert read_keys(tmp_path) == {"password": "new"}


async def test_what_is_known_of_a_credential_outlives_its_proxy(tmp_path: Path) -> None:
    """Where files can be written: nothing is tried anew, and it stays known who set it; but of that one only."""
    directory = tmp_path / "credentials"
    async with _in_use(FileStore(directory, keeps_notes=True)) as (manager, credential):
        await manager.replace(await manager.candidate(BASIC), set_by="jane@example.com")
        credential.accepted(await credential.authorize(1.0))
        before = credential.known()
    assert (before.state, before.set_by) == ("accepted", "jane@example.com")
    assert (directory / "..note").stat().st_mode & 0o777 == 0o600
    assert read_keys(directory).keys() == {"type", "username", "password"}
    async with _in_use(FileStore(directory, keeps_notes=True)) as (manager, credential):
        assert credential.known() == before
        credential.rejected(await credential.authorize(1.0))
    async with _in_use(FileStore(directory, keeps_notes=True)) as (manager, credential):
        with pytest.raises(Problem, match="rejected"):
            await credential.authorize(1.0)
    async with _in_use(FileStore(directory)) as (manager, credential):
        assert credential.known().state == "untried", "as mounted files, which have no note"
    write_keys(directory, {"type": "basic", "username": "user", "password": "another"})
    async with _in_use(FileStore(directory, keeps_notes=True)) as (manager, credential):
        assert credential.known().state == "untried"


async def test_how_a_client_authenticates_outlives_its_proxy(tmp_path: Path) -> None:
    """So that the next start costs no wrong login."""
    for found in (None, "client_secret_post"):
        async with _in_use(FileStore(tmp_path, keeps_notes=True)) as (manager, credential):
            assert credential.known().found == found
            if found is None:
                await manager.replace(await manager.candidate(OAUTH2))
            await credential.first_attempt()
            known = credential.known_of(OAUTH2)
            assert known is not None
            assert (known.state, known.found) == ("accepted", "client_secret_post")


async def test_who_takes_over_does_not_wait_for_who_ends(tmp_path: Path) -> None:
    """A proxy that could not learn whether the credential is right leaves the first login to the next one."""
    write_keys(tmp_path, BASIC.to_keys())
    minutes = 200.0
    async with _in_use(FileStore(tmp_path, keeps_notes=True)) as (manager, next_one):
        following = asyncio.create_task(manager.follow())
        async with _in_use(FileStore(tmp_path, keeps_notes=True)) as (_, old):
            for _ in range(5):
                grant = await old.authorize(minutes)
                old.failed(grant, Problem("upstream-error", "x"))
                old.ended(grant)
            waiting = asyncio.create_task(next_one.authorize(minutes))
        async with asyncio.timeout(PATIENCE):
            next_one.accepted(await waiting)
        assert next_one.known().state == "accepted"
        following.cancel()


async def test_files_keep_no_note_unless_they_can(tmp_path: Path) -> None:
    """Those of a mounted Secret can't be written; and one that can't be read is none."""
    write_keys(tmp_path, BASIC.to_keys())
    with pytest.raises(StoreError, match="no notes"):
        await FileStore(tmp_path).annotate(lambda _: "x")
    (tmp_path / "..note").mkdir()
    store = FileStore(tmp_path, keeps_notes=True)
    assert (await store.read()).note is None
    with pytest.raises(StoreError, match="Is a directory"):
        await store.annotate(lambda _: "x")
    stored = await store.replace(await store.read(), OAUTH2, lambda _: "x")
    assert stored.keys["clientId"] == "id", "the credential is stored all the same"


@contextlib.asynccontextmanager
async def _in_use(store: FileStore) -> AsyncIterator[tuple[CredentialManager, ActiveCredential]]:
    """Run what uses a store, from its start to its end."""
    metrics = Metrics(Tenant(id="T", name="acme"))
    oms = Oms(random.Random(0), OAUTH2.client_secret)  # noqa: S311 - reproducible, no secret
    credential = ActiveCredential(TokenEndpoint(oms), metrics, store)
    manager = CredentialManager(proxy_config("http://oms.example"), store, credential, metrics)
    await manager.load()
    yield manager, credential
    await credential.close()
