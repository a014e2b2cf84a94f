"""The command `tenantproxy map`: what clients get of an OMS's answer."""

import sys
from pathlib import Path
from typing import BinaryIO

import click

from tenantproxy.cli.configuration import CONFIG_HELP, checked
from tenantproxy.oms.requests.criteria import criteria_of
from tenantproxy.operations import OPERATIONS
from tenantproxy.orders import minor_units
from tenantproxy.orders.preview import preview_mapping


@click.command("map")
@click.option("--config", "config_path", type=click.Path(path_type=Path), required=True, help=CONFIG_HELP)
@click.option(
    "--operation",
    type=click.Choice([operation.name for operation in OPERATIONS]),
    help="The operation whose response the sample is; by default the one that it fits.",
)
@click.argument("sample", type=click.File("rb"))
def map_command(config_path: Path, operation: str | None, sample: BinaryIO) -> None:
    """Show what clients get if the OMS answers SAMPLE, a JSON file (- for standard input).

    No request is made. Exit status: 0 with the mapped response on standard output, 1 if the sample breaks the
    contract (each violation on standard error), 2 for an invalid configuration. Amounts that look like minor
    units, and are not scaled, are warnings on standard error.

    \b
      tenantproxy-operator render -f initech.yaml --output config > config.json
      tenantproxy map --config config.json order.json
    """  # noqa: D301 - \b is click's mark for text that is not to be rewrapped
    config, mapping = checked(config_path)
    chosen = next((each for each in OPERATIONS if each.name == operation), None)
    answer = sample.read()
    criteria = criteria_of(config.upstream.operations.search_orders)
    preview = preview_mapping(mapping, answer, chosen, criteria=criteria)
    suspects = dict(minor_units.suspects(config.mapping))
    suspects |= dict(minor_units.suspects_in(config.mapping, preview.operation, answer))
    for rule, detail in suspects.items():
        click.echo(f"warning: mapping.{rule} {detail}", err=True)
    for violation in preview.violations:
        subject = f"{preview.operation.name}: `{violation.field}`" if violation.field else sample.name
        click.echo(f"{subject} {violation.detail}", err=True)
    if preview.violations:
        sys.exit(1)
    click.echo(preview.body.decode())
