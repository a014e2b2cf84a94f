"""values.yaml, its schema, and what is generated from elsewhere."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest
import yaml

from support.tools.helm import CHART, ROOT, Helm, HelmError
from tenantproxy import __version__
from tenantproxy_operator.cli.run import run

SCHEMA = json.loads((CHART / "values.schema.json").read_text())


def _schemas(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}.{name}", inner
        yield from _schemas(inner, f"{path}.{name}")
    if isinstance(items := schema.get("items"), dict):
        yield from _schemas(items, f"{path}[]")


def _everywhere() -> list[tuple[str, dict[str, Any]]]:
    definitions = ((f"${name}", definition) for name, definition in SCHEMA["$defs"].items())
    return [
        *_schemas(SCHEMA, ""),
        *(each for name, definition in definitions for each in _schemas(definition, name)),
    ]


def test_generated_parts_are_up_to_date() -> None:
    """The chart has what the models, the operator's rights and values.yaml say."""
    command = (sys.executable, "-m", "hack.chart", "--check")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_version() -> None:
    """The chart is released with the code: its version is the code's, and so is the image's tag."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_every_value_is_described() -> None:
    """An editor shows a sentence for each value, and README.md has it."""
    for path, schema in _everywhere():
        if "properties" not in schema and "$ref" not in schema:
            assert re.search(r"[.;)]$|\.$", schema.get("description", "")), path
    for line in (CHART / "README.md").read_text().splitlines():
        assert not re.match(r"\| `.*\| \|$", line), f"no comment in values.yaml: {line}"


def test_schema_is_closed() -> None:
    """No misspelt value is taken for nothing; what Kubernetes defines is left to Kubernetes."""
    kubernetes_own = {".affinity", ".podSecurityContext", ".securityContext", ".global"}
    kubernetes_own |= {"$volume", "$mount", "$variable.valueFrom"}
    for path, schema in [("", SCHEMA), *_everywhere()]:
        if schema.get("type") == "object" and path not in kubernetes_own:
            assert schema["additionalProperties"] is not True, path


def test_schema_and_values_agree() -> None:
    """Both have the same values."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def compare(schema: dict[str, Any], known: dict[str, Any], path: str) -> None:
        names = schema["properties"].keys() - {"global", "claims"}
        assert names == known.keys() or path == ".dnsConfig", path  # which has no defaults
        for name, inner in schema["properties"].items():
            if "properties" in inner and path != ".dnsConfig":
                compare(inner, known[name], f"{path}.{name}")

    compare(SCHEMA, values, "")


@pytest.mark.parametrize("value", ["workers", "maxUpdatingTenants", "checkInterval", "eventPatience"])
def test_bounds(value: str) -> None:
    """A number has the bounds that the operator's option has."""
    option = "--" + re.sub(r"[A-Z]", lambda found: f"-{found[0].lower()}", value)
    (parameter,) = (each for each in run.params if option in each.opts)
    bounds = parameter.type
    assert isinstance(bounds, click.IntRange | click.FloatRange)
    schema = SCHEMA["properties"][value]
    assert (schema.get("minimum"), schema.get("maximum")) == (bounds.min, bounds.max)


def test_levels() -> None:
    """A level is one that the operator's option has."""
    (parameter,) = (each for each in run.params if "--log-level" in each.opts)
    assert isinstance(parameter.type, click.Choice)
    assert SCHEMA["properties"]["logLevel"]["enum"] == list(parameter.type.choices)


