"""Write docs/poslog-document.schema.json, which says what an OMS gets of a store event, from its structs."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from tenantproxy.poslog.rules.document import Document

PATH: Final = Path(__file__).parents[1] / "docs" / "poslog-document.schema.json"


def schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12)."""
    (root, *_), definitions = msgspec.json.schema_components([Document], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What an OMS gets of a store event",
        "description": "docs/poslog.md says what the members mean. Members may be added; these keep their names "
        "and types. What a till doesn't write is left out.",
        **root,
        "$defs": definitions,
    }


def text() -> str:
    """Return the file's text."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text())
