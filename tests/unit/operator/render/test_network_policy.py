"""The NetworkPolicy, as a cluster's network reads it."""

import ipaddress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.operator.manifests import params
from tenantproxy import config
from tenantproxy.transport.egress_policy import oms_policy, platform_policy, token_endpoint_policy
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.render.network_policy import ip_block, render_network_policy
from tenantproxy_operator.settings import Settings

_PRIVATE = {"spec.upstream.allowPrivateNetworks": True}
_PLATFORM = {"spec.auth.management": "platform"}


def _spec(changes: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    spec = render_network_policy(params(changes, settings=Settings(**settings)))["spec"]
    assert isinstance(spec, dict)
    return spec


def _permits(spec: dict[str, Any], address: str, port: int, protocol: str = "TCP") -> bool:
    """Tell whether a proxy may connect to an address outside the cluster."""
    for rule in spec["egress"]:
        ports = [each for each in rule["ports"] if each["protocol"] == protocol and each.get("port", port) == port]
        if ports and ("to" not in rule or any(_holds(peer, address) for peer in rule["to"])):
            return True
    return False


def _holds(peer: dict[str, Any], address: str) -> bool:
    block = peer.get("ipBlock")
    if block is None:
        return False  # a selector is about pods
    inside = ipaddress.ip_address(address)
    excepted = any(inside in ipaddress.ip_network(each) for each in block.get("except", ()))
    return inside in ipaddress.ip_network(block["cidr"]) and not excepted


@pytest.mark.parametrize(
    ("address", "port", "protocol", "expected"),
    [
        ("198.51.100.7", 443, "TCP", True),
        ("198.51.100.7", 8443, "TCP", True),
        ("198.51.100.7", 443, "UDP", False),
        ("2606:4700::1111", 443, "TCP", True),
        ("10.0.0.7", 8080, "TCP", False),
        ("172.31.255.255", 8080, "TCP", False),
        ("192.168.1.1", 8080, "TCP", False),
        ("127.0.0.1", 8080, "TCP", False),
        ("100.64.1.1", 8080, "TCP", False),
        ("169.254.169.254", 80, "TCP", False),
        ("fd00::7", 8080, "TCP", False),
        ("::1", 8080, "TCP", False),
        ("fe80::1", 8080, "TCP", False),
        ("10.96.0.10", 53, "UDP", True),
        ("10.96.0.10", 53, "TCP", True),
        ("10.0.0.7", 5353, "UDP", True),
        ("10.0.0.7", 54, "UDP", False),
        ("10.0.0.1", 6443, "TCP", True),
        ("10.0.0.1", 443, "TCP", True),
    ],
)
def test_flows(address: str, port: int, protocol: str, *, expected: bool) -> None:
    """A proxy reaches DNS, the API server and public addresses, and nothing else of the network around it."""
    assert _permits(_spec(), address, port, protocol) is expected


def test_api_server_only_where_the_tenant_manages() -> None:
    """With `management: platform` the way to the API server is closed."""
    assert not _permits(_spec(_PLATFORM), "10.0.0.1", 6443)
    assert not _permits(_spec(_PLATFORM), "10.0.0.1", 443)


def test_api_server_at_its_addresses() -> None:
    """Where they are known, the ports are open to them only."""
    spec = _spec(api_server_cidrs=("10.0.0.1/32",))
    assert _permits(spec, "10.0.0.1", 6443)
    assert not _permits(spec, "10.0.0.2", 6443)
    assert not _permits(_spec(_PLATFORM, api_server_cidrs=("10.0.0.1/32",)), "10.0.0.1", 6443)


def test_dns_ports() -> None:
    """DNS pods may listen anywhere; the Service's port is open beside that."""
    spec = _spec(dns_ports=(8053,))
    assert _permits(spec, "10.0.0.7", 8053, "UDP")
    assert _permits(spec, "10.96.0.10", 53, "UDP")
    assert not _permits(spec, "10.0.0.7", 5353, "UDP")


def test_private_networks() -> None:
    """What `allowPrivateNetworks` permits includes pods, which some networks know by their labels only."""
    spec = _spec({**_PRIVATE, **_PLATFORM})
    assert _permits(spec, "10.0.0.7", 8080)
    assert _permits(spec, "fd00::7", 8080)
    assert not _permits(spec, "169.254.169.254", 80)
    assert not _permits(spec, "100.100.100.200", 80)
    assert {"namespaceSelector": {}} in spec["egress"][-1]["to"]


def test_networks_of_the_token_endpoint() -> None:
    """They are open, and nothing else for it; what the operator denies in them is not."""
    allowed = {**_PLATFORM, "spec.auth.tokenEndpoint.allowNetworks": ["10.1.0.0/16", "fd00:ec2::/32"]}
    spec = _spec(allowed, egress=config.Egress(deny=("10.1.9.0/24",)))
    assert _permits(spec, "10.1.0.7", 8080)
    assert _permits(spec, "fd00:ec2::1", 8080)
    assert not _permits(spec, "fd00:ec2::254", 80)
    assert not _permits(spec, "10.1.9.7", 8080)
    assert not _permits(spec, "10.2.0.7", 8080)
    assert all("ipBlock" in peer for peer in spec["egress"][-1]["to"])


def test_hosts_of_the_token_endpoint() -> None:
    """A policy knows no names, so all private addresses are open, as for an OMS in private networks."""
    named = _spec({**_PLATFORM, "spec.auth.tokenEndpoint.allowHosts": ["idp.internal.example"]})
    assert named["egress"] == _spec({**_PRIVATE, **_PLATFORM})["egress"]


def test_a_denied_network_is_denied_to_pods_in_it() -> None:
    """A selector could reach a denied pod, so with a deny list there is none."""
    spec = _spec({**_PRIVATE, **_PLATFORM}, egress=config.Egress(deny=("10.96.0.0/12",)))
    assert not _permits(spec, "10.100.0.1", 8080)
    assert _permits(spec, "10.0.0.7", 8080)
    assert all("ipBlock" in peer for peer in spec["egress"][-1]["to"])


_SQUID = "spec.upstream.forwardProxy"


def test_a_forward_proxy_at_an_address() -> None:
    """Where all goes through it, its address and port are all that is open; a private one may be a Service's."""
    spec = _spec({**_PRIVATE, **_PLATFORM, _SQUID: {"url": "http://10.7.1.1:3128"}})
    assert [_permits(spec, "10.7.1.1", port) for port in (3128, 443)] == [True, False]
    for address in ("10.7.1.2", "198.51.100.7", "2606:4700::1111"):
        assert not _permits(spec, address, 3128)
    assert {"namespaceSelector": {}} in spec["egress"][-1]["to"]
    for url in ("http://198.51.100.7:3128", "https://[2606:4700::1111]:3128"):
        public = _spec({**_PLATFORM, _SQUID: {"url": url}})["egress"][-1]
        assert [list(peer) for peer in public["to"]] == [["ipBlock"]]


def test_a_forward_proxy_by_name() -> None:
    """A policy knows no names: its port is open everywhere, but for metadata and what the operator denies."""
    egress = config.Egress(deny=("10.9.0.0/16",), allow=("169.254.7.0/24",))
    spec = _spec({**_PLATFORM, _SQUID: {"url": "https://squid.example"}}, egress=egress)
    for address in ("10.7.1.1", "198.51.100.7", "169.254.7.1"):
        assert [_permits(spec, address, port) for port in (443, 8443)] == [True, False]
    assert not _permits(spec, "169.254.169.254", 443)
    assert not _permits(spec, "10.9.0.1", 443)
    assert all("ipBlock" in peer for peer in spec["egress"][-1]["to"])


def test_destinations_beside_a_forward_proxy() -> None:
    """With them, the rest is as without a forward proxy."""
    beside = {_SQUID: {"url": "http://10.7.1.1:3128", "noProxy": ["idp.example"]}}
    *others, way, direct = _spec({**_PLATFORM, **beside})["egress"]
    assert [*others, direct] == _spec(_PLATFORM)["egress"]
    assert way["ports"] == [{"protocol": "TCP", "port": 3128}]
    assert _spec({**_PLATFORM, _SQUID: {"noProxy": ["*"]}})["egress"] == _spec(_PLATFORM)["egress"]


def test_everything_denied() -> None:
    """No rule remains, instead of one without peers, which would permit everything."""
    egress = config.Egress(deny=("0.0.0.0/0", "::/0"), allow=("10.0.0.0/8",))
    assert all("to" not in rule for rule in _spec(_PLATFORM, egress=egress)["egress"])
    assert len(_spec(_PLATFORM, egress=egress)["egress"]) == 1


def test_ingress() -> None:
    """The API and the metrics are open to all; who may call is for the proxy, and the edge, to say."""
    (rule,) = _spec()["ingress"]
    assert rule == {"ports": [{"protocol": "TCP", "port": 8080}, {"protocol": "TCP", "port": 9090}]}
    assert _spec()["policyTypes"] == ["Ingress", "Egress"]


_addresses = st.ip_addresses()


@st.composite
def _networks(draw: st.DrawFn) -> str:
    address = draw(_addresses)
    prefix = draw(st.integers(0, address.max_prefixlen))
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))


