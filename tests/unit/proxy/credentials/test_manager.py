"""The credential in use follows the store, whatever happens to the store."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from support.proxy import tokens
from support.proxy.oms import RawServer, answering, raw_server, token_answer
from support.proxy.running import BASIC, proxy_config, running_proxy
from support.waiting import eventually
from tenantproxy import supervision
from tenantproxy.config import ProxyConfig, Tenant
from tenantproxy.credentials.base import Credential, CredentialError
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.manager import CredentialManager
from tenantproxy.credentials.proof import Known, Tried
from tenantproxy.credentials.stores import files
from tenantproxy.credentials.stores.base import ForeignSecretError, NewNote, Stored, StoreError
from tenantproxy.credentials.stores.files import FileStore, write_keys
from tenantproxy.metrics import Metrics

UNREADABLE = 'tenantproxy_config_changes_total{outcome="unreadable"}'
SUCCESS = 'tenantproxy_config_changes_total{outcome="success"}'
INVALID = 'tenantproxy_config_changes_total{outcome="invalid"}'
OTHER = {"username": "user", "password": "other"}
CONFIG = proxy_config("http://127.0.0.1")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the files often and try again soon: proxies with sockets don't live in virtual time."""
    monkeypatch.setattr(files, "_POLL_SECONDS", 0.02)
    monkeypatch.setattr(random, "uniform", lambda shortest, _longest: shortest / 50)


async def test_changes_from_outside_are_used(oms: RawServer, tmp_path: Path) -> None:
    """A Secret that the platform team changes is in use soon, and shown by type."""
    async with running_proxy(proxy_config(oms.url), tmp_path) as proxy:
        assert await proxy.metric('tenantproxy_credentials_info{type="basic"}') is None
        await proxy.change_keys(BASIC)
        assert (await proxy.get()).status == 200
        assert await proxy.metric('tenantproxy_credentials_info{type="basic"}') == 1
        await proxy.change_keys(OTHER)
        assert await proxy.metric("tenantproxy_credentials_accepted") is None, "not known of the new one yet"
        await proxy.get()
        assert oms.received[-1].headers["authorization"] == "Basic dXNlcjpvdGhlcg=="


async def test_a_store_that_breaks_leaves_the_credential_in_use(oms: RawServer, tmp_path: Path) -> None:
    """Files that can't be read are reported; reads go on."""
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        broken = proxy.credentials / "..broken"
        (broken / "password").mkdir(parents=True)
        (proxy.credentials / "..next").symlink_to(broken.name)
        (proxy.credentials / "..next").replace(proxy.credentials / "..data")  # at once, as the kubelet does it
        await proxy.becomes(UNREADABLE, 1)
        assert (await proxy.get()).status == 200
        await proxy.becomes(UNREADABLE, 2)  # it is tried again, though nothing has changed


async def test_a_store_that_is_broken_at_start_is_named(oms: RawServer, tmp_path: Path) -> None:
    """Without a credential to go on with, callers are told that the Secret can't be read, until it can."""
    (tmp_path / "credentials" / "password").mkdir(parents=True)
    async with running_proxy(proxy_config(oms.url), tmp_path) as proxy:
        assert (await proxy.get()).code == "credentials-invalid"
        (proxy.credentials / "password").rmdir()
        write_keys(proxy.credentials, BASIC)
        await proxy.becomes('tenantproxy_credentials_info{type="basic"}', 1)
        assert (await proxy.get()).status == 200


async def test_a_secret_that_becomes_unusable_is_not_used(oms: RawServer, tmp_path: Path) -> None:
    """Keys of both kinds are an error; the credential from before is not used any longer."""
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        write_keys(proxy.credentials, {**BASIC, "clientId": "x"})
        await proxy.becomes(INVALID, 1)
        assert (await proxy.get()).code == "credentials-invalid"
        assert oms.received == []


async def test_a_secret_that_disappears_is_not_configured(oms: RawServer, tmp_path: Path) -> None:
    """Without keys, reads say that the credential is missing."""
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        await proxy.change_keys({})
        assert (await proxy.get()).code == "credentials-not-configured"


class SlowReads(FileStore):
    """A store whose reads are answered late, as those of an API server may be."""

    async def read(self) -> Stored:
        stored = await super().read()
        await asyncio.sleep(1.0)
        return stored


