"""Print the directory that holds etcd, kube-apiserver, kube-controller-manager and kubectl; make it if need be.

Each comes from the first of: the directory $KUBEBUILDER_ASSETS, the cache, setup-envtest where it is installed, a
build from Go modules. The versions are those in the go.mod files below go/. Needs Python 3.11 and nothing else.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from hack.build.gomodules import Module, Programs, say
from hack.programs import GO_MODULES

_ETCD: Final = Module(GO_MODULES / "etcd", "go.etcd.io/etcd/server/v3", {"etcd": "go.etcd.io/etcd/server/v3"}, 1)
_KUBERNETES: Final = Module(
    GO_MODULES / "kubernetes",
    "k8s.io/kubernetes",
    {name: f"k8s.io/kubernetes/cmd/{name}" for name in ("kube-apiserver", "kube-controller-manager", "kubectl")},
    5,
    tuple(
        f"{package}.{variable}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for variable in ("gitVersion={version}", "gitMajor={major}", "gitMinor={minor}")
    ),
)


def _take_from_setup_envtest(names: list[str], cache: Path) -> None:
    """Link in the cache to what setup-envtest has, where it is installed."""
    if (program := shutil.which("setup-envtest")) is None:
        return
    minor = _KUBERNETES.version.removeprefix("v").rpartition(".")[0]
    command = (program, "use", f"{minor}.x", "-p", "path")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        say(f"going on without setup-envtest, which failed: {reason}")
        return
    for name in names:
        if (path := Path(done.stdout.strip()) / name).exists():
            (cache / name).unlink(missing_ok=True)  # a link to what is no longer there
            (cache / name).symlink_to(path)


PROGRAMS: Final = Programs(
    name="kubernetes",
    modules=(_ETCD, _KUBERNETES),
    folder=f"kubernetes-{_KUBERNETES.version}-etcd-{_ETCD.version}",
    variable="KUBEBUILDER_ASSETS",
    other_source=_take_from_setup_envtest,
)

if __name__ == "__main__":
    sys.exit(PROGRAMS.main())
