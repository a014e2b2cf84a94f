"""The command `tenantproxy mock-oms`; a development tool, never in production."""

from collections.abc import Sequence
from typing import Any

import click
import msgspec

from tenantproxy.devtools.faults import Faults, checked
from tenantproxy.devtools.oms import API_PATH, TOKEN_PATH, Settings, create_app
from tenantproxy.devtools.quirks import QUIRKS
from tenantproxy.devtools.running import run

_EPILOG = f"""\b
Example: an OMS with a slow and unreliable API and a token lifetime of 5 seconds:
  tenantproxy mock-oms --basic user:password --client id:secret \\
    --latency 0.2 --error-rate 0.1 --token-lifetime 5

\b
Read an order from it:
  curl -u user:password -H 'Tenant-Id: T1' \\
    http://127.0.0.1:8691{API_PATH}/business-units/store-1/customer-orders/CO-1001

\b
Every fault can be changed while it runs. Names are in camelCase; faults that are left out
return to the options' values, so {{}} resets all. GET shows the faults and the counters:
  curl -X PUT http://127.0.0.1:8691/_control -d '{{"errorRate": 0.5, "latency": 0.2}}'
  curl http://127.0.0.1:8691/_control
  curl -X DELETE http://127.0.0.1:8691/_control/tokens     (revokes every token)
  curl http://127.0.0.1:8691/_control/events               (store events: POST /api/v1/store-events)
"""


@click.command("mock-oms", epilog=_EPILOG)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8691, show_default=True, help="Port to listen on; 0 picks a free one.")
@click.option("--orders", default=300, show_default=True, help="How many orders to generate, from CO-1001 on.")
@click.option("--seed", default=1, show_default=True, help="The same seed generates the same orders.")
@click.option(
    "--basic",
    multiple=True,
    metavar="USER:PASSWORD",
    default=["acme:not-a-secret-acme"],
    show_default=True,
    envvar="MOCK_OMS_BASIC",
    help="Accept this user; repeatable. Or $MOCK_OMS_BASIC, separated by spaces.",
)
@click.option(
    "--client",
    multiple=True,
    metavar="ID:SECRET",
    default=["globex:not-a-secret-globex"],
    show_default=True,
    envvar="MOCK_OMS_CLIENTS",
    help="Issue tokens to this OAuth2 client; repeatable. Or $MOCK_OMS_CLIENTS.",
)
@click.option("--bearer", multiple=True, metavar="TOKEN", help="Accept this fixed bearer token; repeatable.")
@click.option(
    "--api-key",
    multiple=True,
    metavar="NAME:VALUE",
    help="Accept requests with this header; a second one has to be there, too.",
)
@click.option("--latency", default=0.0, help="FAULT: wait this many seconds before each response.")
@click.option("--latency-jitter", default=0.0, help="FAULT: wait up to this many additional seconds.")
@click.option("--error-rate", default=0.0, help="FAULT: share of reads that fail, 0 to 1.")
@click.option("--error-status", default=503, show_default=True, help="FAULT: the status of those failures.")
@click.option("--reject-credentials", is_flag=True, help="FAULT: reject every user, client and token.")
@click.option(
    "--token-lifetime",
    default=3600,
    show_default=True,
    help="FAULT: token lifetime in seconds; 0: until revoked, and without expires_in.",
)
@click.option("--token-status", type=int, help="FAULT: the token endpoint fails with this status.")
@click.option("--token-latency", default=0.0, help="FAULT: wait this many seconds before each token response.")
@click.option(
    "--client-auth",
    type=click.Choice(["any", "basic", "post", "basic_unencoded", "json"]),
    default="any",
    show_default=True,
    help="FAULT: accept only this client authentication method.",
)
@click.option("--revoke-on-issue", is_flag=True, help="FAULT: a new token revokes the client's earlier ones.")
@click.option("--fails-after", type=int, help="FAULT: so many reads are answered, all later ones fail.")
@click.option(
    "--quirk",
    "quirks",
    type=click.Choice(QUIRKS),
    multiple=True,
    metavar="NAME",
    help=f"FAULT: make this mistake each time. Repeatable: {', '.join(QUIRKS)}.",
)
def mock_oms_command(
    *,
    host: str,
    port: int,
    orders: int,
    seed: int,
    basic: Sequence[str],
    client: Sequence[str],
    bearer: Sequence[str],
    api_key: Sequence[str],
    **faults: Any,  # noqa: ANN401
) -> None:
    """Run a mock of a tenant's OMS: customer orders behind a credential of any type. Never in production.

    It implements the documented contract under /api/v1 and has its own token endpoint. A development
    tool: its credentials are fake and may be given on the command line; the defaults are those of examples/.
    """
    try:
        misbehaviour = checked(Faults(**faults | {"quirks": frozenset(faults["quirks"])}))
    except msgspec.ValidationError as error:
        raise click.UsageError(f"a fault is out of bounds: {error}") from None
    settings = Settings(
        orders=orders,
        seed=seed,
        basic=_pairs(basic, "--basic"),
        clients=_pairs(client, "--client"),
        bearer=tuple(bearer),
        api_keys=_pairs(api_key, "--api-key"),
        faults=misbehaviour,
    )
    banner = f"mock OMS on {{base}}{API_PATH} (token endpoint {{base}}{TOKEN_PATH})"
    run(lambda _base: create_app(settings), host=host, port=port, banner=banner)


def _pairs(values: Sequence[str], option: str) -> dict[str, str]:
    pairs = {}
    for value in values:
        name, colon, secret = value.partition(":")
        if not (name and colon):
            raise click.BadParameter("must be two parts separated by a colon", param_hint=option)
        pairs[name] = secret
    return pairs


if __name__ == "__main__":
    mock_oms_command()
