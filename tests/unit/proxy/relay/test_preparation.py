"""An event on its way from a body to a request: what is done on the event loop, and what is not."""

from pathlib import Path
from typing import Final

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from support.proxy.relaying import NOW, event_of, signed
from tenantproxy.config import Tenant
from tenantproxy.config_poslog import Poslog, Verification
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy.poslog.sending.events import poslog_event
from tenantproxy.poslog.sending.samples import sample
from tenantproxy.problems import Problem
from tenantproxy.relay.preparation import LIGHT_BYTES, Preparation
from tenantproxy.relay.requests import Outgoing
from tenantproxy.relay.secrets import SHARED_KEY, SecretFiles
from tenantproxy.relay.verification import Verifier
from tenantproxy.transport.egress import Policy

CONFIG: Final = Poslog(Verification(shared_key=True))
PICKUP: Final = event_of("pickup")


async def preparation(folder: Path) -> Preparation:
    write_keys(folder, {SHARED_KEY: "key"})
    files = SecretFiles(folder, frozenset({SHARED_KEY}))
    await files.load()
    return Preparation(Tenant("T-1", "acme"), CONFIG, Verifier(CONFIG.verification, files, policy=Policy()), files)


def headers(body: bytes) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(signed(body, "key")))


async def test_a_small_event_is_prepared_at_once(tmp_path: Path) -> None:
    """As it would be in a thread."""
    found = await preparation(tmp_path)
    given = headers(PICKUP.body), PICKUP.body
    prepared = found.at_once(*given)
    assert prepared == found.prepared(*given)
    assert prepared is not None
    assert isinstance(prepared.what, Outgoing)
    assert (prepared.signed_over, prepared.what.orders) == ("body", 1)


async def test_a_large_body_is_not_even_verified_on_the_event_loop(tmp_path: Path) -> None:
    """That takes time by its size, whoever sent it."""
    found = await preparation(tmp_path)
    body = b" " * (LIGHT_BYTES + 1)
    wrong = headers(b"another")
    assert found.at_once(wrong, body) is None
    with pytest.raises(Problem, match="event-unauthorized"):
        found.prepared(wrong, body)


async def test_a_small_body_may_have_a_large_poslog(tmp_path: Path) -> None:
    """It is left to a thread, too."""
    found = await preparation(tmp_path)
    poslog = sample("pickup", order="CO-1", business_unit="store-1", number=1, end=NOW)
    padded = poslog.replace(b"</POSLog>", b"<!--" + b"a " * 70_000 + b"--></POSLog>")
    event = poslog_event(padded, "zlib", event_id="1", now=NOW, business_day="2026-11-30")
    assert len(event.body) < LIGHT_BYTES
    given = headers(event.body), event.body
    assert found.at_once(*given) is None
    assert isinstance(found.prepared(*given).what, Outgoing)