ISSUER = {"issuer": "i", "audiences": ["a"], "jwksUri": "https://i/", "kind": "user"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"worker": 4}, "additional properties 'worker' not allowed"),
        ({"image": {"tag": 1.0}}, "at '/image/tag': got number, want string"),
        ({"image": {"digest": "0123"}}, "at '/image/digest': '0123' does not match pattern '^(sha256:"),
        ({"image": {"pullPolicy": "Sometimes"}}, "at '/image/pullPolicy': value must be one of "),
        ({"imagePullSecrets": ["registry"]}, "at '/imagePullSecrets/0': got string, want object"),
        ({"watch": {"namespaces": "tenants"}}, "at '/watch/namespaces': got string, want array"),
        ({"watch": {"namespaces": ["Tenants"]}}, "at '/watch/namespaces/0': 'Tenants' does not match pattern"),
        ({"watch": {"namespace": ["a"]}}, "at '/watch': additional properties 'namespace' not allowed"),
        (
            {"watch": {"namespaces": ["a"], "allNamespaces": True}},
            "watch.namespaces and watch.allNamespaces exclude each other: empty the list, or set allNamespaces to",
        ),
        ({"proxies": {"metricsFrom": ["monitoring"]}}, "at '/proxies/metricsFrom/0': got string, want object"),
        ({"proxies": {"podMetadataPrefixes": [""]}}, "at '/proxies/podMetadataPrefixes/0': '' does not match"),
        (
            {"proxies": {"egress": {"deny": ["10.0.0.1"]}}},
            "proxies.egress.deny[0]: 10.0.0.1 is not a network; write a CIDR, such as 10.1.0.0/16 or fd00::/8",
        ),
        (
            {"proxies": {"egress": {"allow": ["10.0.0.0/33"]}}},
            "proxies.egress.allow[0]: 10.0.0.0/33 is not a network; write a CIDR",
        ),
        (
            {"proxies": {"egress": {"allow": ["10.0.0.256/32"]}}},
            "proxies.egress.allow[0]: 10.0.0.256/32 is not a network; write a CIDR",
        ),
        (
            {"apiServerCIDRs": ["10.0.0.0/8", "10.0.0.1/8"]},
            "apiServerCIDRs[1]: 10.0.0.1/8 has host bits set; write the network's own address",
        ),
        ({"commonLabels": {"a team": "x"}}, "at '/commonLabels': additional properties 'a team' not allowed"),
        ({"commonLabels": {"team": "a b"}}, "at '/commonLabels/team': 'a b' does not match pattern"),
        ({"podAnnotations": {"a b": "x"}}, "at '/podAnnotations': additional properties 'a b' not allowed"),
        (
            {"topologySpreadConstraints": [{"maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}]},
            "at '/topologySpreadConstraints/0': missing property 'topologyKey'",
        ),
        (
            {"proxies": {"forwardProxy": {"url": "http://user:password@squid:3128"}}},
            "at '/proxies/forwardProxy/url': 'http://user:password@squid:3128' does not match",
        ),
        (
            {"proxies": {"forwardProxy": {"noProxy": ["a,b"]}}},
            "at '/proxies/forwardProxy/noProxy/0': 'a,b' does not match",
        ),
        (
            {"proxies": {"issuers": [{**ISSUER, "kind": "shopper"}]}},
            "at '/proxies/issuers/0/kind': value must be one",
        ),
        (
            {"proxies": {"issuers": [{"issuer": "i", "audiences": ["a"], "kind": "user"}]}},
            "at '/proxies/issuers/0': 'oneOf' failed",
        ),
        (
            {"proxies": {"issuers": [{**ISSUER, "jwks": {"keys": [{"kty": "RSA"}]}}]}},
            "at '/proxies/issuers/0': 'oneOf' failed",
        ),
        ({"dnsPorts": []}, "at '/dnsPorts': minItems: got 0, want 1"),
        ({"dnsPorts": ["53"]}, "at '/dnsPorts/0': got string, want integer"),
        ({"workers": 0}, "at '/workers': minimum: got 0, want 1"),
        ({"logLevel": "trace"}, "at '/logLevel': value must be one of 'debug', 'info', 'warning', 'error'"),
        ({"admin": {"host": "::"}}, "at '/admin/host': '::' does not match pattern"),
        ({"podAnnotations": {"a": True}}, "at '/podAnnotations/a': got boolean, want string"),
        ({"podMonitor": {"interval": "30"}}, "at '/podMonitor/interval': '30' does not match pattern"),
        ({"image": {"registry": "https://r"}}, "at '/image/registry': 'https://r' does not match pattern"),
        ({"proxies": {"image": "r/tenantproxy:1"}}, "at '/proxies/image': got string, want object"),
        ({"commonLabels": {"a": 1}}, "at '/commonLabels/a': got number, want string"),
        (
            {"commonLabels": {"app.kubernetes.io/name": "mine"}},
            "commonLabels: app.kubernetes.io/name is a label that the chart sets itself; remove it",
        ),
        (
            {"podLabels": {"helm.sh/chart": "mine"}},
            "podLabels: helm.sh/chart is a label that the chart sets itself; remove it",
        ),
        ({"namespaceOverride": "Orders"}, "at '/namespaceOverride': 'Orders' does not match pattern"),
        ({"fullnameOverride": "o" * 52}, "at '/fullnameOverride': maxLength: got 52, want 51"),
        ({"extraArgs": {"workers": 2}}, "at '/extraArgs': got object, want array"),
        ({"extraEnv": [{"name": "A", "value": 1}]}, "at '/extraEnv/0/value': got number, want string"),
        ({"extraVolumes": [{"emptyDir": {}}]}, "at '/extraVolumes/0': missing property 'name'"),
        ({"extraVolumes": [{"name": "issuers"}]}, "extraVolumes: issuers is a volume that the chart"),
        ({"extraVolumeMounts": [{"name": "a"}]}, "at '/extraVolumeMounts/0': missing property 'mountPath'"),
        ({"livenessProbe": {"httpGet": {}}}, "at '/livenessProbe': additional properties 'httpGet' not allowed"),
        ({"startupProbe": {"periodSeconds": 0}}, "at '/startupProbe/periodSeconds': minimum: got 0, want 1"),
        ({"dnsConfig": {"servers": []}}, "at '/dnsConfig': additional properties 'servers' not allowed"),
        ({"hostAliases": [{"ip": "10.1.2.3"}]}, "at '/hostAliases/0': missing property 'hostnames'"),
        ({"serviceMonitor": {"scrapeTimeout": "10"}}, "at '/serviceMonitor/scrapeTimeout': '10' does not match"),
        (
            {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}},
            "podMonitor.enabled and serviceMonitor.enabled exclude each other: the metrics would be scraped twice",
        ),
        (
            {"serviceMonitor": {"enabled": True}, "metrics": {"service": {"enabled": False}}},
            "serviceMonitor.enabled needs the Service: set metrics.service.enabled to true, or use podMonitor",
        ),
        (
            {"admissionPolicies": {"validationActions": ["Deny", "Warn"]}},
            "admissionPolicies.validationActions: Deny and Warn exclude each other; remove one",
        ),
        (
            {"admissionPolicies": {"validationActions": ["Refuse"]}},
            "at '/admissionPolicies/validationActions/0': value must be one of 'Deny', 'Warn', 'Audit'",
        ),
        (
            {"admissionPolicies": {"allowedHosts": {"a": ["https://oms.example"]}}},
            "at '/admissionPolicies/allowedHosts/a/0': 'https://oms.example' does not match pattern",
        ),
        (
            {"admissionPolicies": {"tenantIds": {"T1": "acme"}}},
            "at '/admissionPolicies/tenantIds/T1': 'acme' does not match pattern",
        ),
        (
            {"leaderElection": {"renewDeadline": 15}},
            "leaderElection.leaseDuration (15) must be greater than leaderElection.renewDeadline (15)",
        ),
        (
            {"leaderElection": {"retryPeriod": 9}},
            "leaderElection.renewDeadline (10) must be greater than 1.2 times leaderElection.retryPeriod (9)",
        ),
        ({"test": {"timeoutSeconds": 0}}, "at '/test/timeoutSeconds': minimum: got 0, want 1"),
        ({"resources": {"limit": {}}}, "at '/resources': additional properties 'limit' not allowed"),
        (
            {"serviceAccount": {"create": False}},
            "serviceAccount.name: say which ServiceAccount the operator has, because serviceAccount.create is",
        ),
    ],
)
def test_refused(helm: Helm, values: dict[str, Any], said: str) -> None:
    """A value that can't be used is refused, by its path and what is wrong with it."""
    with pytest.raises(HelmError) as refused:
        helm.template(values=values)
    assert said in str(refused.value)


def test_as_a_part_of_another_chart(helm: Helm) -> None:
    """What Helm passes on to the parts of a chart is no unknown value."""
    assert helm.manifests(values={"global": {"registry": "registry.example"}})


def test_lint(helm: Helm) -> None:
    """Helm has nothing to complain of."""
    assert "1 chart(s) linted, 0 chart(s) failed" in helm.run("lint", "--strict", CHART)


def test_package(helm: Helm, tmp_path: Any) -> None:
    """It can be packed, and nothing but the chart gets in."""
    helm.run("package", CHART, "--destination", tmp_path)
    shown = helm.run("show", "chart", tmp_path / f"tenantproxy-{__version__}.tgz")
    assert yaml.safe_load(shown)["name"] == "tenantproxy"
