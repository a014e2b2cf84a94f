"""docs/mapping.md: each rule makes of what the OMS has what the page says that a till gets."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml
from click.testing import CliRunner

from support.operator.manifests import changed, minimal
from tenantproxy.cli.main import main
from tenantproxy.config import encode
from tenantproxy.orders.contract import CustomerOrder, Discount, Item
from tenantproxy.orders.mapping import CompiledMapping, compile_mapping
from tenantproxy.orders.rule_words import EXCLUDES, KINDS
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation.resource import check_resource, find_warnings

PAGE: Final = (Path(__file__).parents[3] / "docs" / "mapping.md").read_text()
EXAMPLE: Final = Path(__file__).parents[3] / "examples" / "mapping"
Rules = dict[str, Any]


def _const(**values: Any) -> Rules:
    return {name: {"const": value} for name, value in values.items()}


LEVELS: Final[tuple[tuple[type[msgspec.Struct], str, Rules], ...]] = (
    (CustomerOrder, "", _const(customerOrderId="", customerId="", status="", items=[])),
    (Item, "items", _const(itemId="", quantityOrdered=0, unitPrice=0)),
    (Discount, "discounts", {}),
)
"""What has rules: its list in what is around it, and rules for the fields that an example leaves out."""


def _examples() -> Iterator[tuple[Rules, str, str]]:
    """Yield each rule of the page with what the OMS has, and what a till gets."""
    tables = re.findall(r"```yaml\n([^`]*)```\n\n\| the OMS has.*\n.*\n((?:\|.*\n)+)", PAGE)
    for block, table in tables:
        for answer, expected in re.findall(r"^\| `(.*)` \| `(.*)` \|$", table, re.MULTILINE):
            yield yaml.load(block, yaml.CSafeLoader), answer, expected


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def _compiled(mapping: dict[str, Any]) -> CompiledMapping:
    """Return what a manifest's mapping becomes, with which nothing may be wrong."""
    resource = TenantProxy.model_validate(changed(minimal(), "spec.mapping", mapping))
    assert check_resource(resource, Settings()) == []
    assert find_warnings(resource, Settings()) == []
    return compile_mapping(render_config(resource, Settings()).mapping)


def _made(rules: Rules, answer: str) -> Any:
    """Return what rules make of an answer: of an order, or of an element of one of its lists."""
    depth = next(at for at, (shape, _, _) in enumerate(LEVELS) if rules.keys() <= set(shape.__struct_fields__))
    fields = rules
    for _, name, others in LEVELS[depth:0:-1]:
        fields = {name: {"each": "/here", "fields": others | fields}}
        answer = f'{{"here": [{answer}]}}'
    mapping = {"getOrder": {"root": "", "fields": LEVELS[0][2] | fields}}
    outward = _compiled(mapping)["getOrder"](answer.encode())
    made = json.loads(outward, parse_float=Decimal)["customerOrder"]
    for _, name, _ in LEVELS[1 : depth + 1]:
        (made,) = made[name]
    return {name: value for name, value in made.items() if name in rules}


EXAMPLES: Final = list(_examples())


@pytest.mark.parametrize(("rules", "answer", "expected"), EXAMPLES, ids=[answer for _, answer, _ in EXAMPLES])
def test_example(rules: Rules, answer: str, expected: str) -> None:
    """The rule is accepted without a warning, and makes what is said."""
    assert _made(rules, answer) == json.loads(expected, parse_float=Decimal)


def _whole(operation: str) -> list[dict[str, Any]]:
    return [yaml.load(block, yaml.CSafeLoader) for block in _blocks("yaml") if block.startswith(f"{operation}:")]


def test_whole_responses() -> None:
    """The examples of whole responses become what is said."""
    mappings, documents = _whole("getOrder"), _blocks("json")
    assert len(documents) == 2 * len(mappings)
    for mapping, answer, expected in zip(mappings, documents[::2], documents[1::2], strict=True):
        made = _compiled(mapping)["getOrder"](answer.encode())
        assert json.loads(made, parse_float=Decimal) == json.loads(expected, parse_float=Decimal)


def test_search() -> None:
    """The examples of searches become what is said, for what was searched for."""
    rows = re.findall(r"^\| `(.*)` \| `(.*)` \| `(.*)` \|$", PAGE, re.MULTILINE)
    for mapping, (criteria, answer, expected) in zip(_whole("searchOrders"), rows, strict=True):
        made = _compiled(mapping)["searchOrders"](answer.encode(), criteria=json.loads(criteria))
        assert json.loads(made)["customerOrders"] == json.loads(expected)


def test_manifest() -> None:
    """The example of a manifest is accepted."""
    (spec,) = [
        yaml.load(block, yaml.CSafeLoader)["spec"] for block in _blocks("yaml") if block.startswith("spec:")
    ]
    resource = TenantProxy.model_validate(changed(minimal(), "spec", {"tenantId": "T-1"} | spec))
    assert check_resource(resource, Settings()) == []


def test_every_block_is_tried() -> None:
    """No rule of the page is left out, and no word of the vocabulary."""
    tried = {json.dumps(rules) for rules, _, _ in EXAMPLES}
    whole = [mapping for operation in ("getOrder", "searchOrders") for mapping in _whole(operation)]
    assert len(tried) + len(whole) + 1 == len(_blocks("yaml"))
    assert {word for rules in tried for word in re.findall(r'"(\w+)":', rules)} | {"criterion", "within"} >= set(
        KINDS
    )


def test_what_goes_together() -> None:
    """The table has each word, in the same words those that are for the same fields, and what it excludes."""
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.*) \|$", PAGE[PAGE.index("| word | for |") :], re.MULTILINE)
    assert [word for word, _, _ in rows] == list(KINDS)
    excluded = {word: tuple(re.findall(r"`(\w+)`", others)) for word, _, others in rows}
    assert excluded == {word: EXCLUDES.get(word, ()) for word in KINDS} | {"const": (), "criterion": ("default",)}
    assert len({(kinds, KINDS[word]) for word, kinds, _ in rows}) == len({kinds for _, kinds, _ in rows})


def test_the_explanation_on_the_page(tmp_path: Path) -> None:
    """What the page shows of `map --explain` are lines of what it prints for the example."""
    config = tmp_path / "config.json"
    manifest, *_ = yaml.load_all((EXAMPLE / "initech.yaml").read_text(), yaml.CSafeLoader)
    config.write_bytes(encode(render_config(TenantProxy.model_validate(manifest), Settings())))
    answer = EXAMPLE / "oms-answers" / "order.json"
    result = CliRunner().invoke(main, ["map", "--config", str(config), "--explain", str(answer)])
    (block,) = _blocks("text")
    told, shown = ([" ".join(line.split()) for line in text.splitlines()] for text in (result.stdout, block))
    assert [line for line in told if line in shown] == shown
