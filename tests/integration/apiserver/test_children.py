"""How a real API server accepts the rendered children."""

import asyncio
import json
from typing import Any

import pytest
import yaml

from support.apiserver.client import APPLY_PATCH, ApiClient
from support.apiserver.server import ApiServer
from support.golden import CHILDREN
from support.operator.manifests import changed, params
from tenantproxy_operator.kube.kinds import BY_NAME, DEPLOYMENT, SECRET
from tenantproxy_operator.render.children import render_children
from tenantproxy_operator.render.conformance_job import render_conformance_job

pytestmark = pytest.mark.usefixtures("with_optional_kinds")


def _children(case: str, namespace: str) -> list[dict[str, Any]]:
    """Return the golden children, in a namespace that is there."""
    documents = yaml.safe_load_all(CHILDREN.read(case))
    children = [changed(child, "metadata.namespace", namespace) for child in documents]
    for child in children:
        # Their owner is in no cluster; garbage collection would take them.
        child["metadata"].pop("ownerReferences", None)
        for subject in child.get("subjects", ()):
            subject["namespace"] = namespace
    return children


async def _apply(api: ApiClient, manifest: dict[str, Any], *, dry_run: bool = False) -> tuple[int, Any]:
    """Apply as the operator does."""
    kind = BY_NAME[manifest["apiVersion"], manifest["kind"]]
    path = kind.path(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
    query = "fieldManager=x&force=true&fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
    return await api.request("PATCH", f"{path}?{query}", manifest, content_type=APPLY_PATCH)


@pytest.mark.parametrize("case", CHILDREN.cases)
async def test_golden_output_is_accepted(api: ApiClient, namespace: str, case: str) -> None:
    """Every child, of every case, by server-side apply with strict validation."""
    for child in _children(case, namespace):
        status, answer = await _apply(api, child, dry_run=True)
        assert status in (200, 201), answer


@pytest.mark.parametrize("case", CHILDREN.cases)
async def test_a_conformance_job_is_accepted(api: ApiClient, namespace: str, case: str) -> None:
    """The Job that is made of a Deployment as the API server has it, with strict validation."""
    deployment = _deployment(case, namespace)
    _, stored = await _apply(api, deployment, dry_run=True)
    job = render_conformance_job(stored, ("--order", "CO-1001"))
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs?fieldValidation=Strict&dryRun=All"
    status, answer = await api.request("POST", path, job)
    assert status == 201, answer


@pytest.mark.parametrize("case", CHILDREN.cases)
async def test_a_change_leaves_nothing_behind(api: ApiClient, namespace: str, case: str) -> None:
    """Whatever a TenantProxy was before, its children are what it says now.

    A field that is no longer applied is not always gone: the API server may have copied it elsewhere, or have a
    default for it.
    """
    plain, other = _children("minimal", namespace), _children(case, namespace)
    fresh = [await _apply(api, child) for child in plain if child["kind"] != SECRET.kind]
    for child in other:
        assert (await _apply(api, child))[0] in (200, 201)
    again = [await _apply(api, child) for child in plain if child["kind"] != SECRET.kind]
    for (_, before), (status, after) in zip(fresh, again, strict=True):
        assert status == 200
        assert _content(after) == _content(before)


def _content(stored: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in stored.items() if key not in ("metadata", "status")}


async def test_service_account_has_to_be_named(api: ApiClient, namespace: str) -> None:
    """Why the pod names its ServiceAccount also where that is the namespace's own.

    The API server copies the name to a deprecated field, which is nobody's and stays; without a name, it is put
    back from there. That ServiceAccount is deleted at the same moment, so that no pod could start any more.
    """
    (tenant,) = (child for child in _children("minimal", namespace) if child["kind"] == DEPLOYMENT.kind)
    (platform,) = (child for child in _children("platform", namespace) if child["kind"] == DEPLOYMENT.kind)
    unnamed = changed(platform, "spec.template.spec.serviceAccountName", ...)
    names = []
    for manifest in (tenant, unnamed, platform):
        _, stored = await _apply(api, manifest)
        names.append(stored["spec"]["template"]["spec"]["serviceAccountName"])
    assert names == ["acme-proxy", "acme-proxy", "default"]


@pytest.mark.parametrize(
    ("template", "status", "expected"),
    [
        (
            {"tolerations": [{"key": "a", "efect": "NoSchedule"}]},
            500,
            ".spec.template.spec.tolerations[0].efect: field not declared in schema",
        ),
        (
            {"affinity": {"nodeAfinity": {}}},
            500,
            ".spec.template.spec.affinity.nodeAfinity: field not declared in schema",
        ),
        (
            {"tolerations": [{"key": "a", "operator": "Eq"}]},
            422,
            'spec.template.spec.tolerations[0].operator: Unsupported value: "Eq"',
        ),
        ({"topologySpreadConstraints": [{}]}, 422, "spec.template.spec.topologySpreadConstraints[0].topologyKey"),
    ],
)
async def test_a_mistake_in_what_is_passed_on(
    api: ApiClient, namespace: str, template: dict[str, Any], status: int, expected: str
) -> None:
    """It is the Deployment that is refused, with a message that names the field.

    For what does not fit the schema the API server's status is 500, although trying again is of no use.
    """
    changes = {"metadata.namespace": namespace, "spec.podTemplate": template}
    children = render_children(params(changes))
    (deployment,) = (child for child in children if child["kind"] == DEPLOYMENT.kind)
    got, answer = await _apply(api, deployment, dry_run=True)
    assert got == status, answer
    assert expected in answer["message"]
    if status == 500:
        assert answer["message"].startswith("failed to create typed patch object")


@pytest.fixture
async def restricted(api: ApiClient, namespace: str) -> str:
    """Return a namespace in which only restricted pods may run; Deployments of others are warned of."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    path = f"/api/v1/namespaces/{namespace}?fieldManager=x&force=true"
    status, answer = await api.request("PATCH", path, body, content_type=APPLY_PATCH)
    assert status == 200, answer
    return namespace


async def _dry_run(api_server: ApiServer, manifest: dict[str, Any]) -> tuple[int, str]:
    """Create nothing; return kubectl's status and what it passed on of the API server's warnings and errors."""
    arguments = ("apply", "--server-side", "--dry-run=server", "-f", "-")
    status, _, err = await asyncio.to_thread(api_server.try_kubectl, *arguments, stdin=json.dumps(manifest))
    return status, err


def _deployment(case: str, namespace: str) -> dict[str, Any]:
    return next(child for child in _children(case, namespace) if child["kind"] == DEPLOYMENT.kind)


@pytest.mark.parametrize("case", ["minimal", "platform", "pod-template", "tls"])
async def test_restricted_pod_security(api_server: ApiServer, restricted: str, case: str) -> None:
    """Pod Security's strictest level has nothing to say against a proxy."""
    assert await _dry_run(api_server, _deployment(case, restricted)) == (0, "")


async def test_restricted_pod_security_is_looked_at(api_server: ApiServer, restricted: str) -> None:
    """A Deployment that is less strict would be warned of."""
    weaker = changed(_deployment("minimal", restricted), "spec.template.spec.securityContext", {})
    status, warnings = await _dry_run(api_server, weaker)
    assert status == 0
    assert "would violate PodSecurity" in warnings


async def test_restricted_pods_can_be_made(api: ApiClient, restricted: str) -> None:
    """The pod itself is let in, with a token where the tenant manages and without one elsewhere."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    await api.request("POST", f"/api/v1/namespaces/{restricted}/serviceaccounts", account)
    mounted = {}
    for case in ("minimal", "platform"):
        children = _children(case, restricted)
        for child in children:
            assert (await _apply(api, child))[0] in (200, 201)
        template = _deployment(case, restricted)["spec"]["template"]
        pod = {"apiVersion": "v1", "kind": "Pod", **template}
        pod["metadata"] = {**template["metadata"], "generateName": "acme-proxy-"}
        status, answer = await api.request("POST", f"/api/v1/namespaces/{restricted}/pods?dryRun=All", pod)
        assert status == 201, answer
        (container,) = answer["spec"]["containers"]
        mounted[case] = {mount["mountPath"] for mount in container["volumeMounts"]}
    token = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert mounted["minimal"] - mounted["platform"] == {token}
    assert mounted["platform"] - mounted["minimal"] == set()
