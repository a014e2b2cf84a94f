"""docs/poslog.md and docs/poslog-document.schema.json are what the code says."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml

from hack import poslog_document
from support.proxy.poslogs import parsed
from tenantproxy.config_poslog import PoslogFilter, PoslogRule
from tenantproxy.poslog.rules.compile import MAX_LINES, MAX_ORDERS, Filter
from tenantproxy.poslog.rules.defaults import DEFAULT_RULES
from tenantproxy.poslog.rules.document import Document, Link, Order, OrderLine, Transaction, document
from tenantproxy.poslog.sending import samples

PAGE: Final = (Path(__file__).parents[3] / "docs" / "poslog.md").read_text()
IDS: Final = {
    "Id": ["InventoryReservationID", "SpecialOrderNumber"],
    "the transaction's": ["/RetailTransaction/SpecialOrderNumber"],
    "`SpecialOrderNumber`": ["SpecialOrderNumber"],
}


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_schema_is_generated() -> None:
    """`make crd` writes it."""
    assert poslog_document.PATH.read_text() == poslog_document.text()


def test_the_table_of_default_rules() -> None:
    """Has all of them, in their order."""
    table = PAGE.partition("### Default rules")[2].partition("###")[0]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| `")
    ]
    assert [_row(rule) for rule in DEFAULT_RULES] == [
        [name, element, where, [path for each in ids.split(", else ") for path in IDS[each]], kind]
        for name, element, where, ids, kind in rows
    ]


def _row(rule: PoslogRule) -> list[Any]:
    where = [
        f"`{name}`: {', '.join(f'`{value}`' for value in values)}" for name, values in rule.attributes.items()
    ]
    return [f"`{rule.name}`", f"`{rule.element}`", "".join(where), [*rule.order_id], f"`{rule.kind}`"]


def test_the_filter_of_the_page_can_be_used() -> None:
    """With its words."""
    [block] = _blocks("yaml")
    given = yaml.load(block, yaml.CSafeLoader)["spec"]["poslog"]["filter"]
    compiled = Filter(msgspec.convert(given, PoslogFilter))
    sale = '<Sale><Property TypeCode="Ext:CustomerOrderId">CO-1001</Property></Sale>'
    [entry] = compiled.entries(parsed(f"<RetailTransaction><LineItem>{sale}</LineItem></RetailTransaction>"))
    assert (entry.order_id, entry.rule, entry.kind) == ("CO-1001", "other", "other")


@pytest.mark.parametrize("model", [PoslogFilter, PoslogRule, Document, Order, Transaction, OrderLine, Link])
def test_each_field_is_on_the_page(model: type[msgspec.Struct]) -> None:
    """Under its name."""
    missing = [each.encode_name for each in msgspec.structs.fields(model) if f"`{each.encode_name}`" not in PAGE]
    assert missing == []


def test_the_document_of_the_page() -> None:
    """Is that of the sample."""
    [block] = _blocks("json")
    end = datetime(2026, 11, 30, 11, 15, tzinfo=UTC)
    xml = samples.sample("pickup", order="CO-1001", business_unit="store-1", number=7, end=end)
    made = document(
        Filter(PoslogFilter()).entries(parsed(xml)),
        event_id="4050752561927993",
        event_time=end.replace(second=7),
        business_day=end.date(),
    )
    assert _exact(block) == _exact(made)


def _exact(text: str | bytes) -> Any:
    """Return it with numbers as they are written."""
    return json.loads(text, parse_float=str)


def test_the_bounds() -> None:
    """As the page says."""
    assert f"more than {MAX_ORDERS} orders, or {MAX_LINES:,} lines" in PAGE
