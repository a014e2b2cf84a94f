"""What `local` reports: with `--json` an event per line on stdout, else messages and a table.

On a terminal the table is renewed below the messages; else messages go to stderr, and a first table to stdout.

The events, with their fields beside `event`; `api` and `admin` are URLs, tenants are named by `tenant`
(metadata.name) and `namespace`:

- `ready` {tenant, namespace, api, admin, problem?}: its proxy serves; again after a proxy that exited was
  restarted. `problem`: why no read can succeed all the same; without it once more, when one can.
- `reloaded` {tenant, namespace, api, admin, problem?}: a changed manifest is in effect, at the same ports.
- `rejected` {tenant, namespace, status}: the proxy with the changed manifest did not become ready and exited with
  `status` (negative: a signal); the one with the last valid configuration keeps running.
- `credentials` {tenant, namespace}: the Secret manifest was written to the store; in effect within a second.
- `certificates` {tenant, namespace}: the CA or client certificate of a Secret manifest was written to the
  state directory; in effect within two seconds.
- `exited` {tenant, namespace, status, retryInSeconds}: a proxy exited, or did not become ready, and will be
  restarted.
- `relay-ready`, `relay-reloaded` {tenant, namespace, events, admin}, `relay-rejected` {tenant, namespace, status},
  `relay-exited` {tenant, namespace, status, retryInSeconds}, `relay-failed` {tenant, namespace, message}: the same
  of a tenant's PosLog relay; `events`, where it takes events, is in `ready` and `reloaded` of such a tenant, too.
- `removed` {tenant, namespace}: its manifest is gone, its proxy is stopped.
- `invalid` {problems}: manifests are invalid; the last valid ones stay in use. At start: nothing runs.
- `valid` {}: after `invalid`: all manifests are valid again.
- `warning` {message}: manifests that are valid by themselves, but share a tenant's id or a Secret; an amount that
  looks like minor units, and is taken as it is; an annotation for debug lines that can't be used; keys that a
  relay lacks.
- `failed` {tenant, namespace, message}: a tenant can't be run for a reason outside its manifest, such as a full
  disk; without a time in the message it is retried with the next change of a manifest.
- `stopped` {}: everything has been stopped; the last event.
"""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any, Final, Literal

import click

from tenantproxy_operator.fleet.screen import Screen
from tenantproxy_operator.fleet.table import Row, lines, printable

Event = Literal[
    "ready",
    "reloaded",
    "rejected",
    "credentials",
    "certificates",
    "exited",
    "relay-ready",
    "relay-reloaded",
    "relay-rejected",
    "relay-exited",
    "relay-failed",
    "removed",
    "invalid",
    "valid",
    "warning",
    "failed",
    "stopped",
]

_FEWEST_LINES: Final = 6
_PROBLEM: Final = "{message}, but no read can succeed yet: {problem}"

_MESSAGES: Final[dict[Event, str]] = {
    "ready": "{namespace}/{tenant}: ready at {api}",
    "reloaded": "{namespace}/{tenant}: the changed manifest is in effect",
    "rejected": "{namespace}/{tenant}: no proxy starts with the changed manifest; the last valid one stays in use",
    "credentials": "{namespace}/{tenant}: credential updated from the Secret manifest",
    "certificates": "{namespace}/{tenant}: TLS certificates updated from the Secret manifests",
    "exited": "{namespace}/{tenant}: the proxy exited (status {status}); restarting in {retryInSeconds} s",
    "relay-ready": "{namespace}/{tenant}: its relay takes events at {events}",
    "relay-reloaded": "{namespace}/{tenant}: the changed manifest is in effect at its relay",
    "relay-rejected": "{namespace}/{tenant}: no relay starts with the changed manifest; the last valid one stays",
    "relay-exited": "{namespace}/{tenant}: the relay exited (status {status}); restarting in {retryInSeconds} s",
    "relay-failed": "{namespace}/{tenant}: its relay: {message}",
    "removed": "{namespace}/{tenant}: stopped; its manifest is gone",
    "valid": "all manifests are valid again",
    "warning": "warning: {message}",
    "failed": "{namespace}/{tenant}: {message}",
    "stopped": "stopped",
}


class Reporter:
    """Report to a script (`as_json`) or to a person, who may have a `screen`."""

    def __init__(self, *, as_json: bool, screen: Screen | None = None) -> None:
        self._as_json = as_json
        self._screen = screen

    @property
    def for_people(self) -> bool:
        """Whether tables and hints are wanted: a script has the events."""
        return not self._as_json

    @property
    def renews(self) -> bool:
        """Whether a table is shown in place of the last one."""
        return self._screen is not None

    def emit(self, event: Event, **fields: Any) -> None:  # noqa: ANN401 - JSON values
        """Report one event; `fields` are those that the module's docstring lists."""
        if event == "invalid":
            for problem in fields["problems"]:
                self._tell(f"error: {problem}")
        elif not self._as_json:
            message = _MESSAGES[event].format(**fields)
            if "problem" in fields:
                message = _PROBLEM.format(message=message.replace(": ready at", ": serves at"), **fields)
            self._tell(message)
        if self._as_json:
            _print(json.dumps({"event": event, **fields}))

    def say(self, text: str) -> None:
        """Print what is no event, to a person."""
        if self._screen is not None:
            self._screen.say(text)
        else:
            _print(text)

    def show(self, rows: Sequence[Row]) -> None:
        """Show the table of tenants to a person."""
        if self._screen is not None:
            # The messages above it are worth the other half.
            self._screen.show(lambda width, height: lines(rows, width, max(_FEWEST_LINES, height // 2)))
        else:
            _print("\n".join(line.text for line in lines(rows)))

    def _tell(self, message: str) -> None:
        if self._screen is not None:
            self._screen.say(printable(message))
        else:
            click.echo(message, err=True)


def _print(text: str) -> None:
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads any more. The proxies keep running; Python must not fail because of it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
