"""A spec that asks for a kind which is not there, and what the rows of the optional kinds must have."""

from pathlib import Path

import pytest

from support.operator.manifests import params
from support.operator.rights import OPTIONAL_KINDS
from tenantproxy_operator.api.poslog import Poslog
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.api.resource import Spec
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Kind, Switch
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation.optional_kinds import find_unavailable, find_unused
from tenantproxy_operator.validation.resource import check_resource

ROOT = Path(__file__).parents[4]
ROUTED = params({"spec.route": {"gatewayRef": {"name": "public"}, "hostnames": ["orders.example.com"]}}).resource


def test_route_without_effect() -> None:
    """A route that nothing is made of is no error, but said."""
    assert check_resource(ROUTED, Settings()) == []
    ((field, detail),) = find_unused(ROUTED, frozenset({"PodMonitor"}))
    assert field == "spec.route"
    assert detail == (
        "has no effect; it needs the operator's option --http-routes, and the Gateway API in the cluster"
    )
    assert find_unused(ROUTED, frozenset({"HTTPRoute"})) == []
    assert find_unused(params().resource, frozenset()) == []


def test_condition() -> None:
    """The condition says what is missing, and the fix."""
    found = find_unavailable(ROUTED, frozenset({"PodMonitor"}))
    assert found is not None
    assert (found.status, found.reason) == ("False", Reason.ROUTE_UNAVAILABLE)
    assert found.message == (
        "spec.route needs HTTPRoutes (gateway.networking.k8s.io/v1); install the Gateway API and run the operator"
        " with --http-routes, or remove spec.route"
    )
    assert find_unavailable(ROUTED, OPTIONAL_KINDS) is None
    assert find_unavailable(params().resource, frozenset()) is None


@pytest.mark.parametrize(("kind", "switch"), kinds.OPTIONAL.items(), ids=lambda each: getattr(each, "kind", ""))
def test_rows(kind: Kind, switch: Switch) -> None:
    """What a row names exists: the spec's field, with its reason; the chart's argument; the documented option."""
    assert switch.option == f"--{switch.parameter.replace('_', '-')}"
    assert bool(switch.fields) == bool(switch.reason)
    for field in switch.fields:
        above, _, last = field.rpartition(".")
        assert last in (Poslog.model_fields if above == "poslog" else Spec.model_fields)
        assert switch.reason in vars(Reason).values()
    assert f"- {switch.option}\n" in (ROOT / "charts/tenantproxy/templates/deployment.yaml").read_text()
    assert f"| `{switch.option}` |" in (ROOT / "docs/operator.md").read_text()
    assert f"| {kind.kind} |" in (ROOT / "docs/configuration.md").read_text()


@pytest.mark.parametrize(("enabled", "told"), [(True, True), (False, False)])
def test_route_of_a_relay(*, enabled: bool, told: bool) -> None:
    """It needs the same kind; that of a relay which there is not to be needs nothing."""
    route = {"gatewayRef": {"name": "public"}, "hostnames": ["pickups.example.com"]}
    relay = {"verification": {"sharedKey": True}, "delivery": {"path": "/p"}, "route": route, "enabled": enabled}
    resource = params({"spec.poslog": relay}).resource
    found = find_unavailable(resource, frozenset())
    assert (found is not None) is told
    assert [field for field, _ in find_unused(resource, frozenset())] == (["spec.poslog.route"] if told else [])
    if found is not None:
        assert found.message.endswith("or remove spec.poslog.route")
