"""The egress guard against SSRF: which URLs and addresses a proxy may call, and a resolver that checks it.

Both URLs that a proxy calls are set by others (the OMS's by the platform team, the token endpoint's by the
tenant), from inside the cluster's network. A URL is checked when it is configured, and every address that its
host resolves to is checked again each time a connection is made, against DNS rebinding.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from tenantproxy.transport.dns import ThreadedResolver
from tenantproxy.transport.no_proxy import NoProxy

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# IANA's special-purpose address registries (RFC 6890 and its updates), by what they mean here.
NEVER: Final = {
    "a cloud metadata address": _networks(
        "169.254.169.254/32", "fd00:ec2::254/128", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"
    ),
    "unspecified": _networks("0.0.0.0/8", "::/128"),
    "link-local": _networks("169.254.0.0/16", "fe80::/10"),
    "multicast": _networks("224.0.0.0/4", "ff00::/8"),
    "reserved": _networks(
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
        "64:ff9b:1::/48",  # local NAT64: where in it the IPv4 address is, only its network knows
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    ),
}
_OWN: Final = "loopback"
PRIVATE: Final = {
    _OWN: _networks("127.0.0.0/8", "::1/128"),
    "private": _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    "shared (CGNAT)": _networks("100.64.0.0/10"),
}
# IPv6 forms that carry an IPv4 address in the named 32 bits: mapped, compatible, NAT64, 6to4.
_TRANSLATED: Final = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),
    (ipaddress.IPv6Network("::/96"), 0),
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
)
_IPV6: Final = 6
_MAX_ADDRESSES: Final = 16
"""Of one name; further ones are neither checked nor used."""
METADATA_HOSTS: Final = frozenset(
    {"instance-data", "instance-data.ec2.internal", "metadata", "metadata.goog", "metadata.google.internal"}
)
_NOT_IN_URLS: Final = {"fragment": "#", "query": "?"}
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LOOPBACK: Final = ipaddress.IPv4Address("127.0.0.1")
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
INTERNATIONAL_HOST: Final = "names a host that has characters beyond ASCII; write it in Punycode (xn--…)"
LABEL: Final = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
"""What is between the dots of a host's name."""
_HOST_AND_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+(%[^\]]*)?\]|[^\[\]:]+)(:[0-9]+)?")
"""urlsplit() overlooks what stands around the brackets."""


class Policy:
    """What a tenant's proxy may connect to.

    Operator-wide `deny` wins over everything; then `allow` permits what would otherwise be refused, metadata
    addresses too. Then loopback, private and shared addresses need a permission: `allow_private_networks` for all
    of them, `private_networks` for some, `private_hosts` (HOST or HOST:PORT) for names that may have private and
    shared ones. `permission` names it in messages.

    What a name means to a forward proxy can't be checked here. It is passed on if whoever chose it is trusted
    (`trust_names`), else only if it is one of `private_hosts`.

    Raises:
        ValueError: A CIDR is malformed.

    """

    def __init__(
        self,
        *,
        allow_private_networks: bool = False,
        private_hosts: Iterable[str] = (),
        private_networks: Iterable[str] = (),
        allow: Iterable[str] = (),
        deny: Iterable[str] = (),
        permission: str = "`allowPrivateNetworks: true`",
        trust_names: bool = True,
    ) -> None:
        every_private = (network for networks in PRIVATE.values() for network in networks)
        self._private = (*every_private,) if allow_private_networks else _networks(*private_networks)
        self._private_hosts = frozenset(map(_folded, private_hosts))
        self._allow = _networks(*allow)
        self._deny = _networks(*deny)
        self._permission = f"{permission} permits it"
        self._trust_names = trust_names

    def refusal(self, address: _Address, host: str = "", port: int | None = None) -> str | None:
        """Return why no connection to `address` may be made, or None where it may.

        `host` and `port` are those of the URL that led to it.
        """
        inner = _translated(address)
        if any(address in network or inner in network for network in self._deny):
            return "is on the operator's deny list"
        if any(address in network for network in self._allow):
            return None
        return _forbidden(address) or self._refusal_by_range(address, inner, host, port)

    def refusal_unresolved(self, host: str, port: int) -> str | None:
        """Return why a forward proxy must not be asked for a connection to `host`, or None where it may."""
        if why := _host_refusal(host, port, self):
            return why
        if self._trust_names or _is_address(host) or self._is_named(host, port):
            return None
        return (
            "only the forward proxy resolves, so its addresses can't be checked; list it in"
            " `auth.tokenEndpoint.allowHosts`"
        )

    def _is_named(self, host: str, port: int | None) -> bool:
        return not self._private_hosts.isdisjoint((_folded(host), f"{_folded(host)}:{port}"))

    def _refusal_by_range(self, address: _Address, inner: _Address, host: str, port: int | None) -> str | None:
        named = self._is_named(host, port)
        for name, networks in PRIVATE.items():
            if any(address in network for network in networks):
                permitted = (named and name != _OWN) or any(address in network for network in self._private)
                return None if permitted else f"is {name}; {self._permission}"
        if inner != address:
            if not (named or self._private):
                return f"is an IPv4 address in IPv6 form; {self._permission}"
            return self.refusal(inner, host, port)
        return "is reserved" if address.version == _IPV6 and address not in _GLOBAL_UNICAST else None


def _forbidden(address: _Address) -> str | None:
    for name, networks in NEVER.items():
        if any(address in network for network in networks):
            return f"is {name}"
    return None


