"""TLS to the OMS and the token endpoint, against real servers: what is refused, and rotation without restart."""

import asyncio
import contextlib
import ssl
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.certificates import HERE, Authority, Pair
from support.operator.local import Local, running_local, tenant_proxy, write
from support.operator.local import secret as credential
from support.proxy.oms import ORDER_ANSWER, RawServer, answering, documented, token_answer
from support.proxy.running import BASIC, GET_PATH, proxy_config, running_proxy
from support.proxy.tls_server import Peers, TlsServer, closing
from support.waiting import PATIENCE, eventually
from tenantproxy.config import Tls
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy.transport.tls import CHECK_SECONDS, TlsFiles

GRACE = CHECK_SECONDS + 0.5
"""Seconds after which changed files are in effect."""

OWN = Authority("the OMS's own CA")
SYSTEM = Authority("a CA of the system")
GOOD = OWN.issue(*HERE)
CLIENT = OWN.issue("client")


@pytest.fixture(autouse=True)
def system_cas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system trust one CA of ours instead of its own."""
    path = tmp_path / "system.pem"
    path.write_text(SYSTEM.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))


def tls_files(directory: Path, *, ca: str | None = None, client: Pair | None = None) -> dict[str, bool]:
    """Write the files that `running_proxy` takes; return the configuration's `tls`."""
    if ca is not None:
        write_keys(directory / "tls" / "ca", {"ca.crt": ca})
    if client is not None:
        write_keys(directory / "tls" / "client", client.tls_keys)
    return {"ca": ca is not None, "clientCertificate": client is not None}


def oauth2(server: RawServer) -> dict[str, str]:
    return {"clientId": "c", "clientSecret": "s", "authUrl": f"{server.url}/token"}


# ---- what is refused

_REFUSED = {
    "certificate of another host": (OWN.issue("oms.example", "127.0.0.2"), OWN.pem),
    "certificate without names": (OWN.issue("localhost"), OWN.pem),
    "expired": (OWN.issue(*HERE, expired=True), OWN.pem),
    "self-signed": (Authority.self_signed(*HERE), OWN.pem),
    "self-signed, no own CA": (Authority.self_signed(*HERE), None),
    "of a CA that nobody trusts": (Authority("the OMS's own CA").issue(*HERE), OWN.pem),
    "of the system's CA, where there is an own one": (SYSTEM.issue(*HERE), OWN.pem),
    "of an own CA that is not configured": (GOOD, None),
}


@pytest.mark.parametrize(("pair", "ca"), _REFUSED.values(), ids=_REFUSED)
async def test_refused_certificates(tmp_path: Path, pair: Pair, ca: str | None) -> None:
    """An OMS that can't prove who it is gets no request, and so no credential."""
    async with TlsServer(documented, pair) as oms:
        config = proxy_config(oms.url, tls=tls_files(tmp_path, ca=ca))
        async with running_proxy(config, tmp_path, BASIC) as proxy:
            for answer in (await proxy.get(), await proxy.search()):
                assert (answer.status, answer.code) == (502, "upstream-unreachable")
            assert await proxy.metric('tenantproxy_upstream_errors_total{reason="tls"}') == 2
        assert oms.received == []


