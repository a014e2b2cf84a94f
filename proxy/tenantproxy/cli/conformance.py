"""The command `tenantproxy conformance`: whether an OMS is ready to go live."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, get_args

import click

from tenantproxy.cli.configuration import refuse
from tenantproxy.cli.numbers import FiniteRange
from tenantproxy.config import ConfigError
from tenantproxy.conformance.check import Check
from tenantproxy.conformance.checks.table import CHECKS, GROUPS
from tenantproxy.conformance.configuration import of_config, of_url
from tenantproxy.conformance.kit import Bounds, Kit
from tenantproxy.conformance.report.model import COMPLETE, INTERRUPTED
from tenantproxy.conformance.samples import Samples, check_samples
from tenantproxy.conformance.session import STDOUT, announce, run_once, write
from tenantproxy.conformance.webhooks import webhook_of
from tenantproxy.credentials.base import Credential, CredentialError
from tenantproxy.credentials.checks import usable_credential
from tenantproxy.credentials.kinds import required_in_words
from tenantproxy.credentials.stores.base import StoreError
from tenantproxy.credentials.stores.environment import read_environment, variable
from tenantproxy.credentials.stores.files import read_keys
from tenantproxy.manifests import Given, of_manifest
from tenantproxy.poslog.sending.authorization import Signed
from tenantproxy.transport.tls import TlsFiles
from tenantproxy.validation import validate_config

_FAILED: Final = 1
_INTERRUPTED: Final = 128 + signal.SIGINT
_PATH: Final = click.Path(path_type=Path)
_TLS: Final = Path("/etc/tenantproxy/tls")
_FILE: Final = click.Path(path_type=Path, dir_okay=False, allow_dash=True)

_EPILOG: Final = """\b
Your OMS, on your own machine, by the documented contract:
  export TENANTPROXY_USERNAME=user TENANTPROXY_PASSWORD=secret
  tenantproxy conformance --url http://127.0.0.1:8080/api \\
    --business-unit store-1 --order CO-1001 --customer 111 --html report.html

\b
By a tenant's manifest, with its mapping:
  tenantproxy conformance --manifest acme.yaml \\
    --business-unit store-1 --order CO-1001 --customer 111

\b
One check again:
  tenantproxy conformance … --only order.unknown
