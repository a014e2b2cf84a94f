"""docs/openapi.yaml and docs/mapping.md have the fields of the order's contract, and no others."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from support.tools.openapi import DOCUMENT, resolved
from tenantproxy.orders.contract import CustomerOrder

DOCS: Final = Path(__file__).parents[3] / "docs"


def struct_in(kind: msgspec.inspect.Type) -> msgspec.inspect.StructType | None:
    """Return the struct that a field's type has, in a list or as one of its alternatives."""
    if isinstance(kind, msgspec.inspect.StructType):
        return kind
    inside = getattr(kind, "types", None) or [getattr(kind, "item_type", None)]
    found = [struct for each in inside if each is not None and (struct := struct_in(each))]
    return found[0] if found else None


def fields_of(struct: msgspec.inspect.StructType, path: str = "") -> Iterator[tuple[str, bool]]:
    """Yield the path of each field of a struct, and whether it is required."""
    for field in struct.fields:
        yield f"{path}/{field.encode_name}", field.required
        if inner := struct_in(field.type):
            yield from fields_of(inner, f"{path}/{field.encode_name}")


def properties_of(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, bool]]:
    """Yield the same of a JSON schema."""
    for name, inner in schema.get("items", schema).get("properties", {}).items():
        yield f"{path}/{name}", name in schema.get("items", schema).get("required", ())
        yield from properties_of(inner, f"{path}/{name}")


CONTRACT: Final = sorted(
    fields_of(struct) if (struct := struct_in(msgspec.inspect.type_info(CustomerOrder))) else ()
)


def test_the_openapi_document() -> None:
    """It describes each field of an order, at its place, required where it is."""
    assert len(CONTRACT) > 20
    assert sorted(properties_of(resolved(DOCUMENT["components"]["schemas"]["CustomerOrder"]))) == CONTRACT


def test_the_page_on_mapping() -> None:
    """It lists each field, in bold where it is required."""
    page = (DOCS / "mapping.md").read_text()
    listed = page[page.index("- GET: ") : page.index("- search, each order: ")]
    assert set(re.findall(r"\w+", listed)) - {"GET"} == {path.rpartition("/")[2] for path, _ in CONTRACT}
    required = {path.rpartition("/")[2] for path, required in CONTRACT if required}
    assert set(re.findall(r"\*\*(\w+)\*\*", listed)) == required
