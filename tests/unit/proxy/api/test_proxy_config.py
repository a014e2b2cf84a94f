"""`PUT /api/v1/proxy-config`: a tenant's admin sets the credential, and nothing in flight suffers."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import pytest

import tenantproxy.api.proxy_config
from support.proxy import tokens
from support.proxy.names import names
from support.proxy.oms import (
    ORDER_ANSWER,
    RawServer,
    Received,
    answering,
    held_until,
    http,
    raw_server,
    token_answer,
)
from support.proxy.running import BASIC, PUT_PATH, RunningProxy, proxy_config, running_proxy
from support.waiting import PATIENCE
from tenantproxy.credentials import manager
from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.kinds import KINDS
from tenantproxy.credentials.oauth2.credential import OAuth2
from tenantproxy.credentials.stores import files
from tenantproxy.credentials.stores.base import NewNote, Stored
from tenantproxy.credentials.stores.files import FileStore, read_keys, write_keys
from tenantproxy.transport.dns import MAX_LOOKUPS

BODY = {"type": "basic", "config": {"username": "user", "password": "MARKED"}}


def oauth2_body(url: str, **config: Any) -> dict[str, Any]:
    return {
        "type": "oauth2",
        "config": {"clientId": "id", "clientSecret": "MARKED", "authUrl": f"{url}/token", **config},
    }


def audited(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the fields of the audit log's lines."""
    return [record.__dict__["fields"] for record in caplog.records if record.name == "tenantproxy.audit"]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give PUTs that wait for each other the time of a busy machine; test_manager has the bound itself."""
    monkeypatch.setattr(manager, "_TURN_SECONDS", PATIENCE)


@pytest.fixture
async def proxy(oms: RawServer, tmp_path: Path) -> AsyncIterator[RunningProxy]:
    access = tokens.access(tmp_path, mode="trusted")
    async with running_proxy(proxy_config(oms.url, access=access), tmp_path, BASIC) as running:
        yield running


async def test_an_admin_replaces_the_credential(
    proxy: RunningProxy, oms: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A PUT answers 204, is stored, is used by the next request, and is written down without the secret."""
    caplog.set_level("DEBUG")
    answer = await proxy.put(BODY, headers=tokens.admin() | {"Correlation-Id": "c-1"})
    assert (answer.status, answer.body) == (204, b"")
    assert read_keys(proxy.credentials)["password"] == "MARKED"
    await proxy.get()
    assert oms.received[-1].headers["authorization"] == "Basic dXNlcjpNQVJLRUQ="
    assert audited(caplog) == [
        {
            "outcome": "stored",
            "subject": "u1",
            "email": tokens.ADMIN_EMAIL,
            "type": "basic",
            "omsHost": "127.0.0.1",
            "correlationId": "c-1",
        }
    ]
    assert "MARKED" not in caplog.text
    assert await proxy.metric('tenantproxy_config_changes_total{outcome="success"}') == 2


async def test_it_survives_a_restart(oms: RawServer, tmp_path: Path) -> None:
    """What an admin set is there after the process was replaced."""
    config = proxy_config(oms.url, access=tokens.access(tmp_path, mode="trusted"))
    async with running_proxy(config, tmp_path) as proxy:
        assert (await proxy.get()).code == "credentials-not-configured"
        assert (await proxy.put(BODY, headers=tokens.admin())).status == 204
    async with running_proxy(config, tmp_path) as proxy:
        assert (await proxy.get()).status == 200
        assert oms.received[-1].headers["authorization"] == "Basic dXNlcjpNQVJLRUQ="


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "unauthenticated"),
        (tokens.bearer(tokens.machine_token()), 403, "admin-required"),
        (tokens.bearer(tokens.machine_token(email=tokens.ADMIN_EMAIL)), 403, "admin-required"),
        (tokens.bearer(tokens.user_token()), 403, "admin-required"),
        (tokens.bearer(tokens.user_token(email=tokens.ADMIN_EMAIL, email_verified=False)), 403, "admin-required"),
        (tokens.bearer(tokens.user_token(email=tokens.ADMIN_EMAIL, email_verified=[])), 403, "admin-required"),
        (tokens.bearer(tokens.user_token("T-other", email=tokens.ADMIN_EMAIL)), 403, "wrong-tenant"),
        ({**tokens.admin(), "Tenant-Id": "T-other"}, 403, "wrong-tenant"),
    ],
    ids=[
        "nobody",
        "machine",
        "machine with the email",
        "user",
        "unverified",
        "odd",
        "other tenant",
        "other header",
    ],
)
async def test_only_admins_of_the_tenant_may(
    proxy: RunningProxy, headers: dict[str, str], status: int, code: str
) -> None:
    """Also where an edge authenticates the reads, a PUT needs an admin's own token."""
    answer = await proxy.put(BODY, headers=headers)
    assert (answer.status, answer.code) == (status, code)
    assert read_keys(proxy.credentials) == BASIC


