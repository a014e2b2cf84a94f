"""docs/troubleshooting.md covers every reason and code and what to do; the filter in docs/oms.md works."""

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any, Final

import pytest

from tenantproxy.problems import PROBLEM_TYPES
from tenantproxy_operator.api.reasons import Reason

DOCS: Final = Path(__file__).parents[3] / "docs"
PAGE: Final = (DOCS / "troubleshooting.md").read_text()
REASONS: Final = sorted(value for name, value in vars(Reason).items() if name.isupper())
COMMAND: Final = re.compile(r"`[^`]+`")
"""A command, a field, a header or a metric."""


def rows(page: str, *, name: int) -> dict[str, list[str]]:
    """Return a page's rows by what stands in column `name`."""
    lines = (line for line in (DOCS / page).read_text().splitlines() if line.startswith("| "))
    table = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {row[name].strip("`"): row for row in table}


def words(text: str) -> set[str]:
    """Return what stands in backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_has_a_symptom(reason: str) -> None:
    """Whoever sees a reason finds it on the page."""
    assert reason in words(PAGE)


@pytest.mark.parametrize("code", sorted(PROBLEM_TYPES))
def test_each_code_has_a_symptom(code: str) -> None:
    """Whoever gets a code finds it on the page."""
    assert code in words(PAGE)


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_says_concretely_what_to_do(reason: str) -> None:
    """By a command or a field, or that there is nothing to do."""
    what_to_do = rows("conditions.md", name=0)[reason][3]
    assert what_to_do == "nothing" or COMMAND.search(what_to_do), what_to_do


@pytest.mark.parametrize("code", sorted(PROBLEM_TYPES))
def test_each_code_says_concretely_what_to_do(code: str) -> None:
    """By a command, a field, a header or a metric."""
    what_to_do = rows("errors.md", name=1)[code][4]
    assert COMMAND.search(what_to_do), what_to_do


def test_metrics_exist() -> None:
    """Each metric that the page names is on the metrics' page, which is held equal to the code."""
    named = set(re.findall(r"`(tenantproxy_\w+)", PAGE))
    assert len(named) > 10
    assert named <= set(re.findall(r"^\| `(\w+)`", (DOCS / "metrics.md").read_text(), re.MULTILINE))


def order_elements(body: bytes) -> list[Any]:
    """Return what the filter in docs/oms.md returns."""
    (code,) = re.findall(r"^```python\n(.*?)^```", (DOCS / "oms.md").read_text(), re.MULTILINE | re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(code, namespace)  # noqa: S102 - our own page
    found: list[Any] = namespace["order_elements"](body)
    return found


def event(data: bytes, *, kind: str = "txr.transactions.v1") -> bytes:
    """Return an event of ExternalEvents."""
    return json.dumps({"id": "1", "type": kind, "data": base64.b64encode(data).decode()}).encode()


def poslog(line: str) -> bytes:
    """Return a PosLog with one line, as it is delivered."""
    transaction = f"<Transaction><RetailTransaction>{line}</RetailTransaction></Transaction>"
    document = f'<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/">{transaction}</POSLog>'
    return zlib.compress(document.encode())


def test_filter_of_events_keeps_orders() -> None:
    """What may be about an order is kept, with its attributes."""
    (kept,) = order_elements(
        event(poslog('<LineItem><CustomerOrderForPickup OrderStatus="Completed"/></LineItem>'))
    )
    assert kept.attrib == {"OrderStatus": "Completed"}


def test_filter_of_events_drops_the_rest() -> None:
    """A sale, and a test event, are not kept."""
    assert order_elements(event(poslog("<LineItem><Sale/></LineItem>"))) == []
    assert order_elements(event(b"{}", kind="exe.events.v1")) == []


@pytest.mark.parametrize("data", [poslog("")[:-4], zlib.compress(b" " * (17 * 1024 * 1024))], ids=["cut", "bomb"])
def test_filter_of_events_is_bounded(data: bytes) -> None:
    """What is cut off or unpacks to too much is refused."""
    with pytest.raises(ValueError, match="cut off"):
        order_elements(event(data))
