"""Where a tenant's proxy may connect to: verdicts on addresses, on URLs, and at connect time."""

import ipaddress
import itertools
import re
import socket
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import ResolveResult
from hypothesis import assume, given
from hypothesis import strategies as st
from yarl import URL

from support.proxy.dns import Scripted
from support.proxy.oms import RawServer
from tenantproxy.transport.egress import (
    EgressRefusedError,
    GuardedResolver,
    Policy,
    UrlError,
    check_forward_proxy_url,
    check_private_network,
    check_url,
    is_host,
)
from tenantproxy.transport.no_proxy import NoProxy

STRICT = Policy()
PRIVATE = Policy(allow_private_networks=True)

ALWAYS = {
    "8.8.8.8",
    "1.1.1.1",
    "93.184.216.34",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2001:4860:4860::8888",
}
WITH_PRIVATE = {
    "loopback": ("127.0.0.1", "127.0.0.53", "127.255.255.255", "::1", "0:0:0:0:0:0:0:1"),
    "private": (
        *("10.0.0.0", "10.96.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1"),
        *("192.168.255.255", "fc00::1", "fd12:3456:789a::1"),
    ),
    "shared": ("100.64.0.0", "100.64.0.1", "100.127.255.255"),
    "IPv4-mapped": (
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::ffff:10.0.0.1",
        "::ffff:192.168.1.1",
        "::ffff:8.8.8.8",
    ),
    "IPv4-compatible": ("::7f00:1", "::10.0.0.1", "::8.8.8.8"),
    "NAT64": ("64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b::8.8.8.8"),
    "6to4": ("2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1"),
}
NEVER = {
    "metadata": (
        *("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"),
        *("::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::169.254.169.254", "64:ff9b::169.254.169.254"),
        *("2002:a9fe:a9fe::1", "::ffff:100.100.100.200", "::ffff:168.63.129.16"),
    ),
    "link-local": ("169.254.0.1", "169.254.170.2", "169.254.255.255", "fe80::1", "febf::1", "::ffff:169.254.1.1"),
    "unspecified": ("0.0.0.0", "0.0.0.1", "0.255.255.255", "::", "::ffff:0.0.0.0", "64:ff9b::", "2002::1"),
    "multicast": ("224.0.0.1", "239.255.255.250", "ff02::1", "ff05::2", "::ffff:224.0.0.1"),
    "broadcast": ("255.255.255.255", "240.0.0.1", "::ffff:255.255.255.255"),
    "documentation": ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"),
    "benchmarks": ("198.18.0.1", "198.19.255.255", "2001:2::1"),
    "protocols": ("192.0.0.1", "192.0.0.170", "192.88.99.1", "2001:10::1", "2001:20::1", "5f00::1"),
    "Teredo": ("2001::1", "2001:0:53aa:64c:0:0:80ff:fffe"),
    "local NAT64": ("64:ff9b:1::1", "64:ff9b:1::8.8.8.8", "64:ff9b:1:a9fe:a9:fe00:808:808"),
    "IPv4-translated": ("::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"),
    "discard": ("100::1",),
    "site-local": ("fec0::1", "feff::1"),
    "unassigned": ("1::1", "4000::1", "8000::1", "e000::1", "fe00::1", "200::1"),
}


def _pairs(table: dict[str, tuple[str, ...]]) -> list[object]:
    rows = [(kind, address) for kind, addresses in table.items() for address in addresses]
    return [pytest.param(address, id=f"{kind} {address}") for kind, address in rows]


def test_table_is_long_enough() -> None:
    """At least sixty addresses have a verdict."""
    tables = (ALWAYS, *WITH_PRIVATE.values(), *NEVER.values())
    assert len(set(itertools.chain.from_iterable(tables))) >= 60


@pytest.mark.parametrize("address", sorted(ALWAYS))
def test_public_address(address: str) -> None:
    """A public address may be called, also the first and last ones beside the ranges that may not."""
    for policy in (STRICT, PRIVATE):
        assert policy.refusal(ipaddress.ip_address(address)) is None


@pytest.mark.parametrize("address", _pairs(WITH_PRIVATE))
def test_private_address(address: str) -> None:
    """Loopback, private and shared addresses, and IPv4 in any IPv6 form, need `allowPrivateNetworks`."""
    assert "`allowPrivateNetworks: true` permits it" in (STRICT.refusal(ipaddress.ip_address(address)) or "")
    assert PRIVATE.refusal(ipaddress.ip_address(address)) is None


@pytest.mark.parametrize("address", _pairs(NEVER))
def test_forbidden_address(address: str) -> None:
    """Link-local, metadata, multicast and reserved addresses are refused whatever `allowPrivateNetworks` says."""
    for policy in (STRICT, PRIVATE):
        assert policy.refusal(ipaddress.ip_address(address))


