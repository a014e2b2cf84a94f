"""Bills of materials (CycloneDX): what uv.lock installs beside the packages, and Debian's packages in the image.

The first is made by cyclonedx-py, on this kind of machine and Python, the second by debsbom. The only time in them
is that of the commit, and no random number is: two runs give the same bytes.
"""

import re
import sys
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hack.build.gomodules import UV
from hack.release import ReleaseError
from hack.release.commands import run
from hack.release.source import Source

_VERSION: Final = "1.6"
"""Of CycloneDX."""
_TOOLS: Final = Path(sys.executable).parent

_DYNAMIC: Final = re.compile(r'^dynamic = \["version"\]$', re.MULTILINE)


def write_sbom(source: Source, file: Path) -> None:
    """Write it; cyclonedx-py validates it against CycloneDX's schema.

    Raises:
        ReleaseError: It can't be made, or is not valid.

    """
    with tempfile.TemporaryDirectory() as folder:
        environment, project = Path(folder) / "environment", Path(folder) / "pyproject.toml"
        run(
            *(UV, "sync", "--quiet", "--locked", "--no-dev", "--no-install-project"),
            *("--extra", "operator", "--extra", "otel"),
            cwd=source.root,
            env={"UV_PROJECT_ENVIRONMENT": str(environment), "VIRTUAL_ENV": ""},
        )
        # cyclonedx-py does not ask the build backend for the version.
        text = (source.root / "pyproject.toml").read_text()
        project.write_text(_DYNAMIC.sub(f'version = "{source.version}"', text))
        run(
            *(_TOOLS / "cyclonedx-py", "environment", "--validate", "--output-reproducible"),
            *("--spec-version", _VERSION),
            *("--mc-type", "application", "--pyproject", project),
            *("--output-format", "JSON", "--output-file", file, environment),
            env={"SOURCE_DATE_EPOCH": source.epoch},
        )


def write_system_sbom(root: Path, architecture: str, digest: str, source: Source, file: Path) -> None:
    """Write what is below the root of an image, whose digest makes the document's serial number.

    Raises:
        ReleaseError: It can't be made, or is not valid.

    """
    time = datetime.fromtimestamp(int(source.epoch), UTC).isoformat()
    stem = file.with_name(file.name.removesuffix(".cdx.json"))  # debsbom adds the end
    serial = str(uuid.uuid5(uuid.NAMESPACE_OID, digest))
    run(
        *(_TOOLS / "debsbom", "generate", "--sbom-type", "cdx", "--with-licenses", "--root", root, "--out", stem),
        *("--cdx-schema-version", _VERSION, "--cdx-serialnumber", serial),
        *("--distro-name", "tenantproxy", "--distro-version", source.version, "--distro-arch", architecture),
        *("--timestamp", time),
    )
    validate_sbom(file)


def validate_sbom(file: Path) -> None:
    """Raise ReleaseError where a file is not valid by CycloneDX's schema."""
    # A second of imports that nothing else here needs.
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    validator = JsonStrictValidator(SchemaVersion.from_version(_VERSION))
    if (problem := validator.validate_str(file.read_text())) is not None:
        raise ReleaseError(f"{file.name} is not valid: {problem}")