async def test_nobody_is_admin_by_default(oms: RawServer, tmp_path: Path) -> None:
    """Without configured admins every PUT is refused."""
    access = tokens.access(tmp_path, mode="trusted", admins={})
    async with running_proxy(proxy_config(oms.url, access=access), tmp_path, BASIC) as proxy:
        assert (await proxy.put(BODY, headers=tokens.admin())).code == "admin-required"


async def test_the_platform_may_keep_it_to_itself(oms: RawServer, tmp_path: Path) -> None:
    """With `auth.management: platform` an admin is told whom to ask."""
    config = proxy_config(oms.url, access=tokens.access(tmp_path), auth={"management": "platform"})
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        answer = await proxy.put(BODY, headers=tokens.admin())
        assert (answer.status, answer.code) == (409, "managed-by-platform")


def _basic(**config: Any) -> dict[str, Any]:
    return {"type": "basic", "config": {"username": "u", "password": "MARKED", **config}}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], [""]),
        ({}, ["/type", "/config"]),
        ({"type": "mtls", "config": {}}, ["/type"]),
        ({"type": "basic", "config": "x"}, ["/config"]),
        ({**BODY, "extra": 1}, ["/extra"]),
        (_basic(timeout=PATIENCE), ["/config/timeout"]),
        (_basic(username=1), ["/config/username"]),
        (_basic(username=""), ["/config/username"]),
        (_basic(username="a:b"), ["/config/username"]),
        (_basic(username="a\r\nb"), ["/config/username"]),
        ({"type": "basic", "config": {}}, ["/config/username", "/config/password"]),
        (oauth2_body("http://127.0.0.1:1", extraParams="{}"), ["/config/extraParams"]),
        (oauth2_body("http://127.0.0.1:1", clientAuth="tls"), ["/config/clientAuth"]),
        (oauth2_body("nonsense"), ["/config/authUrl"]),
        (oauth2_body("ftp://idp.example"), ["/config/authUrl"]),
        (oauth2_body("http://user:MARKED@idp.example"), ["/config/authUrl"]),
        (oauth2_body("http://169.254.169.254"), ["/config/authUrl"]),
        (oauth2_body("http://2852039166"), ["/config/authUrl"]),
    ],
)
async def test_bad_fields_are_pointed_at(proxy: RunningProxy, body: Any, pointers: list[str]) -> None:
    """Every wrong field is named at once, no value is repeated, and nothing is changed."""
    answer = await proxy.put(body, headers=tokens.admin())
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert [error["pointer"] for error in answer.json["errors"]] == pointers
    assert b"MARKED" not in answer.body
    assert read_keys(proxy.credentials) == BASIC


async def test_credentials_in_an_auth_url(proxy: RunningProxy) -> None:
    """The error says where they belong: beside it."""
    answer = await proxy.put(oauth2_body("https://user:MARKED@idp.example"), headers=tokens.admin())
    (error,) = answer.json["errors"]
    assert error["detail"] == "has user-info; put credentials into clientId and clientSecret"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_auth_url_is_under_the_guard(oms: RawServer, tmp_path: Path, host: str) -> None:
    """A tenant can't point its token endpoint into the cluster's network, also where its OMS is there."""
    config = proxy_config(
        "https://oms.example",
        access=tokens.access(tmp_path, mode="trusted"),
        auth={"tokenEndpoint": {}},
        allowPrivateNetworks=True,
        allowInsecure=True,
    )
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        answer = await proxy.put(oauth2_body(f"http://{host}:{oms.port}"), headers=tokens.admin())
        assert answer.code == "invalid-request"
        assert answer.json["errors"][0]["pointer"] == "/config/authUrl"
        assert oms.received == []


