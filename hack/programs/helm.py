"""Print the directory that holds helm, kubeconform and kube-score; make it if need be.

Each comes from the first of: the directory $CHART_TOOLS, the cache, a build from Go modules. The go.mod files say
the versions. What is on PATH is not taken: the tests compare what these very versions say.
"""

import sys
from typing import Final

from hack.build.gomodules import Programs
from hack.programs import folder_of, module_of_command

_MODULES: Final = (
    module_of_command("helm", "helm.sh/helm/v4", 2, "helm.sh/helm/v4/internal/version.version"),
    module_of_command("kubeconform", "github.com/yannh/kubeconform", 1, "main.version"),
    module_of_command("kube-score", "github.com/zegl/kube-score", 1, "main.version"),
)
PROGRAMS: Final = Programs(
    name="chart",
    modules=_MODULES,
    folder=folder_of(_MODULES),
    variable="CHART_TOOLS",
)

if __name__ == "__main__":
    sys.exit(PROGRAMS.main())
