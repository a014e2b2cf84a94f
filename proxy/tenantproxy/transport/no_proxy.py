"""Which destinations are connected to directly, although there is a forward proxy: the rules of `NO_PROXY`. Pure.

They are those of curl and of Go's httpproxy, so that a list that other programs use means the same here.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYTHING: Final = "*"
_LOOPBACK: Final = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128", "::ffff:127.0.0.0/104")))
"""`is_loopback` does not say the same of the last one in every Python."""
_ENTRY: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(:(?P<port>[0-9]{1,5}))?")
_DOMAIN: Final = re.compile(r"(\*?\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_PROBLEM: Final = (
    "is not a destination; write a domain such as example.com (with its subdomains) or .example.com (these only),"
    " an address or a CIDR, a port after a domain or an address, or * alone"
)


class _Rule(NamedTuple):
    """One entry: a domain (`.example.com` for subdomains only), or addresses; and a port, or None for any."""

    what: str | _Network
    port: int | None

    def covers(self, host: str, address: _Address | None, port: int) -> bool:
        if self.port not in (None, port):
            return False
        if not isinstance(self.what, str):
            return address is not None and address in self.what
        subdomains = self.what if self.what.startswith(".") else f".{self.what}"
        return address is None and (host == self.what or host.endswith(subdomains))


class NoProxy:
    """The destinations beside the forward proxy.

    `localhost` and loopback addresses are always among them, as they are for Go's programs. Names are compared as
    they are written; nothing is resolved.

    Raises:
        ValueError: An entry is malformed.

    """

    def __init__(self, entries: Iterable[str]) -> None:
        given = tuple(entries)
        self.covers_everything = EVERYTHING in given
        self._rules = tuple(map(_parse, (entry for entry in given if entry != EVERYTHING)))

    def covers(self, host: str, port: int) -> bool:
        """Tell whether connections to a destination are made directly."""
        name = host.lower().removesuffix(".")
        address = _address(name)
        if self.covers_everything or name == "localhost":
            return True
        if address is not None and any(address in network for network in _LOOPBACK):
            return True
        return any(rule.covers(name, address, port) for rule in self._rules)


def check_entry(entry: str) -> None:
    """Check one entry.

    Raises:
        ValueError: It is malformed; the message is read after the field's name.

    """
    if entry != EVERYTHING:
        _parse(entry)


def _parse(entry: str) -> _Rule:
    if (network := _network(entry)) is not None:
        return _Rule(network, None)
    parts = _ENTRY.fullmatch(entry)
    if parts is None:
        raise ValueError(_PROBLEM)
    port = None if parts["port"] is None else int(parts["port"])
    if port is not None and not 0 < port < 65536:  # noqa: PLR2004 - TCP
        raise ValueError("has a port that is not between 1 and 65535")
    host = parts["host"].removeprefix("[").removesuffix("]")
    if "/" not in host and (network := _network(host)) is not None:
        return _Rule(network, port)
    if not _DOMAIN.fullmatch(host):
        raise ValueError(_PROBLEM)
    return _Rule(host.lower().removesuffix(".").removeprefix("*"), port)


def _network(text: str) -> _Network | None:
    """Return the network that a CIDR or an address means, with host bits or without."""
    try:
        return ipaddress.ip_interface(text).network
    except ValueError:
        return None


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
