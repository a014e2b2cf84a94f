"""The entry point by which the data plane's commands read a manifest: configurations, and its Secret."""

from pathlib import Path

from tenantproxy.config import ConfigError, ProxyConfig
from tenantproxy_operator.local.source import ManifestSource
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.render.config_poslog import render_poslog_config
from tenantproxy_operator.settings import Settings


def load(path: Path) -> tuple[ProxyConfig, dict[str, str], ProxyConfig | None]:
    """Return what the one TenantProxy at a path is configured with, by an operator with no settings of its own.

    The second is the data of the Secret with its credential, if there is a manifest of that; else empty. The third
    is the configuration of its PosLog relay, switched on or not; None without `spec.poslog`.

    Raises:
        ConfigError: The manifest is not valid, or there is not exactly one.

    """
    settings = Settings()
    snapshot, problems = ManifestSource((path,), settings, complete=False).load()
    if problems:
        raise ConfigError("\n".join(str(problem) for problem in problems))
    if len(snapshot) != 1:
        names = ", ".join(str(key) for key in snapshot)
        raise ConfigError(f"{path}: holds several TenantProxies ({names}); give a file with one")
    (wanted,) = snapshot.values()
    keys = {} if wanted.credential is None else dict(wanted.credential.data)
    relay = wanted.resource.spec.poslog
    return (
        render_config(wanted.resource, settings),
        keys,
        None if relay is None else render_poslog_config(wanted.resource, relay, settings),
    )
