"""What `helm template` makes of values.

`default` has the whole output, each other case what differs from that, if it is less (support/golden.py).
`pytest tests/integration/chart --regenerate` writes the golden files anew; what changed is then for you to judge.
"""

import itertools
import re
import textwrap
from typing import Any

import click
import pytest
import yaml

from support.golden import CHART as GOLDEN
from support.tools.helm import CHART, NAMESPACE, Helm
from tenantproxy_operator.api.crd import build_crd
from tenantproxy_operator.cli.run import run
from tenantproxy_operator.render.operator_rbac import operator_manifests

DASHBOARD = (CHART / "files/dashboard.json").read_text()
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
OPTIONS = {parameter.opts[-1]: parameter for parameter in run.params if isinstance(parameter, click.Option)}
# A pod reaches its own API server as its ServiceAccount, and no other.
NOT_IN_A_POD = {"--kubeconfig", "--context"}


def _of_kind(manifests: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def _arguments(manifests: list[dict[str, Any]]) -> list[str]:
    (deployment,) = _of_kind(manifests, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["tenantproxy-operator"]
    command, *arguments = container["args"]
    assert command == "run"
    return list(arguments)


def _rendered(case: str, helm: Helm) -> str:
    """Return what Helm renders, without the CRD and the dashboard, which are long."""
    rendered = helm.template("--values", GOLDEN.folder / case / "values.yaml", "--set", "crds.enabled=false")
    return rendered.replace(textwrap.indent(DASHBOARD, "    "), "    (files/dashboard.json)\n")


@pytest.mark.parametrize("case", GOLDEN.cases)
def test_golden(case: str, helm: Helm, request: pytest.FixtureRequest) -> None:
    """What is rendered is what was agreed upon, to the byte."""
    rendered = _rendered(case, helm)
    if request.config.getoption("--regenerate"):
        GOLDEN.write(case, rendered, _rendered(GOLDEN.base, helm))
    assert rendered == GOLDEN.read(case)


def _is_set(values: Any, path: list[str]) -> bool:
    for name in path:
        if not isinstance(values, dict) or name not in values:
            return False
        values = values[name]
    return True


def test_every_value_has_a_case() -> None:
    """A new value, which README.md lists, brings its golden file along."""
    listed = re.findall(r"^\| `([\w.]+)` \|", (CHART / "README.md").read_text(), re.MULTILINE)
    cases = [yaml.safe_load((GOLDEN.folder / case / "values.yaml").read_text()) for case in GOLDEN.cases]
    assert [path for path in listed if not any(_is_set(case, path.split(".")) for case in cases)] == []


@pytest.mark.parametrize("keep", [True, False])
def test_crd(helm: Helm, *, keep: bool) -> None:
    """The CRD is the models', with Helm's labels, and the mark that keeps it."""
    (crd,) = _of_kind(helm.manifests(values={"crds": {"keep": keep}}), "CustomResourceDefinition")
    metadata = crd.pop("metadata")
    expected = build_crd()
    assert metadata.pop("labels")["app.kubernetes.io/managed-by"] == "Helm"
    kept = {"annotations": {"helm.sh/resource-policy": "keep"}} if keep else {}
    assert metadata == expected.pop("metadata") | kept
    assert crd == expected


@pytest.mark.parametrize(
    ("where", "pod_monitors", "http_routes"),
    list(itertools.product((None, (), ("b", "a")), (False, True), (False, True))),
)
def test_rights(helm: Helm, *, where: tuple[str, ...] | None, pod_monitors: bool, http_routes: bool) -> None:
    """They are those that `tenantproxy-operator rbac` prints, for every switch."""
    manifests = helm.manifests(
        values={
            "watch": {"allNamespaces": where is None, "namespaces": list(where or ())},
            "proxies": {"podMonitors": pod_monitors, "httpRoutes": http_routes},
        }
    )
    namespaces = None if where is None else tuple(sorted(where or (NAMESPACE,)))
    name = "tenantproxy-operator"
    switched_on = {"PodMonitor": pod_monitors, "HTTPRoute": http_routes}
    optional_kinds = frozenset(kind for kind, on in switched_on.items() if on)
    expected = operator_manifests(namespaces, NAMESPACE, name, optional_kinds=optional_kinds)
    kinds = {manifest["kind"] for manifest in expected} | {
        "Role",
        "ClusterRole",
        "RoleBinding",
        "ClusterRoleBinding",
    }
    found = _of_kind(manifests, *kinds)
    for manifest in (*found, *expected):
        manifest["metadata"].pop("labels", None)  # some share their metadata
        manifest.pop("automountServiceAccountToken", None)

    def key(manifest: dict[str, Any]) -> tuple[str, str]:
        return manifest["kind"], manifest["metadata"].get("namespace", "")

    assert sorted(found, key=key) == sorted(expected, key=key)
    said = {argument for argument in _arguments(manifests) if argument.startswith(("--namespace", "--all"))}
    assert said == ({"--all-namespaces"} if namespaces is None else {f"--namespace={each}" for each in namespaces})


def test_all_options() -> None:
    """Every option of `run` can be set by a value, and no other is passed."""
    used = {
        argument.partition("=")[0]
        for case in GOLDEN.cases
        for argument in _arguments(list(yaml.safe_load_all(GOLDEN.read(case))))
    }
    assert used == OPTIONS.keys() - NOT_IN_A_POD


@pytest.mark.parametrize("case", GOLDEN.cases)
def test_arguments_are_understood(case: str) -> None:
    """Click takes what is passed; a list is passed in whole."""
    arguments = _arguments(list(yaml.safe_load_all(GOLDEN.read(case))))
    # The issuers' file is not here, so it would be missed.
    context = run.make_context("run", [each for each in arguments if not each.startswith("--issuers")])
    values = yaml.safe_load((GOLDEN.folder / case / "values.yaml").read_text()) or {}
    assert list(context.params["dns_ports"]) == values.get("dnsPorts", VALUES["dnsPorts"])
    assert list(context.params["metrics_from"]) == values.get("proxies", {}).get("metricsFrom", [])
    assert context.params["check_interval"] == values.get("checkInterval", VALUES["checkInterval"])


def test_defaults() -> None:
    """Values are by default what the options are by default."""
    defaults = {
        "--dns-port": tuple(VALUES["dnsPorts"]),
        "--workers": VALUES["workers"],
        "--max-updating-tenants": VALUES["maxUpdatingTenants"],
        "--check-interval": VALUES["checkInterval"],
        "--event-patience": VALUES["eventPatience"],
        "--admin": f"{VALUES['admin']['host']}:{VALUES['admin']['port']}",
        "--log-level": VALUES["logLevel"],
    }
    assert defaults == {name: OPTIONS[name].default for name in defaults}


def test_issuers_are_read_anew(helm: Helm) -> None:
    """A changed issuer replaces the operator's pod, which reads them at its start."""

    def annotations(uri: str) -> dict[str, str]:
        issuer = {"issuer": "i", "audiences": ["a"], "jwksUri": uri, "kind": "user"}
        (deployment,) = _of_kind(helm.manifests(values={"proxies": {"issuers": [issuer]}}), "Deployment")
        found: dict[str, str] = deployment["spec"]["template"]["metadata"]["annotations"]
        return found

    assert annotations("https://a/") == annotations("https://a/") != annotations("https://b/")


@pytest.mark.parametrize("release", ["tenantproxy", "tenantproxy-operator"])
def test_names(helm: Helm, release: str) -> None:
    """Objects are named after the release, without saying operator twice."""
    rendered = helm.run("template", release, CHART, "--set", "crds.enabled=false")
    names = {manifest["metadata"]["name"] for manifest in yaml.safe_load_all(rendered)}
    assert names == {"tenantproxy-operator"}


def test_never_taken_for_a_tenants(helm: Helm) -> None:
    """Nothing has the label by which the operator knows what it made."""
    for manifest in helm.manifests("--values", GOLDEN.folder / "everything" / "values.yaml"):
        assert manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
