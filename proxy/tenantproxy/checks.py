"""What a configuration's structure can't say: whether its URLs, paths and rules can be used."""

from tenantproxy import egress, routes
from tenantproxy.config import ConfigError, ProxyConfig
from tenantproxy.mapping import CompiledMapping, MappingError, compile_mapping


def check(config: ProxyConfig) -> CompiledMapping:
    """Check what a configuration's structure can't say, and return its compiled mapping.

    Raises:
        ConfigError: A URL, a path or a rule can't be used.

    """
    upstream = config.upstream
    try:
        egress.check_url(
            upstream.url,
            allow_insecure=upstream.allow_insecure,
            allow_private_networks=upstream.allow_private_networks,
        )
    except egress.UrlError as error:
        raise ConfigError(f"`upstream.url` {error}") from None
    operations = {
        "getOrder": (upstream.operations.get_order.path, frozenset({"businessUnitId", "customerOrderId"})),
        "searchOrders": (upstream.operations.search_orders.path, frozenset({"businessUnitId"})),
    }
    for name, (path, placeholders) in operations.items():
        try:
            routes.check_operation_path(path, placeholders=placeholders)
        except ValueError as error:
            raise ConfigError(f"`upstream.operations.{name}.path` {error}") from None
    try:
        return compile_mapping(config.mapping)
    except MappingError as error:
        raise ConfigError(f"`mapping`: {error}") from None
