"""Groups of commands that import what a command needs only when it is named, so that `serve` starts fast."""

from collections.abc import Mapping
from importlib import import_module

import click


class LazyGroup(click.Group):
    """A group with commands that are elsewhere: by their names, each the module and the command's name in it."""

    elsewhere: Mapping[str, tuple[str, str]] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), *self.elsewhere])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now if it is elsewhere."""
        if cmd_name not in self.elsewhere:
            return super().get_command(ctx, cmd_name)
        module, name = self.elsewhere[cmd_name]
        try:
            command = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if missing == "tenantproxy":
                raise
            raise click.ClickException(
                f"the Python package {missing} is not installed; install tenantproxy[proxy], such as by "
                "`pip install '.[proxy]'` in a clone of its repository"
            ) from None
        assert isinstance(command, click.Command)  # noqa: S101 - the table says so
        return command
