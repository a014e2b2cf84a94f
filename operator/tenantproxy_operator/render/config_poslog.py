"""The configuration of a tenant's PosLog relay: its own part, and of the proxy's what is about the way to the OMS.

It has nothing of what only reads need, so that a change of these doesn't restart relays.
"""

from typing import Any, Final

import msgspec

from tenantproxy import config, config_poslog
from tenantproxy_operator.api.poslog import Poslog
from tenantproxy_operator.api.quantities import parse_duration, parse_size
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.settings import Settings

_SIZES: Final = ("maxEventBytes", "maxPoslogBytes")


def render_poslog_config(resource: TenantProxy, relay: Poslog, settings: Settings) -> config.ProxyConfig:
    """Return the configuration of the tenant's relay; it holds no secret."""
    proxy = render_config(resource, settings)
    given = relay.model_dump(by_alias=True, exclude_unset=True)
    delivery, limits = given["delivery"], given.get("limits") or {}
    way = {"url": delivery.pop("url", proxy.upstream.url)}
    if "maxConnections" in limits:
        way["max_connections"] = limits.pop("maxConnections")
    if "timeout" in delivery:
        delivery["timeoutSeconds"] = parse_duration(delivery.pop("timeout"))
    for size in filter(limits.__contains__, _SIZES):
        limits[size] = parse_size(limits[size])
    return config.ProxyConfig(
        version=config.VERSION,
        tenant=proxy.tenant,
        upstream=config.Upstream(
            **way,
            allow_insecure=proxy.upstream.allow_insecure,
            allow_private_networks=proxy.upstream.allow_private_networks,
            tls=proxy.upstream.tls,
            forward_proxy=proxy.upstream.forward_proxy,
        ),
        auth=proxy.auth,
        egress=proxy.egress,
        tracing=proxy.tracing,
        poslog=_poslog(given),
    )


def _poslog(given: dict[str, Any]) -> config_poslog.Poslog:
    """Return what was given of it, and no more: what is not is as by default."""
    names = (field.encode_name for field in msgspec.structs.fields(config_poslog.Poslog))
    return msgspec.convert({name: given[name] for name in names if name in given}, config_poslog.Poslog)
