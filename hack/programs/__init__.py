"""Programs of others that tests need: `python -m hack.programs.NAME` prints their directory, and makes it once.

Standard library only.
"""

from pathlib import Path
from typing import Final

GO_MODULES: Final = Path(__file__).resolve().parent / "go"
"""Wrapper modules, whose go.mod files pin the programs' versions."""
