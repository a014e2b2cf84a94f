"""Print the directory that holds actionlint, and crane: a registry and its client. Make it if need be.

Each comes from the first of: the directory $RELEASE_TOOLS, the cache, a build from Go modules. The go.mod files
say the versions. What is on PATH is not taken: releases are made with these very versions.
"""

import sys
from typing import Final

from hack.build.gomodules import Module, Programs
from hack.programs import GO_MODULES


def _module(name: str, path: str, version_variable: str) -> Module:
    return Module(GO_MODULES / name, path, {name: f"{path}/cmd/{name}"}, 1, (f"{version_variable}={{version}}",))


_CRANE: Final = "github.com/google/go-containerregistry"
_ACTIONLINT: Final = "github.com/rhysd/actionlint"
_MODULES: Final = (
    _module("crane", _CRANE, f"{_CRANE}/cmd/crane/cmd.Version"),
    _module("actionlint", _ACTIONLINT, f"{_ACTIONLINT}.version"),
)
PROGRAMS: Final = Programs(
    name="release",
    modules=_MODULES,
    folder="-".join(f"{module.folder.name}-{module.version}" for module in _MODULES),
    variable="RELEASE_TOOLS",
)

if __name__ == "__main__":
    sys.exit(PROGRAMS.main())
