#!/usr/bin/env python3
"""Print the directory that holds cyclonus, which analyses NetworkPolicies; make it if need be.

It comes from the first of: the directory $POLICY_TOOLS, the cache, a build from Go modules. The go.mod says the
version. What is on PATH is not taken: the tests read what this very version prints.
"""

import sys
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE.parent))

from gomodules import Module, Programs  # noqa: E402 - a script has its own folder on the path only

_PATH: Final = "github.com/mattfenwick/cyclonus"
_CYCLONUS: Final = Module(
    _HERE / "cyclonus",
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
