"""What `local` reports: with `--json` an event per line on stdout, else messages on stderr and a table on stdout.

The events, with their fields beside `event`; `api` and `admin` are URLs, tenants are named by `tenant`
(metadata.name) and `namespace`:

- `ready` {tenant, namespace, api, admin}: its proxy serves; again after a proxy that exited was restarted.
- `reloaded` {tenant, namespace, api, admin}: a changed manifest is in effect, at the same ports.
- `rejected` {tenant, namespace, status}: the proxy with the changed manifest did not become ready and exited with
  `status` (negative: a signal); the one with the last valid configuration keeps running.
- `credentials` {tenant, namespace}: the Secret manifest was written to the store; in effect within a second.
- `certificates` {tenant, namespace}: the CA or client certificate of a Secret manifest was written to the
  state directory; in effect within two seconds.
- `exited` {tenant, namespace, status, retryInSeconds}: a proxy exited, or did not become ready, and will be
  restarted.
- `removed` {tenant, namespace}: its manifest is gone, its proxy is stopped.
- `invalid` {problems}: manifests are invalid; the last valid ones stay in use. At start: nothing runs.
- `valid` {}: after `invalid`: all manifests are valid again.
- `warning` {message}: manifests that are valid by themselves, but share a tenant's id or a Secret; an amount that
  looks like minor units, and is taken as it is; an annotation for debug lines that can't be used.
- `failed` {tenant, namespace, message}: a tenant can't be run for a reason outside its manifest, such as a full
  disk; without a time in the message it is retried with the next change of a manifest.
- `stopped` {}: everything has been stopped; the last event.
"""

import json
import os
import sys
from collections.abc import Iterable
from typing import Any, Final, Literal

import click

Event = Literal[
    "ready",
    "reloaded",
    "rejected",
    "credentials",
    "certificates",
    "exited",
    "removed",
    "invalid",
    "valid",
    "warning",
    "failed",
    "stopped",
]

_MESSAGES: Final[dict[Event, str]] = {
    "ready": "{namespace}/{tenant}: ready at {api}",
    "reloaded": "{namespace}/{tenant}: the changed manifest is in effect",
    "rejected": "{namespace}/{tenant}: no proxy starts with the changed manifest; the last valid one stays in use",
    "credentials": "{namespace}/{tenant}: credential updated from the Secret manifest",
    "certificates": "{namespace}/{tenant}: TLS certificates updated from the Secret manifests",
    "exited": "{namespace}/{tenant}: the proxy exited (status {status}); restarting in {retryInSeconds} s",
    "removed": "{namespace}/{tenant}: stopped; its manifest is gone",
    "valid": "all manifests are valid again",
    "warning": "warning: {message}",
    "failed": "{namespace}/{tenant}: {message}",
    "stopped": "stopped",
}


class Reporter:
    """Report to a script (`as_json`) or to a person."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def emit(self, event: Event, **fields: Any) -> None:  # noqa: ANN401 - JSON values
        """Report one event; `fields` are those that the module's docstring lists."""
        if event == "invalid":
            for problem in fields["problems"]:
                click.echo(f"error: {problem}", err=True)
        elif not self._as_json:
            click.echo(_MESSAGES[event].format(**fields), err=True)
        if self._as_json:
            _print(json.dumps({"event": event, **fields}))

    def table(self, rows: Iterable[tuple[str, ...]]) -> None:
        """Show a table of tenants to a person; a script has the events."""
        if not self._as_json:
            _print(format_table([("TENANT", "NAMESPACE", "API", "ADMIN", "STATUS"), *rows]))


def format_table(rows: list[tuple[str, ...]]) -> str:
    """Return `rows` in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _print(text: str) -> None:
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads any more. The proxies keep running; Python must not fail because of it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