_lists = st.lists(_networks(), max_size=4)


@given(cidr=_networks(), excepted=_lists)
@example(cidr="0.0.0.0/0", excepted=["0.0.0.0/1", "128.0.0.0/1"])
@example(cidr="10.0.0.0/8", excepted=["10.0.0.0/8"])
@example(cidr="10.0.0.0/8", excepted=["::/0", "fd00::/8"])
def test_exceptions_are_strictly_inside(cidr: str, excepted: list[str]) -> None:
    """As the API server wants it; and no address is in the block that is excepted, or lost that is not."""
    block = ip_block(cidr, excepted)
    outer = ipaddress.ip_network(cidr)
    kept = [ipaddress.ip_network(each) for each in (block or {}).get("except", ())]
    for inner in kept:
        assert inner.version == outer.version
        assert inner != outer
        assert inner[0] in outer
        assert inner[-1] in outer
    for network in map(ipaddress.ip_network, excepted):
        for address in (network[0], network[-1]):
            if address in outer:
                assert block is None or any(address in inner for inner in kept)
    for address in (outer[0], outer[-1]):
        unwanted = any(address in ipaddress.ip_network(each) for each in excepted)
        assert (block is None or any(address in inner for inner in kept)) is unwanted or block is None


_HERE = "10.7.1.1"


