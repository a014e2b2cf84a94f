"""A relay passes what the kit asks of a receiver of store events."""

from pathlib import Path
from typing import get_args

import pytest

from support.conformance.runs import basic, kit_for, mock_oms, run_all, with_status
from support.proxy.relaying import LOGIN, SHARED_KEY, relay_config, running_relay
from tenantproxy.conformance.checks.table import CHECKS
from tenantproxy.conformance.webhooks import Webhook
from tenantproxy.devtools.oms import API_PATH
from tenantproxy.poslog.sending.authorization import Signed

OF_WEBHOOKS = {check.id for check in CHECKS if check.id.startswith("poslog.")}


@pytest.mark.parametrize("signed", get_args(Signed))
async def test_a_relay_passes(tmp_path: Path, signed: Signed) -> None:
    """Whatever ExternalEvents signs: no check of its webhook fails, and none is left out."""
    async with mock_oms() as url, running_relay(relay_config(url), tmp_path) as relay:
        receiver = f"http://127.0.0.1:{relay.port}/events"
        webhook = Webhook(receiver, LOGIN["poslogUsername"], LOGIN["poslogPassword"], SHARED_KEY, signed)
        kit = kit_for(url + API_PATH, basic(), webhook=webhook)
        report = await run_all(kit, only=OF_WEBHOOKS)
    assert with_status(report, "passed") == OF_WEBHOOKS
    assert len(OF_WEBHOOKS) >= 4


async def test_a_relay_without_keys_does_not(tmp_path: Path) -> None:
    """While its keys are missing nothing is taken, and the kit says so."""
    async with mock_oms() as url, running_relay(relay_config(url), tmp_path, secrets=None) as relay:
        webhook = Webhook(f"http://127.0.0.1:{relay.port}/events", "hii", "not-a-secret", SHARED_KEY)
        report = await run_all(kit_for(url + API_PATH, basic(), webhook=webhook), only=OF_WEBHOOKS)
    assert with_status(report, "failed") == {"poslog.test-event"}
    assert with_status(report, "passed") == set()
