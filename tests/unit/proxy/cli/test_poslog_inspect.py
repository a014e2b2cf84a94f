"""`tenantproxy poslog inspect`, as it is used to find out what tills write."""

import base64
import json
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tenantproxy.cli.main import main
from tenantproxy.poslog.sending import samples
from tenantproxy.poslog.sending.events import poslog_event
from tenantproxy.poslog.sending.events import test_event as webhook_test

NOW = datetime(2026, 11, 30, 11, 15, tzinfo=UTC)


def _sample(name: str) -> bytes:
    return samples.sample(name, order="CO-1", business_unit="store-1", number=7, end=NOW)


def _event(name: str) -> bytes:
    return poslog_event(_sample(name), "zip", event_id="42", now=NOW, business_day="2026-11-29").body


def _inspect(*arguments: str, given: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["poslog", "inspect", *arguments], input=given)


def _told(content: bytes, *arguments: str) -> Any:
    result = _inspect("--json", *arguments, "-", given=content)
    return json.loads(result.stdout)["report"], result.exit_code


def test_what_is_sought_in_vain() -> None:
    """It is said that it is nowhere, also where rules match."""
    for sample in ("sale", "pickup"):
        assert "\nNot found in it: CO-2\n" in _inspect("--find", "CO-2", "-", given=_event(sample)).stdout
        assert "Not found" not in _inspect("-", given=_event(sample)).stdout


def test_what_is_said_of_an_event() -> None:
    """What it is, what matched where, why the others did not, and what the OMS gets."""
    result = _inspect("--find", "CO-1", "-", given=_event("exchange"))
    assert result.exit_code == 0
    line = "/POSLog/Transaction/RetailTransaction/LineItem[{}]/{}/InventoryReservationID"
    pickup = line.format(2, "CustomerOrderForPickup")
    for said in (
        "Standard input is an event (CloudEvent) of the type txr.transactions.v1, id 42, published 2026-11-30T",
        ", business day 2026-11-29, with base64 of a ZIP archive in it; its PosLog has ",
        "Transaction 1: business unit store-1, workstation 3, operator 12, receipt 7, sequence number 7, ended ",
        f"  pickup-completed: MATCHES, order CO-1 (picked-up) at {pickup}\n",
        "  special-order: does not match, as no order id at SpecialOrderNumber: /POSLog/Transaction/RetailTrans",
        "  not asked, as an earlier rule matches there: pickup-returned, pickup-cancelled, ",
        "  not in it: CustomerOrderForDelivery, PreviousCustomerOrder, ",
        f"Found at {line.format(1, 'Return')}: CO-1\n",
        "The relay sends it to the OMS, ",
        "\nPOST https://oms.example.com\n",
        "\nIdempotency-Key: 42\n",
        '\n  "eventId": "42",\n',
        '"amount": 12.45\n',
    ):
        assert said in result.stdout, said


@pytest.mark.parametrize(
    ("content", "said", "status"),
    [
        (_sample("sale"), "  sale: does not match, as no order id at InventoryReservationID or SpecialOrderN", 1),
        (
            _sample("training"),
            "  No order, whatever is in it: the till is in training mode (TrainingModeFlag).\n",
            1,
        ),
        (_sample("void-line"), "  pickup-completed: does not match, as the line was taken back (VoidFlag, ", 1),
        (_sample("suspended"), "as the transaction is not finished (TransactionStatus Suspended): /POSLog/", 1),
        (
            b"<POSLog><A></POSLog>",
            "No rule can match: nothing that they need is in it. Besides, the PosLog",
            1,
        ),
        (webhook_test(event_id="43", now=NOW).body, "It is the event that tries a webhook: the relay ack", 1),
        (
            b"nothing",
            "Standard input is nothing that has a PosLog in it; give an event (CloudEvent, JSON), or ",
            3,
        ),
        (zlib.compress(b"<A/>")[:-2], "malformed-event: `data` is damaged", 3),
        (_event("sale").replace(b"txr.t", b"txr.x"), "unsupported-event-type: an event of the type txr.x", 3),
        (b"{}", "malformed-event: ", 3),
    ],
)
def test_what_is_not_sent(content: bytes, said: str, status: int) -> None:
    """It is said why, and by the exit status."""
    result = _inspect("-", given=content)
    assert said in result.stdout
    assert result.exit_code == status
    assert "Idempotency-Key" not in result.stdout


