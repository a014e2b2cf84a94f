"""Running commands of others for a release."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hack.release import ReleaseError

_LINES: Final = 15
"""Of a failed command's output, in the message."""


def run(
    *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, umask: int = -1
) -> str:
    """Run a command; return what it printed on standard output.

    Raises:
        ReleaseError: It failed.

    """
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | (env or {}),
        umask=umask,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_LINES:])
        shown = " ".join(Path(word).name if index == 0 else str(word) for index, word in enumerate(command[:3]))
        raise ReleaseError(f"`{shown}` failed with exit status {done.returncode}:\n{said}")
    return done.stdout