def check_private_network(cidr: str) -> None:
    """Check that a network is one that `private_networks` may name.

    Raises:
        ValueError: It is no CIDR, or not inside one network of loopback, private or shared addresses.

    """
    try:
        network = ipaddress.ip_network(cidr)
    except ValueError as error:
        raise ValueError(f"{error}; write CIDRs such as 10.1.0.0/16") from None
    if not any(
        network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type] # typeshed
        for networks in PRIVATE.values()
        for other in networks
    ):
        raise ValueError(
            "names a network that is not private, shared or loopback; public addresses need no permission, and "
            "others have it from the operator's --egress-allow only"
        )


def _folded(host: str) -> str:
    """Return a host, or HOST:PORT, for comparison."""
    name, colon, port = host.lower().partition(":")
    return name.removesuffix(".") + colon + port


def _translated(address: _Address) -> _Address:
    """Return the IPv4 address in an IPv6 form of one; any other address as it is."""
    for translation, shift in _TRANSLATED:
        if address in translation:
            return ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return address


class UrlError(ValueError):
    """A URL must not be called; the message is the problem and the fix, to be read after the field's name."""


def check_url(  # noqa: C901 - one check after the other
    url: str,
    policy: Policy,
    *,
    allow_insecure: bool,
    allow_query: bool = False,
    no_proxy: NoProxy | None = None,
    credentials: str = "the Secret",
) -> None:
    """Check a URL that somebody configured, without resolving its host.

    `allow_query` is for token endpoints; a base URL, to which paths are added, can't have a query. `no_proxy` has
    the hosts that are not called through a forward proxy; None: there is none. `credentials` says where those
    belong that stand in the URL.

    Raises:
        UrlError: Not http(s), plain http without `allow_insecure`, with user-info, a query or a fragment,
            without a host, with a bad port, or with a literal address that must not be called.

    """
    if re.match(r"https?://[^/?#]*[^\x00-\x7F]", url):
        raise UrlError(INTERNATIONAL_HOST)
    if not url.isascii() or re.search(r"[\x00-\x20\x7f\\<>\"{}|^`]", url):
        raise UrlError("has a character that URLs can't have; percent-encode it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlError("is not a valid URL; write https://HOST[:PORT]/PATH") from None
    if parts.scheme not in ("http", "https"):
        raise UrlError("is not an http(s) URL; write https://HOST[:PORT]/PATH")
    if parts.scheme == "http" and not allow_insecure:
        raise UrlError("is plain http; use https, or set `allowInsecure: true` where that is acceptable")
    if "@" in parts.netloc:
        raise UrlError(f"has user-info; put credentials into {credentials}")
    for part, mark in _NOT_IN_URLS.items():
        if mark in url and not (part == "query" and allow_query):
            raise UrlError(f"has a {part}; remove it")
    if not parts.hostname or not _HOST_AND_PORT.fullmatch(parts.netloc) or port == 0:
        raise UrlError("has no host or a bad port; write https://HOST[:PORT]/PATH")
    if any(segment in (".", "..") for segment in parts.path.split("/")):
        raise UrlError("has a dot segment; write the path out")
    host, port = parts.hostname, port or _DEFAULT_PORTS[parts.scheme]
    is_direct = no_proxy is None or no_proxy.covers(host, port)
    if why := _host_refusal(host, port, policy) if is_direct else policy.refusal_unresolved(host, port):
        raise UrlError(f"names a host that {why}")


def check_forward_proxy_url(url: str, policy: Policy) -> None:
    """Check the URL of a forward proxy.

    Raises:
        UrlError: See `check_url`; or it has a path.

    """
    check_url(url, policy, allow_insecure=True)
    if urlsplit(url).path not in ("", "/"):
        raise UrlError("has a path; write http://HOST:PORT, or https:// if the forward proxy itself has TLS")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_host(text: str) -> bool:
    """Tell whether a text is a name that hosts can have, or a literal address."""
    return _is_address(text) or all(re.fullmatch(LABEL, label) for label in text.removesuffix(".").split("."))


def _host_refusal(host: str, port: int, policy: Policy) -> str | None:
    if "%" in host:
        return "has a zone or an encoded character"
    try:
        return policy.refusal(ipaddress.ip_address(host), host, port)
    except ValueError:
        pass
    labels = host.removesuffix(".").split(".")
    if re.fullmatch(r"0[xX][0-9a-fA-F]*|[0-9]+", labels[-1]):
        # inet_aton() reads 127.1, 0x7f000001 and 2130706433 as addresses.
        return "looks like an IPv4 address; write its four decimal parts"
    if not is_host(host):
        return "is not a valid name"
    if host.removesuffix(".").lower() in METADATA_HOSTS:
        return "is a cloud metadata host"
    return policy.refusal(_LOOPBACK, host, port) if labels[-1].lower() == "localhost" else None


class EgressRefusedError(OSError):
    """A name resolved to an address that must not be called."""


class GuardedResolver(AbstractResolver):
    """Resolve names, and refuse those of which any address must not be called.

    It is asked for every new connection, nothing is cached; a literal address is checked in the same way.
    """

    def __init__(self, policy: Policy, resolver: AbstractResolver | None = None) -> None:
        self._policy = policy
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`.

        Raises:
            EgressRefusedError: One of them must not be called.
            OSError: The name can't be resolved.

        """
        results = (await self._resolver.resolve(host, port, family))[:_MAX_ADDRESSES]
        for result in results:
            address = ipaddress.ip_address(result["host"].partition("%")[0])
            if why := self._policy.refusal(address, host, port):
                raise EgressRefusedError(f"an address of the host {why}")
        return results

    def check_unresolved(self, host: str, port: int) -> None:
        """Check a host that a forward proxy is to resolve.

        Raises:
            EgressRefusedError: It must not be called.

        """
        if why := self._policy.refusal_unresolved(host, port):
            raise EgressRefusedError(f"the host {why}")

    async def close(self) -> None:
        """Release the resolver."""
        await self._resolver.close()