_FORMS = {
    "mapped": lambda number: (0xFFFF << 32) | number,
    "NAT64": lambda number: (0x64FF9B << 96) | number,
    "6to4": lambda number: (0x2002 << 112) | (number << 80),
}


@given(number=st.integers(0, 2**32 - 1), form=st.sampled_from(sorted(_FORMS)))
def test_ipv6_form_is_no_way_around(number: int, form: str) -> None:
    """No IPv6 form of an IPv4 address permits more than the address itself does."""
    inner = ipaddress.IPv4Address(number)
    address = ipaddress.IPv6Address(_FORMS[form](number))
    assert STRICT.refusal(address)
    assert (PRIVATE.refusal(address) is None) == (PRIVATE.refusal(inner) is None)


@given(address=st.ip_addresses())
def test_verdicts_agree_with_python(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """What Python's own tables call not global is never permitted without `allowPrivateNetworks`."""
    assume(not address.is_global or address.is_multicast)
    assert STRICT.refusal(address)


@given(address=st.ip_addresses())
def test_permission_only_adds(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """`allowPrivateNetworks` takes nothing away that is permitted without it."""
    assert STRICT.refusal(address) or not PRIVATE.refusal(address)


# ---- the operator's lists

LISTS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "allow a private network": ({"allow": ["10.1.0.0/16"]}, "10.1.2.3", True),
    "allow only that": ({"allow": ["10.1.0.0/16"]}, "10.2.0.1", False),
    "allow one address": ({"allow": ["10.1.2.3"]}, "10.1.2.3", True),
    "allow a metadata address": ({"allow": ["169.254.170.2/32"]}, "169.254.170.2", True),
    "allow is no limit": ({"allow": ["10.1.0.0/16"]}, "8.8.8.8", True),
    "allow IPv6": ({"allow": ["fd00::/8"]}, "fd00::1", True),
    "allow NAT64": ({"allow": ["64:ff9b::/96"]}, "64:ff9b::8.8.8.8", True),
    "allow IPv4 is not for its IPv6 forms": ({"allow": ["10.1.0.0/16"]}, "::ffff:10.1.2.3", False),
    "deny a public network": ({"deny": ["8.8.8.0/24"]}, "8.8.8.8", False),
    "deny only that": ({"deny": ["8.8.8.0/24"]}, "8.8.4.4", True),
    "deny within allow": ({"allow": ["10.0.0.0/8"], "deny": ["10.96.0.0/12"]}, "10.96.0.1", False),
    "deny beside allow": ({"allow": ["10.0.0.0/8"], "deny": ["10.96.0.0/12"]}, "10.1.0.1", True),
    "deny wins over a narrower allow": ({"allow": ["10.96.0.1"], "deny": ["10.96.0.0/12"]}, "10.96.0.1", False),
    "deny IPv4 within allowed NAT64": (
        {"allow": ["64:ff9b::/96"], "deny": ["10.0.0.0/8"]},
        "64:ff9b::10.0.0.1",
        False,
    ),
    "deny IPv4 within allowed mapped": ({"allow": ["::/0"], "deny": ["10.0.0.0/8"]}, "::ffff:10.0.0.1", False),
    "deny everything": ({"deny": ["0.0.0.0/0", "::/0"]}, "8.8.8.8", False),
}


@pytest.mark.parametrize(("lists", "address", "permitted"), LISTS.values(), ids=LISTS)
def test_operators_lists(lists: dict[str, Any], address: str, permitted: bool) -> None:  # noqa: FBT001
    """The operator's deny list wins over everything, in every form of an address; then its allow list."""
    assert (Policy(**lists).refusal(ipaddress.ip_address(address)) is None) is permitted


@pytest.mark.parametrize("address", ["10.96.0.1", "::ffff:10.96.0.1", "64:ff9b::10.96.0.1", "2002:a60:1::1"])
def test_deny_wins_over_allow_private_networks(address: str) -> None:
    """A tenant with `allowPrivateNetworks` does not get to what the operator denies, in no form."""
    policy = Policy(allow_private_networks=True, deny=["10.96.0.0/12"])
    assert policy.refusal(ipaddress.ip_address(address)) == "is on the operator's deny list"


@pytest.mark.parametrize("cidr", ["", "10.0.0.0/33", "10.0.0.1/8", "oms.example", "10.0.0", "::/129"])
def test_malformed_cidr(cidr: str) -> None:
    """A malformed CIDR is refused and not taken for an empty network."""
    for name in ("allow", "deny"):
        with pytest.raises(ValueError, match=r"."):
            Policy(allow=[cidr] if name == "allow" else (), deny=[cidr] if name == "deny" else ())


# ---- what token endpoints may be, beside public

TOKEN = Policy(
    private_hosts=["idp.internal.example", "other.example:8443"],
    private_networks=["10.1.0.0/16", "fd00:1::/32", "127.0.0.2/32"],
    allow=["169.254.7.0/24"],
    deny=["10.9.0.0/16"],
    permission="`this`",
)
TOKEN_ADDRESSES: dict[str, tuple[str, str, int, bool]] = {
    "public": ("8.8.8.8", "any.example", 443, True),
    "in a network": ("10.1.2.3", "any.example", 443, True),
    "in a network of IPv6": ("fd00:1::7", "any.example", 443, True),
    "beside the network": ("10.2.0.1", "any.example", 443, False),
    "in a network, in IPv6 form": ("64:ff9b::10.1.2.3", "any.example", 443, True),
    "beside the network, in IPv6 form": ("64:ff9b::10.2.0.1", "any.example", 443, False),
    "loopback that is named": ("127.0.0.2", "any.example", 443, True),
    "loopback beside it": ("127.0.0.1", "any.example", 443, False),
    "loopback of IPv6": ("::1", "any.example", 443, False),
    "a host": ("10.2.0.1", "idp.internal.example", 1234, True),
    "a host in other letters, to the root": ("192.168.0.1", "IDP.Internal.example.", 443, True),
    "a host with a shared address": ("100.64.0.1", "idp.internal.example", 443, True),
    "a host in IPv6 form": ("::ffff:10.2.0.1", "idp.internal.example", 443, True),
    "a host, on the loopback": ("127.0.0.1", "idp.internal.example", 443, False),
    "a host, on the loopback in IPv6 form": ("::ffff:127.0.0.1", "idp.internal.example", 443, False),
    "a host, link-local": ("169.254.1.1", "idp.internal.example", 443, False),
    "a host, metadata": ("169.254.169.254", "idp.internal.example", 443, False),
    "a host, metadata of IPv6": ("fd00:ec2::254", "idp.internal.example", 443, False),
    "a host, denied": ("10.9.0.1", "idp.internal.example", 443, False),
    "a host below it": ("10.2.0.1", "x.idp.internal.example", 443, False),
    "a host above it": ("10.2.0.1", "internal.example", 443, False),
    "a host at its port": ("10.2.0.1", "other.example", 8443, True),
    "a host at its port, in IPv6 form": ("::ffff:10.2.0.1", "other.example", 8443, True),
    "a host at another port": ("10.2.0.1", "other.example", 443, False),
    "a host at its port, to the root": ("10.2.0.1", "other.example.", 8443, True),
    "the operator's list": ("169.254.7.1", "any.example", 443, True),
    "no host": ("10.2.0.1", "", 0, False),
}


@pytest.mark.parametrize(("address", "host", "port", "permitted"), TOKEN_ADDRESSES.values(), ids=TOKEN_ADDRESSES)
async def test_token_endpoints_policy(address: str, host: str, port: int, permitted: bool) -> None:  # noqa: FBT001
    """Named hosts may be private, named networks may be called; loopback only where it is named as a network."""
    why = TOKEN.refusal(ipaddress.ip_address(address), host, port)
    assert (why is None) is permitted, why
    guard = GuardedResolver(TOKEN, Scripted([address]))
    if permitted:
        assert [result["host"] for result in await guard.resolve(host, port)] == [address]
    else:
        with pytest.raises(EgressRefusedError):
            await guard.resolve(host, port)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://10.1.0.1/token", True),
        ("https://10.2.0.1/token", False),
        ("https://127.0.0.2:8443/token", True),
        ("https://localhost/token", False),
        ("https://idp.internal.example/token", True),
    ],
)
def test_token_urls(url: str, good: bool) -> None:  # noqa: FBT001 - a table
    """A literal address is judged when the URL is configured; the message names what permits it."""
    if good:
        check_url(url, TOKEN, allow_insecure=False)
    else:
        with pytest.raises(UrlError, match="`this` permits it"):
            check_url(url, TOKEN, allow_insecure=False)