async def test_plain_http_needs_the_platforms_word(oms: RawServer, tmp_path: Path) -> None:
    """`allowInsecure` governs the token endpoint too."""
    access = tokens.access(tmp_path, mode="trusted")
    config = proxy_config("https://oms.example", access=access, allowInsecure=False)
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        answer = await proxy.put(oauth2_body(oms.url), headers=tokens.admin())
        assert "plain http" in answer.json["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{", {}, "malformed-json"),
        (b" " * 16385, {}, "payload-too-large"),
        (b"{}", {"Content-Type": "text/plain"}, "unsupported-media-type"),
    ],
)
async def test_bodies_are_bounded_json(
    proxy: RunningProxy, body: bytes, headers: dict[str, str], code: str
) -> None:
    """A body that is no JSON, too large or of another type is refused before it is looked at."""
    options = {"Content-Type": "application/json"} | tokens.admin() | headers
    assert (await proxy.request("PUT", PUT_PATH, data=body, headers=options)).code == code


async def test_concurrent_puts_are_ordered(proxy: RunningProxy, oms: RawServer) -> None:
    """Of many PUTs one is last, and that one is stored and used."""
    bodies = [_basic(password=f"p{number}") for number in range(20)]
    answers = await asyncio.gather(*(proxy.put(body, headers=tokens.admin()) for body in bodies))
    assert {answer.status for answer in answers} == {204}
    stored = read_keys(proxy.credentials)
    await asyncio.sleep(0.8)  # in which the watch of the files would bring another one into use
    await proxy.get()
    from tenantproxy.credentials.basic import basic_authorization  # noqa: PLC0415 - used here only

    expected = basic_authorization(stored["username"], stored["password"])
    assert oms.received[-1].headers["authorization"] == expected


async def test_requests_in_flight_are_not_failed(proxy: RunningProxy, oms: RawServer) -> None:
    """What began with the old credential ends with it."""
    release = asyncio.Event()
    assert (await proxy.get()).status == 200  # the first one goes alone
    oms.play = held_until(release, answering(ORDER_ANSWER))
    reading = [asyncio.create_task(proxy.get()) for _ in range(10)]
    await oms.reached(10)
    assert (await proxy.put(BODY, headers=tokens.admin())).status == 204
    release.set()
    assert {answer.status for answer in await asyncio.gather(*reading)} == {200}


