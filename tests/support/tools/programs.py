"""The third-party programs that hack.programs finds or builds."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

_ROOT: Final = Path(__file__).parents[3]


def directory(name: str, config: pytest.Config) -> Path:
    """Return the directory that a module of hack.programs prints."""
    capture = config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    # A build takes minutes, and says so.
    with capture.global_and_fixture_disabled():
        command = (sys.executable, "-m", f"hack.programs.{name}")
        done = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, "there are no programs; see above"
    return Path(done.stdout.strip())
