"""A cluster by kind, in Docker; its node's image comes from Docker Hub. Its configuration is hack/kind.yaml."""

import contextlib
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from hack import ROOT
from hack.build.gomodules import MissingError, say, stage
from hack.cluster import kubeconfig_cluster
from hack.cluster.cluster import Cluster, ClusterError, environment
from hack.cluster.layout import ADDONS, KUBECONFIG, STATE
from hack.programs import node as programs

_NAME: Final = "tenantproxy"
_CONFIGURATION: Final = ROOT / "hack" / "kind.yaml"
_RECORD: Final = STATE / "kind"
_METRICS_SERVER: Final = "registry.k8s.io/metrics-server/metrics-server:{version}"
_OWN_METRICS_SERVER: Final = "localhost/metrics-server:node"
_OWN_AUTHORITY: Final = "--kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"


class Kind(Cluster):
    """A cluster by kind."""

    def up(self) -> None:
        """Have kind make it."""
        if self.status() is not None:
            say("the cluster is up")
            return
        self.down()
        STATE.mkdir(parents=True)
        STATE.chmod(0o700)  # an admin's key comes into it
        _RECORD.touch()
        with stage("kind: about 1 min"):
            create = ("create", "cluster", "--config", str(_CONFIGURATION), "--wait", "2m")
            _kind(*create, "--kubeconfig", str(KUBECONFIG))
        with stage("metrics-server"):
            manifests = (ADDONS / "metrics-server.yaml").read_text()
            image = _METRICS_SERVER.format(version=programs.METRICS_SERVER.version)
            manifests = manifests.replace(_OWN_METRICS_SERVER, image)
            # kind's kubelets have certificates that they make themselves.
            manifests = manifests.replace(_OWN_AUTHORITY, "--kubelet-insecure-tls")
            self._kubectl("apply", "--server-side", "-f", "-", stdin=manifests)
            self._kubectl("-n=kube-system", "rollout", "status", "deployment/metrics-server", "--timeout=180s")

    def status(self) -> str | None:
        """Return its nodes and pods."""
        if not _RECORD.exists() or _NAME not in _kind("get", "clusters").split():
            return None
        return f"kind cluster {_NAME}\n" + self._kubectl("get", "nodes,pods", "--all-namespaces", "--output=wide")

    def down(self) -> None:
        """Have kind remove it."""
        _kind("delete", "cluster", "--name", _NAME)
        shutil.rmtree(STATE, ignore_errors=True)
        with contextlib.suppress(OSError):  # there is none, or others' state is in it
            STATE.parent.rmdir()

    def load(self, archive: Path) -> None:
        """Have kind copy it to the node."""
        _kind("load", "image-archive", str(archive), "--name", _NAME)

    def host(self) -> str:
        """Return the machine's address in Docker's network of that name."""
        gateways = ("docker", "network", "inspect", "kind", "--format={{range .IPAM.Config}}{{.Gateway}} {{end}}")
        done = subprocess.run(gateways, capture_output=True, text=True, check=False)
        addresses = [address for address in done.stdout.split() if "." in address]
        if not addresses:
            raise ClusterError(f"Docker's network `kind` has no gateway: {done.stderr}")
        return addresses[0]

    def on_node(self) -> str:
        """Return Docker's way into the node."""
        return f"docker exec -i {_NAME}-control-plane"

    def command(self, command: Sequence[str]) -> tuple[Sequence[str], Mapping[str, str]]:
        """Return the command as it is."""
        return command, environment(KUBECONFIG, *kubeconfig_cluster.kubectl())

    def _kubectl(self, *arguments: str, stdin: str = "") -> str:
        command, environ = self.command(("kubectl", *arguments))
        done = subprocess.run(command, env=environ, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(f"`kubectl {' '.join(arguments)}` failed: {done.stderr}")
        return done.stdout


def exists() -> bool:
    """Return whether the cluster was made by kind."""
    return _RECORD.exists()


def is_available() -> bool:
    """Return whether a Docker daemon answers and has, or gets, the image of a node."""
    if not _quiet("docker", "info"):
        return False
    (image,) = re.findall(r"^ +image: (\S+)", _CONFIGURATION.read_text(), re.MULTILINE)
    if _quiet("docker", "image", "inspect", image):
        return True
    with stage(f"pulling {image}"):
        pulled = _quiet("docker", "pull", "--quiet", image)
    if not pulled:
        say("Docker does not get it: going on without kind")
    return pulled


def _quiet(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _kind(*arguments: str) -> str:
    """Run kind: the one on PATH, else one that is built."""
    try:
        program = shutil.which("kind") or str(programs.KIND.directory() / "kind")
    except MissingError as error:
        raise ClusterError(str(error)) from error
    done = subprocess.run((program, *arguments), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"`kind {' '.join(arguments)}` failed: {done.stderr}")
    return done.stdout
