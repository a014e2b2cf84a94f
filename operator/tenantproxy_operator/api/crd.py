"""Generate the CustomResourceDefinition from the models."""

from typing import Any, Final, NamedTuple

from tenantproxy_operator.api.fields import Schema, cel
from tenantproxy_operator.api.names import API_VERSION, GROUP, KIND, LONGEST_NAME, PLURAL, VERSION
from tenantproxy_operator.api.resource import Spec, TenantProxy
from tenantproxy_operator.api.status import UNSEEN, Status
from tenantproxy_operator.manifests.writer import to_yaml

_DROPPED: Final = frozenset({"additionalProperties", "propertyNames", "title", "$defs", "$ref", "anyOf"})
"""What pydantic writes and a structural schema has no use for, or is taken care of by `_structural`."""


def _of_condition(kind: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{field}'


class _Column(NamedTuple):
    name: str
    type: str
    path: str
    description: str
    priority: int = 0
    """Other than 0: with `-o wide` only."""


_COLUMNS: Final = (
    _Column("Tenant", "string", ".spec.tenantId", "The tenant's id in Hii Retail"),
    _Column("URL", "string", ".spec.upstream.url", "Base URL of the tenant's OMS"),
    _Column("Ready", "string", _of_condition("Ready", "status"), "Whether orders can be read as the spec says"),
    _Column("Reason", "string", _of_condition("Ready", "reason"), "Why it is Ready or not"),
    _Column(
        "Credentials",
        "string",
        _of_condition("CredentialsReady", "status"),
        "Whether the tenant's credential is set and well-formed",
    ),
    _Column("Replicas", "integer", ".status.replicas", "How many proxies there are", 1),
    _Column("Message", "string", _of_condition("Ready", "message"), "What to do about it", 1),
    _Column("Age", "date", ".metadata.creationTimestamp", "Since when it exists"),
)


def build_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of TenantProxy."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["tp"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [_printer_column(column) for column in _COLUMNS],
                    "schema": {"openAPIV3Schema": _root()},
                    "subresources": {"status": {}},
                }
            ],
        },
    }


def _printer_column(column: _Column) -> dict[str, Any]:
    said = {"name": column.name, "type": column.type, "jsonPath": column.path, "description": column.description}
    return said | ({"priority": column.priority} if column.priority else {})


def crd_yaml() -> str:
    """Return the CustomResourceDefinition as YAML; the same models give the same bytes."""
    header = "# Generated from the models in tenantproxy_operator by `make crd`; don't edit.\n"
    return header + to_yaml([build_crd()], explicit_start=False)


def _root() -> Schema:
    return {
        "type": "object",
        "description": TenantProxy.__doc__,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"Always {API_VERSION}."},
            "kind": {"type": "string", "description": f"Always {KIND}."},
            "metadata": {"type": "object"},
            "spec": _of(Spec),
            "status": _of(Status) | {"default": {"observedGeneration": UNSEEN}},
        },
        "x-kubernetes-validations": [
            cel(
                "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')"
                f" && size(self.metadata.name) <= {LONGEST_NAME}",
                "metadata.name must start with a lower-case letter, continue with a-z, 0-9 and -, end in a letter"
                f" or digit, and have at most {LONGEST_NAME} characters",
            )
        ],
    }


def _of(model: type[Spec | Status]) -> Schema:
    schema = model.model_json_schema(by_alias=True)
    return _structural(schema, schema.get("$defs", {}))


def _structural(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Return `schema` as Kubernetes wants it: everything inline, one type per value, no null.

    A field's own description wins over the one of its model.
    """
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":  # pydantic's way to say that a field may be absent
            schema = choice | {key: value for key, value in schema.items() if key != "default"}
    if "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix("#/$defs/")] | schema
    first = {key: schema[key] for key in ("type", "description") if key in schema}
    structural = first | {key: value for key, value in schema.items() if key not in _DROPPED}
    if "default" in structural and structural["default"] is None:
        del structural["default"]  # absent, not null
    if "const" in structural:  # the same of one value
        structural["enum"] = [structural.pop("const")]
    if "properties" in schema:
        structural["properties"] = {
            name: _structural(field, definitions) for name, field in schema["properties"].items()
        }
    if "items" in schema:
        structural["items"] = _structural(schema["items"], definitions)
    if isinstance(values := schema.get("additionalProperties"), dict):
        structural["additionalProperties"] = _structural(values, definitions)
    return structural
