"""`tenantproxy poslog send`, which plays ExternalEvents, and a relay understand each other, in whatever way."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest
from joserfc.jwk import RSAKey

from support.commands import run
from support.externalevents.oms import PATH, EventsOms, events_oms
from support.proxy.relaying import LOGIN, SHARED_KEY, relay_config, running_relay
from support.proxy.running import BASIC
from tenantproxy.poslog.sending import samples
from tenantproxy.poslog.sending.authorization import Signed
from tenantproxy.poslog.sending.events import Compression

BY_PASSWORD = {"POSLOG_USERNAME": LOGIN["poslogUsername"], "POSLOG_PASSWORD": LOGIN["poslogPassword"]}
DELIVERY = {"path": PATH}


async def _send(port: int, environ: Mapping[str, str], *options: str | Path) -> tuple[int, str]:
    url = f"http://127.0.0.1:{port}/events"
    command = ("tenantproxy", "poslog", "send", "--url", url, "--test", "--speed", "3600", *options)
    status, out, err = await run(*command, environ=environ)
    return status, out + err


def _taken(oms: EventsOms) -> list[set[str]]:
    return [{*arrival.orders} for arrival in oms.arrivals if arrival.is_taken]


@pytest.mark.parametrize(("signed", "compression"), [*product(get_args(Signed), get_args(Compression))])
async def test_each_sample(tmp_path: Path, signed: Signed, compression: Compression) -> None:
    """The OMS gets those that are about an order, and no other one."""
    names = [option for name in samples.NAMES for option in ("--sample", name)]
    async with (
        events_oms(BASIC["username"], BASIC["password"]) as oms,
        running_relay(relay_config(oms.url, delivery=DELIVERY), tmp_path) as relay,
    ):
        environ = {**BY_PASSWORD, "POSLOG_SHARED_KEY": SHARED_KEY}
        status, said = await _send(relay.port, environ, "--sign", signed, "--compression", compression, *names)
    assert status == 0, said
    about = {"CO-1001"}
    expected = [about | {"CO-1001-2"} if name == "several-orders" else about for name in samples.ABOUT_AN_ORDER]
    assert _taken(oms) == expected


async def test_by_a_token(tmp_path: Path) -> None:
    """As Google signs them, by a key that the relay is given; one for another audience is refused."""
    keys = tmp_path / "jwks.json"
    id_token: dict[str, Any] = {"audience": "my-webhook", "jwksFile": str(keys)}
    verification = {"idToken": id_token}
    private = tmp_path / "key.pem"
    private.write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
    async with events_oms(BASIC["username"], BASIC["password"]) as oms:
        options = ("--key", private, "--jwks", keys, "--sample", "pickup")
        await _send(9, {}, "--id-token", "nobody", *options)  # writes the public key; nobody listens
        config = relay_config(oms.url, delivery=DELIVERY, verification=verification)
        async with running_relay(config, tmp_path) as relay:
            refused, said = await _send(relay.port, {}, "--id-token", "another-webhook", *options)
            assert (refused, said.count(": 401")) == (1, 12), said
            status, said = await _send(relay.port, {}, "--id-token", "my-webhook", *options)
    assert status == 0, said
    assert _taken(oms) == [{"CO-1001"}]