async def test_type_can_change_under_load(proxy: RunningProxy) -> None:
    """From Basic to OAuth2 and back, with requests all the time: none fails."""

    async def slowly(_request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(token_answer("t", expires_in=60))

    async with raw_server(slowly) as idp:
        statuses: list[int] = []
        going = True

        async def load() -> None:
            while going:
                statuses.append((await proxy.get()).status)

        loads = [asyncio.create_task(load()) for _ in range(4)]
        for _ in range(3):
            assert (await proxy.put(oauth2_body(idp.url), headers=tokens.admin())).status == 204
            assert (await proxy.put(BODY, headers=tokens.admin())).status == 204
            await asyncio.sleep(0.05)  # the pace of the changes
        going = False
        await asyncio.gather(*loads)
        assert set(statuses) == {200}


async def test_validate_tries_the_credential_first(proxy: RunningProxy) -> None:
    """`?validate=true` changes nothing where the token endpoint says no, and says why."""
    async with raw_server(answering(http(401))) as idp:
        answer = await proxy.put(oauth2_body(idp.url), query="?validate=true", headers=tokens.admin())
        assert (answer.status, answer.code) == (422, "credential-rejected")
        detail = "The token endpoint rejected the request for a token (401)."
        assert answer.json["detail"] == detail
        assert read_keys(proxy.credentials) == BASIC
        idp.play = answering(token_answer("t"))
        answer = await proxy.put(oauth2_body(idp.url), query="?validate=true", headers=tokens.admin())
        assert answer.status == 204
        assert read_keys(proxy.credentials)["type"] == "oauth2"


@pytest.mark.parametrize("query", ["?validat=true", "?validate=yes", "?validate=true&validate=true", "?dryRun"])
async def test_a_misspelt_query_changes_nothing(proxy: RunningProxy, oms: RawServer, query: str) -> None:
    """What was only to be tried must not replace the credential in use."""
    answer = await proxy.put(BODY, query=query, headers=tokens.admin())
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert answer.json["errors"][0]["pointer"].startswith("/query/")
    assert read_keys(proxy.credentials) == BASIC
    assert oms.received == []


async def test_a_store_that_fails_changes_nothing(proxy: RunningProxy, oms: RawServer) -> None:
    """Where the credential can't be stored the old one goes on."""
    (proxy.credentials / "..data").unlink()
    (proxy.credentials / "..data").mkdir()
    answer = await proxy.put(BODY, headers=tokens.admin())
    assert (answer.status, answer.code) == (503, "store-unavailable")
    assert (await proxy.get()).status == 200
    assert oms.received[-1].headers["authorization"] == "Basic dXNlcjpyaWdodA=="


# ---- what the audit log says


@pytest.mark.parametrize(
    ("body", "headers", "query", "expected"),
    [
        (BODY, tokens.bearer(tokens.user_token(email="x@acme.example")), "", ("refused", "admin-required", None)),
        (BODY, tokens.bearer(tokens.user_token("T-other")), "", ("refused", "wrong-tenant", None)),
        (BODY, tokens.bearer(tokens.machine_token(sub="pos-7")), "", ("refused", "admin-required", None)),
        (b"{", tokens.admin(), "", ("refused", "malformed-json", None)),
        ({"type": "basic"}, tokens.admin(), "", ("refused", "invalid-request", None)),
        (BODY, tokens.admin(), "?validate=2", ("refused", "invalid-request", None)),
        (oauth2_body("https://10.0.0.1"), tokens.admin(), "", ("refused", "invalid-request", "10.0.0.1")),
        (oauth2_body("https://u:MARKED@10.0.0.1"), tokens.admin(), "", ("refused", "invalid-request", None)),
        (oauth2_body("https://MARKED b/"), tokens.admin(), "", ("refused", "invalid-request", None)),
        (oauth2_body("https://[MARKED"), tokens.admin(), "", ("refused", "invalid-request", None)),
        (oauth2_body("https://IDP.example"), tokens.admin(), "", ("stored", None, "idp.example")),
        (
            oauth2_body("http://127.0.0.1:1"),
            tokens.admin(),
            "?validate=true",
            ("validation-failed", "credential-rejected", "127.0.0.1"),
        ),
    ],
)
async def test_every_put_is_audited(
    proxy: RunningProxy,
    caplog: pytest.LogCaptureFixture,
    body: Any,
    headers: dict[str, str],
    query: str,
    expected: tuple[str, str | None, str | None],
) -> None:
    """Whoever is known and tries to set a credential is in the log, with what came of it, and no secret."""
    sent = {"data": body} if isinstance(body, bytes) else {"json": body}
    headers = {"Content-Type": "application/json", "Correlation-Id": "c-7"} | headers
    await proxy.request("PUT", PUT_PATH + query, headers=headers, **sent)
    (line,) = audited(caplog)
    assert (line["outcome"], line.get("code"), line.get("tokenHost")) == expected
    assert line["correlationId"] == "c-7"
    assert line["subject"] in ("u1", "pos-7")
    assert "MARKED" not in caplog.text + repr(line)


async def test_who_is_not_known_is_audited_too(proxy: RunningProxy, caplog: pytest.LogCaptureFixture) -> None:
    """Without a valid token there is nobody to name, and no body is read; what was to be done is known."""
    for query in ("", "?dryRun=true", "?validate=true&dryRun=false"):
        assert (await proxy.put(BODY, query=query, headers={"Correlation-Id": "c-1"})).status == 401
    said = {"outcome": "refused", "code": "unauthenticated", "omsHost": "127.0.0.1", "correlationId": "c-1"}
    assert audited(caplog) == [said, said | {"dryRun": True}, said | {"validate": True}]


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ({"type": "basic"}, "basic"),
        ({"type": "oauth2", "config": {"clientId": "MARKED", "authUrl": 1}, "x": 1}, "oauth2"),
        ({"type": "MARKED", "config": {}}, None),
        ({"type": ["basic"]}, None),
        (["basic"], None),
    ],
)
async def test_the_type_is_audited_whatever_else_is_wrong(
    proxy: RunningProxy, caplog: pytest.LogCaptureFixture, body: Any, known: str | None
) -> None:
    """One that there is, and nothing that could be a secret."""
    answer = await proxy.put(body, query="?validate=true", headers=tokens.admin())
    (line,) = audited(caplog)
    assert (answer.code, line.get("type"), line["validate"]) == ("invalid-request", known, True)
    assert "MARKED" not in repr(line)


