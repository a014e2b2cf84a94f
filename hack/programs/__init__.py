"""Programs of others that tests need: `python -m hack.programs.NAME` prints their directory, and makes it once.

Standard library only.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from hack.build.gomodules import Module

GO_MODULES: Final = Path(__file__).resolve().parent / "go"
"""Wrapper modules, whose go.mod files pin the programs' versions."""


def module_of_command(name: str, path: str, minutes: int, version_variable: str) -> Module:
    """Return a Go module with one program, `cmd/NAME`, whose version goes into a variable of the linker."""
    return Module(
        GO_MODULES / name, path, {name: f"{path}/cmd/{name}"}, minutes, (f"{version_variable}={{version}}",)
    )


def folder_of(modules: Iterable[Module]) -> str:
    """Return what a folder in the cache is called that holds the programs of several modules: their versions."""
    return "-".join(f"{module.folder.name}-{module.version}" for module in modules)