@pytest.mark.parametrize(
    ("pair", "ca"),
    [(GOOD, OWN.pem), (GOOD, SYSTEM.pem + OWN.pem), (SYSTEM.issue(*HERE), None)],
    ids=["own CA", "one of two CAs", "the system's CA"],
)
async def test_accepted_certificates(tmp_path: Path, pair: Pair, ca: str | None) -> None:
    """With an own CA its certificates are accepted, without one those of the system's CAs."""
    async with TlsServer(documented, pair) as oms:
        config = proxy_config(oms.url, tls=tls_files(tmp_path, ca=ca), allowInsecure=False)
        async with running_proxy(config, tmp_path, BASIC) as proxy:
            assert (await proxy.get()).status == 200
        assert oms.received[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize("client", [None, Authority("the OMS's own CA").issue("client")], ids=["none", "wrong"])
@pytest.mark.parametrize(
    ("version", "code"),
    # In 1.3 the server checks the certificate when the client has already sent its request, and then hangs up.
    [(ssl.TLSVersion.TLSv1_2, "upstream-unreachable"), (ssl.TLSVersion.TLSv1_3, "upstream-error")],
    ids=["1.2", "1.3"],
)
async def test_client_certificate_that_the_oms_does_not_take(
    tmp_path: Path, client: Pair | None, version: ssl.TLSVersion, code: str
) -> None:
    """An OMS that wants another client certificate never serves the request."""
    async with TlsServer(documented, GOOD, client_ca=OWN.pem) as oms:
        oms.context.maximum_version = version
        config = proxy_config(oms.url, tls=tls_files(tmp_path, ca=OWN.pem, client=client))
        async with running_proxy(config, tmp_path, BASIC) as proxy:
            answer = await proxy.get()
            assert (answer.status, answer.code) == (502, code)
        assert oms.received == []


async def test_plain_http_behind_an_https_url(tmp_path: Path, oms: RawServer) -> None:
    """There is no way back to plain http."""
    config = proxy_config(oms.url.replace("http:", "https:"), tls=tls_files(tmp_path, ca=OWN.pem))
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        assert (await proxy.get()).code == "upstream-unreachable"
    assert not any("authorization" in request.headers for request in oms.received)


async def test_old_tls_is_refused(tmp_path: Path) -> None:
    """A server of TLS 1.1, which a client that permits it can talk to, gets nothing from a proxy."""
    async with TlsServer(documented, GOOD) as oms:
        _only_tls_1_1(oms.context)
        lenient = ssl.create_default_context(cadata=OWN.pem)
        _only_tls_1_1(lenient)
        _, writer = await asyncio.open_connection("127.0.0.1", oms.port, ssl=lenient)
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.1"
        writer.close()
        await writer.wait_closed()
        config = proxy_config(oms.url, tls=tls_files(tmp_path, ca=OWN.pem))
        async with running_proxy(config, tmp_path, BASIC) as proxy:
            assert (await proxy.get()).code == "upstream-unreachable"
        assert oms.received == []


def _only_tls_1_1(context: ssl.SSLContext) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1


@pytest.mark.parametrize("ca", [None, OWN.pem])
def test_nothing_weakens_the_checks(tmp_path: Path, ca: str | None) -> None:
    """Whatever is configured: TLS 1.2 at least, the chain and the host's name are checked."""
    files = TlsFiles(Tls(ca=tls_files(tmp_path, ca=ca)["ca"]), tmp_path / "tls")
    for source in (files.oms, files.token_endpoint):
        context = source.current()
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


# ---- the token endpoint


@pytest.mark.parametrize("idp_pair", [SYSTEM.issue(*HERE), OWN.issue(*HERE)], ids=["system's CA", "own CA"])
async def test_token_endpoint_of_either_ca(tmp_path: Path, idp_pair: Pair) -> None:
    """Its certificate may be a public one or of the own CA; it gets the client certificate, too."""
    peers = Peers(answering(token_answer("t", expires_in=3600)))
    async with TlsServer(peers, idp_pair, client_ca=OWN.pem) as idp, TlsServer(documented, GOOD) as oms:
        config = proxy_config(oms.url, tls=tls_files(tmp_path, ca=OWN.pem, client=CLIENT))
        async with running_proxy(config, tmp_path, oauth2(idp)) as proxy:
            assert (await proxy.get()).status == 200
        assert oms.received[0].headers["authorization"] == "Bearer t"
    assert peers.serials == [CLIENT.serial]


@pytest.mark.parametrize(
    "idp_pair",
    [OWN.issue("idp.example"), OWN.issue(*HERE, expired=True), Authority.self_signed(*HERE)],
    ids=["another host", "expired", "self-signed"],
)
async def test_refused_token_endpoint(tmp_path: Path, idp_pair: Pair, oms: RawServer) -> None:
    """A token endpoint that can't prove who it is never sees the client secret."""
    async with TlsServer(answering(token_answer("t")), idp_pair) as idp:
        config = proxy_config(oms.url, tls=tls_files(tmp_path, ca=OWN.pem))
        async with running_proxy(config, tmp_path, oauth2(idp)) as proxy:
            answer = await proxy.get()
            assert (answer.status, answer.code) == (503, "token-unavailable")
        assert idp.received == []
    assert oms.received == []


# ---- through `local`, with rotation


def secret(name: str, data: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "tenants"},
        "stringData": data,
    }