async def test_what_could_not_be_stored_is_audited(proxy: RunningProxy, caplog: pytest.LogCaptureFixture) -> None:
    """An outcome of its own: the log of the store says why."""
    (proxy.credentials / "..data").unlink()
    (proxy.credentials / "..data").mkdir()
    await proxy.put(BODY, headers=tokens.admin())
    (line,) = audited(caplog)
    assert (line["outcome"], line["code"]) == ("not-stored", "store-unavailable")


# ---- no way to explore the network


async def _mute(_request: Received, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"SSH-2.0-OpenSSH\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://nothing.example", "dns"),
        ("http://private.example", "egress"),
        ("http://metadata.example", "egress"),
        ("http://a.hangs.example", "connect-timeout"),
        ("http://127.0.0.1:1", "connect"),
        ("https://127.0.0.1:{ssh}", "tls"),
        ("http://127.0.0.1:{ssh}", "http"),
        ("http://127.0.0.1:{mute}", "timeout"),
    ],
)
async def test_all_that_can_not_be_reached_is_told_alike(
    proxy: RunningProxy,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    url: str,
    reason: str,
) -> None:
    """Whether a name exists, what it resolves to, and what listens there, only the log says."""
    with names(monkeypatch, {"private.example": "10.0.0.1", "metadata.example": "169.254.169.254"}):
        async with raw_server(_mute) as mute, await asyncio.start_server(_ssh, "127.0.0.1", 0) as ssh:
            body = oauth2_body(url.format(mute=mute.port, ssh=ssh.sockets[0].getsockname()[1]))
            answer = await proxy.put(body, query="?validate=true", headers=tokens.admin())
    assert (answer.status, answer.code) == (422, "credential-rejected")
    assert answer.json["detail"] == "The token endpoint returned no token (unreachable)."
    (line,) = audited(caplog)
    assert (line["outcome"], line["reason"]) == ("validation-failed", reason)
    assert line["correlationId"] == answer.headers["Correlation-Id"]
    assert read_keys(proxy.credentials) == BASIC