@given(
    address=_addresses,
    private=st.booleans(),
    allow=_lists,
    deny=_lists,
    hosts=st.lists(st.just("idp"), max_size=1),
    networks=st.lists(st.sampled_from(["10.7.0.0/16", "127.0.0.0/8", "fd00::/8", "100.64.0.0/10"]), unique=True),
)
@example(address=ipaddress.ip_address(_HERE), private=False, allow=[f"{_HERE}/32"], deny=[], hosts=[], networks=[])
@example(
    address=ipaddress.ip_address("169.254.1.1"),
    private=False,
    allow=["169.254.0.0/16"],
    deny=[],
    hosts=[],
    networks=[],
)
@example(address=ipaddress.ip_address(_HERE), private=True, allow=[], deny=[f"{_HERE}/32"], hosts=[], networks=[])
@example(address=ipaddress.ip_address(_HERE), private=False, allow=[], deny=[], hosts=["idp"], networks=[])
@example(address=ipaddress.ip_address(_HERE), private=False, allow=[], deny=[], hosts=[], networks=["10.7.0.0/16"])
@example(
    address=ipaddress.ip_address("127.0.0.1"), private=False, allow=[], deny=[], hosts=[], networks=["127.0.0.0/8"]
)
def test_never_narrower_than_the_proxys_own_guard(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    allow: list[str],
    deny: list[str],
    hosts: list[str],
    networks: list[str],
    *,
    private: bool,
) -> None:
    """What the guards in the process permit is not blocked; what the operator denies is, unless it is allowed."""
    changes = {
        **_PLATFORM,
        "spec.upstream.allowPrivateNetworks": private,
        "spec.auth.tokenEndpoint": {"allowHosts": hosts, "allowNetworks": networks},
    }
    settings = Settings(egress=config.Egress(allow=tuple(allow), deny=tuple(deny)))
    resource = params(changes, settings=settings).resource
    rendered = render_config(resource, settings)
    spec = _spec(changes, egress=settings.egress)
    guards = (oms_policy(rendered), token_endpoint_policy(rendered))
    if any(guard.refusal(address, "idp") is None for guard in guards):
        assert _permits(spec, str(address), 8443)
    if any(address in ipaddress.ip_network(each) for each in deny):
        assert not _permits(spec, str(address), 8443)


@given(address=_addresses, allow=_lists, deny=_lists)
@example(address=ipaddress.ip_address("10.7.1.1"), allow=[], deny=[])
@example(address=ipaddress.ip_address("169.254.1.1"), allow=["169.254.0.0/16"], deny=[])
def test_never_narrower_than_the_guard_of_a_forward_proxy(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, allow: list[str], deny: list[str]
) -> None:
    """Wherever the process may connect to it, by name or by address, the policy lets it."""
    egress = config.Egress(allow=tuple(allow), deny=tuple(deny))
    host = f"[{address}]" if address.version == 6 else str(address)
    for url in ("http://squid.example:3128", f"http://{host}:3128"):
        spec = _spec({**_PLATFORM, _SQUID: {"url": url}}, egress=egress)
        if platform_policy(egress).refusal(address) is None:
            assert _permits(spec, str(address), 3128)
        if any(address in ipaddress.ip_network(each) for each in deny):
            assert not _permits(spec, str(address), 3128)


def test_who_may_scrape() -> None:
    """The API stays open to all; metrics and probes are open to the given peers, by default to all, too."""
    (everybody,) = _spec()["ingress"]
    assert [port["port"] for port in everybody["ports"]] == [8080, 9090]
    assert "from" not in everybody
    peers = ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}},)
    assert _spec(metrics_from=peers)["ingress"] == [
        {"ports": [{"protocol": "TCP", "port": 8080}]},
        {"ports": [{"protocol": "TCP", "port": 9090}], "from": list(peers)},
    ]
