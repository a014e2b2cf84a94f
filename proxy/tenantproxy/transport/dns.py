"""The system's DNS resolver in a bounded set of threads of its own, so that a hanging lookup blocks no other name.

The event loop's own resolver shares a few threads between all names and, on some loops, file access. Each
`ThreadedResolver` has its own bounded set: lookups of a token endpoint, whose name a tenant chooses, can't exhaust
those of the OMS.
"""

import asyncio
import contextlib
import errno
import ipaddress
import socket
import threading
from typing import Any, Final, NamedTuple

from aiohttp.abc import AbstractResolver, ResolveResult

MAX_LOOKUPS: Final = 4
"""At a time. One whose name servers hang ends when the system's own timeouts do."""
MAX_LOOKUPS_OF_A_NAME: Final = 2
"""Of these: the second one is for a name whose first question, or the answer to it, was lost."""
_SHARED_SECONDS: Final = 1.0
"""For which a lookup is the only one of its name: as long as a client waits (see `dialer.CONNECT_TIMEOUT`)."""

_Infos = list[tuple[Any, ...]]
"""What `socket.getaddrinfo` returns."""


class _Lookup(NamedTuple):
    """One lookup of a name and a family of addresses; `started` by the loop's clock."""

    key: tuple[str, int]
    started: float
    infos: asyncio.Future[_Infos]


class ThreadedResolver(AbstractResolver):
    """Resolves names in threads; concurrent lookups of one name share one thread (single flight).

    A thread can't be stopped: it counts against the bound until it has ended, also where no caller waits any more.
    The threads are daemons, so that none delays the end of the process.
    """

    def __init__(self) -> None:
        self._under_way: list[_Lookup] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`.

        Raises:
            OSError: The name can't be resolved, or not now: too many others are being looked up.

        """
        if (literal := _literal(host)) is not None:
            return [_result(host, port, literal, host)]
        infos = self._shared((host, family)) or self._start(host, family)
        await asyncio.wait([infos])  # a caller that is cancelled does not cancel it for the others
        return [_result(host, port, found, _shown(address)) for found, _, _, _, address in infos.result()]

    async def close(self) -> None:
        """Do nothing: a lookup ends by itself."""

    def _shared(self, key: tuple[str, int]) -> asyncio.Future[_Infos] | None:
        """Return what to wait for, where there is a lookup of this name and no other one is to be started."""
        same = [lookup for lookup in self._under_way if lookup.key == key]
        if not same:
            return None
        young = asyncio.get_running_loop().time() < same[-1].started + _SHARED_SECONDS
        full = len(same) >= MAX_LOOKUPS_OF_A_NAME or len(self._under_way) >= MAX_LOOKUPS
        return same[-1].infos if young or full else None

    def _start(self, host: str, family: int) -> asyncio.Future[_Infos]:
        if len(self._under_way) >= MAX_LOOKUPS:
            raise socket.gaierror(socket.EAI_AGAIN, "too many other names are being looked up")
        loop = asyncio.get_running_loop()
        lookup = _Lookup((host, family), loop.time(), loop.create_future())

        def look_up() -> None:
            try:
                outcome: _Infos | OSError = socket.getaddrinfo(
                    host, None, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
                )
            except OSError as error:
                outcome = error
            except ValueError:  # no text that a name can be
                outcome = socket.gaierror(socket.EAI_NONAME, "not a name")
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._end, lookup, outcome)

        try:
            threading.Thread(target=look_up, daemon=True, name="DNS lookup").start()
        except RuntimeError:
            raise OSError(errno.EAGAIN, "no thread can be started") from None
        self._under_way.append(lookup)
        return lookup.infos

    def _end(self, lookup: _Lookup, outcome: _Infos | OSError) -> None:
        self._under_way.remove(lookup)
        if isinstance(outcome, OSError):
            lookup.infos.set_exception(outcome)
            lookup.infos.exception()  # there may be no caller left that asks for it
        else:
            lookup.infos.set_result(outcome)


def _literal(host: str) -> socket.AddressFamily | None:
    """Return the family of a literal address; None for a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4


def _result(host: str, port: int, family: int, address: str) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=family,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


def _shown(address: tuple[Any, ...]) -> str:
    """Return an address, with its zone where it has one: a link-local one of IPv6."""
    zone = address[3] if len(address) > 2 else 0  # noqa: PLR2004 - IPv6
    return f"{address[0]}%{zone}" if zone and "%" not in address[0] else str(address[0])
