"""The options that name a forward proxy for all tenants; the variables that other programs read work, too."""

import re
from typing import Final

import click
from pydantic import ValidationError

from tenantproxy import config
from tenantproxy.validation import forward_proxy_errors
from tenantproxy_operator.api.upstream import ForwardProxy
from tenantproxy_operator.manifests.problems import field_errors

OPTIONS: Final = (
    click.option(
        "--forward-proxy",
        "forward_proxy_url",
        envvar=["TENANTPROXY_FORWARD_PROXY", "HTTPS_PROXY", "https_proxy"],
        show_envvar=True,
        metavar="URL",
        help="Let every tenant's proxy connect to its OMS, its token endpoint and the issuers through this forward"
        " proxy, such as http://squid.example:3128, unless its TenantProxy has its own forwardProxy.",
    ),
    click.option(
        "--no-proxy",
        envvar=["TENANTPROXY_NO_PROXY", "NO_PROXY", "no_proxy"],
        show_envvar=True,
        metavar="LIST",
        help="With --forward-proxy: destinations that are connected to directly, separated by commas, such as "
        ".internal.example,10.0.0.0/8.",
    ),
    click.option(
        "--forward-proxy-secret",
        envvar="TENANTPROXY_FORWARD_PROXY_SECRET",
        show_envvar=True,
        metavar="NAME",
        help="With --forward-proxy: a Secret, in each tenant's namespace, with username and password for it.",
    ),
)

_NAMES: Final = {
    "url": "--forward-proxy (TENANTPROXY_FORWARD_PROXY, HTTPS_PROXY, https_proxy)",
    "noProxy": "--no-proxy (TENANTPROXY_NO_PROXY, NO_PROXY, no_proxy): an entry",
    "secretRef": "--forward-proxy-secret",
}
"""What an error in a field of the model is about."""


def parse(url: str | None, no_proxy: str | None, secret: str | None, egress: config.Egress) -> ForwardProxy | None:
    """Return the forward proxy of three options, or of the variables in their place.

    As other programs do, it takes a URL without `http://`, and ignores the rest where there is no URL.

    Raises:
        click.UsageError: It can't be used.

    """
    if not url:
        return None
    destinations = tuple(sorted({each for entry in (no_proxy or "").split(",") if (each := entry.strip())}))
    url = url if "://" in url else f"http://{url}"
    given = {"url": url, "noProxy": list(destinations), "secretRef": {"name": secret} if secret else None}
    found = list(forward_proxy_errors(config.ForwardProxy(url=url, no_proxy=destinations), egress))
    try:
        forward_proxy = ForwardProxy.model_validate(given)
    except ValidationError as error:
        found = found or field_errors(error)
    if found:
        lines = (f"{_NAMES[re.split(r'[.[]', field)[0]]} {detail}" for field, detail in found)
        raise click.UsageError("; ".join(lines))
    return forward_proxy
