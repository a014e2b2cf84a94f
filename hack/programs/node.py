"""Print the directory that holds the programs of the source-built node; make it if need be.

They are kubelet, kube-proxy, kube-scheduler, containerd with its shim and ctr, and what is to run in pods:
CoreDNS, metrics-server and pause. etcd, kube-apiserver, kube-controller-manager and kubectl are those of
hack.programs.kubernetes. Each comes from the first of: the directory $NODE_PROGRAMS, the cache, a build from Go
modules, whose versions are in the go.mod files below go/.
"""

import dataclasses
import sys
from typing import Final

from hack.build.gomodules import Module, Programs
from hack.programs import GO_MODULES, kubernetes

CONTROL_PLANE: Final = kubernetes.PROGRAMS
_KUBERNETES: Final = dataclasses.replace(
    next(module for module in CONTROL_PLANE.modules if module.path == "k8s.io/kubernetes"),
    programs={name: f"k8s.io/kubernetes/cmd/{name}" for name in ("kubelet", "kube-proxy", "kube-scheduler")},
    minutes=2,
)
_CONTAINERD: Final = Module(
    GO_MODULES / "containerd",
    "github.com/containerd/containerd/v2",
    {
        name: f"github.com/containerd/containerd/v2/cmd/{name}"
        for name in ("containerd", "containerd-shim-runc-v2", "ctr")
    },
    1,
    ("github.com/containerd/containerd/v2/version.Version={version}",),
    "no_btrfs no_devmapper no_zfs",
)
_COREDNS: Final = Module(
    GO_MODULES / "coredns", "github.com/coredns/coredns", {"coredns": ".", "pause": "./pause"}, 1
)
METRICS_SERVER: Final = Module(
    GO_MODULES / "metrics-server",
    "sigs.k8s.io/metrics-server",
    {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"},
    2,
    ("k8s.io/client-go/pkg/version.gitVersion={version}", "k8s.io/component-base/version.gitVersion={version}"),
)
_KIND: Final = Module(GO_MODULES / "kind", "sigs.k8s.io/kind", {"kind": "sigs.k8s.io/kind"}, 1)
_MODULES: Final = (_KUBERNETES, _CONTAINERD, _COREDNS, METRICS_SERVER)

NODE: Final = Programs(
    name="node",
    modules=_MODULES,
    folder="-".join(["node", *(f"{module.folder.name}-{module.version}" for module in _MODULES)]),
    variable="NODE_PROGRAMS",
)
KIND: Final = Programs(name="kind", modules=(_KIND,), folder=f"kind-{_KIND.version}", variable="KIND_PROGRAMS")

if __name__ == "__main__":
    sys.exit(NODE.main())
