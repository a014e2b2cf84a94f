"""Whether reads can succeed, told without one."""

import socket
from pathlib import Path

import pytest

from support.operator.local import tenant_proxy
from tenantproxy import config
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.local.reads import why_reads_fail
from tenantproxy_operator.local.state import TenantState
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.settings import Settings


def _config(url: str, **upstream: object) -> bytes:
    resource = TenantProxy.model_validate(tenant_proxy(url=url, upstream=upstream))
    return config.encode(render_config(resource, Settings()))


@pytest.fixture
def state(tmp_path: Path) -> TenantState:
    """Give a state with a credential."""
    state = TenantState(tmp_path, "tenants", "acme")
    state.seed({"username": "u", "password": "M4RKED"})
    return state


async def test_nothing_is_missing(state: TenantState) -> None:
    """The OMS's port is connected to, and nothing is sent there."""
    with socket.create_server(("127.0.0.1", 0)) as oms:
        assert await why_reads_fail(_config(f"http://127.0.0.1:{oms.getsockname()[1]}/api"), state) is None
        connection, _ = oms.accept()
        assert connection.recv(100) == b""
        connection.close()


async def test_no_credential(tmp_path: Path) -> None:
    """The OMS is not even tried."""
    problem = await why_reads_fail(_config("http://127.0.0.1:9"), TenantState(tmp_path, "tenants", "acme"))
    assert problem == "no credential is set; add the Secret's manifest, or PUT /api/v1/proxy-config"


@pytest.mark.parametrize(
    ("url", "upstream", "words"),
    [
        ("http://127.0.0.1:1/api", {}, "the OMS at 127.0.0.1:1 can't be reached (connect): nothing listens there"),
        ("http://127.0.0.1:1/api", {"allowPrivateNetworks": False}, "(egress): its address is private"),
        (
            "https://no-such-host.invalid",
            {},
            "the OMS at no-such-host.invalid:443 can't be reached (dns): its name",
        ),
    ],
)
async def test_oms_that_can_not_be_reached(
    state: TenantState, url: str, upstream: dict[str, object], words: str
) -> None:
    """The place, the reason as in metrics, and what to do."""
    problem = await why_reads_fail(_config(url, **upstream), state)
    assert problem is not None
    assert words in problem


async def test_forward_proxy(state: TenantState) -> None:
    """Behind one, only a request would tell."""
    upstream = {"forwardProxy": {"url": "http://127.0.0.1:1"}}
    assert await why_reads_fail(_config("https://no-such-host.invalid", **upstream), state) is None
