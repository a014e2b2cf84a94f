"""`tenantproxy-operator top` in a cluster, with the rights of its user: what it can't see, it says."""

import json
from pathlib import Path
from typing import Any

import pytest

from support import commands
from support.apiserver.client import MERGE_PATCH, ApiClient
from support.apiserver.server import ApiServer
from support.operator.tenants import Tenants
from tenantproxy_operator.api.labels import labels
from tenantproxy_operator.api.names import POSLOG, PROXY, Component

VIEW = [
    {"apiGroups": ["proxy.hiiretail.com"], "resources": ["tenantproxies"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
]
CLOSED = "forbidden; it needs `create` and `get` of pods/portforward"
FORWARD = [{"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["create", "get"]}]


async def _kubeconfig(
    api_server: ApiServer, api: ApiClient, namespace: str, rules: list[dict[str, Any]], path: Path
) -> Path:
    """Return the kubeconfig of a ServiceAccount with these rights in its namespace."""
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "engineer"}
    for url, body in (
        (f"/api/v1/namespaces/{namespace}/serviceaccounts", {}),
        (f"{rbac}/roles", {"rules": rules}),
        (
            f"{rbac}/rolebindings",
            {
                "roleRef": role,
                "subjects": [{"kind": "ServiceAccount", "name": "engineer", "namespace": namespace}],
            },
        ),
    ):
        status, answer = await api.request("POST", url, {"metadata": {"name": "engineer"}, **body})
        assert status == 201, answer
    return api_server.kubeconfig(path, await api.token(namespace, "engineer"))


async def _pod(api: ApiClient, namespace: str, tenant: str, component: Component = PROXY) -> None:
    """Make a pod as far as it can be one without a node: bound to one, and said to be ready."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    pod = {
        "metadata": {"name": f"{tenant}-{component}-0", "labels": labels(tenant, component=component)},
        "spec": {
            "nodeName": "nowhere",
            "containers": [{"name": "proxy", "image": "x"}],
            "automountServiceAccountToken": False,
        },
    }
    status, answer = await api.request("POST", path, pod)
    assert status == 201, answer
    since = "2026-01-01T00:00:00Z"
    running = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": since}],
        "containerStatuses": [
            {
                "name": "proxy",
                "ready": True,
                "image": "x",
                "imageID": "x",
                "restartCount": 0,
                "state": {"running": {"startedAt": since}},
            }
        ],
    }
    status, answer = await api.request(
        "PATCH", f"{path}/{tenant}-{component}-0/status", {"status": running}, content_type=MERGE_PATCH
    )
    assert status == 200, answer


@pytest.fixture
async def tenants(api: ApiClient, namespace: str) -> Tenants:
    """Make two tenants; one has a ready pod, the other none."""
    await api.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "default"}})
    tenants = Tenants(api, namespace)
    for name in ("acme", "globex"):
        await tenants.create(name)
    await _pod(api, namespace, "acme")
    return tenants


async def _top(*options: str | Path) -> tuple[int, str, str]:
    return await commands.run("tenantproxy-operator", "top", "--interval", "1", *options, timeout=60)


async def test_metrics_that_may_not_be_read(
    api_server: ApiServer, api: ApiClient, namespace: str, tenants: Tenants, tmp_path: Path
) -> None:
    """All else is shown; what is missing, and what would help, is said once, and is no tenant's fault."""
    kubeconfig = await _kubeconfig(api_server, api, namespace, VIEW, tmp_path / "kubeconfig")
    status, out, err = await _top("-n", namespace, "--kubeconfig", kubeconfig)
    assert status == 0
    assert "\x1b" not in out
    head, worst, unseen = out.splitlines()
    assert head.split()[:3] == ["TENANT", "READY", "CREDENTIAL"]
    assert worst.split()[:2] == [f"{tenants.namespace}/globex", "0/0"]
    assert worst.endswith("no proxy runs")
    assert unseen.split()[:4] == [f"{tenants.namespace}/acme", "1/1", "-", "-"]
    assert "no metrics: forbidden" in unseen
    assert err.count("note: ") == 1
    assert f"can't see the metrics of pods in {namespace}" in err
    assert "pods/portforward" in err
    status, out, _ = await _top("-n", namespace, "--kubeconfig", kubeconfig, "--once", "--json")
    document = json.loads(out)
    levels = {each["tenant"]: each["level"] for each in document["tenants"]}
    assert (status, levels) == (0, {"globex": "down", "acme": "unseen"})
    assert len(document["problems"]) == 1


async def test_pod_that_does_not_answer(
    api_server: ApiServer, api: ApiClient, namespace: str, tenants: Tenants, tmp_path: Path
) -> None:
    """It has the right, but there is no node: that is said of the tenant."""
    kubeconfig = await _kubeconfig(api_server, api, namespace, VIEW + FORWARD, tmp_path / "kubeconfig")
    status, out, err = await _top("-n", tenants.namespace, "--kubeconfig", kubeconfig)
    assert (status, err) == (0, "")
    assert "no metrics: its metrics can't be read" in out.splitlines()[2]


async def test_relays(
    api_server: ApiServer, api: ApiClient, namespace: str, tenants: Tenants, tmp_path: Path
) -> None:
    """A tenant's relays are told beside its proxies, whose pods are others; none is missed that nobody wants."""
    for name, enabled in (("initech", True), ("hooli", True), ("umbrella", False)):
        relay = {"enabled": enabled, "verification": {"sharedKey": True}, "delivery": {"path": "/events"}}
        await tenants.create(name, {"spec.poslog": relay})
        await _pod(api, namespace, name)
    for name in ("hooli", "umbrella"):
        await _pod(api, namespace, name, POSLOG)
    kubeconfig = await _kubeconfig(api_server, api, namespace, VIEW, tmp_path / "kubeconfig")
    status, out, err = await _top("-n", namespace, "--kubeconfig", kubeconfig)
    assert (status, err.count("note: ")) == (0, 1)
    head, *rows = out.splitlines()
    assert head.split()[-4:] == ["RELAY", "EVENTS/S", "FAILED", "TROUBLE"]
    shown = {row.split()[0].partition("/")[2]: row for row in rows}
    assert shown["initech"].endswith("0/0         -       -  no relay runs; no metrics: " + CLOSED)
    assert shown["hooli"].endswith("1/1         -       -  no metrics: " + CLOSED)
    assert [row.split()[0].partition("/")[2] for row in rows[:2]] == ["globex", "initech"]
    _, out, _ = await _top("-n", namespace, "--kubeconfig", kubeconfig, "--once", "--json")
    relays = {each["tenant"]: each["relay"] for each in json.loads(out)["tenants"]}
    unknown = {"eventsPerSecond": None, "failedShare": None}
    assert relays == {
        **dict.fromkeys(("acme", "globex", "umbrella")),
        "initech": {"readyReplicas": 0, "replicas": 0, **unknown},
        "hooli": {"readyReplicas": 1, "replicas": 1, **unknown},
    }


async def test_what_can_not_be_seen_at_all(
    api_server: ApiServer, api: ApiClient, namespace: str, tmp_path: Path
) -> None:
    """Without the right to list, without a cluster, or with options that contradict: an error, in words."""
    kubeconfig = await _kubeconfig(api_server, api, namespace, VIEW, tmp_path / "kubeconfig")
    status, out, err = await _top("-A", "--kubeconfig", kubeconfig)
    assert (status, out) == (1, "")
    assert err.startswith("error: 403 Forbidden")
    for options, words in (
        (("-A", "-n", "x"), "not both"),
        (("-n", "X/y"), "is not a namespace's name"),
        (("--local", "-A"), "--local is without a cluster"),
        (("--kubeconfig", tmp_path / "none"), "no usable kubeconfig"),
    ):
        status, out, err = await _top(*options)
        assert (status, out) == (2, "")
        assert words in err
        assert "Traceback" not in err


async def test_nothing_is_here(api_server: ApiServer, api: ApiClient, namespace: str, tmp_path: Path) -> None:
    """An empty namespace is no error, and a hint is given."""
    kubeconfig = await _kubeconfig(api_server, api, namespace, VIEW, tmp_path / "kubeconfig")
    status, out, err = await _top("-n", namespace, "--kubeconfig", kubeconfig)
    assert (status, len(out.splitlines())) == (0, 1)
    assert "no TenantProxy is here" in err
