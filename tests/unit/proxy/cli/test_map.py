"""The command `tenantproxy map`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tenantproxy.cli.main import main


def mapped(tmp_path: Path, price: dict[str, Any], *lines: Any, options: Sequence[str] = ()) -> Result:
    """Return what `tenantproxy map` says of an order with some lines, by a rule for their price."""
    fields = {"itemId": {"const": "I"}, "quantityOrdered": {"const": 1}, "unitPrice": price}
    config = {
        "version": 1,
        "tenant": {"id": "T", "name": "t"},
        "upstream": {"url": "https://oms.example.com"},
        "mapping": {"getOrder": {"root": "", "fields": {"items": {"each": "/lines", "fields": fields}}}},
    }
    path, sample = tmp_path / "config.json", tmp_path / "answer.json"
    path.write_text(json.dumps(config))
    sample.write_text(json.dumps({"customerOrderId": "1", "customerId": "2", "status": "3", "lines": lines}))
    return CliRunner().invoke(main, ["map", "--config", str(path), str(sample), *options])


def test_map_warns_of_minor_units(tmp_path: Path) -> None:
    """Once for each rule, by what is known best: the answer's members, or the rule's names. The status stays 0."""
    rule = "warning: mapping.getOrder.fields.items.fields.unitPrice takes "
    result = mapped(tmp_path, {"from": "/priceCents"}, {"priceCents": 1245})
    assert result.exit_code == 0
    assert json.loads(result.stdout)["customerOrder"]["items"][0]["unitPrice"] == 1245
    assert result.stderr.startswith(f"{rule}`priceCents` as it is, which looks like minor units; add `scale: 2`")
    result = mapped(tmp_path, {"from": "/centAmount"}, {"centAmount": 1245, "fractionDigits": 2})
    assert result.stderr.startswith(f"{rule}an amount as it is from beside `fractionDigits`")
    assert result.stderr.count("warning") == 1
    result = mapped(tmp_path, {"from": "/centAmount"}, {})
    assert result.exit_code == 1
    assert result.stderr.count("warning") == 1
    assert mapped(tmp_path, {"from": "/priceCents", "scale": 2}, {"priceCents": 1245}).stderr == ""


PRICE: dict[str, Any] = {"from": "/price", "orFrom": ["/listPrice"], "scale": 2}


def test_explain_shows_what_is_alike_once(tmp_path: Path) -> None:
    """An order with fifty lines is as long as one with two; the first one is the example."""
    lines = [{"price": 1245, "note": "x"}] * 48 + [{"listPrice": 5}] * 2
    result = mapped(tmp_path, PRICE, *lines, options=["--explain"])
    assert (result.exit_code, result.stderr) == (0, "")
    shown = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "/customerOrder/items /lines 50 of 50 elements" in shown
    assert '/customerOrder/items/*/itemId (50) - const -> "I"' in shown
    assert "/customerOrder/items/*/unitPrice (48 of 50) /lines/*/price scale 2 1245 -> 12.45" in shown
    assert "/customerOrder/items/*/unitPrice (2 of 50) /lines/*/listPrice scale 2 5 -> 0.05" in shown
    assert "/customerOrder/items/*/discounts (50) /lines/*/discounts (absent)" in shown
    assert shown[-1] == "/lines/*/note (48) a string"
    assert len(shown) < 30


def test_explain_as_json(tmp_path: Path) -> None:
    """The same for programs, numbers as the OMS wrote them; what breaks the contract is there, too."""
    result = mapped(tmp_path, PRICE, {"price": 1245}, {"price": "x"}, {}, options=["--explain", "--json"])
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    fields = {field["pointer"]: field for field in told["fields"]}
    assert fields["/customerOrder/items/*/unitPrice"] == {
        "pointer": "/customerOrder/items/*/unitPrice",
        "count": 1,
        "from": ["/lines/*/price"],
        "steps": ["scale 2"],
        "example": {
            "pointer": "/customerOrder/items/0/unitPrice",
            "from": [{"pointer": "/lines/0/price", "is": "a number", "value": 1245}],
            "value": 12.45,
        },
    }
    assert (fields["/customerOrder/items"]["elements"], fields["/customerOrder/items"]["found"]) == (3, 3)
    assert [each["pointer"] for each in told["absent"]].count("/customerOrder/items/*/unitPrice") == 2
    assert [violation["pointer"] for violation in told["violations"]] == [
        f"/customerOrder/items/{index}/unitPrice" for index in (1, 2)
    ]
    assert '"value": 12.45' in result.stdout
    assert result.stderr == "".join(
        f"getOrder: `{violation['pointer']}` {violation['detail']}\n" for violation in told["violations"]
    )
    assert (
        told["violations"][1]["detail"]
        == "is missing; taken from `/lines/2/price` (absent), `/lines/2/listPrice` (absent)"
    )
