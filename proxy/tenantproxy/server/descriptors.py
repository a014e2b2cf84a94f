"""Bound the clients' connections by the number of file descriptors that this process may have."""

import logging
import resource
from typing import Final

from tenantproxy.server.http_server import MAX_ADMIN_CONNECTIONS

_log = logging.getLogger(__name__)

MAX_CLIENTS: Final = 4096
"""Connections of the API port."""
MIN_CLIENTS: Final = 16
"""However few descriptors there are."""
RESERVE: Final = 96
"""Descriptors for all but connections of clients and to the OMS: token endpoints, issuers' keys, Kubernetes, DNS,
files, the listening sockets, the event loop's own, and connections that are closed but not yet gone."""
_WANTED: Final = 65_536
"""Descriptors; the hard limit can be a billion, and the kernel's table grows with the highest in use."""


def max_clients(limit: int, oms_connections: int) -> int:
    """Return how many connections of clients a process may have that has `limit` descriptors."""
    rest = limit - RESERVE - MAX_ADMIN_CONNECTIONS - oms_connections
    return max(MIN_CLIENTS, min(MAX_CLIENTS, rest))


def bound_clients(oms_connections: int) -> int:
    """Raise this process's limit as far as it may be, and return how many connections of clients it may have."""
    limit = _raise_limit()
    clients = max_clients(limit, oms_connections)
    if clients < MAX_CLIENTS:
        _log.warning(
            "%d clients' connections at most, not %d: the process may have only %d file descriptors (ulimit -Hn)",
            clients,
            MAX_CLIENTS,
            limit,
        )
    return clients


def _raise_limit() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(hard, _WANTED)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _WANTED if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # a platform that allows less than it says
        return soft
    return wanted
