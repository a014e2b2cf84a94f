"""The labels of children and of the proxies' pods."""

from typing import Final

INSTANCE: Final = "app.kubernetes.io/instance"
COMPONENT: Final = "app.kubernetes.io/component"
SELECTOR_KEYS: Final = ("app.kubernetes.io/name", INSTANCE, COMPONENT)
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "tenantproxy-operator"


def selector(name: str, *, component: str) -> dict[str, str]:
    """Return the labels that select the pods of the TenantProxy `name`; a Deployment's can never change."""
    return dict(zip(SELECTOR_KEYS, ("tenantproxy", name, component), strict=True))


def labels(name: str, *, component: str) -> dict[str, str]:
    """Return the labels of a child of the TenantProxy `name`."""
    return selector(name, component=component) | {MANAGED_BY: MANAGER}
