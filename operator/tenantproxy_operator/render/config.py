"""The configuration of a tenant's proxy, which the ConfigMap carries, or in `local` a file."""

import functools
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from tenantproxy import config
from tenantproxy_operator.api.access import Access
from tenantproxy_operator.api.mapping import Mapping
from tenantproxy_operator.api.operations import Endpoint
from tenantproxy_operator.api.quantities import parse_duration, parse_size
from tenantproxy_operator.api.resource import Auth, TenantProxy
from tenantproxy_operator.api.upstream import ForwardProxy
from tenantproxy_operator.settings import Settings

T = TypeVar("T", bound=config.Endpoint)


def render_config(resource: TenantProxy, settings: Settings) -> config.ProxyConfig:
    """Return the configuration of the tenant's proxy; it holds no secret."""
    spec = resource.spec
    return config.ProxyConfig(
        version=config.VERSION,
        tenant=config.Tenant(
            id=spec.tenant_id, name=resource.metadata.name, namespace=resource.metadata.namespace
        ),
        upstream=_upstream(resource, settings.forward_proxy_of(resource)),
        mapping=_mapping(spec.mapping),
        auth=_auth(spec.auth),
        access=_access(spec.access, settings.issuers),
        egress=settings.egress,
        tracing=settings.tracing_of(resource) or UNSET,
    )


def _mapping(mapping: Mapping | None) -> config.Mapping:
    """Return the rules with only what was given: null is a value in `const` and `default`."""
    given = {} if mapping is None else mapping.model_dump(by_alias=True, exclude_unset=True)
    rules = {operation: rules for operation, rules in given.items() if rules is not None}
    return msgspec.convert(rules, config.Mapping)


def _upstream(resource: TenantProxy, forward_proxy: ForwardProxy | None) -> config.Upstream:
    upstream = resource.spec.upstream
    return config.Upstream(
        url=upstream.url,
        allow_insecure=upstream.allow_insecure,
        allow_private_networks=upstream.allow_private_networks,
        timeout_seconds=parse_duration(upstream.timeout),
        retries=upstream.retries,
        max_connections=upstream.max_connections,
        max_response_bytes=parse_size(upstream.max_response_bytes),
        content_type=upstream.content_type,
        operations=config.Operations(
            get_order=_endpoint(upstream.operations.get_order, config.OrderEndpoint),
            search_orders=_endpoint(upstream.operations.search_orders, config.SearchEndpoint),
        ),
        tls=config.Tls(
            ca=resource.ca_secret_name is not None,
            client_certificate=resource.client_certificate_secret_name is not None,
        ),
        forward_proxy=UNSET if forward_proxy is None else _forward_proxy(forward_proxy),
    )


def _endpoint(given: Endpoint, kind: type[T]) -> T:
    fields = given.model_dump(by_alias=True)
    timeout = fields.pop("timeout")
    seconds = None if timeout is None else parse_duration(timeout)
    # What is as by default is left out, whether a manifest or the API server's schema has written it: else one
    # tenant would have two ConfigMaps, by `render` and by the operator.
    defaults = _defaults(kind)
    fields = {**fields, "timeoutSeconds": seconds}
    return msgspec.convert({name: value for name, value in fields.items() if value != defaults[name]}, kind)


@functools.cache
def _defaults(kind: type[config.Endpoint]) -> dict[str, Any]:
    return {field.encode_name: field.default for field in msgspec.structs.fields(kind)}


def _forward_proxy(given: ForwardProxy) -> config.ForwardProxy:
    return config.ForwardProxy(
        url=given.url or "", no_proxy=tuple(given.no_proxy), credentials=given.secret_ref is not None
    )


def _auth(auth: Auth) -> config.Auth:
    endpoint = auth.token_endpoint
    return config.Auth(
        management=auth.management,
        allowed_types=None if auth.allowed_types is None else tuple(auth.allowed_types),
        token_endpoint=config.TokenEndpoint(
            allow_hosts=tuple(endpoint.allow_hosts),
            allow_networks=tuple(endpoint.allow_networks),
            timeout_seconds=parse_duration(endpoint.timeout),
        ),
    )


def _access(access: Access, issuers: tuple[config.Issuer, ...]) -> config.Access:
    admins = access.admins
    return config.Access(
        mode=access.mode,
        admins=config.Admins(emails=tuple(admins.emails), groups=tuple(admins.groups), roles=tuple(admins.roles)),
        issuers=issuers,
        cors=UNSET if access.cors is None else config.Cors(allowed_origins=tuple(access.cors.allowed_origins)),
    )
