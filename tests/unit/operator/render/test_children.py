"""All children together."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from support.operator.manifests import params
from support.operator.rights import OPTIONAL_KINDS
from tenantproxy_operator.kube.kinds import BY_NAME, RENDERED
from tenantproxy_operator.render.children import RENDERERS, render_children

_ROUTE = {"gatewayRef": {"name": "public"}, "hostnames": ["orders.example.com"]}


def _kinds(changes: dict[str, Any] | None = None, *, kinds: frozenset[str] = frozenset()) -> list[str]:
    return [child["kind"] for child in render_children(params(changes, kinds=kinds))]


def test_everything_in_the_order_of_the_kinds() -> None:
    """What others need comes first."""
    changes = {"spec.autoscaling": {"maxReplicas": 3}, "spec.route": _ROUTE}
    found = _kinds(changes, kinds=OPTIONAL_KINDS)
    assert found == [kind.kind for kind in RENDERED]


def test_minimal() -> None:
    """The smallest manifest has all that a proxy needs, and no more."""
    assert _kinds() == [
        "ServiceAccount",
        "Secret",
        "Role",
        "RoleBinding",
        "ConfigMap",
        "NetworkPolicy",
        "Service",
        "Deployment",
        "PodDisruptionBudget",
    ]


def test_platform_with_one_replica() -> None:
    """The least that there can be."""
    changes = {"spec.replicas": 1, "spec.auth.management": "platform"}
    assert _kinds(changes) == ["ConfigMap", "NetworkPolicy", "Service", "Deployment"]


def test_every_kind_has_a_renderer() -> None:
    """And each renderer a row in the table of kinds, which says the order."""
    assert RENDERERS.keys() == set(RENDERED)


def test_every_kind_is_known() -> None:
    """The API server's path of each child is in the table of kinds."""
    for child in render_children(params(kinds=frozenset({"PodMonitor"}))):
        assert (child["apiVersion"], child["kind"]) in BY_NAME


_labels = st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.sampled_from(["a", "b"]), max_size=5)


@settings(max_examples=20)
@given(labels=_labels, annotations=_labels, data=st.data())
def test_deterministic(labels: dict[str, str], annotations: dict[str, str], data: st.DataObject) -> None:
    """The same wishes give the same bytes, in whatever order they are written."""

    def rendered(one: dict[str, str], other: dict[str, str]) -> str:
        template = {"labels": one, "annotations": other, "nodeSelector": one, "affinity": {"x": one}}
        return json.dumps(render_children(params({"spec.podTemplate": template})))

    shuffled = dict(data.draw(st.permutations(list(labels.items()))))
    assert rendered(labels, annotations) == rendered(shuffled, dict(reversed(annotations.items())))


def test_keys_are_sorted() -> None:
    """At every depth, so that differences are readable."""
    children = render_children(params(kinds=frozenset({"PodMonitor"})))
    assert json.dumps(children) == json.dumps(children, sort_keys=True)


def test_nothing_is_shared() -> None:
    """Whoever changes a rendered manifest changes no other."""
    first, second = render_children(params()), render_children(params())
    first[-1]["spec"]["selector"]["matchLabels"].clear()
    assert second == render_children(params())
