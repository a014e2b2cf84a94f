"""The NetworkPolicy of the tenant's proxies, and that of its relay.

It is the outer one of two guards. A NetworkPolicy knows addresses only, no names, so "the OMS" can't be said in
it, nor can the token endpoint, which the tenant chooses; and it holds where the cluster's network enforces it.
The proxy's own guard (`tenantproxy.transport.egress`) is the finer one: it checks each address that a name
resolves to, and refuses more. What that one permits, this one must permit, too.
"""

import functools
import ipaddress
from collections.abc import Iterable
from typing import Final

from tenantproxy import config
from tenantproxy.transport.forward_proxy import authority
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import ADMIN_PORT, API_PORT, child, pod_selector
from tenantproxy_operator.render.params import Params

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_EVERYWHERE: Final = ("0.0.0.0/0", "::/0")
_NEVER: Final = (
    *("169.254.0.0/16", "fe80::/10"),
    *("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128"),
)
"""Link-local addresses, where most clouds have their metadata service, and the other clouds' services."""
_PRIVATE: Final = (
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
    *("::1/128", "fc00::/7"),
)
"""What `allowPrivateNetworks` permits; a host's name in `allowHosts` may have most of them."""
_API_SERVER_PORTS: Final = (443, 6443)
_DNS_PORT: Final = 53
"""The Service's, for networks that judge before it is replaced by the pod's; and that of a cache on the node."""


def render_network_policy(params: Params) -> Manifest:
    """Return who may connect to the pods, and where they may connect to."""
    return child(
        kinds.NETWORK_POLICY,
        params,
        spec={
            "podSelector": {"matchLabels": pod_selector(params)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": _ingress(params),
            "egress": [_dns(params), *_api_server(params), *_outside(params), *_collector(params)],
        },
    )


def _ingress(params: Params) -> list[Manifest]:
    """Return the way to the API, open to all, and to metrics and probes; the node's own kubelet needs none."""
    api, admin = _port("TCP", API_PORT), _port("TCP", ADMIN_PORT)
    if peers := params.settings.metrics_from:
        return [{"ports": [api]}, {"ports": [admin], "from": list(peers)}]
    return [{"ports": [api, admin]}]


def _dns(params: Params) -> Manifest:
    ports = sorted({_DNS_PORT, *params.settings.dns_ports})
    return {"ports": [_port(protocol, port) for protocol in ("UDP", "TCP") for port in ports]}


def _api_server(params: Params) -> list[Manifest]:
    """Return the way to the API server, for a proxy that needs it."""
    if not params.managed_by_tenant:
        return []
    rule: Manifest = {"ports": [_port("TCP", port) for port in _API_SERVER_PORTS]}
    if cidrs := params.settings.api_server_cidrs:
        rule["to"] = [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]
    return [rule]


def _outside(params: Params) -> list[Manifest]:
    """Return the way to the OMS, or where events go, the token endpoint and who has keys of callers' tokens.

    No rule where all of it is denied.
    """
    forward_proxy = params.settings.forward_proxy_of(params.resource)
    if forward_proxy is None:
        return _direct(params)
    way = _to_platform_server(params, forward_proxy.url or "")
    return [*way, *_direct(params)] if forward_proxy.no_proxy else way


def _direct(params: Params) -> list[Manifest]:
    spec = params.resource.spec
    token_endpoint = spec.auth.token_endpoint
    private = spec.upstream.allow_private_networks or bool(token_endpoint.allow_hosts)
    egress = params.settings.egress
    blocks = [
        *_everywhere(egress, private=private),
        *(ip_block(cidr, (*_NEVER, *egress.deny)) for cidr in token_endpoint.allow_networks),
    ]
    return _rule(_port("TCP"), blocks, pods=private and not egress.deny)


def _collector(params: Params) -> list[Manifest]:
    """Return the way to where spans go to, if there are any."""
    tracing = params.settings.tracing
    return [] if tracing is None else _to_platform_server(params, tracing.endpoint or "")


def _to_platform_server(params: Params, url: str) -> list[Manifest]:
    """Return the way to a forward proxy or a collector.

    It is to its address, where that is known, else anywhere; to its port only.
    """
    egress = params.settings.egress
    host, port = authority(url)
    try:
        address = ipaddress.ip_network(host)
    except ValueError:
        blocks, private = _everywhere(egress, private=True), True
    else:
        blocks = [ip_block(str(address), egress.deny)]
        private = any(_is_inside(address, ipaddress.ip_network(each)) for each in _PRIVATE)  # a Service's, perhaps
    return _rule(_port("TCP", port), blocks, pods=private and not egress.deny)


def _everywhere(egress: config.Egress, *, private: bool) -> list[Manifest | None]:
    excepted = _NEVER if private else (*_NEVER, *_PRIVATE)
    return [
        *(ip_block(cidr, (*excepted, *egress.deny)) for cidr in _EVERYWHERE),
        *(ip_block(cidr, egress.deny) for cidr in egress.allow),
    ]


def _rule(port: Manifest, blocks: Iterable[Manifest | None], *, pods: bool) -> list[Manifest]:
    """Return the rule for some blocks; `pods`: also to the cluster's pods.

    Some networks know pods by their labels only: an ipBlock is then never a pod. From labels no address could be
    excepted.
    """
    peers: list[Manifest] = [{"ipBlock": block} for block in blocks if block is not None]
    if pods:
        peers.append({"namespaceSelector": {}})
    return [{"ports": [port], "to": peers}] if peers else []


def ip_block(cidr: str, excepted: Iterable[str]) -> Manifest | None:
    """Return the block `cidr` without what is excepted; None where nothing remains of it.

    The API server wants each exception strictly inside the block; what lies elsewhere is left out.
    """
    inside = _exceptions(cidr, tuple(excepted))
    if inside is None:
        return None
    return {"cidr": cidr} | ({"except": list(inside)} if inside else {})


@functools.lru_cache(maxsize=256)  # the same for nearly all tenants, and most of the time that rendering takes
def _exceptions(cidr: str, excepted: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the fewest networks that are excepted inside `cidr`, sorted; None where that is all of it."""
    block = ipaddress.ip_network(cidr)
    networks = [ipaddress.ip_network(each) for each in excepted]
    if any(_is_inside(block, network) for network in networks):
        return None
    inside = _collapsed(network for network in networks if _is_inside(network, block))
    return None if block in inside else tuple(map(str, inside))


def _is_inside(inner: _Network, outer: _Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner.subnet_of(outer)


def _collapsed(networks: Iterable[_Network]) -> list[_Network]:
    """Return the fewest networks with the same addresses; all are of one version."""
    return list(ipaddress.collapse_addresses(networks))  # type: ignore[type-var]  # typeshed wants one version


def _port(protocol: str, port: int | None = None) -> Manifest:
    return {"protocol": protocol} | ({} if port is None else {"port": port})
