"""The command `tenantproxy map`: what clients get of an OMS's answer."""

import sys
from pathlib import Path
from typing import BinaryIO

import click

from tenantproxy.cli.configuration import CONFIG_HELP, checked
from tenantproxy.cli.explanation import explanation_json, explanation_text
from tenantproxy.oms.requests.criteria import criteria_of
from tenantproxy.operations import OPERATIONS
from tenantproxy.orders import minor_units
from tenantproxy.orders.explanation.origins import explain, with_sources
from tenantproxy.orders.preview import preview_mapping


@click.command("map")
@click.option("--config", "config_path", type=click.Path(path_type=Path), required=True, help=CONFIG_HELP)
@click.option(
    "--operation",
    type=click.Choice([operation.name for operation in OPERATIONS]),
    help="The operation whose response the sample is; by default the one that it fits.",
)
@click.option(
    "--explain", "explains", is_flag=True, help="Show of each field where it comes from, and what is dropped."
)
@click.option("--json", "as_json", is_flag=True, help="With --explain: as JSON, with whole values.")
@click.argument("sample", type=click.File("rb"))
def map_command(
    config_path: Path, operation: str | None, sample: BinaryIO, *, explains: bool, as_json: bool
) -> None:
    """Show what clients get if the OMS answers SAMPLE, a JSON file (- for standard input).

    No request is made. Exit status: 0 with the mapped response on standard output, or with --explain what it is
    made of; 1 if the sample breaks the contract (each violation on standard error, with the place in the response
    that it comes from); 2 for an invalid configuration. Amounts that look like minor units, and are not scaled,
    are warnings on standard error.

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
    explanation = explain(preview.operation, config.mapping.of(preview.operation), answer, preview.criteria)
    violations = with_sources(preview.violations, explanation)
    for field, problem in violations:
        click.echo(
            f"{preview.operation.name}: `{field}` {problem}" if field else f"{sample.name} {problem}", err=True
        )
    if explains:
        click.echo(
            explanation_json(preview.operation, explanation, violations)
            if as_json
            else explanation_text(preview.operation, explanation)
        )
    elif not violations:
        click.echo(preview.body.decode())
    if violations:
        sys.exit(1)