"""


class _Pair(click.ParamType[tuple[str, str]]):
    """A criterion with its value."""

    name = "NAME=VALUE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, equals, text = str(value).partition("=")
        if not (name and equals):
            self.fail(f"{value!r} is not NAME=VALUE", param, ctx)
        return name, text


@click.command("conformance", epilog=_EPILOG)
@click.option(
    "--manifest", type=_PATH, metavar="FILE", help="The tenant's TenantProxy, with its Secret or without."
)
@click.option("--config", "config_path", type=_PATH, metavar="FILE", help="A proxy's configuration: config.json.")
@click.option("--url", metavar="URL", help="Base URL of an OMS that serves the documented contract.")
@click.option("--tenant-id", default="conformance", show_default=True, help="With --url: what Tenant-Id says.")
@click.option("--order", help="Id of an order that the OMS has.")
@click.option("--business-unit", help="Id of the business unit (store) in which it is read.")
@click.option("--customer", help="Id of the order's customer, to search for.")
@click.option("--other-order", help="Id of another order, to see that orders are not mixed up.")
@click.option(
    "--criterion", "criteria", type=_Pair(), multiple=True, help="Further criterion of each search. Repeatable."
)
@click.option(
    "--credentials",
    type=_PATH,
    metavar="DIRECTORY",
    help="The credential: a file per key of the tenant's Secret. Default: one variable per key, such as "
    "TENANTPROXY_USERNAME, TENANTPROXY_PASSWORD or TENANTPROXY_CLIENT_SECRET; else the manifest's Secret.",
)
@click.option(
    "--tls",
    "tls_directory",
    type=_PATH,
    default=_TLS,
    show_default=True,
    metavar="DIRECTORY",
    help="Own CA and client certificate: ca/ca.crt, client/tls.crt and client/tls.key, as for `serve`.",
)
@click.option(
    "--forward-proxy-credentials",
    type=_PATH,
    default=Path("/etc/tenantproxy/forward-proxy"),
    show_default=True,
    metavar="DIRECTORY",
    help="username and password, if the forward proxy needs them, as for `serve`.",
)
@click.option(
    "--group",
    "groups",
    type=click.Choice([group.name for group in GROUPS]),
    multiple=True,
    help="Try only the checks of this group. Repeatable.",
)
@click.option(
    "--only",
    "ids",
    type=click.Choice([check.id for check in CHECKS]),
    multiple=True,
    metavar="ID",
    help="Try only this check, and none that it needs. Repeatable.",
)
@click.option("--list", "lists", is_flag=True, help="Print the checks with their rules, and try nothing.")
@click.option("--no-wrong-logins", is_flag=True, help="Never log in with a wrong password or secret.")
@click.option(
    "--requests", type=click.IntRange(1, 500), default=20, show_default=True, help="How many reads are timed."
)
@click.option(
    "--rate", type=FiniteRange(0.1, 50), default=5.0, show_default=True, help="How many of them per second."
)
@click.option(
    "--parallel", type=click.IntRange(2, 32), default=8, show_default=True, help="How many reads at a time."
)
@click.option(
    "--p95", type=FiniteRange(0.001, 60), default=1.0, show_default=True, help="Seconds; more is a warning."
)
@click.option(
    "--timeout", type=FiniteRange(1, 3600), default=300.0, show_default=True, help="Seconds for all of it."
)
@click.option(
    "--webhook",
    metavar="URL",
    help="Your callback URL for PosLogs: it gets test events, with POSLOG_USERNAME, POSLOG_PASSWORD and "
    "POSLOG_SHARED_KEY from the environment, as by `poslog send`.",
)
@click.option(
    "--webhook-sign",
    type=click.Choice(get_args(Signed)),
    default="data",
    show_default=True,
    help="What X-Hii-Signature is over.",
)
@click.option("--html", type=_FILE, metavar="FILE", help="Write the report as one page that can be mailed.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Write the report as JUnit XML.")
@click.option("--json", type=_FILE, metavar="FILE", help="Write the report as JSON; - for standard output.")
def conformance_command(
    *,
    manifest: Path | None,
    config_path: Path | None,
    url: str | None,
    tenant_id: str,
    order: str | None,
    business_unit: str | None,
    customer: str | None,
    other_order: str | None,
    criteria: Sequence[tuple[str, str]],
    credentials: Path | None,
    tls_directory: Path,
    forward_proxy_credentials: Path,
    groups: Sequence[str],
    ids: Sequence[str],
    lists: bool,
    no_wrong_logins: bool,
    requests: int,
    rate: float,
    parallel: int,
    p95: float,
    timeout: float,
    webhook: str | None,
    webhook_sign: Signed,
    html: Path | None,
    junit: Path | None,
    json: Path | None,
) -> None:
    """Check whether an OMS is ready to go live: it is asked as a proxy asks it, and each answer is held to a rule.

    The report goes to standard output, progress to standard error. Each broken rule comes with the request
    (without secrets), the answer, and what to do. What is requested is bounded, and said before it begins. An
    order that is shown is one of yours: use one of a test customer.

    Exit status: 0 if no check failed (warnings, and checks that could not be tried, are allowed), 1 if one failed,
    the credential was rejected or time was up, 2 for bad input, 130 after Ctrl-C; except for 2 with a report on
    what was tried.
    """
    checks = [check for check in CHECKS if _is_chosen(check, groups, ids)]
    if lists:
        for check in checks:
            click.echo(f"{check.id:<24}{check.rule}")
        return
    files = {"html": html, "junit": junit, "json": json}
    try:
        given = _given(manifest, config_path, url, tenant_id=tenant_id, tls=tls_directory)
        mapping = validate_config(given.config)
        tls = TlsFiles(given.config.upstream.tls, tls_directory)
        tls.check()
        if customer is None and given.config.upstream.operations.search_orders.unsupported:
            customer = ""
        samples = _samples(business_unit, order, customer, other_order, dict(criteria))
        check_samples(samples, given.config)
        credential = _credential(given, credentials)
        callback = None if webhook is None else webhook_of(webhook, webhook_sign, os.environ)
        _check_files(files)
    except ConfigError as error:
        refuse(error)
    parallel = min(parallel, given.config.upstream.max_connections)
    bounds = Bounds(requests, rate, parallel, p95, wrong_logins=not no_wrong_logins)
    kit = Kit(
        given.config,
        mapping,
        credential,
        samples,
        bounds=bounds,
        tls=tls,
        forward_proxy_credentials=forward_proxy_credentials,
        webhook=callback,
    )
    click.echo(announce(kit, checks), err=True)
    report = asyncio.run(run_once(kit, checks, seconds=timeout))
    written = write(report, files)
    if report.ended == INTERRUPTED:
        sys.exit(_INTERRUPTED)
    if report.counts["failed"] or kit.rejection is not None or report.ended != COMPLETE or not written:
        sys.exit(_FAILED)


def _is_chosen(check: Check, groups: Sequence[str], ids: Sequence[str]) -> bool:
    return not (groups or ids) or check.group in groups or check.id in ids


def _given(manifest: Path | None, config: Path | None, url: str | None, *, tenant_id: str, tls: Path) -> Given:
    if sum(way is not None for way in (manifest, config, url)) != 1:
        raise ConfigError("give one of --manifest, --config and --url")
    if manifest is not None:
        return of_manifest(manifest)
    if config is not None:
        return of_config(config)
    if tls != _TLS and not any((tls / file).exists() for file in ("ca/ca.crt", "client/tls.crt")):
        raise ConfigError(
            f"--tls: {tls} has neither ca/ca.crt nor client/tls.crt; put them there, or leave it out"
        )
    return of_url(url or "", tenant_id=tenant_id, tls=tls)


def _samples(
    business_unit: str | None,
    order: str | None,
    customer: str | None,
    other_order: str | None,
    criteria: Mapping[str, str],
) -> Samples:
    if order is None or business_unit is None or customer is None:
        raise ConfigError("--order, --business-unit and --customer are needed: what your OMS has, to be read")
    return Samples(business_unit, order, customer, other_order, criteria)


def _credential(given: Given, directory: Path | None) -> Credential:
    """Return the credential from the first place that has one: the directory, the environment, the manifest."""
    if directory is not None and not directory.is_dir():
        raise ConfigError(f"--credentials: {directory} is no directory; correct the path")
    try:
        keys = read_environment(os.environ) if directory is None else read_keys(directory)
        credential = usable_credential(keys, given.config)
        if credential is None and directory is None:
            credential = usable_credential(given.keys, given.config)
    except (CredentialError, StoreError) as error:
        raise ConfigError(f"the credential can't be used: {error}") from None
    if credential is None:
        names = f"{variable('username')}, {variable('password')}, {variable('clientId')}, …"
        raise ConfigError(
            f"there is no credential; set {names}, or give --credentials DIRECTORY with {required_in_words()}"
        )
    return credential


def _check_files(files: Mapping[str, Path | None]) -> None:
    """Check, before minutes are spent, that reports can be written."""
    for kind, path in files.items():
        if path is not None and path != STDOUT and not path.absolute().parent.is_dir():
            raise ConfigError(f"--{kind}: {path.parent} is no directory; create it")
        if path is not None and [*files.values()].count(path) > 1:
            raise ConfigError(f"--{kind}: another report goes to {path}, too; give each its own file")