async def test_without_validation_no_name_is_looked_up(
    proxy: RunningProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PUT's answer can't tell what a name resolves to; reads then say the one word."""
    told = []
    with names(monkeypatch, {"private.example": "10.0.0.1"}):
        for host in ("private.example", "nothing.example"):
            answer = await proxy.put(oauth2_body(f"http://{host}"), headers=tokens.admin())
            assert answer.status == 204
            answer = await proxy.get(headers={"Correlation-Id": "c"})
            assert answer.code == "token-unavailable"
            told.append(answer.json["detail"])
    assert told == ["The token endpoint returned no token (unreachable)."] * 2


async def test_few_validations_a_minute(proxy: RunningProxy) -> None:
    """After five within a minute the next is refused, with when to come; what isn't tried is set all the same."""
    async with raw_server(answering(http(401))) as idp:
        body = oauth2_body(idp.url, clientAuth="client_secret_post")
        answers = [await proxy.put(body, query="?validate=true", headers=tokens.admin()) for _ in range(8)]
        assert [answer.code for answer in answers] == ["credential-rejected"] * 5 + ["too-many-validations"] * 3
        assert len(idp.received) == 5
        assert answers[-1].status == 429
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 12
        assert await proxy.metric('tenantproxy_rejected_requests_total{reason="too-many-validations"}') == 3
        for query in ("?validate=true", "?dryRun=true", "?validate=true&dryRun=true"):
            answer = await proxy.put(BODY, query=query, headers=tokens.admin())
            assert answer.code == "too-many-validations", "whatever its type"
        assert (await proxy.put(body, headers=tokens.admin())).status == 204


class Stuck(FileStore):
    """A store whose reads end when a test says so."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def read(self) -> Stored:
        await self.go_on.wait()
        return await super().read()


async def test_a_put_reads_once_and_parses_once(
    oms: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One read of the store serves the check, the trial and the write; only the body is parsed."""
    done: list[str] = []

    class Counted(FileStore):
        async def read(self) -> Stored:
            done.append("read")
            return await super().read()

        async def replace(self, stored: Stored, credential: Credential, note: NewNote | None = None) -> Stored:
            done.append("replace")
            return await super().replace(stored, credential, note)

        async def watch(self) -> AsyncGenerator[None, None]:
            """Tell nothing, so that nothing but PUTs reads."""
            await asyncio.Event().wait()
            yield

    class CountedOAuth2(OAuth2, frozen=True, kw_only=True):
        @classmethod
        def parse(cls, given: Mapping[str, str]) -> Self:
            done.append("parse")
            return super().parse(given)

    monkeypatch.setitem(KINDS, "oauth2", CountedOAuth2)
    write_keys(tmp_path / "store", {"extraParams": '{"tenant": "acme"}', "note": "theirs"})
    config = proxy_config(oms.url, access=tokens.access(tmp_path, mode="trusted"))
    async with (
        raw_server(answering(token_answer("t"))) as idp,
        running_proxy(config, tmp_path, store=Counted(tmp_path / "store")) as proxy,
    ):
        done.clear()
        monkeypatch.setattr(files, "read_keys", _counting(files.read_keys, done))
        answer = await proxy.put(oauth2_body(idp.url), query="?validate=true", headers=tokens.admin())
        assert answer.status == 204
        assert done == ["parse", "read", "read_keys", "replace"]
        assert all(b"tenant=acme" in request.body for request in idp.received), "the trial, and the one in use"
        assert (await proxy.get()).status == 200
    stored = read_keys(tmp_path / "store")
    assert (stored["extraParams"], stored["note"]) == ('{"tenant": "acme"}', "theirs")


def _counting(call: Callable[[Path], dict[str, str]], done: list[str]) -> Callable[[Path], dict[str, str]]:
    def counted(directory: Path) -> dict[str, str]:
        done.append("read_keys")
        return call(directory)

    return counted


async def test_few_puts_at_a_time(oms: RawServer, tmp_path: Path) -> None:
    """Where a store hangs, so many wait and the rest is told to come again; reads go on."""
    store = Stuck(tmp_path / "store")
    config = proxy_config(oms.url, access=tokens.access(tmp_path, mode="trusted"))
    async with running_proxy(config, tmp_path, store=store) as proxy:
        assert (await proxy.put(BODY, headers=tokens.admin())).status == 204
        store.go_on.clear()
        waiting = [
            asyncio.create_task(proxy.put(BODY, headers=tokens.admin()))
            for _ in range(tenantproxy.api.proxy_config.MOST_AT_ONCE + 4)
        ]
        refused, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE)
        assert (refused.pop().result()).code == "overloaded"
        assert (await proxy.get()).status == 200
        store.go_on.set()
        statuses = [answer.status for answer in await asyncio.gather(*waiting)]
        assert sorted(statuses) == [204] * tenantproxy.api.proxy_config.MOST_AT_ONCE + [503] * 4


async def test_names_that_hang_take_nothing_that_reads_need(
    tmp_path: Path, oms: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many token endpoints' names hang, the OMS's is looked up, and the credential's files are read."""
    with names(monkeypatch, {"oms.example": "127.0.0.1"}) as system:
        access = tokens.access(tmp_path, mode="trusted")
        config = proxy_config(f"http://oms.example:{oms.port}", access=access)
        async with running_proxy(config, tmp_path, BASIC) as proxy:
            trials = [
                asyncio.create_task(
                    proxy.put(oauth2_body(f"http://n{number}.hangs.example"), query=query, headers=tokens.admin())
                )
                for number in range(12)
                for query in ("", "?validate=true")
            ]
            await asyncio.wait(trials, timeout=PATIENCE)
            assert {trial.result().status for trial in trials} == {204, 422, 429}
            assert system.hanging > 0
            await proxy.change_keys(BASIC)
            assert (await proxy.get()).status == 200
            assert system.most_hanging <= 2 * MAX_LOOKUPS
