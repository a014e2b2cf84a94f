"""How a real API server validates the fields about pods, scale and route."""

from typing import Any

import pytest
import yaml

from support.apiserver.client import ApiClient
from support.apiserver.server import ApiServer
from support.golden import CHILDREN
from support.operator.bad_workloads import BAD_WORKLOADS
from support.operator.manifests import changed, minimal


async def _create(api: ApiClient, namespace: str, manifest: dict[str, Any]) -> tuple[int, Any]:
    path = f"/apis/proxy.hiiretail.com/v1alpha1/namespaces/{namespace}/tenantproxies"
    body = changed(manifest, "metadata.namespace", namespace)
    return await api.request("POST", f"{path}?fieldValidation=Strict&dryRun=All", body)


@pytest.mark.parametrize("case", CHILDREN.cases)
async def test_golden_input_is_accepted(api: ApiClient, namespace: str, case: str) -> None:
    """What is rendered in the golden files can be said in a cluster."""
    manifest = yaml.safe_load((CHILDREN.folder / case / "input.yaml").read_text())
    status, answer = await _create(api, namespace, changed(manifest, "metadata.uid", None))
    assert status == 201, answer


@pytest.mark.parametrize(("path", "value"), [(path, value) for path, value, _ in BAD_WORKLOADS])
async def test_what_the_models_refuse_is_refused(api: ApiClient, namespace: str, path: str, value: Any) -> None:
    """The user is told at once by kubectl, not only later by the operator."""
    status, answer = await _create(api, namespace, changed(minimal(), path, value))
    assert status in (400, 422), answer


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"replicas": 2, "autoscaling": {"maxReplicas": 3}},
            "spec.replicas: Invalid value: can't be combined with autoscaling, which sets it; remove one",
        ),
        (
            {"autoscaling": {"minReplicas": 4, "maxReplicas": 3}},
            "spec.autoscaling.minReplicas: Invalid value: is more than maxReplicas; lower it, or raise",
        ),
        (
            {"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}},
            "spec.resources: Invalid value: requests more cpu than the limit; lower requests.cpu",
        ),
        (
            {"resources": {"requests": {"ephemeral-storage": "1Gi"}, "limits": {"ephemeral-storage": "1G"}}},
            "spec.resources: Invalid value: requests more ephemeral-storage than the limit; lower requests",
        ),
        (
            {"resources": {"requests": {"cpu": -1}}},
            "spec.resources.requests.cpu: Invalid value: -1: is not an amount; write a number that is not",
        ),
        (
            {"podTemplate": {"labels": {"app.kubernetes.io/name": "x"}}},
            "spec.podTemplate.labels: Invalid value: has one of the keys app.kubernetes.io/name",
        ),
        (
            {"podTemplate": {"annotations": {"prometheus.io/port": "1"}}},
            "has a key that begins with proxy.hiiretail.com/ or prometheus.io/, which the operator sets itself",
        ),
        (
            {"podTemplate": {"nodeSelector": {"a b": "x"}}},
            "spec.podTemplate.nodeSelector: Invalid value: has a key that is not the key of a label",
        ),
    ],
)
async def test_rules_say_the_field_and_the_fix(
    api: ApiClient, namespace: str, spec: dict[str, Any], expected: str
) -> None:
    """What CEL refuses reads like what the models refuse."""
    manifest = minimal()
    manifest["spec"] |= spec
    status, answer = await _create(api, namespace, manifest)
    assert status == 422
    assert expected in answer["message"]


async def test_defaults(api: ApiClient, namespace: str) -> None:
    """The autoscaler's are in the stored object; replicas have none, which autoscaling would not bear."""
    _, plain = await _create(api, namespace, minimal())
    assert "replicas" not in plain["spec"]
    assert plain["spec"]["suspend"] is False
    manifest = changed(minimal(), "spec.autoscaling", {"maxReplicas": 3})
    _, scaled = await _create(api, namespace, manifest)
    assert scaled["spec"]["autoscaling"] == {"minReplicas": 2, "maxReplicas": 3, "targetCPUUtilization": 70}


def test_explain(api_server: ApiServer) -> None:
    """`kubectl explain` knows the fields."""
    shown = api_server.kubectl("explain", "tenantproxies.spec.autoscaling")
    assert "targetCPUUtilization" in shown
    assert "Target average CPU utilization of the proxies" in shown
