"""What `helm template` makes of values.

`default` has the whole output, each other case what differs from that, if it is less (support/golden.py).
`pytest tests/integration/chart --regenerate` writes the golden files anew; what changed is then for you to judge.
"""

import itertools
import json
import re
import textwrap
from typing import Any

import click
import pytest
import yaml

from support.golden import CHART as GOLDEN
from support.tools.helm import CHART, NAMESPACE, Helm
from tenantproxy import __version__
from tenantproxy_operator.api.crd import build_crd
from tenantproxy_operator.api.names import GROUP, PLURAL
from tenantproxy_operator.cli.run import run
from tenantproxy_operator.render.operator_rbac import operator_manifests

EVERYTHING = {
    "grafanaDashboard": {"enabled": True},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    "proxies": {"issuers": [{"issuer": "i", "audiences": ["a"], "jwksUri": "https://i/", "kind": "user"}]},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
}
"""All kinds of objects, but for the PodMonitor, which excludes the ServiceMonitor."""
DASHBOARD = (CHART / "files/dashboard.json").read_text()
RUNBOOKS = "https://github.com/OWNER/tenantproxy/blob/main/docs/runbooks/"
"""What a release replaces by its own repository."""
PAGES = "docs/runbooks/"
"""What a clone says instead: nobody shall install links that lead nowhere."""
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
OPTIONS = {parameter.opts[-1]: parameter for parameter in run.params if isinstance(parameter, click.Option)}
# A pod reaches its own API server as its ServiceAccount, and no other.
NOT_IN_A_POD = {"--kubeconfig", "--context", "--log-format"}


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
    without_links = re.sub(r'"links": \[[^\]]*\]', '"links": []', DASHBOARD)
    for dashboard, url in ((without_links, PAGES), (DASHBOARD, "https://wiki.example/tenantproxy/")):
        text = textwrap.indent(dashboard.replace(RUNBOOKS, url), "    ")
        rendered = rendered.replace(text, f"    (files/dashboard.json, with runbooks at {url})\n")
    return rendered


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
            "rbac": {"aggregateToView": False, "aggregateToEdit": False},
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


def test_forward_proxy_of_the_environment(helm: Helm) -> None:
    """What belongs to a forward proxy is passed on where HTTPS_PROXY has its URL."""
    values = {
        "proxies": {"forwardProxy": {"noProxy": [".internal.example"], "secretName": "squid"}},
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://squid.example:3128"}],
    }
    arguments = _arguments(helm.manifests(values=values))
    assert {"--no-proxy=.internal.example", "--forward-proxy-secret=squid"} <= {*arguments}
    assert not any(argument.startswith("--forward-proxy=") for argument in arguments)


def test_issuers_are_read_anew(helm: Helm) -> None:
    """A changed issuer replaces the operator's pod, which reads them at its start."""

    def annotations(uri: str) -> dict[str, str]:
        issuer = {"issuer": "i", "audiences": ["a"], "jwksUri": uri, "kind": "user"}
        (deployment,) = _of_kind(helm.manifests(values={"proxies": {"issuers": [issuer]}}), "Deployment")
        found: dict[str, str] = deployment["spec"]["template"]["metadata"]["annotations"]
        return found

    assert annotations("https://a/") == annotations("https://a/") != annotations("https://b/")


LONGEST_RELEASE = "a" * 53
"""Helm's limit."""


@pytest.mark.parametrize(
    ("release", "values", "name"),
    [
        ("tenantproxy", {}, "tenantproxy-operator"),
        ("tenantproxy-operator", {}, "tenantproxy-operator"),
        (LONGEST_RELEASE, {}, f"{'a' * 42}-operator"),
        ("tenantproxy", {"nameOverride": "orders"}, "tenantproxy-orders"),
        ("team-orders", {"nameOverride": "orders"}, "team-orders"),
        ("team.orders", {}, "team-orders-operator"),  # a Service's name has no dots
        ("team.orders", {"nameOverride": "orders"}, "team-orders"),
        ("team.a", {"nameOverride": "orders"}, "team-a-orders"),
        (LONGEST_RELEASE, {"nameOverride": "b" * 63}, "a" * 51),
        ("tenantproxy", {"fullnameOverride": "o" * 51, "nameOverride": "orders"}, "o" * 51),
    ],
)
def test_names(helm: Helm, release: str, values: dict[str, Any], name: str) -> None:
    """Objects are named after the release, without saying operator twice, and a suffix for what is beside it."""
    chosen = EVERYTHING | {"crds": {"enabled": False}} | {"nameOverride": "", "fullnameOverride": ""} | values
    metadata = [manifest["metadata"] for manifest in helm.manifests(values=chosen, release=release)]
    names = {each["name"] for each in metadata if "namespace" in each}
    assert {each.removeprefix(name) for each in names} == {"", "-metrics", "-test", "-dashboard"}
    assert max(map(len, names)) <= 63
    in_the_cluster = {each["name"] for each in metadata if "namespace" not in each}
    assert in_the_cluster == {f"{NAMESPACE}-{name}{suffix}" for suffix in ("", "-view", "-edit")}
    assert max(map(len, in_the_cluster)) <= 253
    assert {each["labels"]["app.kubernetes.io/instance"] for each in metadata} == {release}


