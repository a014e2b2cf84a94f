"""The kinds of objects that the operator writes: where the API server serves them."""

from dataclasses import dataclass
from typing import Final, NamedTuple


class Key(NamedTuple):
    """What identifies an object of one kind."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of namespaced objects."""

    api_version: str
    kind: str
    plural: str
    optional: bool = False
    """Whether a cluster may do without it: its CRD comes from another project."""

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        group, slash, _ = self.api_version.partition("/")
        return group if slash else ""

    @property
    def root(self) -> str:
        """Where the API server describes the group's version."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Return the path of one object, of all in a namespace, or of all (`namespace` None)."""
        path = self.root if namespace is None else f"{self.root}/namespaces/{namespace}"
        return f"{path}/{self.plural}" if name is None else f"{path}/{self.plural}/{name}"


CONFIG_MAP: Final = Kind(api_version="v1", kind="ConfigMap", plural="configmaps")
SECRET: Final = Kind(api_version="v1", kind="Secret", plural="secrets")
SERVICE: Final = Kind(api_version="v1", kind="Service", plural="services")
SERVICE_ACCOUNT: Final = Kind(api_version="v1", kind="ServiceAccount", plural="serviceaccounts")
DEPLOYMENT: Final = Kind(api_version="apps/v1", kind="Deployment", plural="deployments")
ROLE: Final = Kind(api_version="rbac.authorization.k8s.io/v1", kind="Role", plural="roles")
ROLE_BINDING: Final = Kind(api_version="rbac.authorization.k8s.io/v1", kind="RoleBinding", plural="rolebindings")
AUTOSCALER: Final = Kind(
    api_version="autoscaling/v2", kind="HorizontalPodAutoscaler", plural="horizontalpodautoscalers"
)
DISRUPTION_BUDGET: Final = Kind(api_version="policy/v1", kind="PodDisruptionBudget", plural="poddisruptionbudgets")
NETWORK_POLICY: Final = Kind(api_version="networking.k8s.io/v1", kind="NetworkPolicy", plural="networkpolicies")
POD_MONITOR: Final = Kind(
    api_version="monitoring.coreos.com/v1", kind="PodMonitor", plural="podmonitors", optional=True
)
HTTP_ROUTE: Final = Kind(
    api_version="gateway.networking.k8s.io/v1", kind="HTTPRoute", plural="httproutes", optional=True
)

CHILDREN: Final = (
    SERVICE_ACCOUNT,
    SECRET,
    ROLE,
    ROLE_BINDING,
    CONFIG_MAP,
    NETWORK_POLICY,
    SERVICE,
    DEPLOYMENT,
    AUTOSCALER,
    DISRUPTION_BUDGET,
    POD_MONITOR,
    HTTP_ROUTE,
)
"""All kinds of children, in the order in which they are applied: what others need comes first."""

BY_NAME: Final = {(kind.api_version, kind.kind): kind for kind in CHILDREN}