def test_permissions_of_a_policy() -> None:
    """All private networks or some; a host in any spelling; a literal address at its port, as any other host."""
    address = ipaddress.IPv4Address("10.2.0.1")
    assert Policy(allow_private_networks=True).refusal(address) is None
    assert Policy(private_networks=["10.2.0.0/16"]).refusal(address) is None
    policy = Policy(private_hosts=["IDP.example.:8443", "10.2.0.1:443", "10.2.0.1:8443"])
    assert policy.refusal(address, "idp.example", 8443) is None
    assert policy.refusal(address, "idp.example", 443)
    for url in ("https://10.2.0.1", "https://10.2.0.1:8443"):
        check_url(url, policy, allow_insecure=False)
    for url in ("https://10.2.0.1:444", "http://10.2.0.1"):
        with pytest.raises(UrlError):
            check_url(url, policy, allow_insecure=True)


@given(address=st.ip_addresses(), host=st.sampled_from(["idp.internal.example", "any.example"]))
def test_token_endpoints_get_no_more_than_private(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, host: str
) -> None:
    """Nothing is permitted that an OMS in private networks may not call."""
    policy = Policy(private_hosts=["idp.internal.example"], private_networks=["10.0.0.0/8", "127.0.0.0/8"])
    assert policy.refusal(address, host, 443) or not PRIVATE.refusal(address)


