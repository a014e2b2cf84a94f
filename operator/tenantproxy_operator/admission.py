"""Verdicts on a TenantProxy and its Secrets that a schema can't give; pure, for `local` and the cluster."""

from collections.abc import Mapping

from tenantproxy import checks, credentials, egress
from tenantproxy.credentials import CredentialError, FieldError
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.resource import TenantProxy
from tenantproxy_operator.settings import Settings


def check_resource(resource: TenantProxy, settings: Settings) -> list[FieldError]:
    """Return what is wrong with a TenantProxy that its models accept; `field` is a path in the manifest."""
    found = checks.find_errors(render_config(resource, settings))
    errors = [FieldError(f"spec.{field}", detail) for field, detail in found]
    upstream = resource.spec.upstream
    if upstream.tls is not None and upstream.url.startswith("http:"):
        detail = "does not apply to plain http; make `url` https, or remove `tls`"
        errors.append(FieldError("spec.upstream.tls", detail))
    return errors


def check_secret(data: Mapping[str, str], resource: TenantProxy, settings: Settings) -> list[FieldError]:
    """Return what is wrong with the credential keys of the Secret that `resource` refers to.

    A Secret without any is fine: the credential is not configured yet. `field` is one of its keys.
    """
    try:
        credential = credentials.from_secret(data)
    except CredentialError as error:
        return list(error.errors)
    if isinstance(credential, credentials.OAuth2):
        policy = checks.egress_policy(render_config(resource, settings))
        insecure = resource.spec.upstream.allow_insecure
        try:
            egress.check_url(credential.auth_url, policy, allow_insecure=insecure, allow_query=True)
        except egress.UrlError as error:
            return [FieldError("authUrl", str(error))]
    return []
