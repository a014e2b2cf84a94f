"""The parameters of every render function."""

from dataclasses import dataclass
from functools import cached_property

from tenantproxy import config
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Params:
    """One TenantProxy, and everything else that its children depend on."""

    resource: TenantProxy
    """The owner; without a `metadata.uid` (a dry run) the children name none."""
    settings: Settings
    kinds: frozenset[str]
    """Which kinds of `kinds.OPTIONAL`, by name, are switched on and served by the API server."""

    @cached_property
    def config_json(self) -> str:
        """The text of `config.json`."""
        return config.encode(render_config(self.resource, self.settings)).decode()

    @property
    def managed_by_tenant(self) -> bool:
        """Whether the proxy itself changes the tenant's Secret, and so needs the API server."""
        return self.resource.spec.auth.management == "tenant"
