"""The credential in use follows the store, whatever happens to the store."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from support.oms import RawServer
from support.proxies import BASIC, proxy_config, running_proxy
from tenantproxy.config import Tenant
from tenantproxy.credentials import Basic
from tenantproxy.keeper import CredentialKeeper
from tenantproxy.metrics import Metrics
from tenantproxy.stores.files import FileStore, write_keys

UNREADABLE = 'tenantproxy_config_changes_total{outcome="unreadable"}'
INVALID = 'tenantproxy_config_changes_total{outcome="invalid"}'
OTHER = {"username": "user", "password": "other"}


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
        (proxy.credentials / "password").write_bytes(b"\xff")
        await proxy.becomes(UNREADABLE, 1)
        assert (await proxy.get()).status == 200


async def test_a_store_that_is_broken_at_start_is_named(oms: RawServer, tmp_path: Path) -> None:
    """Without a credential to go on with, callers are told that the Secret can't be read, until it can."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "password").write_bytes(b"\xff")
    async with running_proxy(proxy_config(oms.url), tmp_path) as proxy:
        assert (await proxy.get()).code == "credentials-invalid"
        await proxy.change_keys(BASIC)
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

    async def read(self) -> Mapping[str, str]:
        keys = await super().read()
        await asyncio.sleep(0.1)
        return keys


class Used:
    """What an OMS client was told to use, in order."""

    has_credential = True

    def __init__(self) -> None:
        self.credentials: list[object] = []

    async def use(self, credential: object) -> bool:
        self.credentials.append(credential)
        return True


async def test_a_late_read_never_undoes_a_replacement(tmp_path: Path) -> None:
    """A change that is read while an admin sets another credential does not win over the admin's."""
    write_keys(tmp_path, BASIC)
    used = Used()
    keeper = CredentialKeeper(SlowReads(tmp_path), used, Metrics(Tenant(id="T", name="acme")))
    loading = asyncio.create_task(keeper.load())
    await asyncio.sleep(0.05)
    await keeper.replace(Basic(username="user", password="set by the admin"))
    await loading
    assert used.credentials[-1] == Basic(username="user", password="set by the admin")
