"""The command `tenantproxy map`."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tenantproxy.cli.main import main


def mapped(tmp_path: Path, price: dict[str, Any], answer: Any) -> Result:
    """Return what `tenantproxy map` says of an order with one line, by a rule for its price."""
    fields = {"itemId": {"const": "I"}, "quantityOrdered": {"const": 1}, "unitPrice": price}
    config = {
        "version": 1,
        "tenant": {"id": "T", "name": "t"},
        "upstream": {"url": "https://oms.example.com"},
        "mapping": {"getOrder": {"root": "", "fields": {"items": {"each": "/lines", "fields": fields}}}},
    }
    path, sample = tmp_path / "config.json", tmp_path / "answer.json"
    path.write_text(json.dumps(config))
    sample.write_text(json.dumps({"customerOrderId": "1", "customerId": "2", "status": "3", "lines": [answer]}))
    return CliRunner().invoke(main, ["map", "--config", str(path), str(sample)])


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
