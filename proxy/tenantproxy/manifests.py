"""Read a manifest, by what is installed beside the proxy: the data plane itself knows none."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, NamedTuple

from tenantproxy.config import ConfigError, ProxyConfig

MANIFEST_LOADERS: Final = "tenantproxy.manifests"
"""The group of entry points whose one member, `load`, reads a manifest."""
_NO_LOADER: Final = (
    "--manifest: the operator is not installed, which reads manifests; install `tenantproxy[operator]`, or pass "
    "--config with what `tenantproxy-operator render --output config` prints"
)


class Given(NamedTuple):
    """A configuration, the credential's keys if they came with it, and the configuration of a PosLog relay."""

    config: ProxyConfig
    keys: Mapping[str, str] = {}
    relay: ProxyConfig | None = None


def of_manifest(path: Path) -> Given:
    """Return what a manifest's proxy and relay are configured with; its Secret may be in the same file.

    Raises:
        ConfigError: It can't be read, or is not valid; or nothing here reads manifests.

    """
    for entry_point in entry_points(group=MANIFEST_LOADERS, name="load"):
        try:
            load_manifest = entry_point.load()
        except ImportError:
            break
        return Given(*load_manifest(path))
    raise ConfigError(_NO_LOADER)