class Used:
    """What an OMS client was told to use, in order."""

    is_usable = True

    def __init__(self) -> None:
        self.credentials: list[object] = []

    async def use(self, credential: object, stored: Stored | None) -> bool:
        del stored
        self.credentials.append(credential)
        return True

    async def note(self, credential: Credential, stored: Stored, set_by: str, tried: Tried | None) -> NewNote:
        del credential, stored, set_by, tried
        return lambda _: ""

    def known_of(self, credential: Credential) -> Known | None:
        raise AssertionError(credential)

    def tried(self, credential: Credential, tried: Tried) -> None:
        raise AssertionError(credential, tried)


@pytest.mark.virtual_time
async def test_a_late_read_never_undoes_a_replacement(tmp_path: Path) -> None:
    """A change that is read while an admin sets another credential does not win over the admin's."""
    write_keys(tmp_path, BASIC)
    used = Used()
    manager = CredentialManager(CONFIG, SlowReads(tmp_path), used, Metrics(Tenant(id="T", name="acme")))
    candidate = await manager.candidate(Basic(username="user", password="set by the admin"))
    loading = asyncio.create_task(manager.load())
    await asyncio.sleep(0.5)
    await manager.replace(candidate)
    await loading
    assert used.credentials[-1] == Basic(username="user", password="set by the admin")


# ---- until the store answers, and when it fails for a while


class Scripted(FileStore):
    """A store that fails as long as a test wants it, for a while or for ever."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.failing = True
        self.closed = False
        self.reads = 0

    async def read(self) -> Stored:
        self.reads += 1
        if self.failing:
            raise StoreError("it is down")
        return await super().read()

    async def replace(self, stored: Stored, credential: Credential, note: NewNote | None = None) -> Stored:
        if self.failing:
            raise StoreError("it is down")
        return await super().replace(stored, credential, note)

    async def watch(self) -> AsyncGenerator[None, None]:
        """Tell nothing, as a watch that can't connect."""
        await asyncio.Event().wait()
        yield

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def scripted(tmp_path: Path) -> Scripted:
    write_keys(tmp_path / "store", OTHER)
    return Scripted(tmp_path / "store")


