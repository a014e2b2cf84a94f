"""What is wrong beside what the models refuse: told at once, and nothing that is not so."""

from typing import Any, Final

import pytest
from pydantic import ValidationError

from support.operator.manifests import changed, minimal
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation.beside import find_errors_beside

UNQUOTED: Final = {"q": "id='{customerOrderId}'"}
CUSTOMER: Final = {"c": "{criteria.customerId}"}
BARE: Final = {"status": [200], "means": "upstream-error"}
"""An outcome that would be no order's end."""
GET_ORDER: Final = "spec.upstream.operations.getOrder"
SEARCH: Final = "spec.upstream.operations.searchOrders"

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {
    "a root": (
        {},
        {"getOrder": {"root": "data", "fields": {"stautus": {"from": "/x"}}}},
        {"spec.mapping.getOrder.fields.stautus"},
    ),
    "a rule": (
        {},
        {"getOrder": {"fields": {"status": {"frm": "/x"}, "items": {"each": "/i", "fields": {"amuont": {}}}}}},
        {"spec.mapping.getOrder.fields.items.fields.amuont"},
    ),
    "of the same rule, the next round": (
        {},
        {"getOrder": {"fields": {"items": {"each": "i", "fields": {"amuont": {}}}}}},
        set(),
    ),
    "a timeout": ({"getOrder": {"path": "/o", "timeout": "9h", "query": UNQUOTED}}, {}, {f"{GET_ORDER}.query[q]"}),
    "an outcome": (
        {
            "getOrder": {"outcomes": [BARE], "idPattern": "("},
            "searchOrders": {"method": "GET", "query": CUSTOMER, "pages": {"size": 1}, "outcomes": [BARE]},
        },
        {"searchOrders": {"fields": {"customerId": {"criterion": "mail"}}}},
        {f"{GET_ORDER}.idPattern", f"{SEARCH}.pages", "spec.mapping.searchOrders.fields.customerId.criterion"},
    ),
    "elsewhere": ({"getOrder": {"idPattern": "(", "maxConnections": 9000}}, {}, {f"{GET_ORDER}.idPattern"}),
    "what only seems to be missing": (
        {
            "getOrder": {"path": "/o", "query": {"id": "{customerOrderId}", "x": 1}},
            "searchOrders": {"criteria": {"mail": {"patern": "x"}}, "query": {**CUSTOMER, "m": "{criteria.mail}"}},
        },
        {"searchOrders": {"fields": {"customerId": {"criterion": "mail"}}}},
        set(),
    ),
    "no object": ({"getOrder": []}, {"getOrder": {"fields": 1}, "searchOrders": "x"}, set()),
    "an unknown part": ({"getOrdr": {}, "getOrder": {"idPattern": "("}}, {"x": 1}, {f"{GET_ORDER}.idPattern"}),
}


@pytest.mark.parametrize("name", CASES)
def test_beside(name: str) -> None:
    """The compile step's errors of all parts that the models accept, and none that comes of leaving parts out."""
    operations, mapping, told = CASES[name]
    manifest = changed(changed(minimal(), "spec.upstream.operations", operations), "spec.mapping", mapping)
    manifest = changed(manifest, "spec.upstream.timeout", "9h")
    with pytest.raises(ValidationError) as caught:
        TenantProxy.model_validate(manifest)
    assert {error.field for error in find_errors_beside(manifest, caught.value, Settings())} == told


@pytest.mark.parametrize("spec", [None, [], {"upstream": None}, {"upstream": {"operations": 1}, "mapping": []}])
def test_no_spec(spec: object) -> None:
    """Where there is nothing, nothing is said."""
    manifest = {**minimal(), "spec": spec}
    with pytest.raises(ValidationError) as caught:
        TenantProxy.model_validate(manifest)
    assert find_errors_beside(manifest, caught.value, Settings()) == []


URL: Final = "spec.upstream.url"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"spec.upstream.timeout": 5, URL: "https://10.1"}, {URL}),
        ({"spec.tenantId": ..., "spec.x": 1, URL: "https://10.0.0.1"}, {URL}),
        ({"spec.upstream.allowPrivateNetworks": "yes", URL: "https://10.0.0.1"}, set()),
        ({"spec.upstream.allowInsecure": "yes", URL: "http://oms.example"}, set()),
        ({URL: 5, "spec.upstream.tls": {"caSecretRef": {"name": "ca"}}}, set()),
        ({URL: ..., "spec.resources": {"limits": {"memory": "1Mi"}}}, {"spec.resources.limits.memory"}),
        ({"spec.upstream.maxResponseBytes": 1, "spec.resources": {"limits": {"memory": "1Mi"}}}, set()),
        ({"spec.access": {"admins": {"emails": ["a b"], "x": 1}}, URL: "https://10.0.0.1"}, {URL}),
        ({"spec.upstream": []}, set()),
        ({"spec": "x"}, set()),
    ],
)
def test_rest(changes: dict[str, Any], told: set[str]) -> None:
    """What is wrong with other fields, unless what the models refuse may be the cause."""
    manifest = minimal()
    for path, value in changes.items():
        manifest = changed(manifest, path, value)
    with pytest.raises(ValidationError) as caught:
        TenantProxy.model_validate(manifest)
    assert {error.field for error in find_errors_beside(manifest, caught.value, Settings())} == told