@pytest.mark.parametrize("url", ["", "https://wiki.example/tenantproxy", "https://wiki.example/tenantproxy/"])
def test_runbooks(helm: Helm, url: str) -> None:
    """All alerts and the dashboard lead to them, by URLs that are complete; to none, where none are known."""
    base = url.rstrip("/") + "/" if url else PAGES
    manifests = helm.manifests(values=EVERYTHING | {"prometheusRule": {"enabled": True, "runbookUrl": url}})
    (rule,) = _of_kind(manifests, "PrometheusRule")
    alerts = [each for group in rule["spec"]["groups"] for each in group["rules"] if "alert" in each]
    assert len(alerts) > 15
    assert {each["annotations"]["runbook_url"] for each in alerts} == {
        f"{base}{each['alert']}.md" for each in alerts
    }
    (dashboard,) = (each for each in _of_kind(manifests, "ConfigMap") if "tenantproxy.json" in each["data"])
    shown = json.loads(dashboard["data"]["tenantproxy.json"])
    assert bool(shown["links"]) == any(panel.get("links") for panel in shown["panels"]) == bool(url)
    variables = shown["templating"]["list"]
    assert [each["query"] for each in variables if each["name"] == "runbooks"] == [base]


@pytest.mark.parametrize(
    ("scraped", "expression"),
    [
        ({}, "max by (namespace) ("),
        ({"podMonitor": {"enabled": True}}, 'absent(tenantproxy_operator_build_info{namespace="here"})'),
        ({"serviceMonitor": {"enabled": True}}, 'absent(tenantproxy_operator_build_info{namespace="here"})'),
    ],
    ids=["by whoever", "by a PodMonitor", "by a ServiceMonitor"],
)
def test_absent_operator(helm: Helm, scraped: dict[str, Any], expression: str) -> None:
    """Where the chart has its operator scraped it is missed even if never seen; else only after that."""
    values = {"prometheusRule": {"enabled": True}} | scraped
    (rule,) = _of_kind(helm.manifests(values=values, namespace="here"), "PrometheusRule")
    alerts = {each.get("alert"): each["expr"] for group in rule["spec"]["groups"] for each in group["rules"]}
    assert alerts["TenantProxyOperatorAbsent"].startswith(expression)


@pytest.mark.parametrize("case", GOLDEN.cases)
def test_each_value_alone(helm: Helm, case: str) -> None:
    """No value needs another one, but for those that say so; nothing is in an object twice."""
    values = yaml.safe_load((GOLDEN.folder / case / "values.yaml").read_text()) or {}
    for name, value in values.items():
        rendered = helm.template(values={"crds": {"enabled": False}} | {name: value})
        for manifest in filter(None, yaml.load_all(rendered, UniqueKeys)):
            assert manifest["metadata"]["name"].startswith(("tenantprox", "orders")), name


class UniqueKeys(yaml.SafeLoader):
    """Refuses what has a key twice, as Helm does only when it installs."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - theirs
        """Return the mapping."""
        keys = [key.value for key, _ in node.value]
        assert len(set(keys)) == len(keys), keys
        return dict(super().construct_mapping(node, deep))


def test_two_releases(helm: Helm) -> None:
    """Releases of two names in one namespace, and of one name in two namespaces, have no object in common."""

    def identities(**options: str) -> set[tuple[str, str, str]]:
        chosen = EVERYTHING | {"crds": {"enabled": False}, "watch": {"namespaces": []}}
        manifests = helm.manifests(values=chosen, **options)
        return {
            (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]) for each in manifests
        }

    one = identities(release="one")
    assert one.isdisjoint(identities(release="two"))
    assert one.isdisjoint(identities(release="one", namespace="elsewhere"))


@pytest.mark.parametrize("watched", [[], ["tenants"]])
def test_namespace_override(helm: Helm, watched: list[str]) -> None:
    """It moves all that is in the release's namespace, and what refers to it."""
    chosen = EVERYTHING | {"namespaceOverride": "elsewhere", "watch": {"namespaces": watched}}
    rendered = helm.template(values=chosen)
    found = {each.get("namespace") for each in _metadata(rendered)}
    assert found == {None, "elsewhere", *watched}
    assert NAMESPACE not in rendered
    notes = helm.run(
        "install",
        "tenantproxy",
        CHART,
        "--dry-run=client",
        "--namespace",
        NAMESPACE,
        "--set",
        "namespaceOverride=elsewhere",
    ).partition("NOTES:")[2]
    assert "-n elsewhere" in notes
    assert NAMESPACE not in notes


