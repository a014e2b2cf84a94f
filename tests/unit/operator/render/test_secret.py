"""The Secret before there is a credential."""

from support.operator.manifests import params
from tenantproxy_operator.render.secret import render_secret


def test_empty_secret_for_the_tenant() -> None:
    """It has no data, so that applying it can't take any away."""
    secret = render_secret(params())
    assert secret is not None
    assert secret["metadata"]["name"] == "t-credentials"
    assert secret.keys() == {"apiVersion", "kind", "metadata", "type"}


def test_another_name() -> None:
    """It has the name that the TenantProxy refers to."""
    secret = render_secret(params({"spec.auth.secretRef.name": "elsewhere"}))
    assert secret is not None
    assert secret["metadata"]["name"] == "elsewhere"


def test_platforms_own_secret_is_left_alone() -> None:
    """With `management: platform` somebody else creates it."""
    assert render_secret(params({"spec.auth.management": "platform"})) is None
