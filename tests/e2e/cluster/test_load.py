"""No request is lost, whatever changes or fails under a constant load; a table reports what was seen."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.apiserver.server import KubectlError
from support.cluster.cluster import Cluster, Installation, image_values, wait_until
from support.cluster.load import NO_LOSS, RATE, Table, measured
from support.tools.helm import CHART, RELEASE

NAME = "acme"
LATENCY = 0.05
"""Of the OMS, in seconds, so that some requests are in flight at any time."""
OUTAGE = 60
"""Seconds without an API server."""
API_PORT = 6443
KILL = """
for file in /proc/[0-9]*/cgroup; do
    process=${file%/cgroup}
    if grep -q -e UID -e UNDERSCORED "$file" 2>/dev/null && [ "$(cat $process/comm)" = tenantproxy ]; then
        kill -9 ${process#/proc/}
        echo killed
    fi
done
"""
CUT = """
PATH=$PATH:/usr/sbin:/sbin
rule="INPUT -p tcp --dport PORT -j REJECT --reject-with tcp-reset"
trap "iptables --delete $rule" EXIT
iptables --insert $rule
sleep SECONDS
"""


@pytest.fixture(scope="module")
def table(print_line: Callable[[str], None]) -> Iterator[Table]:
    """Print it at the end."""
    table = Table()
    yield table
    print_line(str(table))


@pytest.fixture(scope="module", autouse=True)
def tenant(installation: Installation) -> dict[str, Any]:
    """Run a tenant of two replicas."""
    oms = ("tenantproxy", "mock-oms", "--host=0.0.0.0", f"--latency={LATENCY}")
    manifest = installation.tenant(NAME, installation.run_oms("oms", *oms))
    credential = installation.secret(NAME, username="acme", password="not-a-secret-acme")
    installation.cluster.apply(credential, manifest)
    installation.wait(NAME)
    settle(installation)
    return manifest


def settle(installation: Installation) -> None:
    """Wait until the operator has seen the newest spec, and no pod starts or ends any more."""
    installation.wait_until_seen(NAME)
    rollout = ("rollout", "status", f"deployment/{NAME}-proxy", f"-n={installation.namespace}", "--timeout=120s")
    installation.cluster.kubectl(*rollout)
    wait_until(lambda: not installation.pods(NAME, ending=True), within=60)


def change(installation: Installation, spec: dict[str, Any]) -> None:
    """Change fields of the tenant's spec, and wait until that has taken effect."""
    installation.change(NAME, spec)
    settle(installation)


def names(installation: Installation) -> set[str]:
    return {pod["metadata"]["name"] for pod in installation.pods(NAME)}


def test_changed_spec(installation: Installation, table: Table) -> None:
    """A rolling update: all pods are replaced."""
    before = names(installation)
    with measured(table, "spec changed: rolling update", installation, NAME) as load:
        change(installation, {"upstream": {"timeout": "6s"}})
    assert names(installation).isdisjoint(before)
    assert load.outcome == NO_LOSS


def test_operator_upgrade(installation: Installation, table: Table) -> None:
    """Another image, by helm upgrade: the operator is replaced, then all pods."""
    cluster = installation.cluster
    other = f"{cluster.image}-next"
    cluster.on_node(f"ctr -n k8s.io images tag --force {cluster.image} {other}")
    upgrade = (
        "upgrade",
        RELEASE,
        CHART,
        f"--namespace={installation.system}",
        "--reset-then-reuse-values",
        "--wait",
    )
    with measured(table, "helm upgrade: another image", installation, NAME) as load:
        cluster.helm.run(*upgrade, f"--set=image.tag={image_values(other)['tag']}", "--timeout=120s", within=180)
        wait_until(lambda: {_image(pod) for pod in installation.pods(NAME)} == {other}, within=120)
        settle(installation)
    assert load.outcome == NO_LOSS


def _image(pod: dict[str, Any]) -> str:
    return str(pod["spec"]["containers"][0]["image"])


def test_scaled_up_and_down(installation: Installation, table: Table) -> None:
    """From two replicas to four and back."""
    with measured(table, "replicas: 2, 4, 2", installation, NAME) as load:
        change(installation, {"replicas": 4})
        assert len(names(installation)) == 4
        change(installation, {"replicas": 2})
        assert len(names(installation)) == 2
    assert load.outcome == NO_LOSS


def test_deleted_pod(installation: Installation, table: Table) -> None:
    """A pod that is deleted ends gracefully."""
    gone = min(names(installation))
    with measured(table, "a pod deleted", installation, NAME) as load:
        installation.cluster.kubectl("delete", f"pod/{gone}", f"-n={installation.namespace}")
        settle(installation)
    assert load.outcome == NO_LOSS


def test_evicted_pods(installation: Installation, table: Table) -> None:
    """Each pod in turn; the second not before the first has been replaced."""
    first, second = sorted(names(installation))
    with measured(table, "each pod evicted", installation, NAME) as load:
        _evict(installation, first)
        with pytest.raises(KubectlError, match="would violate the pod's disruption budget"):
            _evict(installation, second)
        settle(installation)
        wait_until(lambda: _evicted(installation, second), within=60)
        settle(installation)
    assert names(installation).isdisjoint({first, second})
    assert load.outcome == NO_LOSS


def _evict(installation: Installation, pod: str) -> None:
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": installation.namespace},
    }
    path = f"/api/v1/namespaces/{installation.namespace}/pods/{pod}/eviction"
    installation.cluster.kubectl("create", "--raw", path, "-f-", stdin=json.dumps(body))


