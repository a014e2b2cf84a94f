"""What a proxy may do at the API server."""

from support.operator.manifests import params
from tenantproxy_operator.render.access import render_role, render_role_binding, render_service_account


def test_right_to_one_secret() -> None:
    """A proxy can read, follow and replace its own Secret, and do nothing else."""
    role = render_role(params({"spec.auth.secretRef.name": "elsewhere"}))
    assert role is not None
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["elsewhere"],
            "verbs": ["get", "update", "watch"],
        }
    ]


def test_binding_fits() -> None:
    """The right goes to the proxies' ServiceAccount, which gives no token to whoever just names it."""
    account, role, binding = (
        render(params({"metadata.namespace": "tenants"}))
        for render in (render_service_account, render_role, render_role_binding)
    )
    assert account is not None
    assert role is not None
    assert binding is not None
    assert account["automountServiceAccountToken"] is False
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    (subject,) = binding["subjects"]
    assert (subject["name"], subject["namespace"]) == (account["metadata"]["name"], "tenants")


def test_no_access_where_the_platform_manages() -> None:
    """With `management: platform` a proxy needs nothing of the API server, and gets nothing."""
    platform = params({"spec.auth.management": "platform"})
    for render in (render_service_account, render_role, render_role_binding):
        assert render(platform) is None
