"""The source-built node: what a cluster has to do, and that nothing of it stays.

Needs root, on Linux, and a minute or two; not part of `make test`. Its state is its own: a cluster of the
developer's stays as it is.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from support.apiserver.audit import lines_of
from support.cluster.restricted_pods import restricted_pod
from support.waiting import until

_CLUSTER: Final = Path(__file__).parents[3] / "hack" / "cluster" / "cluster"
_NAMESPACE: Final = "restricted"
_KERNEL: Final = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/hostname",
    "kernel/keys/root_maxkeys",
    "net/ipv4/ip_forward",
    "net/netfilter/nf_conntrack_max",
)
_USUAL_PLACES: Final = (
    "/etc/cni",
    "/etc/containerd",
    "/etc/kubernetes",
    "/opt/cni",
    "/opt/containerd",
    "/run/cni",
    "/run/containerd",
    "/run/flannel",
    "/run/kubernetes",
    "/run/netns",
    "/run/nri",
    "/run/tenantproxy-cluster",
    "/run/xtables.lock",
    "/usr/libexec/kubernetes",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
)


class _Node:
    """The command, with a state of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.environ = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
        self.environ["XDG_STATE_HOME"] = str(state)

    def __call__(self, *arguments: str, stdin: str = "", within: float = 300.0) -> str:
        status, out, err = self.attempt(*arguments, stdin=stdin, within=within)
        assert status == 0, f"{arguments}: {out}{err}"
        return out

    def attempt(self, *arguments: str, stdin: str = "", within: float = 300.0) -> tuple[int, str, str]:
        done = subprocess.run(
            (_CLUSTER, *arguments),
            env=self.environ,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=within,
        )
        return done.returncode, done.stdout, done.stderr

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return self("kubectl", f"--namespace={_NAMESPACE}", *arguments, stdin=stdin)

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        process = subprocess.Popen((_CLUSTER, *arguments), env=self.environ, stdout=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _trace(state: Path) -> dict[str, Any]:
    """Return what of the machine a node could change."""
    kernel = {setting: Path("/proc/sys") / setting for setting in _KERNEL}
    return {
        "links": sorted(link.name for link in Path("/sys/class/net").iterdir()),
        "kernel": {setting: file.read_text() for setting, file in kernel.items() if file.exists()},
        "files": [place for place in _USUAL_PLACES if Path(place).exists()],
        "mounts": [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(state) in line],
    }


def _cgroups() -> set[Path]:
    return {path for path in Path("/sys/fs/cgroup").glob("**/") if path.name in {"kubepods", "burstable"}}


def _in_network(namespace: str) -> list[str]:
    """Return the processes that are in a network namespace."""
    found = []
    for link in Path("/proc").glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):
            if str(link.readlink()) == namespace:
                found.append((link.parents[1] / "cmdline").read_text().replace("\0", " "))
    return found


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what is to be there afterwards, too."""
    return _trace(tmp_path_factory.getbasetemp()) | {"cgroups": _cgroups()}


@pytest.fixture(scope="module")
def node(
    before: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[_Node]:
    """Run a node with a namespace of the `restricted` kind."""
    assert before, "the trace is taken first"
    node = _Node(tmp_path_factory.mktemp("state"))
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    try:
        # A build takes minutes, and says so.
        with capture.global_and_fixture_disabled():
            subprocess.run((_CLUSTER, "up", "node"), env=node.environ, check=True)
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE, "labels": labels}}
        node.kubectl("create", "-f-", stdin=json.dumps(namespace))
        yield node
    finally:
        node("down")


@pytest.fixture(scope="module")
def pod(node: _Node) -> str:
    """Run a web server behind a Service; return the pod's name."""
    command = "echo hello > /tmp/index.html; echo started; exec httpd -f -p 8080 -h /tmp"
    manifest = _pod("web", "sh", "-c", command)
    node.kubectl("create", "-f-", stdin=json.dumps(manifest))
    node.kubectl("expose", "pod", "web", "--name=site", "--port=80", "--target-port=8080")
    node.kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    return "web"


def _pod(name: str, *command: str) -> dict[str, Any]:
    pod = restricted_pod(name, _NAMESPACE, "localhost/busybox:node", "/bin/busybox", *command)
    pod["spec"]["containers"][0]["resources"] = {"limits": {"memory": "32Mi", "cpu": "100m"}}
    return pod


def test_up_again_does_nothing(node: _Node) -> None:
    """It says so, and the same process goes on."""
    first = node("status")
    status, _, said = node.attempt("up", "node")
    assert (status, said) == (0, "tenantproxy: the cluster is up\n")
    assert node("status").splitlines()[0] == first.splitlines()[0]


def test_the_node_is_ready(node: _Node) -> None:
    """As its condition says."""
    (found,) = json.loads(node.kubectl("get", "nodes", "-ojson"))["items"]
    conditions = {condition["type"]: condition["status"] for condition in found["status"]["conditions"]}
    assert conditions["Ready"] == "True"
    assert {status for kind, status in conditions.items() if kind != "Ready"} == {"False"}


def test_names_resolve(node: _Node, pod: str) -> None:
    """Services by their short and full names, and nothing of the world."""
    assert "10.96.0.1" in node.kubectl("exec", pod, "--", "nslookup", "kubernetes.default.svc.cluster.local")
    assert "hello" in node.kubectl("exec", pod, "--", "wget", "-qO-", "http://site")
    status, _, _ = node.attempt("kubectl", f"-n={_NAMESPACE}", "exec", pod, "--", "nslookup", "example.com")
    assert status != 0


