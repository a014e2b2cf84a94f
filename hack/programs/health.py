"""Print the directory that holds health, which says what kstatus, Flux, Helm and Argo CD make of an object.

It comes from the first of: the directory $HEALTH, the cache, a build of the small program in go/health, whose
go.mod says the libraries' versions.
"""

import hashlib
import sys
from typing import Final

from hack.build.gomodules import Module, Programs
from hack.programs import GO_MODULES

_FOLDER: Final = GO_MODULES / "health"
_SOURCES: Final = ("main.go", "go.mod", "go.sum")
_DIGEST: Final = hashlib.sha256(b"\0".join((_FOLDER / name).read_bytes() for name in _SOURCES)).hexdigest()[:12]

PROGRAMS: Final = Programs(
    name="health",
    modules=(Module(_FOLDER, "sigs.k8s.io/cli-utils", {"health": "."}, 1),),
    folder=f"health-{_DIGEST}",
    variable="HEALTH",
)

if __name__ == "__main__":
    sys.exit(PROGRAMS.main())
