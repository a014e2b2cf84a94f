"""The rendered manifests, checked by others: a real API server, kubeconform, kube-score."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from support.apiserver.schemas import TEMPLATE, write_schemas
from support.apiserver.server import ApiServer
from support.golden import CHART as GOLDEN
from support.tools.helm import NAMESPACE, Helm
from support.tools.programs import directory
from support.waiting import until

_ALL_WELL: Final = 10
"""A grade of kube-score."""
_OTHER_KINDS: Final = ("podmonitors", "prometheusrules", "servicemonitors")

OWN_SECURITY: Final = {"least"}
"""Cases that say themselves how the pod is secured: not at all."""

EXCEPTIONS: Final = {
    "CPU limit is not set": "What nobody else needs may be used, and a start is not slowed down.",
    "Deployment does not have a host podAntiAffinity set": "topologySpreadConstraints spread the pods over nodes.",
    "Ephemeral Storage limit is not set": "It writes to no disk: its root is read-only.",
    "Ephemeral Storage request is not set": "The same.",
    "ImagePullPolicy is not set to Always": "Kubernetes' rule (a tag is pulled once) works without a registry.",
}
"""What kube-score finds wrong with the chart, each with the reason why it is left so."""


@pytest.fixture(scope="module")
def server(api_server: ApiServer, request: pytest.FixtureRequest) -> ApiServer:
    """Return an API server with the kinds and namespaces that the golden files name."""
    definitions = directory("crds", request.config)
    for plural in _OTHER_KINDS:
        api_server.kubectl("apply", "--server-side", "-f", definitions / f"{plural}.yaml")
    published = ("get", "--raw", "/openapi/v3/apis/monitoring.coreos.com/v1")

    def all_published() -> bool:
        status, document, _ = api_server.try_kubectl(*published)
        return status == 0 and all(f"/{plural}" in document for plural in _OTHER_KINDS)

    until(all_published, within=30, what=lambda: api_server.log)
    for namespace in (NAMESPACE, "tenants", "tenants-a", "tenants-b", "grafana", "orders", "monitoring"):
        api_server.kubectl("create", "namespace", namespace)
        api_server.kubectl("create", "serviceaccount", "default", "-n", namespace)  # by a controller, elsewhere
        api_server.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/warn=restricted")
    return api_server


@pytest.fixture(scope="module")
def schemas(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory of schemas: those of the same API server, because there is no network to others."""
    folder = tmp_path_factory.mktemp("schemas")
    write_schemas(server, folder)
    return folder


def _rendered(helm: Helm, case: str) -> str:
    return helm.template("--values", GOLDEN.folder / case / "values.yaml")


@pytest.mark.parametrize("case", GOLDEN.cases)
def test_api_server(case: str, helm: Helm, server: ApiServer) -> None:
    """A real API server takes all of it, drops no field, and finds the pod restricted."""
    rendered = _rendered(helm, case)
    apply = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    status, said, warned = server.try_kubectl(*apply, stdin=rendered)
    assert status == 0, warned
    assert said.count("serverside-applied (server dry run)") == len(
        list(filter(None, yaml.safe_load_all(rendered)))
    )
    assert bool(warned) == (case in OWN_SECURITY), warned


@pytest.mark.parametrize("case", GOLDEN.cases)
def test_kubeconform(case: str, helm: Helm, tools: Path, schemas: Path) -> None:
    """Each object is as its kind's schema says."""
    found = _kubeconform(tools, schemas, _rendered(helm, case))
    assert found.get("resources", []) == []  # it tells of those that are not good
    assert found["summary"]["valid"] > 0
    assert found["summary"]["skipped"] == 0


def test_kubeconform_sees_mistakes(helm: Helm, tools: Path, schemas: Path) -> None:
    """A misspelt field is one."""
    rendered = _rendered(helm, "default").replace("revisionHistoryLimit", "revisionHistorylimit")
    (found,) = _kubeconform(tools, schemas, rendered)["resources"]
    assert (found["kind"], found["status"]) == ("Deployment", "statusInvalid")
    assert "revisionHistorylimit" in found["msg"]


def _kubeconform(tools: Path, schemas: Path, rendered: str) -> dict[str, Any]:
    command = (
        tools / "kubeconform",
        "-schema-location",
        str(schemas / TEMPLATE),
        "-summary",
        "-output",
        "json",
        "-",
    )
    done = subprocess.run(command, input=rendered, capture_output=True, text=True, check=False)
    return dict(json.loads(done.stdout))


def _complaints(tools: Path, helm: Helm) -> dict[str, str]:
    """Return what kube-score has to say of all cases together, and where."""
    complaints = {}
    for case in sorted(
        {*GOLDEN.cases} - {"least", "everything"}
    ):  # what these leave out or replace is the user's own
        command = (tools / "kube-score", "score", "--output-format", "json", "--kubernetes-version", "v1.36", "-")
        done = subprocess.run(command, input=_rendered(helm, case), capture_output=True, text=True, check=False)
        for scored in json.loads(done.stdout):
            for check in scored["checks"]:
                # The pod of `helm test` is there for a minute, and has no network policy of its own.
                is_test = check["check"]["id"] == "pod-networkpolicy" and scored["object_name"].startswith("Pod/")
                if check["skipped"] or check["grade"] == _ALL_WELL or is_test:
                    continue
                for comment in check["comments"]:
                    complaints[comment["summary"]] = f"{case}: {scored['object_name']}: {check['check']['id']}"
    return complaints


def test_kube_score(helm: Helm, tools: Path) -> None:
    """It complains of nothing but the exceptions, and each exception is one."""
    complaints = _complaints(tools, helm)
    assert {said: where for said, where in complaints.items() if said not in EXCEPTIONS} == {}
    assert complaints.keys() == EXCEPTIONS.keys()
