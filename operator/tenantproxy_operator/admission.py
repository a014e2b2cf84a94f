"""Verdicts on a TenantProxy and its Secret that a schema can't give; pure, for `local` and the cluster."""

from collections.abc import Iterator, Mapping

from tenantproxy import credentials, egress, routes
from tenantproxy.credentials import CredentialError, FieldError
from tenantproxy.mapping import MappingError, compile_mapping
from tenantproxy_operator.render.config import render_mapping
from tenantproxy_operator.resource import TenantProxy, Upstream


def check_resource(resource: TenantProxy) -> list[FieldError]:
    """Return what is wrong with a TenantProxy that its models accept; `field` is a path in the manifest."""
    return [*_url(resource.spec.upstream), *_paths(resource.spec.upstream), *_mapping(resource)]


def check_secret(data: Mapping[str, str], resource: TenantProxy) -> list[FieldError]:
    """Return what is wrong with the credential keys of the Secret that `resource` refers to.

    A Secret without any is fine: the credential is not configured yet. `field` is one of its keys.
    """
    try:
        credential = credentials.from_secret(data)
    except CredentialError as error:
        return list(error.errors)
    if isinstance(credential, credentials.OAuth2):
        upstream = resource.spec.upstream
        try:
            egress.check_url(
                credential.auth_url,
                allow_insecure=upstream.allow_insecure,
                allow_private_networks=upstream.allow_private_networks,
                allow_query=True,
            )
        except egress.UrlError as error:
            return [FieldError("authUrl", str(error))]
    return []


def _url(upstream: Upstream) -> Iterator[FieldError]:
    try:
        egress.check_url(
            upstream.url,
            allow_insecure=upstream.allow_insecure,
            allow_private_networks=upstream.allow_private_networks,
        )
    except egress.UrlError as error:
        yield FieldError("spec.upstream.url", str(error))


def _paths(upstream: Upstream) -> Iterator[FieldError]:
    operations = upstream.operations
    for name, path, placeholders in (
        ("getOrder", operations.get_order.path, frozenset({"businessUnitId", "customerOrderId"})),
        ("searchOrders", operations.search_orders.path, frozenset({"businessUnitId"})),
    ):
        try:
            routes.check_operation_path(path, placeholders=placeholders)
        except ValueError as error:
            yield FieldError(f"spec.upstream.operations.{name}.path", str(error))


def _mapping(resource: TenantProxy) -> Iterator[FieldError]:
    try:
        compile_mapping(render_mapping(resource.spec.mapping))
    except MappingError as error:
        for found in error.errors:
            yield FieldError(f"spec.mapping.{found.field}", found.detail)
