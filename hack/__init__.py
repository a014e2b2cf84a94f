"""What builds, tests and demonstrates this project; no part of what is installed."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
"""The repository's."""