# ---- URLs

GOOD_URLS = [
    "https://oms.acme.example",
    "https://oms.acme.example/",
    "https://oms.acme.example/api/v1",
    "https://oms.acme.example:8443/api/v1/",
    "https://oms.acme.example./api",
    "https://OMS.acme.example/",
    "HTTPS://oms.acme.example/",
    "https://oms/",
    "https://my_oms.acme.example/",
    "https://xn--bcher-kva.example/",
    "https://oms1.acme2.example3x/",
    "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]/",
    "https://[2606:4700:4700::1111]:8443/api",
    "https://oms.acme.example/a%20b/(c);d=e/@f:g",
    "https://oms.acme.example/a//b",
    "https://0xoms.example/",
    "https://127.0.0.1.nip.example/",
    # Where these lead is known only when they are resolved: the resolver refuses them then.
    "https://kubernetes.default.svc/",
    "https://localhost.localdomain/",
]


@pytest.mark.parametrize("url", GOOD_URLS)
def test_good_url(url: str) -> None:
    """An https URL with a plain host, port and path is fine."""
    check_url(url, STRICT, allow_insecure=False)


# The words that the message must have; then whether `allowPrivateNetworks` makes it good.
BAD_URLS: dict[str, tuple[str, bool]] = {
    # names that are metadata services, whatever they resolve to
    "https://metadata.google.internal/": ("metadata host", False),
    "https://Metadata.Google.Internal./": ("metadata host", False),
    "https://instance-data/latest": ("metadata host", False),
    # spellings of the loopback and of other addresses
    "https://127.0.0.1/": ("loopback", True),
    "https://127.0.0.1:8443/token": ("loopback", True),
    "https://127.1/": ("looks like an IPv4", False),
    "https://127.0.1/": ("looks like an IPv4", False),
    "https://2130706433/": ("looks like an IPv4", False),
    "https://017700000001/": ("looks like an IPv4", False),
    "https://0x7f000001/": ("looks like an IPv4", False),
    "https://0x7F.0.0.1/": ("looks like an IPv4", False),
    "https://0177.0.0.1/": ("looks like an IPv4", False),
    "https://127.0.0.01/": ("looks like an IPv4", False),
    "https://127.0.0.0x1/": ("looks like an IPv4", False),
    "https://0x7f.1/": ("looks like an IPv4", False),
    "https://0/": ("looks like an IPv4", False),
    "https://0x/": ("looks like an IPv4", False),
    "https://127.0.0.1./": ("looks like an IPv4", False),
    "https://127.0.0.1.:443/": ("looks like an IPv4", False),
    "https://10.0.0.256/": ("looks like an IPv4", False),
    "https://1.2.3.4.5/": ("looks like an IPv4", False),
    "https://oms.example.1/": ("looks like an IPv4", False),
    "https://0.0.0.0/": ("unspecified", False),
    "https://[::]/": ("unspecified", False),
    "https://[::1]/": ("loopback", True),
    "https://[0:0:0:0:0:0:0:1]:8443/": ("loopback", True),
    "https://[::ffff:127.0.0.1]/": ("IPv6 form", True),
    "https://[::ffff:7f00:1]/": ("IPv6 form", True),
    "https://[::FFFF:169.254.169.254]/": ("", False),
    "https://[64:ff9b::a9fe:a9fe]/": ("", False),
    "https://10.0.0.1/": ("private", True),
    "https://192.168.1.1/": ("private", True),
    "https://100.64.0.1/": ("shared", True),
    "https://[fd00::1]/": ("private", True),
    "https://169.254.169.254/latest/meta-data/": ("metadata", False),
    "https://[fd00:ec2::254]/": ("metadata", False),
    "https://[fe80::1]/": ("link-local", False),
    "https://[fe80::1%25eth0]/": ("zone", False),
    "https://[fe80::1%eth0]/": ("zone", False),
    "https://224.0.0.1/": ("multicast", False),
    "https://255.255.255.255/": ("reserved", False),
    # names of the loopback
    "https://localhost/": ("loopback", True),
    "https://LOCALHOST:8443/": ("loopback", True),
    "https://localhost./": ("loopback", True),
    "https://oms.localhost/": ("loopback", True),
    "https://oms.LocalHost./": ("loopback", True),
    # tricks with user-info, ports and parsers that disagree
    "https://user@oms.example/": ("user-info", False),
    "https://user:password@oms.example/": ("user-info", False),
    "https://@oms.example/": ("user-info", False),
    "https://oms.example@127.0.0.1/": ("user-info", False),
    "https://oms.example:443@127.0.0.1/": ("user-info", False),
    "https://oms.example%40127.0.0.1/": ("encoded character", False),
    "https://oms.example\\@127.0.0.1/": ("character", False),
    "https:\\\\oms.example/": ("character", False),
    "https://oms.example\\.evil.example/": ("character", False),
    "https://[2606:4700::1]10.0.0.1/": ("", False),
    "https://[2606:4700::1]x:443/": ("", False),
    "https://oms.example[2606:4700::1]/": ("", False),
    "https://[v1.oms]/": ("", False),
    "https://[oms.example]/": ("not a valid URL", False),
    "https://[]/": ("not a valid URL", False),
    "https://[::1/": ("not a valid URL", False),
    "https://::1/": ("not a valid URL", False),
    "https://2606:4700::1/": ("not a valid URL", False),
    "https://oms.example:443:80/": ("not a valid URL", False),
    "https://oms.example:/": ("port", False),
    "https://oms.example:0/": ("port", False),
    "https://oms.example:65536/": ("not a valid URL", False),
    "https://oms.example:-1/": ("not a valid URL", False),
    "https://oms.example:+443/": ("not a valid URL", False),
    "https://oms.example:https/": ("not a valid URL", False),
    "https://oms.example:4 43/": ("character", False),
    # hosts that are none
    "https:///token": ("no host", False),
    "https:oms.example": ("no host", False),
    "https:/oms.example": ("no host", False),
    "https://": ("no host", False),
    "https://:443/": ("no host", False),
    "https://./": ("not a valid name", False),
    "https://oms..example/": ("not a valid name", False),
    "https://oms.example../": ("not a valid name", False),
    "https://.oms.example/": ("not a valid name", False),
    "https://-oms.example/": ("not a valid name", False),
    "https://oms-.example/": ("not a valid name", False),
    f"https://{'a' * 64}.example/": ("not a valid name", False),
    "https://oms.example,evil.example/": ("not a valid name", False),
    "https://*.example/": ("not a valid name", False),
    "https://oms.%65xample/": ("encoded character", False),
    "https://%6c%6fcalhost/": ("encoded character", False),
    "https://b\u00fccher.example/": ("character", False),
    "https://\uff11\uff12\uff17.0.0.1/": ("character", False),
    "https://127\u30020\u30020\u30021/": ("character", False),
    "https://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/": ("character", False),
    "https://oms.example\u2044@evil.example/": ("character", False),
    # schemes
    "http://oms.example/": ("plain http", False),
    "HTTP://oms.example/": ("plain http", False),
    "ftp://oms.example/": ("not an http(s) URL", False),
    "file:///etc/passwd": ("not an http(s) URL", False),
    "gopher://oms.example/": ("not an http(s) URL", False),
    "unix:///var/run/docker.sock": ("not an http(s) URL", False),
    "//oms.example/": ("not an http(s) URL", False),
    "oms.example": ("not an http(s) URL", False),
    "oms.example:443": ("not an http(s) URL", False),
    "": ("not an http(s) URL", False),
    "javascript:alert(1)": ("not an http(s) URL", False),
    # the rest of the URL
    "https://oms.example/api?x=1": ("query", False),
    "https://oms.example?": ("query", False),
    "https://oms.example/#f": ("fragment", False),
    "https://oms.example#@127.0.0.1": ("fragment", False),
    "https://oms.example/a/../b": ("dot segment", False),
    "https://oms.example/..": ("dot segment", False),
    "https://oms.example/./a": ("dot segment", False),
    "https://oms.example/{tenant}": ("character", False),
    "https://oms.example/a b": ("character", False),
    " https://oms.example/": ("character", False),
    "https://oms.example/\n": ("character", False),
    "https://oms.exam\tple/": ("character", False),
    "https://oms.example/\0": ("character", False),
    "https://oms.example/\r\nX: y": ("character", False),
}


