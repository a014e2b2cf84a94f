"""The command `tenantproxy poslog inspect`: what a file is, and what the relay makes of it."""

import sys
from pathlib import Path
from typing import Final, get_args

import click
import msgspec
from msgspec.structs import replace

from tenantproxy.cli.configuration import checked, refuse
from tenantproxy.cli.poslog_report import report_text
from tenantproxy.config import VERSION, ConfigError, ProxyConfig, Tenant, Upstream
from tenantproxy.config_poslog import Format, Poslog, PoslogDelivery, Verification
from tenantproxy.manifests import of_manifest
from tenantproxy.poslog.inspection.recognition import MAX_BYTES
from tenantproxy.poslog.inspection.report import Inspected, Inspector, Report, Sent
from tenantproxy.relay.requests import RequestWriter

NOTHING_SENT: Final = 1
UNREADABLE: Final = 3
_DEFAULT: Final = ProxyConfig(
    version=VERSION,
    tenant=Tenant(id="TENANT_ID", name="example"),
    upstream=Upstream(url="https://oms.example.com"),
    poslog=Poslog(verification=Verification(shared_key=True)),
)
"""Without a tenant's own."""


class _Named(msgspec.Struct, frozen=True):
    """A report of a file."""

    file: str
    report: Report


@click.command("inspect")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="The relay's configuration, for a tenant's own rules. Default: the default rules.",
)
@click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    help="In place of --config: the TenantProxy, with `spec.poslog`; where the operator is installed.",
)
@click.option(
    "--format",
    "content_format",
    type=click.Choice(get_args(Format)),
    help="What the OMS would be sent. Default: as configured, else json.",
)
@click.option("--find", "text", default="", help="Also say where this text is, such as the number of an order.")
@click.option("--json", "as_json", is_flag=True, help="Print an object for each file, a line each.")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
def inspect(
    config_path: Path | None,
    manifest: Path | None,
    content_format: Format | None,
    text: str,
    files: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Say what FILES are (- for standard input), which rules match, and what the OMS would be sent.

    A file is an event (CloudEvent, JSON), or a PosLog: XML, a zlib stream, a ZIP archive, or one of these in
    base64. For each rule that does not match it is said why. No request is made, and no signature looked at.

    Exit status: 0 if the OMS would be sent something of each file; 1 if a file concerns no customer order; 2 for
    an invalid configuration; 3 if a file is something else, or is such that the relay refuses it.

    \b
      tenantproxy poslog inspect pickup.xml
      base64 -d data.txt | tenantproxy poslog inspect --format poslog -
      tenantproxy poslog inspect --find CO-1001 pickup.xml
      tenantproxy poslog inspect --manifest initech.yaml --json events/*.json
    """  # noqa: D301 - \b is click's mark for text that is not to be rewrapped
    config, poslog = _config(config_path, manifest)
    if content_format is not None:
        poslog = replace(poslog, delivery=replace(poslog.delivery, format=content_format))
    inspector = Inspector(poslog)
    status = 0
    for number, path in enumerate(files):
        with click.open_file(path, "rb") as file:
            found = inspector.inspect(file.read(MAX_BYTES + 1), text)
        report = replace(found.report, sent=_sent(found, config, poslog.delivery))
        status = max(status, _status(report))
        if as_json:
            click.echo(msgspec.json.encode(_Named(path, report)))
        else:
            click.echo(("\n" if number else "") + report_text(path, report, text))
    sys.exit(status)


def _config(path: Path | None, manifest: Path | None) -> tuple[ProxyConfig, Poslog]:
    if path is not None and manifest is not None:
        raise click.UsageError("give one of --config and --manifest")
    config = _DEFAULT
    if manifest is not None:
        config = _of_manifest(manifest)
    elif path is not None:
        config = checked(path).config
    if not config.poslog:
        refuse(ConfigError(f"{path}: `poslog` is missing; give the configuration of a relay, not of a proxy"))
    return config, config.poslog


def _of_manifest(path: Path) -> ProxyConfig:
    try:
        relay = of_manifest(path).relay
    except ConfigError as error:
        refuse(error)
    if relay is None:
        fix = "add it, or leave --manifest out for the default rules"
        refuse(ConfigError(f"{path}: `spec.poslog` is missing; {fix}"))
    return relay


def _sent(found: Inspected, config: ProxyConfig, delivery: PoslogDelivery) -> Sent | None:
    if found.relevant is None:
        return None
    outgoing = RequestWriter(config.tenant, delivery).outgoing(found.relevant, found.body)
    body = msgspec.json.format(outgoing.body, indent=2) if delivery.format == "json" else outgoing.body
    return Sent(
        method=delivery.method,
        url=f"{config.upstream.url}{delivery.path}",
        headers=dict(outgoing.headers),
        body=body.decode(errors="replace"),
    )


def _status(report: Report) -> int:
    if report.outcome in ("refused", "unknown"):
        return UNREADABLE
    return 0 if report.outcome == "relevant" else NOTHING_SENT
