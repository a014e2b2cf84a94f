"""The parameters of every render function."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from tenantproxy import config
from tenantproxy_operator.api.names import COMPONENTS, POSLOG, PROXY, Component
from tenantproxy_operator.api.poslog import DEFAULT_REPLICAS, Poslog
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.api.workload import Resources
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.render.config_poslog import render_poslog_config
from tenantproxy_operator.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Params:
    """One TenantProxy, and everything else that its children depend on."""

    resource: TenantProxy
    """The owner; without a `metadata.uid` (a dry run) the children name none."""
    settings: Settings
    kinds: frozenset[str]
    """Which kinds of `kinds.OPTIONAL`, by name, are switched on and served by the API server."""
    component: Component = PROXY
    """Whose children are rendered."""

    @property
    def components(self) -> tuple[Self, ...]:
        """The parameters of each component that there is to be."""
        present = (each for each in COMPONENTS if each != POSLOG or self.resource.relay)
        return tuple(self if each == self.component else replace(self, component=each) for each in present)

    @cached_property
    def config_json(self) -> str:
        """The text of `config.json`."""
        relay = self.relay
        if relay is None:
            return config.encode(render_config(self.resource, self.settings)).decode()
        return config.encode(render_poslog_config(self.resource, relay, self.settings)).decode()

    @property
    def relay(self) -> Poslog | None:
        """What is asked of the relay, where it is the relay whose children are rendered."""
        return self.resource.relay if self.component == POSLOG else None

    @property
    def is_scaled(self) -> bool:
        """Whether an autoscaler sets the number of pods: that of the proxies only."""
        return self.relay is None and self.resource.spec.autoscaling is not None

    @property
    def least_replicas(self) -> int:
        """How many pods are wanted at least."""
        relay = self.relay
        return self.resource.spec.least_replicas if relay is None else relay.replicas or DEFAULT_REPLICAS

    @property
    def resources(self) -> Resources | None:
        """What was said of one pod's resources."""
        relay = self.relay
        return self.resource.spec.resources if relay is None else relay.resources

    @property
    def managed_by_tenant(self) -> bool:
        """Whether the pods themselves change the tenant's Secret, and so need the API server."""
        return self.resource.spec.auth.management == "tenant"
