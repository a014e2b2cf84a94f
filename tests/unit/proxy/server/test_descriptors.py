"""How many clients' connections a limit of file descriptors is enough for."""

import pytest

from tenantproxy.server.descriptors import MAX_CLIENTS, MIN_CLIENTS, RESERVE, max_clients
from tenantproxy.server.http_server import MAX_ADMIN_CONNECTIONS


@pytest.mark.parametrize(
    ("limit", "oms", "clients"),
    [
        (65_536, 100, MAX_CLIENTS),
        (1024, 100, 1024 - 100 - RESERVE - MAX_ADMIN_CONNECTIONS),
        (1024, 500, 1024 - 500 - RESERVE - MAX_ADMIN_CONNECTIONS),
        (1024, 1000, MIN_CLIENTS),
        (64, 1, MIN_CLIENTS),
    ],
)
def test_clients_get_what_is_left(limit: int, oms: int, clients: int) -> None:
    """The OMS, the admin port and all else have theirs first; some clients are always let in."""
    assert max_clients(limit, oms) == clients
