"""A Kubernetes cluster for tests, from what the machine offers.

KUBECONFIG is set: the cluster that it leads to. Docker has the image of a kind node, or gets it: kind. Else: a
node that is built from source (once, minutes) and runs in namespaces of its own, which needs root on Linux.
"""

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hack.build.gomodules import CACHE, say
from hack.cluster import kind, node
from hack.cluster.cluster import Cluster, ClusterError
from hack.cluster.kind import Kind
from hack.cluster.kubeconfig_cluster import KubeconfigCluster
from hack.cluster.node import Node

_USAGE: Final = """\
hack/cluster/cluster COMMAND

  up [kind|node]  have a cluster; say which to take, else it is chosen as below
  status          say what runs; exit status 3 if nothing does
  kubectl ARGS    kubectl, at the cluster
  exec COMMAND    run a command where the API server can be reached; KUBECONFIG is set, CLUSTER_HOST is
                  the address at which pods reach what it listens on, CLUSTER_ON_NODE the words before a command
                  that is to run on the node as root (empty where the cluster is KUBECONFIG's)
  load FILE       bring an image that `docker save` or `make image` wrote
  build           build what the source-built node needs, and nothing else
  down            end the cluster and remove all that it left
"""
_NONE_RUNS: Final = 3


def main() -> int:
    """Do what the command line says; return the exit status."""
    name, *arguments = sys.argv[1:] or ["help"]
    try:
        match name, arguments:
            case ("up", []) | ("up", ["kind" | "node"]):
                _up(*arguments)
            case "down", []:
                _down()
            case "status", []:
                return _status()
            case "load", [file]:
                _load(Path(file))
            case "kubectl", _:
                _exec(["kubectl", *arguments])
            case "exec", [_, *_]:
                cluster = _running()
                os.environ |= {"CLUSTER_HOST": cluster.host(), "CLUSTER_ON_NODE": cluster.on_node()}
                _exec(arguments)
            case "build", []:
                node.build()
            case _:
                print(f"{__doc__}\n{_USAGE}")
                return 0 if name == "help" else 2
    except ClusterError as error:
        say(str(error))
        return 1
    return 0


def _up(asked: str = "") -> None:
    with _locked():
        cluster = _existing()
        if asked and isinstance(cluster, Node if asked == "kind" else Kind):
            raise ClusterError("a cluster of the other kind is there: end it with `down`")
        if asked:
            cluster = Kind() if asked == "kind" else Node()
        (cluster or (Kind() if kind.is_available() else Node())).up()


def _down() -> None:
    with _locked():
        if (cluster := _existing()) is not None:
            cluster.down()


def _load(file: Path) -> None:
    if not file.is_file():
        raise ClusterError(f"{file} is no file")
    _running().load(file)


def _status() -> int:
    cluster = _existing()
    said = cluster.status() if cluster is not None else None
    print(said or "no cluster is up")
    return 0 if said else _NONE_RUNS


def _exec(command: list[str]) -> None:
    full, environ = _running().command(command)
    try:
        os.execvpe(full[0], list(full), environ)  # noqa: S606 - it replaces this process
    except OSError as error:
        raise ClusterError(f"{full[0]}: {error.strerror}") from error


def _existing() -> Cluster | None:
    """Return the cluster that there is, well or not."""
    if kubeconfig := os.environ.get("KUBECONFIG"):
        return KubeconfigCluster(kubeconfig)
    if kind.exists():
        return Kind()
    return Node() if node.exists() else None


def _running() -> Cluster:
    if (cluster := _existing()) is None:
        raise ClusterError("no cluster is up: `make cluster-up` starts one")
    return cluster


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Let no other `up` or `down` run meanwhile."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
