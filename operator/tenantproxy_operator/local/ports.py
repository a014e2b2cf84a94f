"""The ports of the tenants: two each, on loopback, from a base on."""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tenantproxy_operator.kube.kinds import Key

_BACKLOG: Final = 1024
_LAST: Final = 65535
_STEP: Final = 100
_BASES: Final = 20
"""How many further bases are tried, to name one that is free."""


class PortError(Exception):
    """A port can't be had; the message names it and the fix."""


@dataclass(frozen=True)
class Ports:
    """A tenant's two listening sockets, held by the supervisor, so that no restart closes them."""

    api: socket.socket
    admin: socket.socket

    def close(self) -> None:
        """Stop listening."""
        self.api.close()
        self.admin.close()

    def urls(self) -> dict[str, str]:
        """Return the URLs of both, as events have them."""
        return {
            "api": f"http://127.0.0.1:{self.api.getsockname()[1]}",
            "admin": f"http://127.0.0.1:{self.admin.getsockname()[1]}",
        }


def bind_all(base: int, keys: Sequence[Key]) -> list[Ports]:
    """Return the ports of all tenants.

    Raises:
        PortError: One can't be had; the message names a base from which on all are free, if there is one near.

    """
    bound: list[Ports] = []
    try:
        for index, key in enumerate(keys):
            bound.append(bind(base + 2 * index, key))
    except PortError as error:
        for each in bound:
            each.close()
        for other in range(base + _STEP, _LAST, _STEP)[:_BASES]:
            if _free(other, 2 * len(keys)):
                raise PortError(f"{error} (free: --port-base {other})") from None
        raise
    return bound


def bind(port: int, key: Key) -> Ports:
    """Return one tenant's ports, this one and the next; of 0, any two.

    Raises:
        PortError: One can't be had.

    """
    api = _listen(port, key)
    try:
        return Ports(api, _listen(port + 1 if port else 0, key))
    except PortError:
        api.close()
        raise


def _listen(port: int, key: Key) -> socket.socket:
    """Return a listening socket on loopback; connections wait in it until a proxy takes them."""
    if port > _LAST:
        raise PortError(f"port {port} for {key} does not exist; choose a lower --port-base")
    try:
        return socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
    except OSError as error:
        raise PortError(
            f"can't listen on 127.0.0.1:{port} for {key}: {os.strerror(error.errno or 0)}; stop what uses it "
            f"(it is named by: ss -ltnp 'sport = :{port}'), or choose another --port-base"
        ) from None


def _free(base: int, count: int) -> bool:
    if base + count - 1 > _LAST:
        return False
    with suppress(OSError):
        for port in range(base, base + count):
            socket.create_server(("127.0.0.1", port)).close()
        return True
    return False