@pytest.mark.parametrize("url", BAD_URLS)
def test_bad_url(url: str) -> None:
    """A URL that must not be called, or that two parsers could read differently, is refused with the fix.

    The message repeats nothing of the URL, in which a secret may be.
    """
    words, private_makes_it_good = BAD_URLS[url]
    with pytest.raises(UrlError) as caught:
        check_url(url, STRICT, allow_insecure=False)
    assert words in str(caught.value)
    assert re.match(r"(is|has|names a host that (is|has|looks)) ", str(caught.value))
    if private_makes_it_good:
        check_url(url, PRIVATE, allow_insecure=False)
    else:
        with pytest.raises(UrlError):
            check_url(url, PRIVATE, allow_insecure=False)
    with pytest.raises(UrlError) as caught:
        check_url(f"{url}/MARKED", STRICT, allow_insecure=False)
    assert "MARKED" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "fix"),
    [
        ("https://u@oms.example/", "Secret"),
        ("http://oms.example/", "`allowInsecure: true`"),
        ("ftp://oms.example/", "https://HOST[:PORT]/PATH"),
        ("https://[::1/", "https://HOST[:PORT]/PATH"),
        ("https://oms.example:0/", "https://HOST[:PORT]/PATH"),
        ("https://127.1/", "looks like an IPv4 address"),
        ("https://oms.example/a b", "URLs"),
        ("https://10.0.0.1/", "`allowPrivateNetworks: true`"),
    ],
)
def test_message_names_the_fix(url: str, fix: str) -> None:
    """The message has what is to be set or written, as it is written."""
    with pytest.raises(UrlError) as caught:
        check_url(url, STRICT, allow_insecure=False)
    assert fix in str(caught.value)


