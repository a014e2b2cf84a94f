"""The options --openapi and --schema: the OMS's own description of its responses, to check a mapping against."""

import functools
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from tenantproxy.cli.configuration import BAD_INPUT
from tenantproxy.config import ProxyConfig
from tenantproxy.operations import Operation
from tenantproxy.schemas.checks import check_config
from tenantproxy.schemas.reader import SchemaError, read_file


class Description(NamedTuple):
    """A file that describes responses, and which of its schemas is meant, if that is said."""

    path: Path
    schema: str | None

    def report(self, config: ProxyConfig, operation: Operation | None, told: Collection[str]) -> bool:
        """Print what it says of a mapping; return whether that is an error. End the process if it says nothing.

        `told` are the paths of rules whose amounts were told to look like minor units.
        """
        try:
            found = check_config(read_file(self.path), config, operation, self.schema, told)
        except SchemaError as error:
            click.echo(f"tenantproxy: {self.path}: {error}", err=True)
            sys.exit(BAD_INPUT)
        for finding in found:
            click.echo(finding, err=True)
        return any(finding.is_error for finding in found)


_OPTIONS: Final = (
    click.option(
        "--openapi",
        type=click.Path(path_type=Path),
        help="The OMS's own OpenAPI or JSON Schema file, JSON or YAML; pointers and types of the mapping are"
        " checked against it.",
    ),
    click.option(
        "--schema",
        metavar="POINTER",
        help="With --openapi: the schema of the whole response, such as #/components/schemas/Order; by default it"
        " is found by method and path.",
    ),
)


def openapi_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options; the command gets `description`, None without --openapi."""

    @functools.wraps(command)
    def collected(*, openapi: Path | None, schema: str | None, **others: Any) -> None:  # noqa: ANN401
        if schema is not None and openapi is None:
            raise click.UsageError("--schema needs --openapi")
        command(description=None if openapi is None else Description(openapi, schema), **others)

    wrapped: Callable[..., None] = collected
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
