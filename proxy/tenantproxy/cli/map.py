"""The command `tenantproxy map`: what clients get of an OMS's answer."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import click

from tenantproxy.cli.configuration import CONFIG_HELP, Checked, checked, refuse
from tenantproxy.cli.explanation import explanation_json, explanation_text
from tenantproxy.cli.openapi import Description, openapi_options
from tenantproxy.cli.question import Question, live_options
from tenantproxy.config import ConfigError, Mapping
from tenantproxy.oms.requests.criteria import criteria_of
from tenantproxy.operations import OPERATIONS, Operation
from tenantproxy.orders import minor_units
from tenantproxy.orders.explanation.origins import Explanation, explain, with_sources
from tenantproxy.orders.preview import preview_mapping
from tenantproxy.problems import Problem

if TYPE_CHECKING:
    from tenantproxy.cli.live import Reading

_BROKEN: Final = 1
_UNREAD: Final = 3


@click.command("map")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help=CONFIG_HELP)
@click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    help="In place of --config: the TenantProxy, with its Secret or without; where the operator is installed.",
)
@click.option(
    "--operation",
    type=click.Choice([operation.name for operation in OPERATIONS]),
    help="The operation whose response the sample is; by default the one that it fits.",
)
@click.option(
    "--explain", "explains", is_flag=True, help="Show of each field where it comes from, and what is dropped."
)
@click.option("--json", "as_json", is_flag=True, help="With --explain: as JSON, with whole values.")
@openapi_options
@live_options
@click.argument("sample", type=click.File("rb"), required=False)
def map_command(
    config_path: Path | None,
    manifest: Path | None,
    operation: str | None,
    sample: BinaryIO | None,
    *,
    description: Description | None,
    question: Question | None,
    explains: bool,
    as_json: bool,
) -> None:
    """Show what clients get if the OMS answers SAMPLE, a JSON file (- for standard input).

    No request is made, but with --url: then one order is read from the OMS, as the proxy reads it.

    Exit status: 0 with the mapped response on standard output, or with --explain what it is made of; 1 if the
    response breaks the contract (each violation on standard error, with the place in the response that it comes
    from); 2 for an invalid configuration or credential; 3 if the OMS could not be read (the problem on standard
    error). Amounts that look like minor units, and are not scaled, are warnings on standard error.

    With --openapi, alone or besides, the mapping is checked against what the OMS says of its responses: status 1
    if a rule can't work, warnings on standard error, 2 if the file can't be used.

    \b
      tenantproxy map --manifest initech.yaml order.json
      tenantproxy-operator render -f initech.yaml --output config > config.json
      tenantproxy map --config config.json order.json
      tenantproxy map --config config.json --openapi oms.yaml
      read -rs TENANTPROXY_PASSWORD && export TENANTPROXY_PASSWORD TENANTPROXY_USERNAME=till
      tenantproxy map --config config.json --url --business-unit store-1 --order 4711
    """  # noqa: D301 - \b is click's mark for text that is not to be rewrapped
    if as_json and not explains:
        raise click.UsageError("--json needs --explain")
    _check_source(operation, sample, question, description)
    given = checked(config_path, manifest=manifest, url="" if question is None else question.url)
    config = given.config
    chosen = next((each for each in OPERATIONS if each.name == operation), None)
    if description is not None and sample is None and question is None:
        told = _warn(config.mapping)
        sys.exit(_BROKEN if description.report(config, chosen, told) else 0)
    if question is not None:
        answer, preview, _ = _read(question, given)
    else:
        answer = sample.read() if sample is not None else b""
        criteria = criteria_of(config.upstream.operations.search_orders)
        preview = preview_mapping(given.mapping, answer, chosen, criteria=criteria)
    told = _warn(config.mapping, preview.operation, answer)
    failed = description is not None and description.report(config, preview.operation, told)
    explanation = Explanation([], [])
    if answer is not None and (explains or preview.violations):
        rules = config.mapping.of(preview.operation)
        explanation = explain(preview.operation, rules, answer, preview.criteria)
    violations = with_sources(preview.violations, explanation)
    for field, problem in violations:
        subject = f"`{field}`" if field else "the response" if sample is None else sample.name
        click.echo(f"{preview.operation.name}: {subject} {problem}", err=True)
    if explains and as_json:
        click.echo(explanation_json(preview.operation, explanation, violations))
    elif explains:
        click.echo(explanation_text(preview.operation, explanation))
    elif not violations:
        click.echo(preview.body.decode())
    if failed or violations:
        sys.exit(_BROKEN)


def _check_source(
    operation: str | None, sample: BinaryIO | None, question: Question | None, description: Description | None
) -> None:
    answers = (sample is not None) + (question is not None)
    if answers > 1 or (answers == 0 and description is None):
        raise click.UsageError("give SAMPLE, --url, or --openapi")
    if question is not None and operation not in (None, question.operation.name):
        raise click.UsageError("--order is for --operation getOrder, --criterion for searchOrders")


def _warn(mapping: Mapping, operation: Operation | None = None, answer: bytes | None = None) -> set[str]:
    """Tell of amounts that look like minor units; return the rules that take them, by their paths."""
    suspects = dict(minor_units.suspects(mapping))
    if operation is not None and answer is not None:
        suspects |= dict(minor_units.suspects_in(mapping, operation, answer))
    for rule, detail in suspects.items():
        click.echo(f"warning: mapping.{rule} {detail}", err=True)
    return {f"mapping.{rule}" for rule in suspects}


def _read(question: Question, given: Checked) -> "Reading":
    from tenantproxy.cli.live import read_live  # noqa: PLC0415 - most samples are files, which need no client

    try:
        reading = asyncio.run(read_live(question, *given))
    except ConfigError as error:
        refuse(error)
    except Problem as problem:
        reason = f" ({problem.reason})" if problem.reason != problem.code else ""
        click.echo(f"{question.operation.name}: {problem.code}{reason}: {problem.detail}", err=True)
        for field, detail in problem.errors:
            click.echo(f"`{field}` {detail}", err=True)
        sys.exit(_UNREAD)
    if reading.cut_by is not None:
        told = f"`Incomplete-Results: {reading.cut_by}`"
        click.echo(f"warning: {question.operation.name} is incomplete, which clients are told by {told}", err=True)
    return reading