REASONS = {
    "169.254.169.254": "is a cloud metadata address",
    "0.0.0.0": "is unspecified",
    "fe80::1": "is link-local",
    "224.0.0.1": "is multicast",
    "240.0.0.1": "is reserved",
    "4000::1": "is reserved",
    "127.0.0.1": "is loopback; `allowPrivateNetworks: true` permits it",
    "10.0.0.1": "is private; `allowPrivateNetworks: true` permits it",
    "100.64.0.1": "is shared (CGNAT); `allowPrivateNetworks: true` permits it",
    "::ffff:8.8.8.8": "is an IPv4 address in IPv6 form; `allowPrivateNetworks: true` permits it",
}


@pytest.mark.parametrize("address", REASONS)
def test_reason_of_a_refusal(address: str) -> None:
    """A refusal says what the address is, and what permits it."""
    assert Policy().refusal(ipaddress.ip_address(address)) == REASONS[address]


@pytest.mark.parametrize(
    ("cidr", "good"),
    [
        ("10.1.0.0/16", True),
        ("10.0.0.0/8", True),
        ("192.168.1.7", True),
        ("100.64.0.0/10", True),
        ("127.0.0.2/32", True),
        ("fd00::/8", True),
        ("::1/128", True),
        ("10.0.0.0/7", False),
        ("8.8.8.0/24", False),
        ("169.254.0.0/16", False),
        ("::/0", False),
        ("10.0.0.1/8", False),
        ("10.0.0", False),
        ("", False),
    ],
)
def test_private_networks(cidr: str, good: bool) -> None:  # noqa: FBT001 - a table
    """A network to be permitted lies inside one of private, shared or loopback addresses."""
    if good:
        check_private_network(cidr)
        return
    with pytest.raises(ValueError, match=r"; ") as caught:
        check_private_network(cidr)
    malformed = cidr in ("10.0.0.1/8", "10.0.0", "")
    assert re.fullmatch(
        r".*10\.1\.0\.0/16" if malformed else r"names [^X]* --egress-allow [^X]*", str(caught.value)
    )


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("oms.example", True),
        ("oms.example.", True),
        ("my_oms", True),
        ("a", True),
        ("a" * 63, True),
        ("10.0.0.1", True),
        ("::1", True),
        ("a" * 64, False),
        ("oms..example", False),
        ("oms.example..", False),
        ("-oms.example", False),
        ("oms-", False),
        ("oms.example:443", False),
        ("*.example", False),
        ("", False),
    ],
)
def test_host(text: str, good: bool) -> None:  # noqa: FBT001 - a table
    """A host is a name of labels, or a literal address."""
    assert is_host(text) is good


def test_url_table_is_long_enough() -> None:
    """At least sixty URLs have a verdict."""
    assert len(BAD_URLS) + len(GOOD_URLS) >= 60


def test_insecure() -> None:
    """Plain http needs `allowInsecure`, which permits nothing else."""
    check_url("http://oms.example/", STRICT, allow_insecure=True)
    for url in ("http://127.0.0.1/", "http://u@oms.example/", "ftp://oms.example/"):
        with pytest.raises(UrlError):
            check_url(url, STRICT, allow_insecure=True)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://auth.example/token?tenant=a&x=https://b", True),
        ("https://auth.example?x", True),
        ("https://auth.example/token#f", False),
        ("https://auth.example/token?x#f", False),
        ("https://127.0.0.1/?x", False),
    ],
)
def test_token_url_may_have_a_query(url: str, good: bool) -> None:  # noqa: FBT001 - a table
    """A token endpoint may have a query, but no fragment; a base URL may have neither."""
    if good:
        check_url(url, STRICT, allow_insecure=False, allow_query=True)
    else:
        with pytest.raises(UrlError):
            check_url(url, STRICT, allow_insecure=False, allow_query=True)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://idp.example/token", None),
        ("https://IDP.example./token", None),
        ("https://listed.example:8443/token", None),
        ("https://direct.example/token", None),
        ("https://8.8.8.8/token", None),
        ("https://[2606:4700:4700::1111]/token", None),
        ("https://listed.example/token", "in `auth.tokenEndpoint.allowHosts`"),
        ("https://other.example/token", "in `auth.tokenEndpoint.allowHosts`"),
        ("https://direct.example:8443/token", "in `auth.tokenEndpoint.allowHosts`"),
        ("https://10.0.0.1/token", "`this` permits it"),
        ("https://metadata.google.internal/token", "is a cloud metadata host"),
        ("https://0x7f000001/token", "looks like an IPv4 address"),
    ],
)
def test_urls_through_a_forward_proxy(url: str, why: str | None) -> None:
    """A name that only the forward proxy resolves must be listed; what can be judged by itself is."""
    policy = Policy(private_hosts=["idp.example", "listed.example:8443"], permission="`this`", trust_names=False)
    no_proxy = NoProxy(["direct.example:443"])
    check_url("https://other.example/", policy, allow_insecure=False)  # we resolve it
    if why is None:
        check_url(url, policy, allow_insecure=False, no_proxy=no_proxy)
    else:
        with pytest.raises(UrlError, match=f"^names a host that .*{why}"):
            check_url(url, policy, allow_insecure=False, no_proxy=no_proxy)


