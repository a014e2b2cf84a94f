"""The kinds of objects that the operator writes, one row each: where the API server serves them, and if it must.

A new kind of children is a row here and a render function in `render.children`. An optional one has its option of
the commands, its setting, its rights and its condition from its row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tenantproxy_operator.api.reasons import Reason

Manifest = dict[str, Any]
"""An object as JSON."""


class Key(NamedTuple):
    """What identifies an object of one kind."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Switch:
    """What turns an optional kind on, and what is reported where a spec needs it and it is unavailable."""

    option: str
    """The option of `run`, `render` and `rbac`, such as `--http-routes`."""
    help: str
    """What that option does."""
    project: str
    """Who brings the CRD."""
    fields: tuple[str, ...] = ()
    """The fields of `spec` that ask for a child of this kind; none: each component gets one."""
    reason: str = ""
    """The reason of the condition Accepted where such a field is set, and the kind is off or not served."""

    @property
    def parameter(self) -> str:
        """The option's name in Python."""
        return self.option.removeprefix("--").replace("-", "_")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of namespaced objects."""

    api_version: str
    kind: str
    plural: str
    lasting: bool = False
    """Whether the operator never deletes one, and has no right to: it may hold what a tenant's admin has set.
    Garbage collection takes it, with Kubernetes' own rights."""
    shared: bool = False
    """Whether a tenant has one for all its components, named after the proxies: the relay reads the same Secret,
    with the same rights."""
    hashed: bool = False
    """Whether its name ends in the hash of its content: other content is another object, and earlier ones stay for
    as long as pods may need them."""
    switch: Switch | None = None

    @property
    def optional(self) -> bool:
        """Whether a cluster may do without it: its CRD comes from another project."""
        return self.switch is not None

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        group, slash, _ = self.api_version.partition("/")
        return group if slash else ""

    @property
    def root(self) -> str:
        """The path of the group and version: its discovery document."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Return the path of one object, of all in a namespace, or of all (`namespace` None)."""
        path = self.root if namespace is None else f"{self.root}/namespaces/{namespace}"
        return f"{path}/{self.plural}" if name is None else f"{path}/{self.plural}/{name}"


CONFIG_MAP: Final = Kind(api_version="v1", kind="ConfigMap", plural="configmaps", hashed=True)
CONTROLLER_REVISION: Final = Kind(
    api_version="apps/v1", kind="ControllerRevision", plural="controllerrevisions", hashed=True, shared=True
)
SECRET: Final = Kind(api_version="v1", kind="Secret", plural="secrets", lasting=True, shared=True)
SERVICE: Final = Kind(api_version="v1", kind="Service", plural="services")
SERVICE_ACCOUNT: Final = Kind(api_version="v1", kind="ServiceAccount", plural="serviceaccounts", shared=True)
DEPLOYMENT: Final = Kind(api_version="apps/v1", kind="Deployment", plural="deployments")
ROLE: Final = Kind(api_version="rbac.authorization.k8s.io/v1", kind="Role", plural="roles", shared=True)
ROLE_BINDING: Final = Kind(
    api_version="rbac.authorization.k8s.io/v1", kind="RoleBinding", plural="rolebindings", shared=True
)
AUTOSCALER: Final = Kind(
    api_version="autoscaling/v2", kind="HorizontalPodAutoscaler", plural="horizontalpodautoscalers", shared=True
)
DISRUPTION_BUDGET: Final = Kind(api_version="policy/v1", kind="PodDisruptionBudget", plural="poddisruptionbudgets")
NETWORK_POLICY: Final = Kind(api_version="networking.k8s.io/v1", kind="NetworkPolicy", plural="networkpolicies")
POD_MONITOR: Final = Kind(
    api_version="monitoring.coreos.com/v1",
    kind="PodMonitor",
    plural="podmonitors",
    switch=Switch(
        option="--pod-monitors",
        help="Create a PodMonitor for each tenant (prometheus-operator).",
        project="prometheus-operator",
    ),
)
HTTP_ROUTE: Final = Kind(
    api_version="gateway.networking.k8s.io/v1",
    kind="HTTPRoute",
    plural="httproutes",
    switch=Switch(
        option="--http-routes",
        help="Create an HTTPRoute for each `spec.route` and `spec.poslog.route` (Gateway API).",
        project="the Gateway API",
        fields=("route", "poslog.route"),
        reason=Reason.ROUTE_UNAVAILABLE,
    ),
)
LEASE: Final = Kind(api_version="coordination.k8s.io/v1", kind="Lease", plural="leases")

CHILDREN: Final = (
    SERVICE_ACCOUNT,
    SECRET,
    ROLE,
    ROLE_BINDING,
    CONFIG_MAP,
    NETWORK_POLICY,
    SERVICE,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    AUTOSCALER,
    DISRUPTION_BUDGET,
    POD_MONITOR,
    HTTP_ROUTE,
)
"""All kinds of children, in the order in which they are applied: what others need comes first."""

RENDERED: Final = tuple(kind for kind in CHILDREN if kind is not CONTROLLER_REVISION)
"""Those that a spec is rendered to; the operator stores in the other one what it has applied."""

POD_KINDS: Final = frozenset({CONFIG_MAP, CONTROLLER_REVISION, DEPLOYMENT})
"""What pods are made of. A change of these takes turns; see `controller.rollout`."""

REQUIRES: Final[Mapping[Kind, tuple[Kind, ...]]] = {
    ROLE_BINDING: (SERVICE_ACCOUNT, ROLE),
    # Pods must neither run with another's configuration or rights, nor outside their NetworkPolicy.
    DEPLOYMENT: (SERVICE_ACCOUNT, SECRET, ROLE_BINDING, CONFIG_MAP, NETWORK_POLICY),
    AUTOSCALER: (DEPLOYMENT,),  # beside one that still sets the number of replicas it would fight over it
    HTTP_ROUTE: (SERVICE,),  # another's of that name must not get the tenant's requests
}
"""What a child needs: while one of these can't be applied, a child of this kind is left as it is."""

REPLICA_SET: Final = Kind(api_version="apps/v1", kind="ReplicaSet", plural="replicasets")
"""Only listed: they say which ConfigMaps pods may still need."""

HASHED: Final = frozenset(kind for kind in CHILDREN if kind.hashed)

OPTIONAL: Final = {kind: kind.switch for kind in CHILDREN if kind.switch is not None}
"""The kinds that are written only where they are switched on and served, with their switches."""

BY_NAME: Final = {(kind.api_version, kind.kind): kind for kind in CHILDREN}
