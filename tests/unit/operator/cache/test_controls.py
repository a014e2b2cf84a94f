"""Which autoscalers and disruption budgets of others act on a tenant's proxies."""

from typing import Any

import pytest

from support.apiserver.objects import control
from support.operator.manifests import changed, minimal
from tenantproxy_operator.cache.controls import Controls
from tenantproxy_operator.cache.tenants import Tenant, tenant_from
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.workloads import OtherControls

ACME = Key("tenants", "acme")
NOTHING = OtherControls()


class World:
    """The cache, and what it told."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.controls = Controls(self.told.append, self.told.append)

    def news(self) -> list[object]:
        news, self.told[:] = self.told[:], []
        return news

    def hpa(self, target: str, kind: str = "Deployment", name: str = "theirs") -> None:
        spec = {"scaleTargetRef": {"kind": kind, "name": target, "apiVersion": "apps/v1"}}
        self.controls.put(kinds.AUTOSCALER, control(name, spec=spec))

    def pdb(self, selector: dict[str, Any] | None, name: str = "theirs") -> None:
        self.controls.put(kinds.DISRUPTION_BUDGET, control(name, spec={"selector": selector}))


@pytest.fixture
def world() -> World:
    return World()


def tenant(name: str = "acme", namespace: str = "tenants", **changes: Any) -> Tenant:
    manifest: dict[str, Any] = minimal()
    for path, value in changes.items():
        manifest = changed(manifest, path.replace("_", "."), value)
    metadata = {"name": name, "namespace": namespace, "uid": "u", "resourceVersion": "1"}
    return tenant_from(manifest | {"metadata": metadata})


def test_an_autoscaler(world: World) -> None:
    """It is that of the tenant whose Deployment it scales, for as long as it does; its status is no news."""
    world.hpa("acme-proxy")
    assert world.news() == [ACME]
    assert world.controls.of(tenant()) == OtherControls(autoscalers=("theirs",))
    assert world.controls.of(tenant("other")) == world.controls.of(tenant(namespace="elsewhere")) == NOTHING
    world.hpa("acme-proxy")
    assert world.news() == []
    world.hpa("other-proxy")
    assert world.news() == [ACME, Key("tenants", "other")]
    assert world.controls.of(tenant()) == NOTHING
    world.controls.drop(kinds.AUTOSCALER, Key("tenants", "theirs"))
    assert world.news() == [Key("tenants", "other")]
    assert world.controls.every(kinds.AUTOSCALER, None) == {}


@pytest.mark.parametrize(("target", "kind"), [("acme-proxy", "StatefulSet"), ("acme", "Deployment")])
def test_an_autoscaler_of_something_else(world: World, target: str, kind: str) -> None:
    """It is not about a tenant."""
    world.hpa(target, kind)
    assert (world.news(), world.controls.of(tenant())) == ([], NOTHING)


@pytest.mark.parametrize(
    ("selector", "selects"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app.kubernetes.io/instance": "acme"}}, True),
        ({"matchLabels": {"app.kubernetes.io/instance": "other"}}, False),
        ({"matchLabels": {"team": "shop"}}, True),
        ({"matchLabels": {"team": "shop", "app.kubernetes.io/instance": "other"}}, False),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "shop"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["shop"]}]}, False),
        ({"matchExpressions": [{"key": "none", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "none", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "none", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "Gt", "values": ["1"]}]}, False),
    ],
)
def test_a_disruption_budget(world: World, selector: dict[str, Any] | None, *, selects: bool) -> None:
    """It is that of all whose pods it selects, by our labels and the tenant's own."""
    world.pdb(selector)
    found = world.controls.of(tenant(spec_podTemplate={"labels": {"team": "shop"}}))
    assert found == OtherControls(disruption_budgets=("theirs",) if selects else ())
    assert world.controls.of(tenant(namespace="elsewhere")) == NOTHING


def test_news_of_a_disruption_budget(world: World) -> None:
    """They are about its namespace; its status is none."""
    world.pdb({})
    world.pdb({})
    assert world.news() == ["tenants"]
    world.pdb({}, "another")
    assert world.controls.of(tenant()).disruption_budgets == ("another", "theirs")
    world.pdb({"matchLabels": {"a": "b"}})
    world.controls.drop(kinds.DISRUPTION_BUDGET, Key("tenants", "another"))
    world.controls.drop(kinds.DISRUPTION_BUDGET, Key("tenants", "unknown"))
    assert world.news() == ["tenants"] * 3
    assert world.controls.of(tenant()) == NOTHING


def test_a_spec_that_is_not_valid(world: World) -> None:
    """Our own labels are there all the same."""
    world.pdb({"matchLabels": {"app.kubernetes.io/instance": "acme"}})
    assert world.controls.of(tenant(spec_podTemplate="x")).disruption_budgets == ("theirs",)
