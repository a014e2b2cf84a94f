"""docs/connect.md lists each check with its rule; each check's source is a page, and a heading, that there is."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tenantproxy.conformance.check import Check
from tenantproxy.conformance.checks.table import CHECKS, GROUPS
from tenantproxy.operations import OPERATIONS
from unit.docs.test_links import anchors
from unit.docs.test_order_fields import CONTRACT, properties_of

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs" / "connect.md").read_text()
DOCUMENT: Final[dict[str, Any]] = yaml.load((ROOT / "docs" / "oms-openapi.yaml").read_text(), yaml.CSafeLoader)


def test_each_check_is_on_the_page() -> None:
    """The table has each check by its id, warnings in italics, with its rule, by groups."""
    listed = re.findall(r"^\| (\*?)`([a-z]+\.[a-z0-9-]+)`\1 \| (.*?) \| .+ \|$", PAGE, re.MULTILINE)
    checks = [check for group in GROUPS for check in group.checks]
    assert [(name, rule, bool(mark)) for mark, name, rule in listed] == [
        (check.id, check.rule, check.level == "warning") for check in checks
    ]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_each_source_is_there(check: Check) -> None:
    """A rule's source is a heading of ours, a section of an RFC, or a specification's address."""
    if check.source.startswith("docs/"):
        path, _, anchor = check.source.partition("#")
        assert anchor in anchors(ROOT / path)
    else:
        assert re.fullmatch(r"RFC \d{4}( sections? [\d.]+( and [\d.]+)?)?|https://www\.w3\.org/\S+", check.source)
    for page in re.findall(r"docs/[\w-]+\.md(?:#[\w-]+)?", check.fix):
        path, _, anchor = page.partition("#")
        assert not anchor or anchor in anchors(ROOT / path)
        assert (ROOT / path).is_file()


def test_the_document_of_the_oms() -> None:
    """docs/oms-openapi.yaml has both reads as the proxy makes them, and each field of an order."""
    described = {
        (operation["operationId"], method.upper(), path)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }
    assert described == {(operation.name, operation.method, operation.path) for operation in OPERATIONS}
    assert sorted(properties_of(_resolved({"$ref": "#/components/schemas/CustomerOrder"}))) == CONTRACT


def _resolved(schema: Any) -> Any:
    """Return a schema with what it refers to in place."""
    if isinstance(schema, list):
        return [_resolved(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return {name: _resolved(value) for name, value in schema.items()}
