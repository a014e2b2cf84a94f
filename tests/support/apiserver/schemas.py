"""JSON schemas of Kubernetes' kinds, from an API server's OpenAPI, as kubeconform wants them."""

import json
from pathlib import Path
from typing import Any, Final

from support.apiserver.server import ApiServer

TEMPLATE: Final = "{{.ResourceKind}}-{{.Group}}-{{.ResourceAPIVersion}}.json"
"""The name of a schema's file."""


def write_schemas(server: ApiServer, folder: Path) -> None:
    """Write the schema of every kind that the API server serves; unknown fields are errors."""
    paths = json.loads(server.kubectl("get", "--raw", "/openapi/v3"))["paths"]
    for path in sorted(paths):
        document = json.loads(server.kubectl("get", "--raw", f"/openapi/v3/{path}"))
        schemas = document.get("components", {}).get("schemas", {})
        for schema in schemas.values():
            _close(schema)
        for name, schema in schemas.items():
            for kind in schema.get("x-kubernetes-group-version-kind", ()):
                # What has no group, kubeconform calls by its version.
                group = kind["group"] or kind["version"]
                file = f"{kind['kind'].lower()}-{group}-{kind['version']}.json"
                whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
                (folder / file).write_text(json.dumps(whole))


def _close(schema: dict[str, Any]) -> None:
    """Refuse what an object's schema does not name."""
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.setdefault("additionalProperties", False)
    for inner in schema.get("properties", {}).values():
        _close(inner)
    for part in ("items", "additionalProperties"):
        if isinstance(inner := schema.get(part), dict):
            _close(inner)