def test_names_that_are_trusted() -> None:
    """Names of the platform team's are passed on; addresses are judged all the same."""
    for policy in (Policy(), Policy(trust_names=True)):
        assert policy.refusal_unresolved("oms.example", 443) is None
        assert policy.refusal_unresolved("10.0.0.1", 443) == "is private; `allowPrivateNetworks: true` permits it"
    assert Policy(trust_names=False).refusal_unresolved("oms.example", 443) == (
        "only the forward proxy resolves, so its addresses can't be checked; list it in"
        " `auth.tokenEndpoint.allowHosts`"
    )


@pytest.mark.parametrize("url", ["http://squid.example:3128", "https://squid.example/", "http://10.0.0.1:3128"])
def test_forward_proxy(url: str) -> None:
    """It may be plain http, and in a private network."""
    check_forward_proxy_url(url, PRIVATE)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://user:MARKED@squid.example:3128", "has user-info; put"),
        ("http://squid.example:3128/MARKED", "has a path; write http://HOST:PORT, or https:// if the forward"),
        ("socks5://squid.example:1080", "is not an http(s) URL"),
        ("squid.example:3128", "is not an http(s) URL"),
        ("http://squid.example?MARKED", "has a query; remove it"),
        ("http://169.254.169.254:3128", "names a host that is a cloud metadata address"),
    ],
)
def test_bad_forward_proxy(url: str, why: str) -> None:
    """What is wrong with it is said, without the URL."""
    with pytest.raises(UrlError) as caught:
        check_forward_proxy_url(url, PRIVATE)
    assert str(caught.value).startswith(why)
    assert "MARKED" not in str(caught.value)


@given(
    url=st.text(max_size=30)
    | st.builds(
        "{}://{}{}".format, st.sampled_from(["https", "http"]), st.text("ab.1:[]@%-/\\?#"), st.text("/.?x")
    )
)
def test_a_good_url_is_the_same_to_the_client(url: str) -> None:
    """The client connects to the host and port that were checked, for any URL that passes."""
    try:
        check_url(url, STRICT, allow_insecure=True)
    except UrlError:
        return
    seen = URL(url, encoded=True)
    rest = url.split("://", 1)[1]
    authority = rest.split("/", 1)[0]
    host, port = seen.raw_host or "", seen.port
    shown = f"[{host}]" if ":" in host else host
    assert authority.lower() in (shown.lower(), f"{shown}:{port}".lower()) or authority.endswith(f"0{port}")
    assert host
    assert seen.user is None


# ---- at connect time


def test_what_a_forward_proxy_may_be_asked_for() -> None:
    """The host is judged again when it is connected to."""
    guard = GuardedResolver(Policy(private_hosts=["idp.example:8443"], trust_names=False))
    guard.check_unresolved("idp.example", 8443)
    for host, port in (("idp.example", 443), ("10.0.0.1", 8443), ("other.example", 8443)):
        with pytest.raises(EgressRefusedError, match=r"^the host (only the forward|is private)"):
            guard.check_unresolved(host, port)


async def resolved(policy: Policy, *addresses: str) -> list[str]:
    resolver = GuardedResolver(policy, Scripted(addresses))
    try:
        return [result["host"] for result in await resolver.resolve("oms.example", 443)]
    finally:
        await resolver.close()


@pytest.mark.parametrize("addresses", [["8.8.8.8"], ["8.8.8.8", "2606:4700:4700::1111"]], ids=["one", "two"])
async def test_public_name(addresses: list[str]) -> None:
    """A name of public addresses resolves to them, unchanged."""
    assert await resolved(STRICT, *addresses) == addresses


BAD_ANSWERS = {
    "loopback": ["127.0.0.1"],
    "IPv6 loopback": ["::1"],
    "private": ["10.0.0.1"],
    "shared": ["100.64.0.1"],
    "link-local": ["169.254.0.1"],
    "link-local with a zone": ["fe80::1%2"],
    "metadata": ["169.254.169.254"],
    "mapped": ["::ffff:10.0.0.1"],
    "bad first": ["127.0.0.1", "8.8.8.8"],
    "bad last": ["8.8.8.8", "1.1.1.1", "127.0.0.1"],
    "bad in the middle": ["8.8.8.8", "::ffff:169.254.169.254", "1.1.1.1"],
    "bad in the other family": ["8.8.8.8", "::1"],
}