def _evicted(installation: Installation, pod: str) -> bool:
    """Evict it, unless the budget does not know yet that the other one has been replaced."""
    try:
        _evict(installation, pod)
    except KubectlError:
        return False
    return True


def test_operator_down(installation: Installation, table: Table) -> None:
    """Without the operator pods are replaced all the same; a change waits for it."""
    cluster = installation.cluster
    scale = ("scale", f"deployment/{RELEASE}-operator", f"-n={installation.system}")
    with measured(table, "operator down, a pod deleted", installation, NAME) as load:
        cluster.kubectl(*scale, "--replicas=0")
        selector = f"--selector=app.kubernetes.io/instance={RELEASE}"
        cluster.kubectl("wait", "pods", selector, f"-n={installation.system}", "--for=delete", "--timeout=60s")
        cluster.kubectl("delete", f"pod/{min(names(installation))}", f"-n={installation.namespace}")
        installation.change(NAME, {"upstream": {"timeout": "7s"}})
        wait_until(lambda: len(installation.pods(NAME)) == 2, within=60)
        cluster.kubectl(*scale, "--replicas=1")
        settle(installation)
    assert load.outcome == NO_LOSS


@pytest.mark.usefixtures("starting_keycloak")  # for test_token_endpoint
def test_api_server_down(installation: Installation, table: Table) -> None:
    """Reads go on without an API server; afterwards a change takes effect as ever."""
    cut = CUT.replace("PORT", str(API_PORT)).replace("SECONDS", str(OUTAGE))
    before = names(installation)
    with measured(table, f"API server down for {OUTAGE} s", installation, NAME) as load:
        begin = time.monotonic()
        installation.cluster.on_node(cut)
        assert time.monotonic() - begin >= OUTAGE
        wait_until(lambda: _answers(installation.cluster), within=60)
    assert load.outcome == NO_LOSS
    assert names(installation) == before
    _wait_for_routes(installation)
    with measured(table, "and a change after it", installation, NAME) as load:
        change(installation, {"upstream": {"timeout": "8s"}})
    assert names(installation).isdisjoint(before)
    assert load.outcome == NO_LOSS


def _wait_for_routes(installation: Installation) -> None:
    """Wait until the node's routes follow the API server again: kube-proxy comes back within half a minute.

    A pod that ends before that is still sent requests.
    """
    service = installation.cluster.get(f"service/{NAME}-proxy", f"-n={installation.namespace}")
    spec = {key: service["spec"][key] for key in ("selector", "ports")}
    probe = {"name": "probe", "namespace": installation.namespace}
    installation.cluster.apply({"apiVersion": "v1", "kind": "Service", "metadata": probe, "spec": spec})
    request = {"method": "GET", "url": f"http://probe.{installation.namespace}.svc:8080/", "headers": {}}
    wait_until(lambda: installation.send(request)[0].status > 0, within=90)
    installation.cluster.kubectl("delete", "service/probe", f"-n={installation.namespace}")


def _answers(cluster: Cluster) -> bool:
    try:
        cluster.kubectl("get", "--raw", "/readyz")
    except KubectlError:
        return False
    return True


def test_killed_pod(installation: Installation, table: Table) -> None:
    """A process that is killed takes with it what was in flight there, and no other request is lost."""
    uid = installation.pods(NAME)[0]["metadata"]["uid"]
    with measured(table, "a pod killed (SIGKILL)", installation, NAME) as load:
        assert "killed" in installation.cluster.on_node(
            KILL.replace("UID", uid).replace("UNDERSCORED", uid.replace("-", "_"))
        )
        settle(installation)
    # Half of what is in flight at any time, with room for bursts; all at the moment of its end.
    assert len(load.lost) <= 2 * RATE * LATENCY
    if load.lost:
        times = [each["at"] for each in load.lost]
        assert max(times) - min(times) < 1.0, load.lost
