"""The Service."""

from support.operator.manifests import params
from tenantproxy_operator.render.deployment import render_deployment
from tenantproxy_operator.render.service import render_service


def test_api_port_only() -> None:
    """Clients reach the API; metrics and probes are not for them."""
    (port,) = render_service(params())["spec"]["ports"]
    assert (port["name"], port["port"], port["targetPort"], port["appProtocol"]) == ("http", 8080, "http", "http")


def test_selects_the_deployments_pods() -> None:
    """Both select by the same labels."""
    selector = render_deployment(params())["spec"]["selector"]["matchLabels"]
    assert render_service(params())["spec"]["selector"] == selector
