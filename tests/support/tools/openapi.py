"""docs/openapi.yaml, as tests of the pages look at it."""

from pathlib import Path
from typing import Any, Final

import yaml

PATH: Final = Path(__file__).parents[3] / "docs" / "openapi.yaml"
DOCUMENT: Final[dict[str, Any]] = yaml.load(PATH.read_text(), yaml.CSafeLoader)


def resolved(schema: Any) -> Any:
    """Return a schema with what its references lead to in their places; there must be no circle."""
    if isinstance(schema, list):
        return [resolved(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if (reference := schema.get("$ref")) is None:
        return {name: resolved(inner) for name, inner in schema.items()}
    target: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        target = target[name]
    return resolved(target)
