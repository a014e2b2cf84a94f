"""Verdicts on a TenantProxy and its Secret that a schema can't give; pure, for `local` and the cluster."""

from collections.abc import Mapping

from tenantproxy import checks, credentials, egress
from tenantproxy.credentials import CredentialError, FieldError
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.resource import TenantProxy


def check_resource(resource: TenantProxy) -> list[FieldError]:
    """Return what is wrong with a TenantProxy that its models accept; `field` is a path in the manifest."""
    rendered = render_config(resource, issuers=())
    return [FieldError(f"spec.{field}", detail) for field, detail in checks.find_errors(rendered)]


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
        policy = egress.Policy(allow_private_networks=upstream.allow_private_networks)
        try:
            egress.check_url(credential.auth_url, policy, allow_insecure=upstream.allow_insecure, allow_query=True)
        except egress.UrlError as error:
            return [FieldError("authUrl", str(error))]
    return []
