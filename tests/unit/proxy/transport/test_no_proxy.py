"""NO_PROXY: what is connected to directly, by the rules of curl and of Go's httpproxy."""

from urllib.parse import urlsplit

import pytest

from tenantproxy.transport.no_proxy import NoProxy, check_entry

COVERED = {
    "a domain": ("example.com", "example.com"),
    "its subdomain": ("example.com", "oms.example.com"),
    "a leading dot: subdomains": (".example.com", "a.b.example.com"),
    "a wildcard: the same": ("*.example.com", "oms.example.com"),
    "any case": ("Example.COM", "OMS.example.com"),
    "the root's dot": ("example.com", "oms.example.com."),
    "one in the list": ("example.com.", "example.com"),
    "with its port": ("example.com:8443", "example.com:8443"),
    "everything": ("*", "oms.example"),
    "an address": ("10.1.2.3", "10.1.2.3"),
    "an address with its port": ("10.1.2.3:8443", "10.1.2.3:8443"),
    "a network": ("10.0.0.0/8", "10.255.1.2"),
    "a network with host bits": ("10.1.2.3/8", "10.9.9.9"),
    "an address of IPv6": ("fd00::1", "[fd00:0::1]"),
    "one in brackets, with its port": ("[fd00::1]:8443", "[fd00::1]:8443"),
    "a network of IPv6": ("fd00::/8", "[fd12::1]"),
    "localhost, always": ("example.com", "localhost"),
    "loopback, always": ("example.com", "127.8.9.1"),
    "loopback in IPv6 form, always": ("example.com", "[::ffff:127.0.0.1]"),
    "loopback of IPv6, always": ("example.com", "[::1]"),
}
NOT_COVERED = {
    "another domain": ("example.com", "example.org"),
    "a domain that ends alike": ("example.com", "badexample.com"),
    "a leading dot: not the domain itself": (".example.com", "example.com"),
    "a wildcard: the same": ("*.example.com", "example.com"),
    "another port": ("example.com:8443", "example.com:443"),
    "another address": ("10.1.2.3", "10.1.2.4"),
    "another port of an address": ("10.1.2.3:8443", "10.1.2.3:443"),
    "another network": ("10.0.0.0/8", "11.0.0.1"),
    "a network of another version": ("::/0", "10.0.0.1"),
    "a network has no names": ("0.0.0.0/0", "oms.example.com"),
    "a name that begins like an address": ("10.1.2.3", "10.1.2.3.example.com"),
    "a name that begins like loopback": ("example.com", "127.0.0.1.example.org"),
}


def covers(entry: str, destination: str) -> bool:
    parts = urlsplit(f"//{destination}")
    return NoProxy([entry]).covers(parts.hostname or "", parts.port or 443)


@pytest.mark.parametrize(("entry", "destination"), COVERED.values(), ids=COVERED)
def test_covered(entry: str, destination: str) -> None:
    """It is called directly."""
    assert covers(entry, destination)


@pytest.mark.parametrize(("entry", "destination"), NOT_COVERED.values(), ids=NOT_COVERED)
def test_not_covered(entry: str, destination: str) -> None:
    """It is called through the forward proxy."""
    assert not covers(entry, destination)


def test_several_entries() -> None:
    """Any of them is enough, also beside `*`."""
    both = NoProxy(["example.com", "10.0.0.0/8"])
    assert [both.covers(host, 443) for host in ("example.com", "10.1.1.1", "example.org")] == [True, True, False]
    assert not both.covers_everything
    assert NoProxy(["example.com", "*"]).covers_everything
    assert not NoProxy([]).covers("oms.example", 443)


MALFORMED = (
    *("", ".", "*.", "**", "a*b", "https://x", "a b", "a,b", "a/b", "u@h", "-a.b"),
    *("10.0.0.0/33", "10.0.0.0/8:443", "x:0", "x:65536", "x:y", "[::1", "::1]:1"),
)


@pytest.mark.parametrize("entry", MALFORMED)
def test_a_malformed_entry(entry: str) -> None:
    """It is refused with the fix: what matches nothing would send to the forward proxy what it must not see."""
    with pytest.raises(ValueError, match=r"^(is not a destination; write|has a port that)"):
        check_entry(entry)
    with pytest.raises(ValueError, match=r"is not|has a"):
        NoProxy([entry])


def test_a_good_entry() -> None:
    """Whatever may cover something is accepted, up to the last port."""
    for port in (1, 65535):
        check_entry(f"example.com:{port}")
    for entry, _ in COVERED.values():
        check_entry(entry)
