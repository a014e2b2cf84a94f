"""The options --openapi and --schema of `tenantproxy map`."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from support.proxy.orders import ORDER
from tenantproxy.cli.main import main

SCHEMA: Final = {
    "type": "object",
    "required": ["customerOrder"],
    "properties": {"customerOrder": {"type": "object", "properties": {"isLocked": {"type": "boolean"}}}},
}
OPENAPI: Final = {"openapi": "3.1.0", "paths": {}, "components": {"schemas": {"Answer": SCHEMA}}}


@pytest.fixture(name="directory")
def fixture_directory(tmp_path: Path) -> Path:
    config = {"version": 1, "tenant": {"id": "T", "name": "t"}, "upstream": {"url": "https://oms.example.com"}}
    broken = {**SCHEMA["properties"], "customerOrder": {"type": "string"}}  # type: ignore[dict-item]
    files: dict[str, Any] = {
        "config.json": config,
        "order.json": {"customerOrder": ORDER},
        "other.json": {"customerOrder": {}},
        "schema.json": SCHEMA,
        "other-schema.json": {**SCHEMA, "properties": broken},
        "openapi.json": OPENAPI,
        "broken.json": {"openapi": "3.1.0", "paths": []},
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    return tmp_path


def run(directory: Path, *arguments: str) -> Result:
    """Run `map` with files of a directory."""
    paths = [str(directory / each) if each.endswith(".json") else each for each in arguments]
    return CliRunner().invoke(main, ["map", "--config", str(directory / "config.json"), *paths])


def test_a_sample_beside_a_schema(directory: Path) -> None:
    """The mapped response is printed as always; the status is 1 if either of them says so."""
    result = run(directory, "--openapi", "schema.json", "order.json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"customerOrder": ORDER}
    assert {line.split(":")[0] for line in result.stderr.splitlines()} == {"warning"}
    result = run(directory, "--openapi", "other-schema.json", "order.json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"customerOrder": ORDER}
    result = run(directory, "--openapi", "schema.json", "other.json")
    assert (result.exit_code, result.stdout) == (1, "")


@pytest.mark.parametrize(
    ("amount", "places", "says"),
    [("centAmount", "unit", ["takes"]), ("value", "fractionDigits", ["beside"]), ("value", "unit", ["integer"])],
)
def test_minor_units_are_told_once(directory: Path, amount: str, places: str, says: list[str]) -> None:
    """An amount may look like minor units by its name, by the sample and by the schema: one warning says so."""
    integer = {"type": "integer"}
    price: Any = {"type": "object", "properties": {amount: integer, places: integer}}
    members: Any = {"items": {"type": "array", "items": {"type": "object", "properties": {"unitPrice": price}}}}
    schema = {"type": "object", "properties": {"customerOrder": {"type": "object", "properties": members}}}
    config = json.loads((directory / "config.json").read_text())
    rule = {"each": "/items", "fields": {"unitPrice": {"from": f"/unitPrice/{amount}"}}}
    config["mapping"] = {"getOrder": {"fields": {"items": rule}}}
    order = {**ORDER, "items": [{"itemId": "A", "quantityOrdered": 1, "unitPrice": {amount: 1250, places: 2}}]}
    for name, content in (("config", config), ("order", {"customerOrder": order}), ("schema", schema)):
        (directory / f"{name}.json").write_text(json.dumps(content))
    for arguments in (["order.json"], ["--operation", "getOrder"]):
        lines = run(directory, "--openapi", "schema.json", *arguments).stderr.splitlines()
        told = [line for line in lines if "takes" in line]
        assert len(told) == 1
        assert all(word in told[0] for word in says)


def test_which_schema(directory: Path) -> None:
    """By a pointer, for one operation; a search that fits nothing is told as well, where no operation is named."""
    given = ("--openapi", "openapi.json", "--schema", "#/components/schemas/Answer")
    result = run(directory, *given, "--operation", "getOrder")
    assert (result.exit_code, result.stderr.count("error")) == (0, 0)
    result = run(directory, *given)
    assert (result.exit_code, "say to which, with `--operation`" in result.stderr) == (2, True)
    result = run(directory, "--openapi", "openapi.json")
    assert result.exit_code == 1
    assert [line.split()[1] for line in result.stderr.splitlines()] == [
        "upstream.operations.getOrder",
        "upstream.operations.searchOrders",
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "give SAMPLE, --url, or --openapi"),
        (["--schema", "#/a", "order.json"], "--schema needs --openapi"),
        (["--openapi", "missing.json"], "missing.json: can't be read: No such file or directory"),
        (
            ["--openapi", "openapi.json", "--operation", "getOrder", "--schema", "#/a"],
            "--schema: points at nothing",
        ),
    ],
)
def test_bad_options(arguments: list[str], problem: str, directory: Path) -> None:
    """Status 2, and why."""
    result = run(directory, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert problem in result.stderr


def test_a_file_without_what_is_not_mapped(directory: Path) -> None:
    """It is told of an operation of which the configuration says nothing, but is no error beside another."""
    answer = {"200": {"description": "", "content": {"application/json": {"schema": SCHEMA}}}}
    paths = {"/orders/{id}": {"get": {"responses": answer}}}
    (directory / "openapi.json").write_text(json.dumps({**OPENAPI, "paths": paths}))
    config = json.loads((directory / "config.json").read_text())

    def told(operations: dict[str, Any], *arguments: str) -> tuple[int, list[str]]:
        changed = {**config, "upstream": {**config["upstream"], "operations": operations}}
        (directory / "config.json").write_text(json.dumps(changed))
        result = run(directory, "--openapi", "openapi.json", *arguments)
        lines = result.stderr.splitlines()
        return result.exit_code, [line.split("Orders")[0] for line in lines if "searchOrders can't be" in line]

    order = {"getOrder": {"path": "/orders/{customerOrderId}"}}
    search = "upstream.operations.search"
    assert told(order) == (0, [f"warning: {search}"])
    assert told(order, "--operation", "searchOrders") == (1, [f"error: {search}"])
    assert told({**order, "searchOrders": {"path": "/find"}}) == (1, [f"error: {search}"])
    assert told({}) == (1, [f"error: {search}"])


def test_a_broken_file(directory: Path) -> None:
    """The problem is told by its place, for each operation."""
    result = run(directory, "--openapi", "broken.json")
    assert result.exit_code == 1
    assert "can't be checked: the file #/paths: is not an object; correct it" in result.stderr
