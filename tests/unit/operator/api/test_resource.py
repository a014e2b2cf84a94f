"""What a TenantProxy may say, and what is said about one that may not be."""

from typing import Any

import pytest
from pydantic import ValidationError

from support.operator.manifests import changed, minimal
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.manifests.problems import field_errors


def _errors(manifest: dict[str, Any]) -> list[str]:
    try:
        TenantProxy.model_validate(manifest)
    except ValidationError as error:
        return [f"{found.field}: {found.detail}" for found in field_errors(error, TenantProxy)]
    return []


def test_minimal_manifest_has_the_documented_defaults() -> None:
    """A tenant id and a URL are enough; all else has the documented default."""
    resource = TenantProxy.model_validate(minimal())
    upstream = resource.spec.upstream
    assert resource.metadata.namespace == "default"
    assert resource.secret_name == "t-credentials"
    assert (upstream.timeout, upstream.retries, upstream.max_connections) == ("5s", 1, 100)
    assert (upstream.max_response_bytes, upstream.allow_insecure) == ("1Mi", False)
    assert resource.spec.auth.management == "tenant"
    assert resource.spec.access.mode == "jwt"
    assert resource.spec.mapping is None


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("metadata.name", "a" * 51, "metadata.name: has 51 characters; shorten it to at most 50"),
        ("metadata.name", "1abc", "metadata.name: is not a usable name; start with a lower-case letter"),
        ("metadata.name", "a/../b", "metadata.name: is not a usable name"),
        ("metadata.name", "abc\n", "metadata.name: is not a usable name"),
        ("metadata.namespace", "../x", "metadata.namespace: is not a namespace's name"),
        ("spec.tenantId", "a b", "spec.tenantId: is not a tenant id; it has 1 to 64"),
        ("spec.tenantId", ..., "spec.tenantId: is missing; set it"),
        ("spec.tenantId", 5, "spec.tenantId: must be a string; put it in quotes"),
        ("spec.upstream", "x", "spec.upstream: must be an object"),
        ("spec.upstream.url", "ftp://x", "spec.upstream.url: is not a base URL; write https://"),
        ("spec.upstream.url", "https://x?q", "spec.upstream.url: is not a base URL"),
        ("spec.upstream.timeout", "50ms", "spec.upstream.timeout: is out of bounds; use at least `100ms`"),
        ("spec.upstream.timeout", "6m", "spec.upstream.timeout: is out of bounds"),
        ("spec.upstream.timeout", "5", "spec.upstream.timeout: is not a duration; write"),
        ("spec.upstream.maxResponseBytes", "1023", "spec.upstream.maxResponseBytes: is not a size; write"),
        ("spec.upstream.maxResponseBytes", "5Mi", "spec.upstream.maxResponseBytes: is out of bounds"),
        ("spec.upstream.retries", 4, "spec.upstream.retries: is too large; use at most 3"),
        ("spec.upstream.retries", True, "spec.upstream.retries: must be a whole number"),
        ("spec.upstream.maxConnections", 0, "spec.upstream.maxConnections: is too small; use at least 1"),
        ("spec.upstream.allowInsecure", "yes", "spec.upstream.allowInsecure: must be true or false"),
        ("spec.upstream.tymeout", "5s", "spec.upstream.tymeout: is unknown; did you mean `timeout`?"),
        ("spec.timeout", "5s", "spec.timeout: does not belong here; remove it, or check the indentation"),
        ("spec.xyzzy", 1, "spec.xyzzy: is unknown; remove it"),
        ("spec.auth.management", "me", "spec.auth.management: must be 'tenant' or 'platform'"),
        ("spec.auth.secretRef.name", "A", "spec.auth.secretRef.name: is not a Secret's name"),
        ("spec.upstream.tls.caSecretRef", "oms-ca", "spec.upstream.tls.caSecretRef: must be an object"),
        ("spec.upstream.tls.caSecretRef", {}, "spec.upstream.tls.caSecretRef.name: is missing; set it"),
        ("spec.upstream.tls.caSecret", {}, "spec.upstream.tls.caSecret: is unknown; did you mean `caSecretRef`?"),
        (
            "spec.upstream.tls.insecureSkipVerify",
            True,
            "spec.upstream.tls.insecureSkipVerify: is unknown; use `caSecretRef` or",
        ),
        ("spec.maxResponseByte", "1Mi", "spec.maxResponseByte: is unknown; remove it"),
        (
            "spec.maxResponseBytes",
            "1Mi",
            "spec.maxResponseBytes: does not belong here; move it to spec.upstream.max",
        ),
        ("spec.upstream.timeout", 5, "spec.upstream.timeout: is not a duration; write a whole number and a unit"),
        ("spec.access.admins", ["x"], "spec.access.admins: must be an object with `emails`, `groups` or `roles`"),
        ("spec.access.mode", "none", "spec.access.mode: must be 'jwt' or 'trusted'"),
        ("spec.access.admins.emails", "a@b", "spec.access.admins.emails: must be a list"),
        ("spec.access.admins.emails", ["a@b", "a@b"], "spec.access.admins.emails: names something twice"),
        ("spec.access.admins.roles", ["a b"], "spec.access.admins.roles[0]: is empty or has white space"),
        ("spec.access.admins.groups", [str(n) for n in range(101)], "spec.access.admins.groups: has 101 entries"),
    ],
)
def test_bad_field(path: str, value: Any, expected: str) -> None:
    """Each error names the field by its path and says the fix."""
    (error,) = _errors(changed(minimal(), path, value))
    assert error.startswith(expected)


@pytest.mark.parametrize(
    "path", ["spec.mapping", "spec.upstream.timeout", "spec.access.admins", "metadata.namespace"]
)
def test_null_means_absent(path: str) -> None:
    """A key without a value is as if it were not there: the API server takes it so, too."""
    with_null = TenantProxy.model_validate(changed(minimal(), path, None))
    assert with_null == TenantProxy.model_validate(minimal())


def test_all_errors_at_once() -> None:
    """Everything that is wrong is said in one go."""
    manifest = changed(changed(minimal(), "spec.tenantId", ...), "spec.upstream.retries", 9)
    assert len(_errors(manifest)) == 2
