"""Print the directory that holds actionlint, and crane: a registry and its client. Make it if need be.

Each comes from the first of: the directory $RELEASE_TOOLS, the cache, a build from Go modules. The go.mod files
say the versions. What is on PATH is not taken: releases are made with these very versions.
"""

import sys
from typing import Final

from hack.build.gomodules import Programs
from hack.programs import folder_of, module_of_command

_CRANE: Final = "github.com/google/go-containerregistry"
_ACTIONLINT: Final = "github.com/rhysd/actionlint"
_MODULES: Final = (
    module_of_command("crane", _CRANE, 1, f"{_CRANE}/cmd/crane/cmd.Version"),
    module_of_command("actionlint", _ACTIONLINT, 1, f"{_ACTIONLINT}.version"),
)
PROGRAMS: Final = Programs(
    name="release",
    modules=_MODULES,
    folder=folder_of(_MODULES),
    variable="RELEASE_TOOLS",
)

if __name__ == "__main__":
    sys.exit(PROGRAMS.main())