def test_metrics_are_there(node: _Node, pod: str) -> None:
    """Of the node, and of a pod after the next measurement."""
    assert "node" in node.kubectl("top", "node")
    until(lambda: pod in node.attempt("kubectl", f"-n={_NAMESPACE}", "top", "pod")[1], within=60, pause=1)


def test_pods_are_restricted(node: _Node, pod: str) -> None:
    """What runs has no rights; what wants some is refused."""
    assert "CapEff:\t0000000000000000" in node.kubectl("exec", pod, "--", "cat", "/proc/self/status")
    assert node.attempt("kubectl", f"-n={_NAMESPACE}", "exec", pod, "--", "touch", "/file")[0] != 0
    privileged = _pod("privileged", "sleep", "1")
    privileged["spec"]["hostNetwork"] = True
    status, _, said = node.attempt("kubectl", f"-n={_NAMESPACE}", "create", "-f-", stdin=json.dumps(privileged))
    assert status != 0
    assert "violates PodSecurity" in said


def test_logs_and_port_forward(node: _Node, pod: str) -> None:
    """By way of the API server and the kubelet."""
    assert node.kubectl("logs", pod) == "started\n"
    with node.running("kubectl", f"-n={_NAMESPACE}", "port-forward", pod, "18080:8080"):
        fetch = ("exec", "busybox", "wget", "-qO-", "http://127.0.0.1:18080")
        until(lambda: node.attempt(*fetch)[:2] == (0, "hello\n"), pause=0.2)
    network = node("exec", "readlink", "/proc/self/ns/net").strip()
    until(
        lambda: not any("port-forward" in line for line in _in_network(network)),
        pause=0.2,
        what=lambda: "it outlives its caller",
    )


@pytest.mark.usefixtures("pod")
def test_services_answer_a_process_in_the_node(node: _Node) -> None:
    """As `exec` promises."""
    address = node.kubectl("get", "service", "site", "-ojsonpath={.spec.clusterIP}")
    assert node("exec", "busybox", "wget", "-qO-", f"http://{address}") == "hello\n"


def test_a_memory_limit_is_enforced(node: _Node) -> None:
    """A container that takes more is killed, and nothing else."""
    node.kubectl("create", "-f-", stdin=json.dumps(_pod("greedy", "sh", "-c", "tail /dev/zero")))
    until(lambda: "OOMKilled" in node.kubectl("get", "pod", "greedy", "-ojson"), within=60, pause=0.5)
    node.kubectl("delete", "pod", "greedy", "--wait")


def test_an_image_is_loaded(node: _Node, tmp_path: Path) -> None:
    """One from a file, under its own name."""
    archive = tmp_path / "image.tar"
    script = "import pathlib, sys, images, machine\n"
    script += "images.write_busybox(pathlib.Path(sys.argv[1]), 'localhost/other:1', machine.which('busybox'))"
    path = f"{_CLUSTER.parent}{os.pathsep}{_CLUSTER.parents[1]}"
    environ = os.environ | {"PYTHONPATH": path}
    subprocess.run((sys.executable, "-c", script, archive), env=environ, check=True)
    node("load", str(archive))
    manifest = _pod("other", "true")
    manifest["spec"] |= {"restartPolicy": "Never"}
    manifest["spec"]["containers"][0] |= {"image": "localhost/other:1", "imagePullPolicy": "Never"}
    node.kubectl("create", "-f-", stdin=json.dumps(manifest))
    node.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/other", "--timeout=60s")


def test_writes_are_in_the_audit_log(node: _Node, pod: str) -> None:
    """For tests that count them."""
    lines = lines_of(node.state / "tenantproxy" / "cluster" / "audit.log")
    written = {
        (entry["verb"], entry["objectRef"].get("name"))
        for entry in map(json.loads, lines)
        if entry["user"]["username"] == "admin" and "objectRef" in entry
    }
    assert ("create", pod) in written


def test_nothing_is_left(node: _Node, before: dict[str, Any]) -> None:
    """The machine is as it was while the node runs, but for cgroups; and afterwards altogether."""
    during = _trace(node.state)
    assert during == {key: value for key, value in before.items() if key != "cgroups"}
    assert _cgroups() > before["cgroups"]
    network = node("exec", "readlink", "/proc/self/ns/net").strip()
    assert len(_in_network(network)) > 5
    node("down")
    assert _in_network(network) == []
    _assert_gone(node, before)
    assert node.attempt("kubectl", "get", "nodes")[0] == 1
    node("down")


def test_it_ends_with_any_of_its_daemons(node: _Node, before: dict[str, Any]) -> None:
    """All of it, and `status` says why; started again after it was down, it was as good as new."""
    node("up", "node")
    network = node("exec", "readlink", "/proc/self/ns/net").strip()
    node.attempt("exec", "sh", "-c", "kill $(busybox pidof kube-scheduler)")
    until(lambda: "kube-scheduler ended with status" in node.attempt("status")[2], pause=0.1)
    assert node.attempt("status")[0] == 1
    assert _in_network(network) == []
    node("down")
    _assert_gone(node, before)


def _assert_gone(node: _Node, before: dict[str, Any]) -> None:
    assert _trace(node.state) | {"cgroups": _cgroups()} == before
    assert list(node.state.iterdir()) == []
    assert node.attempt("status")[:2] == (3, "no cluster is up\n")
