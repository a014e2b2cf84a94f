"""The Kubernetes store, where the API server fails as a real one can't be made to (`integration/apiserver`)."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.apiserver.scripts import PlayedSecret, silent, status, stream
from support.certificates import Authority
from support.proxy.oms import RawServer, Received, answering, held_until, http, raw_server
from support.waiting import PATIENCE
from tenantproxy.config import Tenant
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.formats import from_secret
from tenantproxy.credentials.stores.base import ForeignSecretError, Stored, StoreError
from tenantproxy.credentials.stores.kubernetes import KubernetesStore
from tenantproxy.credentials.stores.secret import TENANT_ID
from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.api import KubeError

OLD = {"username": base64.b64encode(b"u").decode(), "password": base64.b64encode(b"MARKED-old").decode()}
CALL = 1.0
"""Seconds for a call: some hang, and others have to be answered within it, on a busy machine too."""
NEW = Basic(username="u", password="MARKED-new")
TENANT = Tenant(id="T-acme", name="acme")
UNSEEN = Stored({}, None)
"""What is read of a store that has never been read."""


@contextlib.asynccontextmanager
async def store_on(server: RawServer, call_seconds: float = CALL) -> AsyncIterator[KubernetesStore]:
    store = KubernetesStore(KubeAccess(url=server.url), "acme", "s", TENANT, call_seconds=call_seconds)
    try:
        yield store
    finally:
        await store.close()


async def failure(secret: PlayedSecret, call_seconds: float = CALL) -> tuple[str, int]:
    """Return the error of a replacement, and how many calls it made."""
    async with raw_server(secret) as server, store_on(server, call_seconds) as store:
        with pytest.raises(StoreError) as caught:
            await store.replace(UNSEEN, NEW)
        assert "MARKED" not in str(caught.value)
        return str(caught.value), len(server.received)


async def hang(_secret: PlayedSecret, _request: Received, writer: asyncio.StreamWriter) -> None:
    await silent(writer)


async def store_then_hang(secret: PlayedSecret, request: Received, writer: asyncio.StreamWriter) -> None:
    secret.take(request, None)
    await silent(writer)


async def store_then_fail(secret: PlayedSecret, request: Received, writer: asyncio.StreamWriter) -> None:
    secret.take(request, None)
    writer.write(status(504, "Timeout"))


async def store_then_cut(secret: PlayedSecret, request: Received, writer: asyncio.StreamWriter) -> None:
    secret.take(request, None)
    writer.close()


async def fail(_secret: PlayedSecret, _request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(status(500, "InternalError"))


async def conflict(secret: PlayedSecret, request: Received, writer: asyncio.StreamWriter) -> None:
    """Let somebody else be faster."""
    secret.touch(other="label")
    secret.take(request, writer)


@pytest.mark.parametrize("outcome", [store_then_hang, store_then_fail, store_then_cut])
async def test_a_write_that_nobody_answered_but_was_done_is_a_success(outcome: object) -> None:
    """It is found out by reading, not guessed."""
    secret = PlayedSecret(OLD)
    secret.next_puts = [outcome]  # type: ignore[list-item]
    async with raw_server(secret) as server, store_on(server) as store:
        assert from_secret((await store.replace(UNSEEN, NEW)).keys) == NEW
        assert from_secret((await store.read()).keys) == NEW


@pytest.mark.parametrize("outcome", [hang, fail, conflict])
async def test_a_write_that_was_not_done_is_done_again(outcome: object) -> None:
    """On what is there now: somebody else's label in between is kept."""
    secret = PlayedSecret(OLD)
    secret.next_puts = [outcome]  # type: ignore[list-item]
    async with raw_server(secret) as server, store_on(server) as store:
        await store.replace(UNSEEN, NEW)
        assert from_secret((await store.read()).keys) == NEW
        assert secret.puts == 2
        assert secret.document["metadata"].get("labels", {}) == ({"other": "label"} if outcome is conflict else {})


OWNER = {
    "apiVersion": "proxy.hiiretail.com/v1",
    "kind": "TenantProxy",
    "name": "acme",
    "uid": "u",
    "controller": True,
}