def test_each_format() -> None:
    """What the OMS gets is the document, the PosLog, or the event."""
    event = _event("pickup")
    told, status = _told(event)
    assert (status, told["outcome"], told["layers"]) == (0, "relevant", ["CloudEvent", "base64", "ZIP"])
    assert json.loads(told["sent"]["body"])["orders"][0]["orderId"] == "CO-1"
    told, _ = _told(event, "--format", "poslog")
    assert told["sent"]["body"].encode() == _sample("pickup")
    assert told["sent"]["headers"]["Content-Type"] == "application/xml"
    told, _ = _told(event, "--format", "cloudevent")
    assert told["sent"]["body"].encode() == event


def test_several_files(tmp_path: Path) -> None:
    """Each is told, and the exit status is that of the worst."""
    for name in ("pickup", "sale"):
        (tmp_path / name).write_bytes(base64.b64encode(_sample(name)))
    files = (str(tmp_path / "sale"), str(tmp_path / "pickup"))
    result = _inspect("--json", *files)
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == [*files]
    assert result.exit_code == 1


def test_a_terminal_is_sent_printable_characters_only() -> None:
    """Whatever is in the file; as JSON it is as it is."""
    sample = _sample("pickup").replace(b"CO-1", "CO\u009b1".encode())
    for content_format in ("json", "poslog"):
        result = _inspect("--format", content_format, "-", given=sample)
        assert "order CO\ufffd1 (picked-up)" in result.stdout
        assert "\u009b" not in result.stdout
    assert json.loads(_told(sample)[0]["sent"]["body"])["orders"][0]["orderId"] == "CO\u009b1"


RELAY: dict[str, Any] = {
    "version": 1,
    "tenant": {"id": "CIR7", "name": "initech"},
    "upstream": {"url": "https://oms.example/api"},
    "poslog": {
        "verification": {"basic": True},
        "delivery": {"path": "/events", "method": "PUT", "headers": {"X-Source": "tills"}, "format": "poslog"},
        "filter": {"rules": [{"name": "own", "element": "LineItem/Sale", "orderId": ["ItemID"], "kind": "paid"}]},
    },
}


def test_a_tenant_s_own_rules(tmp_path: Path) -> None:
    """And where its events go."""
    config = tmp_path / "relay.json"
    config.write_text(json.dumps(RELAY))
    told, status = _told(_event("sale"), "--config", str(config))
    assert status == 0
    [rule] = told["transactions"][0]["rules"]
    assert rule["matched"][0]["orderId"] == "40003"
    assert (told["sent"]["method"], told["sent"]["url"]) == ("PUT", "https://oms.example/api/events")
    assert told["sent"]["headers"].items() >= {"X-Source": "tills", "Tenant-Id": "CIR7"}.items()
    config.write_text(json.dumps(RELAY).replace("LineItem/Sale", "ext:Sale"))
    result = _inspect("--config", str(config), "-", given=b"")
    assert result.exit_code == 2
    assert "`poslog.filter.rules[0].element` is not an element; write its name" in result.stderr
    config.write_text(json.dumps({key: RELAY[key] for key in RELAY if key != "poslog"}))
    result = _inspect("--config", str(config), "-", given=b"")
    assert result.exit_code == 2
    assert "`poslog` is missing; give the configuration of a relay" in result.stderr


MANIFEST = """
apiVersion: proxy.hiiretail.com/v1alpha1
kind: TenantProxy
metadata: {name: initech}
spec:
  tenantId: CIR7nQwtS0rA6t0S6ejd
  upstream: {url: https://oms.initech.example/api}
"""
OWN = """  poslog:
    enabled: false
    verification: {basic: true}
    delivery: {path: /events}
    filter: {rules: [{name: own, element: LineItem/Sale, orderId: [ItemID], kind: paid}]}
"""


def test_a_manifest(tmp_path: Path) -> None:
    """In place of a configuration, before its relay is switched on."""
    manifest = tmp_path / "initech.yaml"
    manifest.write_text(MANIFEST + OWN)
    told, status = _told(_event("sale"), "--manifest", str(manifest))
    assert status == 0
    assert told["sent"]["url"] == "https://oms.initech.example/api/events"
    assert [rule["rule"] for rule in told["transactions"][0]["rules"]] == ["own"]


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        (MANIFEST, (), "`spec.poslog` is missing; add it, or leave --manifest out for the default rules"),
        (MANIFEST + OWN.replace("/Sale", "/ext:Sale"), (), "spec.poslog.filter.rules[0].element"),
        (MANIFEST + OWN, ("--config", "x"), "give one of --config and --manifest"),
    ],
)
def test_a_manifest_that_can_t_be_used(tmp_path: Path, text: str, more: tuple[str, ...], said: str) -> None:
    """Is refused by field."""
    manifest = tmp_path / "initech.yaml"
    manifest.write_text(text)
    result = _inspect("--manifest", str(manifest), *more, "-", given=b"")
    assert result.exit_code == 2
    assert said in result.stderr