async def test_the_fallback_serves_until_the_store_answers(
    oms: RawServer, tmp_path: Path, scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy that can't reach its store at start uses the mounted files; what the store says then wins."""
    write_keys(tmp_path / "files", BASIC)
    async with running_proxy(
        proxy_config(oms.url), tmp_path, store=scripted, fallback=FileStore(tmp_path / "files")
    ) as proxy:
        assert (await proxy.get()).status == 200
        assert oms.received[-1].headers["authorization"] == "Basic dXNlcjpyaWdodA=="
        assert "using the mounted files until the credential's store can be read: it is down" in caplog.text
        scripted.failing = False
        await proxy.becomes('tenantproxy_config_changes_total{outcome="success"}', 2)
        await proxy.get()
        assert oms.received[-1].headers["authorization"] == "Basic dXNlcjpvdGhlcg=="
    assert scripted.closed


class Foreign(Scripted):
    """A store that holds another tenant's credential, from the start or from some time on."""

    async def read(self) -> Stored:
        if self.failing:
            raise ForeignSecretError("Secret acme/s is another tenant's")
        return await super().read()


async def test_another_tenants_credential_is_not_used(oms: RawServer, tmp_path: Path) -> None:
    """Nor are the mounted files, which have the same in them; callers and the log learn it."""
    write_keys(tmp_path / "store", BASIC)
    write_keys(tmp_path / "files", BASIC)
    store = Foreign(tmp_path / "store")
    fallback = FileStore(tmp_path / "files")
    async with running_proxy(proxy_config(oms.url), tmp_path, store=store, fallback=fallback) as proxy:
        answer = await proxy.get()
        assert (answer.status, answer.code) == (503, "credentials-invalid")
        assert "is another tenant's" in answer.body.decode()
        assert await proxy.metric(INVALID) == 1
        assert oms.received == []


async def test_a_credential_that_becomes_another_tenants_is_not_used_any_more(tmp_path: Path) -> None:
    """What was read of it before is dropped; once it is this tenant's again, it is used."""
    write_keys(tmp_path / "store", BASIC)
    store, used = Foreign(tmp_path / "store"), Used()
    manager = CredentialManager(CONFIG, store, used, Metrics(CONFIG.tenant))
    for failing in (False, True, False):
        store.failing = failing
        await manager.load()
    assert [type(each) for each in used.credentials] == [Basic, CredentialError, Basic]


async def test_changes_of_the_fallback_are_used(oms: RawServer, tmp_path: Path, scripted: Scripted) -> None:
    """While the store can't be read the files are, as the kubelet updates them."""
    write_keys(tmp_path / "files", BASIC)
    async with running_proxy(
        proxy_config(oms.url), tmp_path, store=scripted, fallback=FileStore(tmp_path / "files")
    ) as proxy:
        write_keys(tmp_path / "files", {**BASIC, "password": "newer"})
        await proxy.becomes('tenantproxy_config_changes_total{outcome="success"}', 2)
        await proxy.get()
        assert oms.received[-1].headers["authorization"] == "Basic dXNlcjpuZXdlcg=="


async def test_the_fallback_never_undoes_what_the_store_said(tmp_path: Path, scripted: Scripted) -> None:
    """Once the store has been read, older files don't come back when it fails."""
    write_keys(tmp_path / "files", BASIC)
    scripted.failing = False
    used = Used()
    metrics = Metrics(Tenant(id="T", name="acme"))
    manager = CredentialManager(CONFIG, scripted, used, metrics, fallback=FileStore(tmp_path / "files"))
    await manager.load()
    scripted.failing = True
    await manager.load()
    assert used.credentials == [Basic(username="user", password="other")]


async def test_without_files_it_is_said_that_the_secret_can_not_be_read(
    oms: RawServer, tmp_path: Path, scripted: Scripted
) -> None:
    """Nobody is told that the credential is not configured as long as that is not known."""
    async with running_proxy(
        proxy_config(oms.url), tmp_path, store=scripted, fallback=FileStore(tmp_path / "files")
    ) as proxy:
        answer = await proxy.get()
        assert (answer.status, answer.code) == (503, "credentials-invalid")
        assert "can't be read" in answer.json["detail"]


@pytest.mark.virtual_time
async def test_what_could_not_be_read_is_read_again(scripted: Scripted) -> None:
    """A change whose reading failed is not waited for until the next one."""
    used = Used()
    manager = CredentialManager(CONFIG, scripted, used, Metrics(Tenant(id="T", name="acme")))
    await manager.load()
    following = asyncio.create_task(manager.follow())
    scripted.failing = False
    await eventually(lambda: used.credentials)
    assert used.credentials == [Basic(username="user", password="other")]
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    reads = scripted.reads
    assert reads == 2


async def test_why_it_was_not_stored_is_logged(
    oms: RawServer, tmp_path: Path, scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller gets a 503, the platform team the reason."""
    access = tokens.access(tmp_path, mode="trusted")
    body = {"type": "basic", "config": {"username": "u", "password": "MARKED"}}
    async with running_proxy(proxy_config(oms.url, access=access), tmp_path, store=scripted) as proxy:
        answer = await proxy.put(body, headers=tokens.admin())
        assert (answer.status, answer.code) == (503, "store-unavailable")
        assert "a credential can't be stored: it is down" in caplog.text
        assert await proxy.metric('tenantproxy_config_changes_total{outcome="failed"}') == 1
        scripted.failing = False
        assert (await proxy.put(body, headers=tokens.admin())).status == 204
    assert "MARKED" not in caplog.text


@pytest.mark.virtual_time
async def test_a_replacement_does_not_wait_for_ever_for_its_turn(scripted: Scripted) -> None:
    """Where the changes before it hang, it is refused in time, and nothing is changed."""
    scripted.failing = False
    manager = CredentialManager(CONFIG, scripted, Used(), Metrics(Tenant(id="T", name="acme")))
    async with manager._changing:
        with pytest.raises(StoreError, match="a previous change is still being stored"):
            await manager.replace(await manager.candidate(Basic(username="u", password="p")))
    assert (await scripted.read()).keys == OTHER
    await manager.replace(await manager.candidate(Basic(username="u", password="p")))


# ---- whatever goes wrong, the next change is followed


class Failing(FileStore):
    """A store in which what a test wants fails, in ways that nobody foresaw."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.error: Exception | None = None
        """Raised by each read."""
        self.watch_error: Exception | None = None
        """Raised by the watch, once."""

    async def read(self) -> Stored:
        if self.error is not None:
            raise self.error
        return await super().read()

    async def watch(self) -> AsyncGenerator[None, None]:
        async with contextlib.aclosing(super().watch()) as changes:
            async for _ in changes:
                if self.watch_error is not None:
                    error, self.watch_error = self.watch_error, None
                    raise error
                yield


ERRORS = [OSError(24, "M4RKED"), RuntimeError("can't start new thread")]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_a_read_that_fails_is_tried_again(
    oms: RawServer, tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Unforeseen errors of a read, at start and later, leave what is in use, and end when their cause does."""
    write_keys(tmp_path / "store", BASIC)
    store = Failing(tmp_path / "store")
    store.error = error
    async with running_proxy(proxy_config(oms.url), tmp_path, store=store) as proxy:
        assert (await proxy.admin("/readyz")).status == 200
        answer = await proxy.get()
        assert (answer.status, answer.code) == (503, "credentials-invalid")
        assert "can't be used; see the proxy's log" in answer.json["detail"]
        await proxy.becomes(UNREADABLE, 2)
        store.error = None
        await proxy.becomes(SUCCESS, 1)
        assert (await proxy.get()).status == 200
        store.error = error
        write_keys(tmp_path / "store", OTHER)
        await proxy.becomes(UNREADABLE, (await proxy.metric(UNREADABLE) or 0) + 1)
        assert (await proxy.get()).status == 200
        store.error = None
        await proxy.becomes(SUCCESS, 2)
        await proxy.get()
        assert oms.received[-1].headers["authorization"] == "Basic dXNlcjpvdGhlcg=="
    complaints = [record for record in caplog.records if "unexpected error" in record.message]
    assert len(complaints) == 2, "each is written down once while it lasts"
    assert not any("M4RKED" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_a_watch_that_died_is_begun_again(
    oms: RawServer, tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """It is reported, reads go on, and what was changed meanwhile is used."""
    write_keys(tmp_path / "store", BASIC)
    store = Failing(tmp_path / "store")
    store.watch_error = error
    async with running_proxy(proxy_config(oms.url), tmp_path, store=store) as proxy:
        assert (await proxy.get()).status == 200
        write_keys(tmp_path / "store", OTHER)
        await proxy.becomes(SUCCESS, 2)
        await proxy.get()
        assert oms.received[-1].headers["authorization"] == "Basic dXNlcjpvdGhlcg=="
    (record,) = [record for record in caplog.records if "credential store watch: failed" in record.message]
    assert record.exc_info is not None
    assert record.exc_info[1] is error


async def test_a_directory_that_can_not_be_looked_at(oms: RawServer, tmp_path: Path) -> None:
    """Where the files' directory is something else for a while, what is in it afterwards is used."""

    def make_it(target: str) -> None:
        (tmp_path / "next").symlink_to(target)
        (tmp_path / "next").replace(tmp_path / "credentials")

    write_keys(tmp_path / "first", BASIC)
    write_keys(tmp_path / "second", OTHER)
    (tmp_path / "file").touch()
    make_it("first")
    async with running_proxy(proxy_config(oms.url), tmp_path) as proxy:
        make_it("file")
        await proxy.becomes(UNREADABLE, 1)
        assert (await proxy.get()).status == 200
        make_it("second")
        await proxy.becomes(SUCCESS, 2)
        await proxy.get()
        assert oms.received[-1].headers["authorization"] == "Basic dXNlcjpvdGhlcg=="


@pytest.mark.virtual_time
async def test_what_can_not_be_taken_into_use_is_tried_again(tmp_path: Path) -> None:
    """An error on the way into use is no end of the following."""
    write_keys(tmp_path, BASIC)

    class Refusing(Used):
        left = 2

        async def use(self, credential: object, stored: Stored | None) -> bool:
            if self.left:
                self.left -= 1
                raise RuntimeError("can't start new thread")
            return await super().use(credential, stored)

    used = Refusing()
    manager = CredentialManager(CONFIG, FileStore(tmp_path), used, Metrics(Tenant(id="T", name="acme")))
    await manager.load()
    following = asyncio.create_task(manager.follow())
    await eventually(lambda: used.credentials)
    assert used.credentials == [Basic(username="user", password="right")]
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


# ---- whatever a Secret holds

BAD_AUTH_URLS = {
    "empty host": "https://",
    "no URL": "M4RKED",
    "another scheme": "ftp://M4RKED.example/token",
    "open bracket": "https://[",
    "open bracket, later": "https://[::1/M4RKED",
    "no address in brackets": "https://[M4RKED]/token",
    "port out of range": "https://idp.example:65536/M4RKED",
    "port 0": "https://idp.example:0/M4RKED",
    "negative port": "https://idp.example:-1/M4RKED",
    "no number as port": "https://idp.example:M4RKED/",
    "zone": "https://[fe80::1%25eth0]/M4RKED",
    "bare zone": "https://[fe80::1%eth0]/M4RKED",
    "non-ASCII host": "https://idp\u00e9.example/M4RKED",
    "non-ASCII path": "https://idp.example/M4RKED\u2028",
    "half a character": "https://idp.example/M4RKED\udcff",
    "long": "https://idp.example/" + "M4RKED" * 20_000,
    "long host": f"https://{'M4RKED' * 20}.example/",
    "NUL": "https://idp.example/M4RKED\0",
    "newline": "https://idp.example/\nM4RKED",
    "header": "https://idp.example/ HTTP/1.1\r\nM4RKED: x",
    "space": "https://idp.example/M4RKED x",
    "user-info": "https://user:M4RKED@idp.example/token",
    "fragment": "https://idp.example/token#M4RKED",
    "loopback": "https://127.0.0.1:8443/M4RKED",
    "loopback by name": "https://localhost:8443/M4RKED",
    "private": "https://10.0.0.1/M4RKED",
    "metadata": "https://169.254.169.254/M4RKED",
}


def oauth2_keys(url: str, **keys: str) -> dict[str, str]:
    return {"clientId": "id", "clientSecret": "M4RKED", "authUrl": url, **keys}


@pytest.fixture
def strict(oms: RawServer) -> ProxyConfig:
    """Return a configuration that permits its token endpoint no more than any other does."""
    return proxy_config(oms.url, auth={"tokenEndpoint": {}}, allowPrivateNetworks=True)


@pytest.mark.parametrize("url", BAD_AUTH_URLS.values(), ids=BAD_AUTH_URLS)
async def test_a_bad_auth_url_is_an_unusable_credential(
    strict: ProxyConfig,
    tmp_path: Path,
    url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With it a proxy starts, is healthy, says so and shows no value; the corrected Secret ends it."""
    async with running_proxy(strict, tmp_path, oauth2_keys(url)) as proxy:
        assert (await proxy.admin("/healthz")).status == 200
        assert (await proxy.admin("/readyz")).status == 200
        answer = await proxy.get()
        assert (answer.status, answer.code) == (503, "credentials-invalid")
        assert "`authUrl`" in answer.json["detail"]
        assert await proxy.metric(INVALID) == 1
        await proxy.change_keys(BASIC)
        assert (await proxy.get()).status == 200
        write_keys(proxy.credentials, oauth2_keys(url))
        await proxy.becomes(INVALID, 2)
        assert (await proxy.get()).code == "credentials-invalid"
        await proxy.change_keys(BASIC)
        assert (await proxy.get()).status == 200
    assert "M4RKED" not in answer.body.decode() + caplog.text


async def test_plain_http_carries_no_client_secret(tmp_path: Path) -> None:
    """Without `allowInsecure` a Secret's `authUrl` is no way around it, as little as a PUT's."""
    async with raw_server(answering(token_answer("t"))) as idp:
        config = proxy_config("https://oms.example", allowInsecure=False)
        async with running_proxy(config, tmp_path, oauth2_keys(f"{idp.url}/token")) as proxy:
            answer = await proxy.get()
            assert (answer.status, answer.code) == (503, "credentials-invalid")
            assert "`authUrl` is plain http" in answer.json["detail"]
        assert idp.connections == 0


@pytest.mark.parametrize("key", ["clientId", "clientSecret", "scope", "audience", "extraParams"])
async def test_values_are_bounded(oms: RawServer, tmp_path: Path, key: str) -> None:
    """A value that no server would take is an error of the Secret, named by its key."""
    value = f'{{"a": "{"M4RKED" * 2000}"}}' if key == "extraParams" else "M4RKED" * 2000
    keys = oauth2_keys("https://idp.example/token") | {key: value}
    async with running_proxy(proxy_config(oms.url), tmp_path, keys) as proxy:
        answer = await proxy.get()
        assert answer.code == "credentials-invalid"
        assert f"`{key}` is longer than 8192 characters; shorten it" in answer.json["detail"]


class Dead(FileStore):
    """A store that can't be watched any more."""

    async def watch(self) -> AsyncGenerator[None, None]:
        raise OSError(24, "Too many open files")
        yield


async def test_health_fails_when_following_stays_down(
    oms: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubelet restarts a proxy that would never use a rotated credential; until then reads go on."""
    write_keys(tmp_path / "store", BASIC)
    async with running_proxy(proxy_config(oms.url), tmp_path, store=Dead(tmp_path / "store")) as proxy:
        assert (await proxy.admin("/healthz")).status == 200
        monkeypatch.setattr(supervision, "MAX_DOWN", 0.0)
        await eventually(lambda: proxy.admin("/healthz"), lambda answer: answer.status == 503)
        assert (await proxy.get()).status == 200
        assert (await proxy.admin("/readyz")).status == 200
