"""docs/openapi.yaml describes every route, and no other."""

from pathlib import Path

import yaml

from tenantproxy.api.routes import PUT_PROXY_CONFIG, ROUTES
from tenantproxy.operations import API_PREFIX, OPERATIONS

DOCUMENT = yaml.safe_load((Path(__file__).parents[3] / "docs" / "openapi.yaml").read_text())


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
