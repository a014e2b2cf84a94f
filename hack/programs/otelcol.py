"""Print the directory that holds otelcol, an OpenTelemetry Collector that writes spans into a file.

It comes from the first of: the directory $OTELCOL, the cache, a build of the small program in go/otelcol, whose
go.mod says the Collector's version.
"""

import hashlib
import sys
from typing import Final

from hack.build.gomodules import Module, Programs
from hack.programs import GO_MODULES

_FOLDER: Final = GO_MODULES / "otelcol"
_SOURCES: Final = ("main.go", "go.mod", "go.sum")
_DIGEST: Final = hashlib.sha256(b"\0".join((_FOLDER / name).read_bytes() for name in _SOURCES)).hexdigest()[:12]

PROGRAMS: Final = Programs(
    name="otelcol",
    modules=(Module(_FOLDER, "go.opentelemetry.io/collector/otelcol", {"otelcol": "."}, 1),),
    folder=f"otelcol-{_DIGEST}",
    variable="OTELCOL",
)

if __name__ == "__main__":
    sys.exit(PROGRAMS.main())
