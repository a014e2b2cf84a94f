"""Check a configuration's mapping against an OpenAPI or JSON Schema file."""

from collections.abc import Collection, Sequence
from typing import Any

from tenantproxy.config import Mapping, ProxyConfig
from tenantproxy.operations import OPERATIONS, Operation
from tenantproxy.schemas.check import check_mapping
from tenantproxy.schemas.findings import Finding
from tenantproxy.schemas.reader import SchemaError
from tenantproxy.schemas.references import Schemas
from tenantproxy.schemas.responses import is_openapi, response_of
from tenantproxy.schemas.shapes import Node


def check_config(
    document: Any,  # noqa: ANN401 - whatever the file holds
    config: ProxyConfig,
    operation: Operation | None = None,
    schema: str | None = None,
    told: Collection[str] = (),
) -> list[Finding]:
    """Return what is wrong, or may be, with the mapping; without an operation, of all that the OMS serves.

    `schema` points at the schema of the operation's response, such as `#/components/schemas/Order`; without it,
    an OpenAPI file is searched by method and path, and a JSON Schema is the response's. `told` are the paths of
    rules whose amounts are known to look like minor units.

    Raises:
        SchemaError: The file is neither, or is broken where the mapping needs it, or it takes an operation to know
            what it is about.

    """
    if operation is None and (schema is not None or not is_openapi(document)):
        raise SchemaError("is about the response to one operation; say to which, with `--operation`")
    schemas = Schemas(document)
    found: list[Finding] = []
    operations = [operation] if operation is not None else _served(config)
    meant = [each for each in operations if _is_described(config, each)] or operations
    try:
        for each in operations:
            response = _response(schemas, config, each, schema)
            if isinstance(response, Node):
                found += check_mapping(schemas, response, config.mapping.of(each), each, told)
            else:
                found.append(response._replace(is_error=each in meant))
    except RecursionError:
        raise SchemaError("is nested too deeply") from None
    found += (
        Finding("schema", f"{detail}: this was not looked at", location, is_error=False)
        for location, detail in schemas.notes.items()
    )
    return found


def _served(config: ProxyConfig) -> Sequence[Operation]:
    unsupported = config.upstream.operations.search_orders.unsupported
    return [each for each in OPERATIONS if each.reads_one_order or not unsupported]


def _is_described(config: ProxyConfig, operation: Operation) -> bool:
    """Return whether the configuration says of an operation where the OMS has it, or what its responses are."""
    endpoint = config.upstream.operations.of(operation)
    return config.mapping.of(operation) != Mapping().of(operation) or (endpoint.method, endpoint.path) != (
        operation.method,
        operation.path,
    )


def _response(schemas: Schemas, config: ProxyConfig, operation: Operation, schema: str | None) -> Node | Finding:
    """Return the schema of the response, or why it is not known."""
    if schema is not None:
        return schemas.at(schema, "--schema")
    if not is_openapi(schemas.document):
        return Node(schemas.document, "#")
    try:
        return response_of(schemas, config.upstream, operation)
    except SchemaError as error:
        return Finding(f"upstream.operations.{operation.name}", f"can't be checked: the file {error}")