def proxied(oms: RawServer, **tls: str) -> dict[str, Any]:
    """Return the TenantProxy of an OMS behind TLS; `tls` are the names of Secrets."""
    references = {field: {"name": name} for field, name in tls.items()}
    upstream = {"tls": references} if references else {}
    return tenant_proxy(url=oms.url, upstream={"allowInsecure": False, **upstream})


BOTH = {"caSecretRef": "oms-ca", "clientCertificateSecretRef": "client"}


class Load:
    """Requests without pause, and their statuses."""

    def __init__(self, api: str) -> None:
        self._url = api + GET_PATH
        self.statuses: list[int] = []

    async def run(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
            while True:
                async with session.get(self._url) as response:
                    await response.read()
                    self.statuses.append(response.status)
                await asyncio.sleep(0.005)

    async def more(self, count: int = 10) -> list[int]:
        """Return the statuses of requests that began after now."""
        begun = len(self.statuses) + 1
        await eventually(lambda: len(self.statuses) >= begun + count)
        return self.statuses[begun:]

    async def becomes(self, status: int) -> None:
        """Wait until requests have this status."""
        async with asyncio.timeout(PATIENCE):
            while (await self.more(1))[-1] != status:
                pass


@contextlib.asynccontextmanager
async def loaded(local: Local) -> AsyncIterator[Load]:
    load = Load((await local.event("ready"))["api"])
    running = asyncio.create_task(load.run())
    try:
        yield load
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_ca_is_rotated_without_restart(tmp_path: Path) -> None:
    """Old CA, both, new CA, each by a changed manifest: no request fails, and then the old one is out."""
    new = Authority("the OMS's next CA")
    manifest = write(tmp_path / "ca.yaml", secret("oms-ca", {"ca.crt": OWN.pem}))
    async with TlsServer(closing(ORDER_ANSWER), GOOD) as oms:
        oms.context.num_tickets = 0  # else what it presents in the end is not asked for: it is known by a session
        tenant = write(tmp_path / "acme.yaml", proxied(oms, caSecretRef="oms-ca"), credential())
        async with (
            running_local(tenant, manifest, state=tmp_path / "run" / "state") as local,
            loaded(local) as load,
        ):
            children = local.children()
            write(manifest, secret("oms-ca", {"ca.crt": OWN.pem + new.pem}))
            await local.event("certificates")
            await asyncio.sleep(GRACE)
            oms.present(new.issue(*HERE))
            await load.more()
            write(manifest, secret("oms-ca", {"ca.crt": new.pem}))
            await local.event("certificates")
            await asyncio.sleep(GRACE)
            await load.more()
            assert set(load.statuses) == {200}
            oms.present(GOOD)
            await load.becomes(502)
            assert local.children() == children


async def test_client_certificate_is_rotated_without_restart(tmp_path: Path) -> None:
    """A changed Secret of a client certificate is presented by the same process, and no request fails."""
    peers = Peers(closing(ORDER_ANSWER))
    ca, first, second = secret("oms-ca", {"ca.crt": OWN.pem}), CLIENT, OWN.issue("client")
    manifest = write(tmp_path / "secrets.yaml", ca, secret("client", first.tls_keys))
    async with TlsServer(peers, GOOD, client_ca=OWN.pem) as oms:
        tenant = write(tmp_path / "acme.yaml", proxied(oms, **BOTH), credential())
        async with (
            running_local(tenant, manifest, state=tmp_path / "run" / "state") as local,
            loaded(local) as load,
        ):
            children = local.children()
            await load.more()
            assert set(peers.serials) == {first.serial}
            write(manifest, ca, secret("client", second.tls_keys))
            await local.event("certificates")
            await asyncio.sleep(GRACE)
            await load.more()
            assert peers.serials[-1] == second.serial
            assert set(load.statuses) == {200}
            stats = oms.context.session_stats()
            assert 0 < stats["hits"] < stats["accept_good"], "sessions are resumed, but not those from before"
            assert local.children() == children


async def test_references_come_and_go(tmp_path: Path) -> None:
    """A reference that is added or removed is a change of configuration: a new proxy takes over."""
    secrets = write(tmp_path / "secrets.yaml", credential(), secret("oms-ca", {"ca.crt": OWN.pem}))
    async with TlsServer(closing(ORDER_ANSWER), GOOD) as oms:
        tenant = write(tmp_path / "acme.yaml", proxied(oms))
        async with (
            running_local(tenant, secrets, state=tmp_path / "run" / "state") as local,
            loaded(local) as load,
        ):
            assert set(await load.more(3)) == {502}
            write(tenant, proxied(oms, caSecretRef="oms-ca"))
            await local.event("reloaded")
            assert set(await load.more()) == {200}
            write(tenant, proxied(oms))
            await local.event("reloaded")
            assert set(await load.more(3)) == {502}
    assert oms.received != []


def _place(path: Path, start: str) -> str:
    """Return where in a file the line is that begins so."""
    (line,) = (n for n, text in enumerate(path.read_text().splitlines(), 1) if text.strip().startswith(start))
    return f"{path}:{line}"


async def test_bad_rotation_harms_nobody(tmp_path: Path) -> None:
    """A Secret that turns bad, or whose manifest goes, is reported; the last good certificates go on."""
    ca, client = secret("oms-ca", {"ca.crt": OWN.pem}), secret("client", CLIENT.tls_keys)
    manifest = write(tmp_path / "secrets.yaml", ca, client)
    state = tmp_path / "run" / "state"
    async with TlsServer(closing(ORDER_ANSWER), GOOD, client_ca=OWN.pem) as oms:
        tenant = write(tmp_path / "acme.yaml", proxied(oms, **BOTH), credential())
        async with running_local(tenant, manifest, state=state) as local, loaded(local) as load:
            other_key = CLIENT.tls_keys | {"tls.key": OWN.issue("other").key}
            write(manifest, ca, secret("client", other_key))
            (problem,) = (await local.event("invalid"))["problems"]
            assert problem == (
                f"{_place(manifest, 'tls.key:')} (document 2, Secret tenants/client): stringData.tls.key: does "
                "not match the first certificate in tls.crt; set a key and a certificate that belong together "
                "(used by TenantProxy tenants/acme as spec.upstream.tls.clientCertificateSecretRef)"
            )
            write(manifest, ca)
            (problem,) = (await local.event("invalid"))["problems"]
            assert problem == (
                f"{_place(tenant, 'name: client')} (document 1, TenantProxy tenants/acme): "
                "spec.upstream.tls.clientCertificateSecretRef.name: names Secret tenants/client, which no "
                "manifest has; add its manifest"
            )
            await asyncio.sleep(GRACE)
            await load.more()
            assert set(load.statuses) == {200}
            write(manifest, ca, client)
            await local.event("valid")
    private = "".join(CLIENT.key.splitlines()[1:-1])
    log = (tmp_path / "run" / "log").read_text()
    assert private[:20] not in log + str(local.events)
    paths = [path for path in state.rglob("*") if not path.is_symlink()]
    assert len([path for path in paths if path.name == "tls.key"]) == 1
    assert [path for path in paths if path.stat().st_mode & 0o077] == []


# ---- egress lists


async def test_egress_allow(tmp_path: Path, oms: RawServer) -> None:
    """What the operator allows needs no word in the TenantProxy, when it is configured and when it is called."""
    tenant = write(tmp_path / "acme.yaml", _without_private_networks(oms), credential())
    options = ("--egress-allow", "127.0.0.0/8")
    async with running_local(tenant, state=tmp_path / "run" / "state", options=options) as local:
        ready = await local.event("ready")
        async with aiohttp.ClientSession() as session, session.get(ready["api"] + GET_PATH) as response:
            assert response.status == 200


async def test_egress_deny(tmp_path: Path, oms: RawServer) -> None:
    """What the operator denies is refused, whatever else allows it."""
    tenant = write(tmp_path / "acme.yaml", tenant_proxy(url=oms.url), credential())
    options = ("--egress-allow", "127.0.0.0/8", "--egress-deny", "127.0.0.1")
    async with running_local(tenant, state=tmp_path / "run" / "state", options=options) as local:
        (problem,) = (await local.event("invalid"))["problems"]
        assert problem.endswith("spec.upstream.url: names a host that is on the operator's deny list")
        assert await local.ended() == 2
    assert oms.received == []


def _without_private_networks(oms: RawServer) -> dict[str, Any]:
    return tenant_proxy(url=oms.url, upstream={"allowPrivateNetworks": False})
