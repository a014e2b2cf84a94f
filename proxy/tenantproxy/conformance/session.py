"""One run for a person: what it will do is said, progress is shown, an interrupt ends it, reports are written."""

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from tenantproxy.conformance.check import Check
from tenantproxy.conformance.kit import Kit
from tenantproxy.conformance.report.html import to_html
from tenantproxy.conformance.report.junit import to_junit
from tenantproxy.conformance.report.model import INTERRUPTED, Report, Result, to_json
from tenantproxy.conformance.report.terminal import to_text
from tenantproxy.conformance.runner import run
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.oauth2.credential import OAuth2

STDOUT: Final = Path("-")
MAKERS: Final[Mapping[str, Callable[[Report], bytes]]] = {"html": to_html, "json": to_json, "junit": to_junit}
"""What makes each kind of file."""
_OTHERS: Final = ("poslog", "tls")
"""Groups that send nothing with the credential."""


def announce(kit: Kit, checks: Sequence[Check]) -> str:
    """Return what a run will ask for at most, and how many wrong logins of which account there may be."""
    bounds = kit.bounds
    count = sum(check.requests(bounds) for check in checks)
    config = kit.config
    operations = config.upstream.operations
    pages = operations.search_orders.pages
    calls = max(len(operations.get_order.ids), 1 if pages is None else pages.max, 1)
    each = f", each of up to {calls} calls," if calls > 1 else ","
    said = (
        f"{len(checks)} checks of {config.upstream.url} as tenant {config.tenant.id}, with a credential of the "
        f"type {kit.credential.type}: at most {count} requests{each} {bounds.parallel} at a time."
    )
    if any(check.requests(bounds) and check.group not in _OTHERS for check in checks):
        said += f"\n{_wrong_logins(kit, checks)}"
    return said


def _wrong_logins(kit: Kit, checks: Sequence[Check]) -> str:
    """Return how many there are at most, of whom, and why."""
    is_auto = isinstance(kit.credential, OAuth2) and kit.credential.client_auth == "auto"
    wrong = [check.id for check in checks if check.wrong_logins and _applies(check, kit)]
    meant = wrong and kit.bounds.wrong_logins
    match kit.credential:
        case Basic(username=name):
            of, secret = f" of the user {kit.mask.text(name)}", "a wrong password"
        case OAuth2(client_id=name):
            of, secret = f" of the client {kit.mask.text(name)}", "a wrong secret"
        case _:
            of, secret = "", "a wrong token or key, which is nobody's"
    most = "two wrong logins" if meant or is_auto else "one wrong login"
    both = " (sent in both styles, as clientAuth is auto)" if is_auto else ""
    said = f"At most {most}{of}: if the given credential is rejected{both}, nothing more is asked with it"
    if meant:
        checks_of_it = ", ".join(wrong)
        said += (
            f"; if it is accepted, one login is with {secret} ({checks_of_it}); --no-wrong-logins leaves it out"
        )
    return f"{said}."


def _applies(check: Check, kit: Kit) -> bool:
    return check.group == "token" if kit.tokens is not None else check.group != "token"


async def run_once(kit: Kit, checks: Sequence[Check], *, seconds: float) -> Report:
    """Try the checks; SIGINT and SIGTERM end the run, and leave a report on what was tried."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[str] = loop.create_future()

    def interrupt() -> None:
        if not stopped.done():
            stopped.set_result(INTERRUPTED)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)

    by_halves = sys.stderr.isatty()  # a pod's log has lines of both streams: half a one would be in another

    def progress(number: int, check: Check, result: Result | None) -> None:
        begun = f"[{number + 1:>2}/{len(checks)}] {check.id:<24}"
        if result is not None:
            click.echo(result.status if by_halves else begun + result.status, err=True)
        elif by_halves:
            click.echo(begun, nl=False, err=True)

    async with kit:
        return await run(kit, checks, seconds=seconds, stopped=stopped, progress=progress)


def write(report: Report, files: Mapping[str, Path | None]) -> bool:
    """Write a report to standard output, and to files by their kind; return whether all could be written."""
    written = True
    wanted = {kind: path for kind, path in files.items() if path is not None}
    if STDOUT not in wanted.values():
        click.echo(to_text(report), nl=False)
    for kind, path in wanted.items():
        made = MAKERS[kind](report)
        if path == STDOUT:
            click.echo(made, nl=False)
            continue
        try:
            path.write_bytes(made)
        except OSError as error:
            click.echo(f"tenantproxy: --{kind}: {path} can't be written: {error.strerror}", err=True)
            written = False
    return written
