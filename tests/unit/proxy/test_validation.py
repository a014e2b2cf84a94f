"""What the structure of a configuration can't express: each field that can't be used is named, with the fix."""

from typing import Any

import msgspec
import pytest

from tenantproxy.config import ConfigError, ProxyConfig
from tenantproxy.operations import OPERATIONS
from tenantproxy.validation import find_errors, validate_config

GOOD: dict[str, Any] = {
    "version": 1,
    "tenant": {"id": "t", "name": "acme"},
    "upstream": {"url": "https://oms.example"},
}


def configuration(**changes: Any) -> ProxyConfig:
    """Return a good configuration with other sections; those of `upstream` are added to its URL."""
    upstream = {**GOOD["upstream"], **changes.pop("upstream", {})}
    return msgspec.convert({**GOOD, "upstream": upstream, **changes}, ProxyConfig)


def test_a_good_configuration() -> None:
    """Its mapping has each operation."""
    assert find_errors(configuration()) == []
    assert set(validate_config(configuration())) == {operation.name for operation in OPERATIONS}


BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "plain http": ("upstream.url", {"upstream": {"url": "http://oms.example"}}),
    "private address": ("upstream.url", {"upstream": {"url": "https://10.0.0.1"}}),
    "user-info": ("upstream.url", {"upstream": {"url": "https://u:MARKED@oms.example"}}),
    "CIDR": ("egress", {"egress": {"allow": ["10.1.0.0/33"]}}),
    "public network": (
        "auth.tokenEndpoint.allowNetworks[1]",
        {"auth": {"tokenEndpoint": {"allowNetworks": ["10.0.0.0/8", "8.8.8.0/24"]}}},
    ),
    "path of a read": (
        "upstream.operations.getOrder.path",
        {"upstream": {"operations": {"getOrder": {"path": "/orders"}}}},
    ),
    "path of a search": (
        "upstream.operations.searchOrders.path",
        {"upstream": {"operations": {"searchOrders": {"path": "orders"}}}},
    ),
    "user-info of a forward proxy": (
        "upstream.forwardProxy.url",
        {"upstream": {"forwardProxy": {"url": "http://u:MARKED@squid.example:3128"}}},
    ),
    "destination beside a forward proxy": (
        "upstream.forwardProxy.noProxy[1]",
        {"upstream": {"forwardProxy": {"url": "http://10.1.0.1:3128", "noProxy": ["*", "MARKED/x"]}}},
    ),
    "mapping": ("mapping.getOrder.fields.stats", {"mapping": {"getOrder": {"fields": {"stats": {"const": "x"}}}}}),
}


def searching(criterion: dict[str, Any], **given: Any) -> dict[str, Any]:
    """Return sections by which found orders have a criterion as their customer, of these and `customerId`."""
    path = "".join(f"/{{criteria.{name}}}" for name in ("customerId", *given))
    search = {
        "method": "GET",
        "path": f"/s{path}",
        "criteria": {name: {"pattern": "[a-z]+", **each} for name, each in given.items()},
    }
    return {
        "upstream": {"operations": {"searchOrders": search}},
        "mapping": {"searchOrders": {"fields": {"customerId": criterion}}},
    }


CRITERION = "mapping.searchOrders.fields.customerId.criterion"
BAD |= {
    "a criterion that there is not": (CRITERION, searching({"criterion": "mail"}, email={})),
    "a criterion that may be missing": (CRITERION, searching({"criterion": "email"}, email={})),
    "the documented criterion that may be missing": (CRITERION, searching({"criterion": "customerId"}, email={})),
}


def with_pages(placeholder: str | None, **pages: Any) -> dict[str, Any]:
    """Return sections by which some orders of a search's pages are left out."""
    query = {} if placeholder is None else {"at": f"{{page.{placeholder}}}"}
    search = {"method": "GET", "path": "/s/{criteria.customerId}", "query": query, "pages": pages}
    search["criteria"] = {"customerId": {"pattern": "[a-z]+"}}
    where = [{"from": "/draft", "absent": True}]
    return {
        "upstream": {"operations": {"searchOrders": search}},
        "mapping": {"searchOrders": {"where": where}},
    }


MORE: dict[str, Any] = {"more": [{"from": "/more", "absent": False}]}
COUNTED: list[tuple[str, str, dict[str, Any]]] = [
    ("number", "size", {"size": 5}),
    ("number", "more", MORE),
    ("offset", "total", {"total": "/total"}),
    ("cursor", "size", {"cursor": "/next", "size": 5}),
    ("cursor", "total", {"cursor": "/next", "total": "/total"}),
]
BAD |= {
    f"orders left out of pages by {placeholder}, {word}": (
        "mapping.searchOrders.where",
        with_pages(placeholder, **pages),
    )
    for placeholder, word, pages in COUNTED
}


@pytest.mark.parametrize(
    "changes",
    [with_pages(None, link=True), with_pages("cursor", cursor="/next"), with_pages("cursor", cursor="/n", **MORE)],
)
def test_orders_left_out_of_pages(changes: dict[str, Any]) -> None:
    """Where it is not by how many came that the next page is found."""
    assert find_errors(configuration(**changes)) == []


@pytest.mark.parametrize(
    "changes",
    [
        searching({"criterion": "customerId"}),
        searching({"criterion": "email"}, email={"required": True}),
        searching({"criterion": "customerId", "default": "unknown"}, email={}),
    ],
)
def test_a_criterion_that_is_there(changes: dict[str, Any]) -> None:
    """The only one, a required one, or one with a default."""
    assert find_errors(configuration(**changes)) == []


@pytest.mark.parametrize(("field", "changes"), BAD.values(), ids=BAD)
def test_a_bad_field(field: str, changes: dict[str, Any]) -> None:
    """One field is blamed, with what to write instead, and its value is not repeated."""
    ((found, detail),) = find_errors(configuration(**changes))
    assert found == field
    assert ";" in detail
    with pytest.raises(ConfigError, match=rf"^`{field.replace('[', '.').replace(']', '.')}` ") as caught:
        validate_config(configuration(**changes))
    assert "MARKED" not in str(caught.value)


def test_all_bad_fields_are_named_at_once() -> None:
    """Whoever corrects a configuration sees all that is wrong with it."""
    paths = {operation.name: {"path": "x"} for operation in OPERATIONS}
    bad = configuration(upstream={"url": "http://oms.example", "operations": paths})
    assert [error.field for error in find_errors(bad)] == [
        "upstream.url",
        *(f"upstream.operations.{operation.name}.path" for operation in OPERATIONS),
    ]