async def forbid(_secret: PlayedSecret, _request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(status(403, "Forbidden"))


async def test_an_owner_that_may_not_be_given_up_stays() -> None:
    """The credential is stored all the same; the operator is left to give the owner up."""
    secret = PlayedSecret(OLD)
    secret.document["metadata"]["ownerReferences"] = [OWNER]
    secret.next_puts = [forbid]
    async with raw_server(secret) as server, store_on(server) as store:
        assert from_secret((await store.replace(UNSEEN, NEW)).keys) == NEW
    assert secret.puts == 2
    assert secret.document["metadata"]["ownerReferences"] == [OWNER]
    secret.next_puts = [forbid] * 2
    async with raw_server(secret) as server, store_on(server) as store:
        with pytest.raises(StoreError, match="403"):
            await store.replace(UNSEEN, Basic(username="u", password="MARKED-3"))


async def test_another_tenants_credential_is_neither_read_nor_replaced() -> None:
    """Whose it is says the Secret; the error says how to take it over on purpose."""
    secret = PlayedSecret(OLD)
    secret.document["metadata"]["annotations"] = {TENANT_ID: TENANT.id}
    async with raw_server(secret) as server, store_on(server) as store:
        stored = await store.read()
        secret.document["metadata"]["annotations"] = {TENANT_ID: "T-2"}
        secret.touch()
        for attempt in (store.read(), store.replace(stored, NEW), store.replace(UNSEEN, NEW)):
            with pytest.raises(ForeignSecretError) as caught:
                await attempt
            assert str(caught.value) == (
                "Secret acme/s is another tenant's, as its annotation proxy.hiiretail.com/tenant-id says; delete"
                " it, or set the annotation to this tenant's id"
            )
    assert secret.document["data"] == OLD


def calls(server: RawServer) -> list[str]:
    return [request.method for request in server.received]


async def test_what_was_read_is_not_read_again() -> None:
    """One read and one write of that version set a credential; what is there already is read to be sure."""
    secret = PlayedSecret(OLD)
    async with raw_server(secret) as server, store_on(server) as store:
        assert from_secret((await store.replace(await store.read(), NEW)).keys) == NEW
        assert calls(server) == ["GET", "PUT"]
        assert from_secret((await store.replace(await store.read(), NEW)).keys) == NEW
        assert calls(server)[2:] == ["GET", "GET"]


@pytest.mark.parametrize("before", [OLD, {key: OLD[key] for key in ("username",)}], ids=["whole", "half"])
async def test_what_has_changed_since_it_was_read_is_kept(before: dict[str, str]) -> None:
    """The write of a version that is no longer there fails, and is done on what is there now."""
    secret = PlayedSecret(before)
    async with raw_server(secret) as server, store_on(server) as store:
        stored = await store.read()
        secret.touch(other="label")
        assert from_secret((await store.replace(stored, NEW)).keys) == NEW
        assert calls(server) == ["GET", "PUT", "GET", "PUT"]
        assert secret.document["metadata"]["labels"] == {"other": "label"}


async def test_what_was_undone_since_it_was_read_is_written() -> None:
    """A credential that was there when it was read is written where somebody else has replaced it since."""
    secret = PlayedSecret(OLD)
    async with raw_server(secret) as server, store_on(server) as store:
        await store.replace(UNSEEN, NEW)
        stored = await store.read()
        await store.replace(UNSEEN, Basic(username="somebody", password="else"))
        assert from_secret((await store.replace(stored, NEW)).keys) == NEW
        assert from_secret((await store.read()).keys) == NEW


async def test_an_endless_conflict_is_given_up() -> None:
    """After five attempts; none of them is in doubt."""
    secret = PlayedSecret(OLD)
    secret.next_puts = [conflict] * 99
    error, _ = await failure(secret, 2)
    assert error == "Secret acme/s: others kept changing it, or the API server kept failing; try again"
    assert secret.puts == 5
    assert secret.document["data"] == OLD


async def test_hanging_writes_are_given_up_in_time() -> None:
    """Within the time of two calls, and it is said that it may have been stored."""
    secret = PlayedSecret(OLD)
    secret.next_puts = [hang] * 99
    error, calls = await failure(secret)
    assert "no answer in time" in error
    assert error.endswith("it may have been stored all the same: the next read shows whether it was")
    assert calls <= 4, "two reads that are answered and two writes that hang are all that fit into it"


async def test_a_hanging_server_is_given_up_in_time() -> None:
    """A server that does not even answer the read is given up after one call's time, and nothing is in doubt."""
    secret = PlayedSecret(OLD)
    secret.next_gets = [held_until(asyncio.Event())]
    error, calls = await failure(secret)
    assert error == "Secret acme/s: the API server did not respond (no answer in time)"
    assert calls == 1
    assert secret.puts == 0


async def test_an_immutable_secret_is_not_tried() -> None:
    """The message says how to go on."""
    secret = PlayedSecret(OLD, immutable=True)
    error, _ = await failure(secret)
    assert error == "Secret acme/s: it is immutable; delete it, and the operator creates another one"
    assert secret.puts == 0


@pytest.mark.parametrize(
    ("code", "reason", "fix"),
    [
        (401, "Unauthorized", "the token of the pod's service account is not accepted"),
        (403, "Forbidden", "the Role of the pod's service account must grant get, update and watch on it"),
        (404, "NotFound", "it does not exist; the operator creates it"),
        (422, "Invalid", "its `type`, or an admission policy, forbids the change"),
        (429, "TooManyRequests", "see the API server's log"),
    ],
)
async def test_a_refusal_names_the_fix(code: int, reason: str, fix: str) -> None:
    """And leaves the server's own words out, which may quote a value; nothing is in doubt, nothing tried again."""

    async def refuse(_secret: PlayedSecret, _request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(status(code, reason, 'admission webhook: "MARKED-new" is too weak'))

    secret = PlayedSecret(OLD)
    secret.next_puts = [refuse] * 99
    error, _ = await failure(secret)
    assert error.startswith(f"Secret acme/s: the API server answered {code} {reason}: {fix}")
    assert "doubt" not in error
    assert "may have been stored" not in error
    assert secret.puts == 1


@pytest.mark.parametrize(
    "answer",
    [
        http(404, b"<html>not found</html>", content_type="text/html"),
        http(200, b"<html>MARKED</html>", content_type="text/html"),
        http(302, location="http://elsewhere.example"),
        status(403, "Forbidden"),
        status(500, "InternalError"),
        b"MARKED\r\n\r\n",
    ],
    ids=["HTML 404", "HTML 200", "redirect", "forbidden", "failing", "no HTTP"],
)
async def test_what_is_not_the_api_servers_word_is_no_missing_secret(answer: bytes) -> None:
    """Only its own NotFound means that there is none; all else is an error that quotes nothing."""
    async with raw_server(answering(answer)) as server, store_on(server) as store:
        with pytest.raises(StoreError) as caught:
            await store.read()
        assert "MARKED" not in str(caught.value)


async def test_a_missing_secret_is_not_configured() -> None:
    """The API server's NotFound is an answer."""
    async with raw_server(answering(status(404, "NotFound"))) as server, store_on(server) as store:
        assert (await store.read()).keys == {}


async def test_no_change_is_lost_on_a_slow_consumer() -> None:
    """What comes while the consumer is busy counts as one more change, however much it is."""
    lines = [b'{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"%d"}}}\n' % n for n in range(1, 50)]
    more = asyncio.Event()

    async def later(writer: asyncio.StreamWriter) -> None:
        await more.wait()
        data = b"".join(lines)
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await silent(writer)

    async with (
        raw_server(stream(then=later)) as server,
        store_on(server) as store,
        contextlib.aclosing(store.watch()) as changes,
        asyncio.timeout(PATIENCE),
    ):
        await anext(changes)
        more.set()
        await asyncio.sleep(0.2)  # the consumer is busy
        await anext(changes)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(changes), 0.2)


def test_a_pods_own_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the files of a service account it is said what is missing."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    (tmp_path / "ca.crt").write_text(Authority().pem)
    with pytest.raises(KubeError, match=r"namespace can't be read \(No such file"):
        KubernetesStore.in_pod("s", TENANT, tmp_path)