def _metadata(rendered: str) -> list[dict[str, Any]]:
    return [manifest["metadata"] for manifest in yaml.safe_load_all(rendered) if manifest]


def test_common_labels(helm: Helm) -> None:
    """They are on every object and on the operator's pod; an object's own label of that name wins."""
    common = {"example.com/team": "platform", "release": "none"}
    manifests = helm.manifests(values=EVERYTHING | {"commonLabels": common, "podLabels": {"release": "mine"}})
    (deployment,) = _of_kind(manifests, "Deployment")
    labels = {
        each["kind"]: each["metadata"]["labels"] for each in (*manifests, {"kind": "pods", **_pods(deployment)})
    }
    assert {each["example.com/team"] for each in labels.values()} == {"platform"}
    own = {kind for kind, each in labels.items() if each["release"] != "none"}
    assert own == {"pods", "ServiceMonitor", "PrometheusRule"}


def _pods(deployment: dict[str, Any]) -> dict[str, Any]:
    return dict(deployment["spec"]["template"])


DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("operators", "proxies", "expected"),
    [
        ({}, {}, ("tenantproxy:0.1.0", "tenantproxy:0.1.0")),
        ({"registry": "r:5000", "tag": "1"}, {}, ("r:5000/tenantproxy:1", "r:5000/tenantproxy:1")),
        ({"registry": "r/x", "repository": "a/b"}, {"tag": "2"}, ("r/x/a/b:0.1.0", "r/x/a/b:2")),
        ({"digest": DIGEST}, {"registry": "m"}, (f"tenantproxy@{DIGEST}", f"m/tenantproxy@{DIGEST}")),
        ({"digest": DIGEST}, {"tag": "2"}, (f"tenantproxy@{DIGEST}", "tenantproxy:2")),
        ({"tag": "1"}, {"repository": "p", "digest": DIGEST}, ("tenantproxy:1", f"p@{DIGEST}")),
    ],
)
def test_images(helm: Helm, operators: dict[str, str], proxies: dict[str, str], expected: tuple[str, str]) -> None:
    """An image is composed of its parts; the proxies' is the operator's but for what is said of it."""
    manifests = helm.manifests(values={"image": operators, "proxies": {"image": proxies}})
    (deployment,) = _of_kind(manifests, "Deployment")
    (container,) = _pods(deployment)["spec"]["containers"]
    (option,) = (each for each in container["args"] if each.startswith("--proxy-image="))
    assert (container["image"], option.removeprefix("--proxy-image=")) == tuple(
        image.replace("0.1.0", __version__) for image in expected
    )
    assert f'image: "{expected[1]}"'.replace("0.1.0", __version__) in _notes(helm, operators, proxies)


def _notes(helm: Helm, operators: dict[str, str], proxies: dict[str, str]) -> str:
    values = yaml.safe_dump({"image": operators, "proxies": {"image": proxies}})
    return helm.run("install", "tenantproxy", CHART, "--dry-run=client", "--values", "-", stdin=values)


def test_spread(helm: Helm) -> None:
    """By default over nodes as far as possible; a constraint without a selector is of the operator's pods."""
    (deployment,) = _of_kind(helm.manifests(), "Deployment")
    (constraint,) = _pods(deployment)["spec"]["topologySpreadConstraints"]
    assert constraint == {
        "labelSelector": deployment["spec"]["selector"],
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
    }


def test_rights_of_people(helm: Helm) -> None:
    """Readers read TenantProxies and their status, editors write TenantProxies; no other object, no status."""
    roles = {
        each["metadata"]["name"].rpartition("-")[2]: each for each in _of_kind(helm.manifests(), "ClusterRole")
    }
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    found = {
        name: (
            {key.removeprefix(prefix) for key in role["metadata"]["labels"] if key.startswith(prefix)},
            {
                (f"{group}/{resource}", verb)
                for rule in role["rules"]
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
            },
        )
        for name, role in roles.items()
    }
    objects = f"{GROUP}/{PLURAL}"
    assert found == {
        "view": (
            {"view", "edit", "admin"},
            {(each, verb) for each in (objects, f"{objects}/status") for verb in ("get", "list", "watch")},
        ),
        "edit": (
            {"edit", "admin"},
            {(objects, verb) for verb in ("create", "delete", "deletecollection", "patch", "update")},
        ),
    }


def test_never_taken_for_a_tenants(helm: Helm) -> None:
    """Nothing has the label by which the operator knows what it made."""
    for manifest in helm.manifests("--values", GOLDEN.folder / "everything" / "values.yaml"):
        assert manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
