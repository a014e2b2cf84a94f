"""Reads a tenant's spec, by the schema that the API server keeps it by. Pure."""

from collections.abc import Sized
from typing import Final

import msgspec
from pydantic import ValidationError

from tenantproxy.errors import FieldProblem
from tenantproxy_operator.api.names import API_VERSION, KIND
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.api.served_schema import ServedSchema
from tenantproxy_operator.cache.tenants import Tenant
from tenantproxy_operator.conditions import ConditionValue
from tenantproxy_operator.manifests.problems import field_errors
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation import resource as validation
from tenantproxy_operator.validation.beside import find_errors_beside

_MOST_NAMED: Final = 5
"""Fields that a message names; lists may have the same in each item."""
_TOO_DEEP: Final = ConditionValue(
    "False",
    Reason.INVALID_SPEC,
    f"`spec` is nested more than {validation.MOST_NESTED} levels deep; reduce the nesting; running"
    " proxies stay as they are",
)


def read_spec(
    tenant: Tenant, schema: ServedSchema, settings: Settings
) -> tuple[TenantProxy | ConditionValue, list[str]]:
    """Return the resource, or what is wrong with it; and the fields in use that only a newer version knows."""
    spec = msgspec.json.decode(tenant.spec)
    if validation.is_too_deep(spec):
        return _TOO_DEEP, []
    spec, unknown = schema.known_spec(spec)
    manifest = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": tenant.key.name, "namespace": tenant.key.namespace, "uid": tenant.uid},
        "spec": spec,
    }
    try:
        resource = TenantProxy.model_validate(manifest)
    except ValidationError as error:
        errors = [*field_errors(error, TenantProxy), *find_errors_beside(manifest, error, settings)]
    else:
        errors = validation.check_resource(resource, settings)
        if not errors:
            return resource, unknown
    said = "; ".join(f"`{field}` {detail}" for field, detail in errors)
    return ConditionValue("False", Reason.INVALID_SPEC, f"{said}; running proxies stay as they are"), unknown


def mentioning(accepted: ConditionValue, unknown: list[str], warnings: list[FieldProblem]) -> ConditionValue:
    """Return a condition whose message also names the fields that are ignored, and what is probably wrong."""
    message = accepted.message
    if unknown:
        named = ", ".join(f"`{field}`" for field in unknown[:_MOST_NAMED])
        verb, have = ("is", "has") if len(unknown) == 1 else ("are", "have")
        said = f"{named}{_more(unknown)} {verb} not known to this version of the operator and {have} no effect"
        message += f"; {said}; update the operator"
    if warnings:
        said = "; ".join(f"`{field}` {detail}" for field, detail in warnings[:_MOST_NAMED])
        message += f"; warning: {said}{_more(warnings)}"
    return msgspec.structs.replace(accepted, message=message)


def _more(found: Sized) -> str:
    return f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
