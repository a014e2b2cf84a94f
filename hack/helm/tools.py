#!/usr/bin/env python3
"""Print the directory that holds helm, kubeconform and kube-score; make it if need be.

Each comes from the first of: the directory $CHART_TOOLS, the cache, a build from Go modules. The go.mod files say
the versions. What is on PATH is not taken: the tests compare what these very versions say.
"""

import sys
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE.parent))

from gomodules import Module, Programs  # noqa: E402 - a script has its own folder on the path only


def _module(name: str, path: str, minutes: int, version_variable: str) -> Module:
    return Module(_HERE / name, path, {name: f"{path}/cmd/{name}"}, minutes, (f"{version_variable}={{version}}",))


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
