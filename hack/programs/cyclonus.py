"""Print the directory that holds cyclonus, which analyses NetworkPolicies; make it if need be.

It comes from the first of: the directory $POLICY_TOOLS, the cache, a build from Go modules. The go.mod says the
version. What is on PATH is not taken: the tests read what this very version prints.
"""

import sys
from typing import Final

from hack.build.gomodules import Module, Programs
from hack.programs import GO_MODULES

_PATH: Final = "github.com/mattfenwick/cyclonus"
_CYCLONUS: Final = Module(
    GO_MODULES / "cyclonus",
    _PATH,
    {"cyclonus": f"{_PATH}/cmd/cyclonus"},
    minutes=1,
    version_variables=(f"{_PATH}/pkg/cli.version={{version}}",),
)
PROGRAMS: Final = Programs(
    name="policies",
    modules=(_CYCLONUS,),
    folder=f"cyclonus-{_CYCLONUS.version}",
    variable="POLICY_TOOLS",
)

if __name__ == "__main__":
    sys.exit(PROGRAMS.main())