@pytest.mark.parametrize("addresses", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
async def test_name_with_a_bad_address(addresses: list[str]) -> None:
    """One bad address among those of a name is enough to refuse the name, and the message shows no address."""
    with pytest.raises(EgressRefusedError) as caught:
        await resolved(STRICT, *addresses)
    assert str(caught.value).startswith("an address of the host is ")
    assert not any(address in str(caught.value) for address in addresses)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1%2", "::ffff:169.254.169.254", "0.0.0.0"])
async def test_name_of_a_forbidden_address(address: str) -> None:
    """With `allowPrivateNetworks` a name still can't lead to link-local or metadata addresses."""
    assert await resolved(PRIVATE, "10.0.0.1", "127.0.0.1") == ["10.0.0.1", "127.0.0.1"]
    with pytest.raises(EgressRefusedError):
        await resolved(PRIVATE, "10.0.0.1", address)


async def test_name_of_many_addresses() -> None:
    """A name can't have thousands of addresses judged and tried: those of the first that are judged are used."""
    addresses = [f"8.8.{number // 256}.{number % 256}" for number in range(4000)]
    assert await resolved(STRICT, *addresses) == addresses[:16]
    with pytest.raises(EgressRefusedError):
        await resolved(STRICT, *addresses[:15], "127.0.0.1", *addresses)


async def test_unknown_name() -> None:
    """A name that doesn't resolve is that, and not a refusal."""
    with pytest.raises(OSError, match="no such host") as caught:
        await resolved(STRICT)
    assert not isinstance(caught.value, EgressRefusedError)


class Recording(Scripted):
    """Keeps what it was asked for last."""

    question: tuple[str, int, int] | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.question = (host, port, family)
        return await super().resolve(host, port, family)


async def test_question_is_passed_on() -> None:
    """What the guard asks is what it was asked; of all families, if of none."""
    inner = Recording(["8.8.8.8"])
    guard = GuardedResolver(STRICT, inner)
    await guard.resolve("oms.example")
    assert inner.question == ("oms.example", 0, socket.AF_UNSPEC)
    await guard.resolve("oms.example", 443, socket.AF_INET6)
    assert inner.question == ("oms.example", 443, socket.AF_INET6)


async def test_resolver_is_released() -> None:
    """Closing the guard closes what it asks."""
    inner = Scripted(["8.8.8.8"])
    await GuardedResolver(STRICT, inner).close()
    assert inner.closed


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1"])
async def test_system_resolver_is_guarded(host: str) -> None:
    """Whatever the system's resolver makes of an odd spelling, its answer passes the guard."""
    resolver = GuardedResolver(STRICT)
    with pytest.raises(OSError, match=r"."):
        await resolver.resolve(host, 80)
    await resolver.close()


def session(policy: Policy, resolver: Scripted) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        resolver=GuardedResolver(policy, resolver), use_dns_cache=False, force_close=True
    )
    return aiohttp.ClientSession(connector=connector)


async def test_rebinding(oms: RawServer) -> None:
    """A name that was good is refused for the connection at which it has become bad, and nothing is sent there."""
    policy = Policy(allow=["127.0.0.1/32"])
    names = Scripted(["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"])
    url = f"http://oms.example:{oms.port}/business-units/B/customer-orders/C"
    async with session(policy, names) as client:
        async with client.get(url) as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientConnectorDNSError) as caught:
            await client.get(url)
        assert isinstance(caught.value.os_error, EgressRefusedError)
        assert len(oms.received) == 1
        async with client.get(url) as response:
            assert response.status == 200
    assert names.asked == ["oms.example"] * 3


async def test_rebinding_to_the_loopback(oms: RawServer) -> None:
    """A tenant's name that turns to our own loopback is refused before a connection is made."""
    names = Scripted(["8.8.8.8"], ["127.0.0.1"])
    guard = GuardedResolver(STRICT, names)
    assert await guard.resolve("auth.example", oms.port)  # as when the URL was configured
    async with session(STRICT, names) as client:
        with pytest.raises(aiohttp.ClientConnectorDNSError):
            await client.get(f"http://auth.example:{oms.port}/token")
    assert oms.connections == 0


async def test_good_and_bad_address(oms: RawServer) -> None:
    """Nothing is sent to the good one of a name's addresses when another is bad."""
    policy = Policy(allow=["127.0.0.1/32"])
    async with session(policy, Scripted(["127.0.0.1", "10.0.0.1"])) as client:
        with pytest.raises(aiohttp.ClientConnectorDNSError):
            await client.get(f"http://oms.example:{oms.port}/")
    assert oms.connections == 0
