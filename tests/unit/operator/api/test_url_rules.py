"""The patterns for URLs and networks refuse nothing that the egress guard takes.

They are the API server's, which reads them as Go does; what is in them means the same in Python.
"""

import ipaddress
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.transport.egress import Policy, UrlError, check_private_network, check_url
from tenantproxy_operator.api.url_rules import PRIVATE_NETWORK, base_url_rules

EVERYTHING = Policy(allow_private_networks=True, allow=("0.0.0.0/0", "::/0"))
RULES = {rule["message"]: rule["rule"] for rule in base_url_rules("url")}
_LABELS = st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)
_HOSTS = st.one_of(
    st.lists(_LABELS, min_size=1, max_size=4).map(".".join),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.sampled_from(["localhost", "oms.example.", "127.1", "0x7f.1", "metadata", "Metadata.google.internal."]),
)
_PORTS = st.one_of(st.just(""), st.integers(0, 70_000).map(lambda port: f":{port}"), st.just(":0443"))
_PATHS = st.text(alphabet='ab./%;:=@_~{"', max_size=8).map(lambda path: path and f"/{path}")


def refused(url: str) -> list[str]:
    """Return the messages of the rules that are not met; each is an `or` of patterns that match, or don't."""

    def met(rule: str) -> bool:
        return any(
            bool(re.search(pattern, url)) != bool(negated)
            for negated, pattern in re.findall(r"(!?)self\.url\.matches\(r'(.*?)'\)(?: \|\| |$)", rule)
        )

    return [message for message, rule in RULES.items() if not met(rule)]


@given(host=_HOSTS, port=_PORTS, path=_PATHS)
def test_urls(host: str, port: str, path: str) -> None:
    """What the guard takes, if every address is permitted, the rules take."""
    url = f"https://{host}{port}{path}"
    try:
        check_url(url, EVERYTHING, allow_insecure=True)
    except UrlError:
        return
    assert refused(url) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://u:p@oms.example", "has user-info"),
        ("https://oms.example/a b", "has a character"),
        ("https://oms.example:0", "has no host or a bad port"),
        ("https://oms.example:65536", "write https://HOST[:PORT]/PATH"),
        ("https://oms.example/..", "has a dot segment"),
        ("https://2130706433", "looks like an IPv4 address"),
        ("https://10.0.0.256", "looks like an IPv4 address"),
        ("https://a..b", "is not a valid name"),
        ("https://METADATA.goog./", "is a cloud metadata host"),
    ],
)
def test_bad_urls(url: str, said: str) -> None:
    """Each rule refuses what it is for, with the guard's words."""
    with pytest.raises(UrlError) as error:
        check_url(url, EVERYTHING, allow_insecure=True)
    (message,) = refused(url)
    assert said in message
    assert said in str(error.value)


def _networks() -> st.SearchStrategy[Any]:
    addresses = st.one_of(
        st.ip_addresses(),
        *(st.ip_addresses(network=each) for each in ("10.0.0.0/8", "172.16.0.0/12", "100.64.0.0/10")),
        *(st.ip_addresses(network=each) for each in ("192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "::1/128")),
    )
    return st.builds(
        lambda address, length: ipaddress.ip_network((address, min(length, address.max_prefixlen)), strict=False),
        addresses,
        st.integers(0, 128),
    )


@given(network=_networks())
def test_networks(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
    """They are told alike, but for host bits."""
    try:
        check_private_network(str(network))
    except ValueError:
        expected = False
    else:
        expected = True
    assert bool(re.search(PRIVATE_NETWORK, str(network))) == expected
