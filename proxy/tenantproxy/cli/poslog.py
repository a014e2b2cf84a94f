"""The commands `tenantproxy poslog …`: the relay of store events, and what helps the developers of a receiver."""

from collections.abc import Mapping
from typing import Final

import click

from tenantproxy.cli.lazy import LazyGroup

_ELSEWHERE: Final = {
    "inspect": ("tenantproxy.cli.poslog_inspect", "inspect"),
    "serve": ("tenantproxy.cli.poslog_serve", "serve"),
    "send": ("tenantproxy.cli.poslog_send", "send"),
}


class _Commands(LazyGroup):
    elsewhere: Mapping[str, tuple[str, str]] = _ELSEWHERE


@click.group(cls=_Commands)
def poslog_command() -> None:
    """Work with store events (PosLogs), as ExternalEvents delivers them."""
