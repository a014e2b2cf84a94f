"""A Gateway that several tenants share: the Gateway API's definitions, and Traefik as its implementation."""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import yaml

from support.cluster.cluster import Cluster, wait_until
from support.cluster.restricted_pods import deployment, restricted_pod

GATEWAY: Final = "shared"
PORT: Final = 8000
"""Of the Gateway's listener: Traefik wants one of its own ports there."""
_API: Final = "gateway.networking.k8s.io"
_DEFINITION: Final = f"crd/gateways.{_API}"
_NAME: Final = "traefik"
_READ: Final = ["get", "list", "watch"]
_RULES: Final[list[dict[str, Any]]] = [
    {"apiGroups": [""], "resources": ["namespaces", "services", "secrets", "configmaps", "nodes"], "verbs": _READ},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": _READ},
    {"apiGroups": [_API], "resources": ["*"], "verbs": _READ},
    {
        "apiGroups": [_API],
        "resources": [
            f"{kind}/status"
            for kind in (
                "gatewayclasses",
                "gateways",
                "httproutes",
                "grpcroutes",
                "listenersets",
                "backendtlspolicies",
            )
        ],
        "verbs": ["update", "patch"],
    },
]


@contextlib.contextmanager
def definitions(cluster: Cluster) -> Iterator[None]:
    """Have the Gateway API's definitions; remove them where they were not there before."""
    there = cluster.kubectl("get", _DEFINITION, "--ignore-not-found", "-oname")
    if there:
        yield
        return
    folder = str(cluster.gateway / "crds")
    cluster.kubectl("apply", "--server-side", f"--filename={folder}")
    cluster.kubectl("wait", "--for=condition=Established", _DEFINITION, "--timeout=30s")
    try:
        yield
    finally:
        cluster.kubectl("delete", f"--filename={folder}", "--ignore-not-found", "--timeout=60s")


@contextlib.contextmanager
def gateway(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Run Traefik with one Gateway; yield the Gateway's namespace, and the base URL of its Service."""
    namespace = cluster.make_namespace("gateway")
    unique = f"{_NAME}-{namespace}"
    account = {"kind": "ServiceAccount", "name": _NAME, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": unique}
    rights = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": unique}}
    try:
        cluster.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _NAME, "namespace": namespace}},
            rights | {"kind": "ClusterRole", "rules": _RULES},
            rights | {"kind": "ClusterRoleBinding", "roleRef": role, "subjects": [account]},
            {
                "apiVersion": f"{_API}/v1",
                "kind": "GatewayClass",
                "metadata": {"name": unique},
                "spec": {"controllerName": "traefik.io/gateway-controller"},
            },
            {
                "apiVersion": f"{_API}/v1",
                "kind": "Gateway",
                "metadata": {"name": GATEWAY, "namespace": namespace},
                "spec": {
                    "gatewayClassName": unique,
                    "listeners": [
                        {
                            "name": "http",
                            "port": PORT,
                            "protocol": "HTTP",
                            "allowedRoutes": {"namespaces": {"from": "All"}},
                        }
                    ],
                },
            },
            *_traefik(cluster, namespace),
        )
        where = (f"gateway/{GATEWAY}", f"-n={namespace}")
        cluster.kubectl("wait", "--for=condition=Programmed", *where, "--timeout=60s")
        yield namespace, f"http://{_NAME}.{namespace}.svc:{PORT}"
    finally:
        cluster.kubectl(
            "delete", f"gatewayclass/{unique}", f"clusterrole/{unique}", f"clusterrolebinding/{unique}"
        )
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def _traefik(cluster: Cluster, namespace: str) -> tuple[dict[str, Any], dict[str, Any]]:
    options = ("--providers.kubernetesgateway", f"--entrypoints.web.address=:{PORT}", "--log.level=INFO")
    pod = restricted_pod(_NAME, namespace, cluster.traefik, "traefik", *options, port=PORT)
    pod["spec"] |= {"serviceAccountName": _NAME, "automountServiceAccountToken": True}
    pod["spec"]["securityContext"] |= {"runAsUser": 65532}
    return deployment(pod, port=PORT)


def route_is_accepted(cluster: Cluster, name: str, namespace: str, component: str = "proxy") -> bool:
    """Return whether the Gateway has taken a tenant's route."""
    route = cluster.get(f"httproute/{name}-{component}", f"-n={namespace}")
    conditions = [each for parent in route.get("status", {}).get("parents", []) for each in parent["conditions"]]
    return {"Accepted": "True", "ResolvedRefs": "True"}.items() <= {
        each["type"]: each["status"] for each in conditions
    }.items()


def show(cluster: Cluster, namespace: str) -> str:
    """Return the routes, for a failure's message."""
    return yaml.safe_dump(cluster.get("httproutes", f"-n={namespace}"))


def wait_for_route(cluster: Cluster, name: str, namespace: str, component: str = "proxy") -> None:
    """Wait until the Gateway has taken a tenant's route."""
    wait_until(
        lambda: route_is_accepted(cluster, name, namespace, component), what=lambda: show(cluster, namespace)
    )
