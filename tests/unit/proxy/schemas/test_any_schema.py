"""Whatever a schema file has, it gives findings or a clear error, in bounded time."""

import contextlib
import json
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import pytest

from tenantproxy import config
from tenantproxy.operations import GET_ORDER, Operation
from tenantproxy.schemas.checks import check_config
from tenantproxy.schemas.reader import SchemaError, parse

NAMES: Final = ["a", "b", "id", "customerOrderId", "items", "unitPrice", "status", "\x1b[2J\ud800"]
JUNK: Final[list[Any]] = [
    None,
    True,
    5,
    "x",
    [],
    {},
    ["a", 5],
    {"a": 5},
    1e400,
    "\ud800",
    "string",
    "#/definitions/0",
]
RULES: Final[dict[str, Any]] = {
    "customerOrderId": {"from": "/a/0", "orFrom": ["/b/a", "/id"], "as": "string"},
    "customerId": {
        "pick": {
            "each": "/items/*/a",
            "within": "document",
            "where": [{"from": "/a", "in": ["x", "5"]}, {"from": "/id", "sameAs": "/id"}],
        },
        "from": "/b",
        "part": {"after": "x"},
    },
    "status": {"table": {"from": ["/a", "/b"], "rows": [{"when": ["x", "5"], "value": "A"}]}, "default": "B"},
    "isLocked": {"from": "/b", "values": {"x": True, "5": False}},
    "items": {
        "each": "/a/*/items",
        "as": "single",
        "where": [{"from": "/a", "notIn": ["x"]}, {"from": "/b", "absent": True}],
        "fields": {
            "itemId": {"join": {"from": ["/a", "/id"]}},
            "unitPrice": {"from": "/b/unitPrice", "scaleFrom": "/a"},
        },
    },
}
CONFIG: Final = msgspec.convert(
    {
        "version": 1,
        "tenant": {"id": "T", "name": "t"},
        "upstream": {
            "url": "https://oms.example.com",
            "operations": {"getOrder": {"path": "/a/{customerOrderId}"}},
        },
        "mapping": {"getOrder": {"root": "", "fields": RULES}},
    },
    config.ProxyConfig,
)


IDENTITY: Final = msgspec.structs.replace(CONFIG, mapping=config.Mapping())


class RandomSchema:
    """Writes schemas, mostly sound ones, that refer to each other."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - reproducible

    def file(self) -> dict[str, Any]:
        definitions = {str(number): self.schema(3) for number in range(4)}
        response = self._sometimes({"content": {"application/json": {"schema": self.schema(4)}}})
        operation = self._sometimes({"responses": {self._random.choice(["200", "2XX", "default"]): response}})
        return {
            "openapi": "3.0.0",
            "definitions": definitions,
            "paths": {"/a/{x}": self._sometimes({"get": operation})},
        }

    def schema(self, depth: int) -> Any:
        choice = self._random.choice
        if not depth:
            leaf = {"type": choice(["string", "integer", "number", "boolean", ["string", "null"]])}
            return self._sometimes(leaf | ({"enum": ["x", 5, None, "y"]} if self._random.random() < 0.3 else {}))
        kind = choice(["object"] * 5 + ["array", "array", "allOf", "oneOf", "anyOf", "$ref"])
        if kind == "$ref":
            return {
                "$ref": choice(["#/definitions/0", "#/definitions/1", "#/definitions/2", "#", "x.json", "#/a"])
            }
        if kind == "array":
            return {"type": "array", choice(["items", "items", "prefixItems"]): self.schema(depth - 1)}
        if kind != "object":
            return {kind: self._sometimes([self.schema(depth - 1) for _ in range(choice([1, 2, 9]))])}
        names = self._random.sample(NAMES, 5)
        members = {name: self.schema(depth - 1) for name in names}
        extra = {"additionalProperties": choice([True, False, self.schema(0)])} if choice([0, 1]) else {}
        return {"type": "object", "properties": self._sometimes(members), "required": names[:3], **extra}

    def _sometimes(self, value: Any) -> Any:
        return self._random.choice(JUNK) if self._random.random() < 0.03 else value


def told(document: Any, given: config.ProxyConfig = CONFIG, operation: Operation | None = None) -> list[str]:
    """Return the findings, or the error."""
    try:
        return [*map(str, check_config(document, given, operation))]
    except SchemaError as error:
        return [f"refused: {error}"]


@pytest.mark.parametrize("seed", range(60))
def test_random_schemas(seed: int) -> None:
    """Findings, or an error; each can be printed."""
    schema = RandomSchema(seed)
    assert all(line.isprintable() for line in told(schema.file()))
    assert all(line.isprintable() for line in told(schema.schema(4), operation=GET_ORDER))


def test_random_schemas_say_something() -> None:
    """Most are sound enough: the test above is one of findings, too."""
    lines = [line for seed in range(60) for line in told(RandomSchema(seed).schema(4), operation=GET_ORDER)]
    kinds = ("refused", "error: mapping", "warning: mapping", "warning: schema")
    assert all(any(line.startswith(kind) for line in lines) for kind in kinds)


@pytest.mark.parametrize("seed", range(40))
def test_broken_files(seed: int) -> None:
    """A real file with bytes changed, as JSON and as YAML: findings, or an error."""
    random = Random(seed)  # noqa: S311 - reproducible
    path = Path(__file__).parents[4] / "docs" / "openapi.yaml"
    given = path.read_bytes() if seed % 2 else json.dumps(parse(path.read_bytes())).encode()
    broken = bytearray(given[: random.randrange(500, 4000)] if seed % 4 > 1 else given)
    for _ in range(random.randrange(4)):
        broken[random.randrange(len(broken))] = random.randrange(256)
    with contextlib.suppress(SchemaError):
        told(parse(bytes(broken)), IDENTITY)


def test_alternatives_that_multiply_along_a_pointer() -> None:
    """Each step has few, and all of them together would be more than there is time for."""
    schema: dict[str, Any] = {}
    for _ in range(12):
        schema = {"anyOf": [{"properties": {"a": schema, str(number): {}}} for number in range(9)]}
    deep = config.OperationMapping(root="/a" * 12)
    given = msgspec.structs.replace(CONFIG, mapping=config.Mapping(get_order=deep))
    (line,) = told(schema, given, GET_ORDER)
    assert "so nothing was checked" in line
    choices = [{"properties": {"a": {"$ref": "#"}, str(number): {}}} for number in range(60)]
    assert told({"anyOf": choices}, given, GET_ORDER) != []


def test_a_json_schema_is_about_one_operation() -> None:
    """Which, has to be said."""
    assert told({"type": "object"}) == [
        "refused: is about the response to one operation; say to which, with `--operation`"
    ]
