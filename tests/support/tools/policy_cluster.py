"""A cluster model for the analysis of NetworkPolicies: the rendered ones, and the other pods."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from click.testing import CliRunner

from support.tools.helm import Helm
from support.tools.policy_flows import Case
from tenantproxy_operator.cli.main import main

Manifest = dict[str, Any]

_TENANTS: Final = "tenants"


@dataclass(frozen=True)
class Peer:
    """A pod, or, without a namespace, somebody outside the cluster's pods."""

    address: str
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)


_OTHERS: Final = {
    "client": Peer("10.244.1.1", "shop", {"app": "web"}),
    "neighbour": Peer("10.244.1.2", _TENANTS, {"app": "pos"}),
    # Its labels are but one short of those of acme's proxies.
    "acme's job": Peer(
        "10.244.1.3", _TENANTS, {"app.kubernetes.io/name": "tenantproxy", "app.kubernetes.io/instance": "acme"}
    ),
    "Prometheus": Peer("10.244.1.4", "monitoring", {"app.kubernetes.io/name": "prometheus"}),
    "DNS pod": Peer("10.244.0.2", "kube-system", {"k8s-app": "kube-dns"}),
    # Some networks know pods by their labels only, so that no ipBlock holds one; nor does any hold this address.
    "unaddressed pod": Peer("169.254.0.1", "oms", {"app": "oms"}),
    "API server": Peer("172.18.0.2"),
    "edge": Peer("192.0.2.80"),
    "OMS": Peer("198.51.100.7"),
    "token endpoint": Peer("203.0.113.9"),
    "issuer": Peer("2001:db8::5"),
}


@dataclass(frozen=True)
class Cluster:
    """What the analysis needs to know."""

    policies: list[Manifest]
    pods: dict[str, Peer]
    """Those that the policies are for."""

    def peer(self, name: str) -> Peer:
        """Return who that is; what is no name is an address.

        Raises:
            ValueError: It is neither.

        """
        return self.pods.get(name) or _OTHERS.get(name) or Peer(str(ipaddress.ip_address(name)))


def render(case: Case, helm: Helm, folder: Path) -> Cluster:
    """Render the cluster of a case, as the operator and Helm do."""
    file = folder / "tenants.yaml"
    file.write_text(yaml.safe_dump_all([_tenant("acme", **case.spec), _tenant("bravo")]))
    result = CliRunner().invoke(main, ["render", "-f", str(file), *case.options])
    assert result.exit_code == 0, result.output
    manifests = [*yaml.load_all(result.stdout, yaml.CSafeLoader), *helm.manifests(values=case.values)]
    return Cluster(
        policies=[each for each in manifests if each["kind"] == "NetworkPolicy"],
        pods={
            "acme": _pod(manifests, "acme-proxy", "10.244.2.1"),
            "bravo": _pod(manifests, "bravo-proxy", "10.244.2.2"),
            "operator": _pod(manifests, "tenantproxy-operator", "10.244.2.3"),
            "helm test": _test_pod(manifests, "10.244.2.4"),
        },
    )


def _tenant(name: str, *, upstream: Manifest | None = None, **spec: Any) -> Manifest:
    return {
        "apiVersion": "proxy.hiiretail.com/v1alpha1",
        "kind": "TenantProxy",
        "metadata": {"name": name, "namespace": _TENANTS},
        "spec": {"tenantId": f"T-{name}", "upstream": {"url": "https://oms.example/"} | (upstream or {}), **spec},
    }


def _test_pod(manifests: list[Manifest], address: str) -> Peer:
    """Return the pod of `helm test`, the only one that has no controller."""
    (metadata,) = (each["metadata"] for each in manifests if each["kind"] == "Pod")
    return Peer(address, metadata["namespace"], metadata["labels"])


def _pod(manifests: list[Manifest], deployment: str, address: str) -> Peer:
    """Return a pod as its Deployment makes it, so that a selector that misses it is noticed."""
    (found,) = (
        each for each in manifests if (each["kind"], each["metadata"]["name"]) == ("Deployment", deployment)
    )
    return Peer(address, found["metadata"]["namespace"], found["spec"]["template"]["metadata"]["labels"])
