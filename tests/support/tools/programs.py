"""The third-party programs that the scripts in hack/ find or build."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

_HACK: Final = Path(__file__).parents[3] / "hack"


def directory(script: str, config: pytest.Config) -> Path:
    """Run a script of hack/ that prints the directory of programs; return that."""
    capture = config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    # A build takes minutes, and says so.
    with capture.global_and_fixture_disabled():
        done = subprocess.run((sys.executable, _HACK / script), stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, "there are no programs; see above"
    return Path(done.stdout.strip())
