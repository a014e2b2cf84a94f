"""What is kept of a release can be run."""

import subprocess
from pathlib import Path

from support.operator.releases import unpacked
from tenantproxy import __version__


def test_the_archive_runs(tmp_path: Path) -> None:
    """Its modules, not those that are installed."""
    release = unpacked(None, tmp_path)
    version = release.packages / "tenantproxy" / "__init__.py"
    version.write_text(version.read_text().replace(__version__, "9.8.7"))
    command = (*release.program, "--version")
    done = subprocess.run(command, env=release.environ, capture_output=True, text=True, check=True)
    assert "9.8.7" in done.stdout
