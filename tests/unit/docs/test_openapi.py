"""docs/openapi.yaml describes every route, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.tools.openapi import DOCUMENT
from tenantproxy.api.routes import PUT_PROXY_CONFIG, ROUTES
from tenantproxy.operations import API_PREFIX, OPERATIONS
from tenantproxy.problems import EVENT_CODES, PROBLEM_TYPES

ROOT = Path(__file__).parents[3]


def test_the_document_is_equal_to_the_table() -> None:
    """Each operation is there, with its path, method and name, and so is the setting of the credential."""
    described = {
        (operation["operationId"], method.upper(), path)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }
    assert described == {
        *((operation.name, operation.method, f"{API_PREFIX}{operation.path}") for operation in OPERATIONS),
        (PUT_PROXY_CONFIG.name, PUT_PROXY_CONFIG.method, f"{API_PREFIX}/proxy-config"),
    }
    assert {name for name, _, _ in described} == {route.name for route in ROUTES}


def test_what_is_not_described() -> None:
    """Is 405, but for a browser's question, which the table of the API has as well."""
    (rest,) = re.findall(r"^\| anything else \| (.*) \|$", (ROOT / "docs/api.md").read_text(), re.MULTILINE)
    for page in (rest, DOCUMENT["info"]["description"]):
        assert [word for word in ("405", "access.cors", "OPTIONS", "204") if word not in page] == []


def test_clients_know_each_code() -> None:
    """`code` is an enum, equal to the table of errors."""
    assert DOCUMENT["components"]["schemas"]["ProblemCode"]["enum"] == sorted(PROBLEM_TYPES.keys() - EVENT_CODES)


def test_each_model_has_a_name() -> None:
    """Generators name what has none by its place: `SearchOrders200ResponseCustomerOrdersInner`."""
    schemas = DOCUMENT["components"]["schemas"]
    inner = [schema for each in schemas.values() for schema in each.get("properties", {}).values()]
    inner += [schema["items"] for schema in inner if "items" in schema]
    inner += [content["schema"] for content in _contents(DOCUMENT)]
    assert len(inner) > 50
    assert not [schema for schema in inner if "properties" in schema]


def _contents(node: Any) -> Iterator[Any]:
    """Yield what a document says of each body, by its media type."""
    if isinstance(node, list):
        node = dict(enumerate(node))
    if isinstance(node, dict):
        yield from node.get("content", {}).values()
        for each in node.values():
            yield from _contents(each)
