"""Print the directory that holds helm, kubeconform and kube-score; make it if need be.

Each comes from the first of: the directory $CHART_TOOLS, the cache, a build from Go modules. The go.mod files say
the versions. What is on PATH is not taken: the tests compare what these very versions say.
"""

import sys
from typing import Final

from hack.build.gomodules import Module, Programs
from hack.programs import GO_MODULES


def _module(name: str, path: str, minutes: int, version_variable: str) -> Module:
    return Module(
        GO_MODULES / name, path, {name: f"{path}/cmd/{name}"}, minutes, (f"{version_variable}={{version}}",)
    )


_MODULES: Final = (
    _module("helm", "helm.sh/helm/v4", 2, "helm.sh/helm/v4/internal/version.version"),
    _module("kubeconform", "github.com/yannh/kubeconform", 1, "main.version"),
    _module("kube-score", "github.com/zegl/kube-score", 1, "main.version"),
)
PROGRAMS: Final = Programs(
    name="chart",
    modules=_MODULES,
    folder="-".join(f"{module.folder.name}-{module.version}" for module in _MODULES),
    variable="CHART_TOOLS",
)

if __name__ == "__main__":
    sys.exit(PROGRAMS.main())
