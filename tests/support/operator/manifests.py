"""TenantProxy manifests for tests: the smallest one, and changes of it."""

import copy
from typing import Any

from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.render.params import Params
from tenantproxy_operator.settings import Settings


def minimal() -> dict[str, Any]:
    """Return a manifest with nothing but what must be there."""
    return {
        "apiVersion": "proxy.hiiretail.com/v1alpha1",
        "kind": "TenantProxy",
        "metadata": {"name": "t"},
        "spec": {"tenantId": "T-1", "upstream": {"url": "https://oms.example/api"}},
    }


def changed(manifest: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return the manifest with another value at a dotted path; `...` removes what is there."""
    result = copy.deepcopy(manifest)
    *above, last = path.split(".")
    place = result
    for step in above:
        place = place.setdefault(step, {})
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return result


def params(
    changes: dict[str, Any] | None = None, *, settings: Settings | None = None, kinds: frozenset[str] = frozenset()
) -> Params:
    """Return what renders the smallest manifest, with other values at some dotted paths."""
    manifest = minimal()
    for path, value in (changes or {}).items():
        manifest = changed(manifest, path, value)
    resource = TenantProxy.model_validate(manifest)
    return Params(resource=resource, settings=settings or Settings(), kinds=kinds)
