"""The ports of tenants, and what is said where one can't be had."""

import socket

import pytest

from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.local.ports import PortError, bind


def test_taken_port() -> None:
    """The message names it, the tenant, and what to do, without what Python adds."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortError) as raised:
            bind(port, Key("tenants", "acme"))
    assert str(raised.value) == (
        f"can't listen on 127.0.0.1:{port} for tenants/acme: Address already in use; stop what uses it "
        f"(it is named by: ss -ltnp 'sport = :{port}'), or choose another --port-base"
    )
