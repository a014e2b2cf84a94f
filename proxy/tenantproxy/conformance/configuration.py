"""What the kit goes by, if not by a manifest: a proxy's configuration, or the documented contract at a URL."""

import re
from pathlib import Path
from typing import Final

from tenantproxy.config import VERSION, ConfigError, Egress, ProxyConfig, Tenant, Tls, Upstream, load
from tenantproxy.conformance.webhooks import ANYWHERE
from tenantproxy.credentials.stores.environment import variable
from tenantproxy.manifests import Given
from tenantproxy.transport.egress import Policy, UrlError, check_url

_TENANT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_CREDENTIALS: Final = f"{variable('username')} and {variable('password')}, or into the directory of --credentials"


def of_config(path: Path) -> Given:
    """Return a proxy's configuration, as it is in its pod.

    Raises:
        ConfigError: It can't be read, or is not valid.

    """
    return Given(load(path))


def of_url(url: str, *, tenant_id: str, tls: Path) -> Given:
    """Return the configuration for an OMS that serves the documented contract.

    Wherever it is, it may be called: who gives the URL runs the kit, on a machine of their own. Without files in
    `tls` it has the system's CAs, and no client certificate.

    Raises:
        ConfigError: The URL or the tenant's id can't be one.

    """
    try:
        check_url(url, Policy(allow=ANYWHERE), allow_insecure=True, credentials=_CREDENTIALS)
    except UrlError as error:
        raise ConfigError(f"--url {error}") from None
    if not _TENANT_ID.fullmatch(tenant_id):
        raise ConfigError("--tenant-id must be 1 to 128 letters, digits, - or _")
    files = Tls(ca=(tls / "ca" / "ca.crt").exists(), client_certificate=(tls / "client" / "tls.crt").exists())
    upstream = Upstream(url=url, allow_insecure=True, allow_private_networks=True, tls=files)
    tenant = Tenant(id=tenant_id, name="conformance")
    return Given(ProxyConfig(version=VERSION, tenant=tenant, upstream=upstream, egress=Egress(allow=ANYWHERE)))
