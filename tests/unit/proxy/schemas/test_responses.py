"""The schema of a response is found by how the configuration asks for it."""

from typing import Any, Final

import msgspec
import pytest

from tenantproxy import config
from tenantproxy.operations import GET_ORDER, SEARCH_ORDERS
from tenantproxy.schemas.reader import SchemaError
from tenantproxy.schemas.references import Schemas
from tenantproxy.schemas.responses import response_of

SCHEMA: Final = {"type": "object"}


def in_(*kinds: str) -> dict[str, Any]:
    """Return a response of these kinds."""
    return {"content": {kind: {"schema": SCHEMA} for kind in kinds}}


OK: Final = {"responses": {"200": in_("application/json")}}


def located(document: Any, url: str = "https://oms.example.com", **endpoint: Any) -> str:
    """Return where the schema of the response to a GET by id is."""
    operations = {"getOrder": {"path": "/orders/{customerOrderId}", **endpoint}}
    upstream = msgspec.convert({"url": url, "operations": operations}, config.Upstream)
    return response_of(Schemas({"openapi": "3.0.0", **document}), upstream, GET_ORDER).location


def at(path: str, method: str = "get") -> str:
    escaped = path.replace("/", "~1")
    return f"#/paths/{escaped}/{method}/responses/200/content/application~1json/schema"


@pytest.mark.parametrize(
    ("paths", "servers", "url", "path", "expected"),
    [
        (["/orders/{id}"], [], "", "/orders/{customerOrderId}", 0),
        (["/orders/{id}"], ["https://a.example/v2/"], "/v2", "/orders/{customerOrderId}", 0),
        (["/orders/{id}"], ["/v2"], "", "/v2/orders/{customerOrderId}", 0),
        (["/v2/orders/{id}"], [], "/v2", "/orders/{customerOrderId}", 0),
        # A gateway's base before the OMS's; an installation below another one than the file has.
        (["/orders/{id}"], ["/v2"], "/gateway/oms", "/orders/{customerOrderId}", 0),
        (["/api/orders/{id}"], [], "", "/orders/{customerOrderId}", 0),
        # The most exact one counts.
        (["/{kind}/{id}", "/orders/{id}"], [], "", "/orders/{customerOrderId}", 1),
        (["/orders/{id}", "/orders/number={id}"], [], "", "/orders/number={customerOrderId}", 1),
        (["/admin/orders/{id}", "/orders/{id}"], [], "", "/orders/{customerOrderId}", 1),
        (["/{shop}/orders/{id}", "/x/{id}"], [], "/shop-a", "/orders/{customerOrderId}", 0),
        (["/a/orders('{id}')"], [], "", "/a/orders('{customerOrderId}')", 0),
        (["/orders/{id}.json", "/orders/{id}"], [], "", "/orders/{customerOrderId}.json", 0),
        (["/orders/{a}-{b}-{c}"], [], "", "/orders/{businessUnitId}-{customerOrderId}-x", 0),
    ],
)
def test_paths(paths: list[str], servers: list[str], url: str, path: str, expected: int) -> None:
    """By segments, whatever their values are called, and whatever is before them."""
    document = {"paths": {each: {"get": OK} for each in paths}, "servers": [{"url": each} for each in servers]}
    assert located(document, f"https://oms.example.com{url}", path=path) == at(paths[expected])


@pytest.mark.parametrize(
    "path", ["/orders", "/orders/all", "/orders/{id}/lines", "/carts/{id}", "/{id}", "/orders/{id}x"]
)
def test_other_paths(path: str) -> None:
    """Those that ask for something else."""
    with pytest.raises(SchemaError) as caught:
        located({"paths": {path: {"get": OK}}})
    assert str(caught.value) == (
        "has no path that fits GET `/orders/{customerOrderId}` of getOrder; say which schema the response has with"
        " `--schema`, such as #/components/schemas/Order"
    )


def test_methods_and_variables() -> None:
    """The method counts, too; a server's variables are values, as in a path."""
    document = {
        "servers": [{"url": "https://{host}/{version}", "variables": {"version": {"default": "v2"}}}],
        "paths": {"/orders/{id}": {"get": {}, "post": OK}},
    }
    assert located(document, "https://x.example/v2", method="POST") == at("/orders/{id}", "post")
    with pytest.raises(SchemaError, match="has no schema of a JSON response to GET"):
        located(document)


def test_several() -> None:
    """Two that fit alike: the user says which."""
    with pytest.raises(SchemaError, match=r"2 paths that fit GET .*: `/a/orders/\{id\}`, `/b/orders/\{id\}`; say"):
        located({"paths": {"/a/orders/{id}": {"get": OK}, "/b/orders/{id}": {"get": OK}}})


@pytest.mark.parametrize(
    ("responses", "accept", "place"),
    [
        ({"404": "x", "2XX": in_("application/hal+json")}, "", "2XX/content/application~1hal+json"),
        ({"default": in_("text/json; charset=utf-8")}, "", "default/content/text~1json; charset=utf-8"),
        ({"204": {}, "201": in_("*/*")}, "", "201/content/*~1*"),
        ({"200": in_("text/html"), "default": {"schema": SCHEMA}}, "", "default"),
        (
            {"200": in_("application/json", "application/ld+json")},
            "application/ld+json",
            "200/content/application~1ld+json",
        ),
    ],
)
def test_contents(responses: Any, accept: str, place: str) -> None:
    """The first response that says that all is well, in JSON; in the kind of it that is asked for."""
    document = {"paths": {"/orders/{id}": {"get": {"responses": responses}}}}
    found = located(document, headers={"accept": accept} if accept else {})
    assert found == f"#/paths/~1orders~1{{id}}/get/responses/{place}/schema"


def test_references() -> None:
    """Path items, responses and contents may be referred to."""
    document = {
        "paths": {"/orders/{id}": {"$ref": "#/items/order"}},
        "items": {"order": {"get": {"responses": {"200": {"$ref": "#/components/responses/Order"}}}}},
        "components": {"responses": {"Order": {"content": {"application/json": {"schema": SCHEMA}}}}},
    }
    assert located(document) == "#/components/responses/Order/content/application~1json/schema"
    document["paths"] = {"/orders/{id}": {"$ref": "paths.yaml#/order"}}
    with pytest.raises(SchemaError, match=r"#/paths/~1orders~1\{id\}: is in another file, which is not read"):
        located(document)
    document["paths"] = {"/orders/{id}": {"$ref": "#/paths/~1orders~1{id}"}}
    with pytest.raises(SchemaError, match="goes round in a circle"):
        located(document)


@pytest.mark.parametrize("document", [{}, {"paths": {}}, {"servers": 5, "paths": {"/orders/{id}": {"get": {}}}}])
def test_files_without(document: Any) -> None:
    """That is told, and what to do."""
    with pytest.raises(SchemaError, match="say which schema"):
        located(document)


@pytest.mark.parametrize("document", [{"paths": 5}, {"paths": {"/x": 5}}, {"paths": {"/orders/{id}": {"get": 5}}}])
def test_broken_files(document: Any) -> None:
    """What is broken is named."""
    with pytest.raises(SchemaError, match=r"#/paths.*: is not an object; correct it"):
        located(document)


def test_a_search_by_post() -> None:
    """The documented default path, with its colon."""
    document = {"openapi": "3.1.0", "paths": {f"/api/v1{SEARCH_ORDERS.path}": {"post": OK}}}
    upstream = config.Upstream(url="https://oms.example.com/api/v1")
    found = response_of(Schemas(document), upstream, SEARCH_ORDERS).location
    assert found == at(f"/api/v1{SEARCH_ORDERS.path}", "post")
