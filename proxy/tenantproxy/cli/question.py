"""What `tenantproxy map --url` is to read."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from tenantproxy.cli.configuration import FORWARD_PROXY_OPTION, TLS_OPTION
from tenantproxy.operations import GET_ORDER, SEARCH_ORDERS, Operation

OF_THE_CONFIGURATION: Final = ""


class Question(NamedTuple):
    """What is read, and with what."""

    url: str
    """Empty: that of the configuration."""
    business_unit: str
    order: str | None
    criteria: Mapping[str, str]
    credentials: Path | None
    tls_directory: Path
    forward_proxy_credentials: Path

    @property
    def operation(self) -> Operation:
        """What is asked for."""
        return SEARCH_ORDERS if self.order is None else GET_ORDER


class _Criterion(click.ParamType[tuple[str, str]]):
    """A criterion and its value."""

    name = "NAME=VALUE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, sign, wanted = str(value).partition("=")
        if not sign:
            self.fail(f"{value!r} is not NAME=VALUE", param, ctx)
        return name, wanted


_OPTIONS: Final = (
    click.option(
        "--url",
        is_flag=False,
        flag_value=OF_THE_CONFIGURATION,
        help="Read from the OMS at this base URL, in place of SAMPLE; without a value, that of the configuration.",
    ),
    click.option("--order", metavar="ID", help="With --url: the order to read."),
    click.option("--business-unit", metavar="ID", help="With --url: its business unit."),
    click.option(
        "--criterion",
        "criteria",
        type=_Criterion(),
        multiple=True,
        help="With --url, in place of --order: search for this, such as customerId=C-100. Repeatable.",
    ),
    click.option(
        "--credentials",
        type=click.Path(path_type=Path),
        help="With --url: directory with a file per key of the tenant's Secret. By default the environment has a"
        " variable for each key: TENANTPROXY_USERNAME and TENANTPROXY_PASSWORD, TENANTPROXY_BEARER_TOKEN,"
        " TENANTPROXY_CLIENT_ID and so on.",
    ),
    TLS_OPTION,
    FORWARD_PROXY_OPTION,
)


def live_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a live read; the command gets `question`, None without --url."""

    @functools.wraps(command)
    def collected(
        *,
        url: str | None,
        order: str | None,
        business_unit: str | None,
        criteria: tuple[tuple[str, str], ...],
        credentials: Path | None,
        tls_directory: Path,
        forward_proxy_credentials: Path,
        **others: Any,  # noqa: ANN401 - the command's own
    ) -> None:
        question = None
        if url is not None:
            if (order is None) == (not criteria):
                raise click.UsageError("--url needs --order ID or --criterion NAME=VALUE")
            if business_unit is None:
                raise click.UsageError("--url needs --business-unit ID")
            if len(dict(criteria)) < len(criteria):
                raise click.UsageError("--criterion has a name twice; remove one")
            question = Question(
                url, business_unit, order, dict(criteria), credentials, tls_directory, forward_proxy_credentials
            )
        elif order is not None or criteria or business_unit is not None or credentials is not None:
            raise click.UsageError(
                "--order, --criterion, --business-unit and --credentials are for --url; without it nothing is read"
            )
        command(question=question, **others)

    wrapped: Callable[..., None] = collected
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
