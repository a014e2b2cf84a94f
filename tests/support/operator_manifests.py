"""TenantProxy manifests for tests: the smallest one, and changes of it."""

import copy
from typing import Any


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
