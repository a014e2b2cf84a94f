"""The template of a proxy's pod."""

import re
from typing import Any

import pytest
from click.testing import CliRunner

from support.operator.manifests import params
from tenantproxy.cli.main import main, serve
from tenantproxy.lifecycle import DRAIN_TIMEOUT
from tenantproxy_operator.api.names import LONGEST_NAME
from tenantproxy_operator.render.children import render_children
from tenantproxy_operator.render.config_map import render_config_map
from tenantproxy_operator.render.pod import GRACE_SECONDS, SLEEP_SECONDS, render_pod_template
from tenantproxy_operator.settings import Settings

_PLATFORM = {"spec.auth.management": "platform"}
_SPARE_SECONDS = 5


def _pod(changes: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    pod = render_pod_template(params(changes, settings=Settings(**settings)))["spec"]
    assert isinstance(pod, dict)
    return pod


def _container(changes: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    (container,) = _pod(changes, **settings)["containers"]
    assert isinstance(container, dict)
    return container


def test_configuration_rolls_the_deployment() -> None:
    """The template changes with config.json, and only then: it mounts the ConfigMap of exactly that content."""

    def mounted(changes: dict[str, Any] | None = None) -> str:
        volumes = {volume["name"]: volume for volume in _pod(changes)["volumes"]}
        name = str(volumes["config"]["configMap"]["name"])
        assert name == render_config_map(params(changes))["metadata"]["name"]
        return name

    assert re.fullmatch("t-proxy-[0-9a-f]{20}", mounted())
    assert mounted({"spec.upstream.timeout": "6s"}) != mounted()
    others = {"spec.replicas": 5, "spec.suspend": True, "metadata.uid": "u"}
    assert render_pod_template(params(others)) == render_pod_template(params())


def test_the_longest_names() -> None:
    """Those of a TenantProxy whose name is as long as can be."""
    longest = params({"metadata.name": "t" * LONGEST_NAME})
    for child in render_children(longest):
        assert len(child["metadata"]["name"]) <= (253 if child["kind"] == "ConfigMap" else 63)


def test_settings_of_the_cluster_are_no_configuration() -> None:
    """What only rendering needs does not reach config.json, and so does not roll all tenants twice."""
    settings = Settings(
        optional_kinds=frozenset({"PodMonitor", "HTTPRoute"}),
        api_server_cidrs=("192.0.2.1/32",),
        dns_ports=(8053,),
        metrics_from=({"podSelector": {}},),
    )
    assert render_pod_template(params(settings=settings)) == render_pod_template(params())


def test_prometheus_finds_the_admin_port() -> None:
    """Also without prometheus-operator."""
    annotations = render_pod_template(params())["metadata"]["annotations"]
    port = next(port for port in _container()["ports"] if port["name"] == "metrics")
    assert annotations["prometheus.io/scrape"] == "true"
    assert annotations["prometheus.io/path"] == "/metrics"
    assert annotations["prometheus.io/port"] == str(port["containerPort"])


def test_restricted() -> None:
    """The pod has no right on its node that it does not need."""
    pod, container = _pod()["securityContext"], _container()["securityContext"]
    assert pod["runAsNonRoot"] is True
    assert pod["runAsUser"] == pod["runAsGroup"] == pod["fsGroup"] == 65532
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def test_time_for_the_drain() -> None:
    """What is in flight when a pod is asked to go ends before it is killed."""
    assert _container()["lifecycle"] == {"preStop": {"sleep": {"seconds": SLEEP_SECONDS}}}
    assert GRACE_SECONDS >= SLEEP_SECONDS + DRAIN_TIMEOUT + _SPARE_SECONDS
    assert _pod()["terminationGracePeriodSeconds"] == GRACE_SECONDS


def test_probes_know_the_admin_port() -> None:
    """Only /readyz says whether to send requests; a proxy that answers /healthz is not restarted."""
    container = _container()
    paths = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    assert {each["port"] for each in paths.values()} == {"metrics"}
    assert {name: each["path"] for name, each in paths.items()} == {
        "startup": "/healthz",
        "readiness": "/readyz",
        "liveness": "/healthz",
    }


def test_command_exists() -> None:
    """The files are mounted where `tenantproxy serve` looks for them by default, and the ports are its own."""
    container = _container({**_PLATFORM, "spec.upstream.tls.caSecretRef.name": "ca"})
    assert [*container["command"], *container["args"]] == ["tenantproxy", "serve"]
    defaults = {parameter.name: str(parameter.default) for parameter in serve.params}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts["config"] == defaults["config_path"]
    assert mounts["credentials"] == defaults["credentials"]
    assert mounts["ca"] == f"{defaults['tls_directory']}/ca"
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert (ports["http"], ports["metrics"]) == (8080, 9090)
    assert defaults["api"].endswith(":8080")
    assert defaults["admin"].endswith(":9090")
    assert CliRunner().invoke(main, ["serve", "--help"]).exit_code == 0


def test_token_only_where_the_tenant_manages() -> None:
    """The proxy gets a token, and is told of the Secret, only where it may change it."""
    tenant, platform = _pod(), _pod(_PLATFORM)
    assert (tenant["serviceAccountName"], tenant["automountServiceAccountToken"]) == ("t-proxy", True)
    assert _container()["args"] == ["serve", "--secret", "t-credentials"]
    assert (platform["serviceAccountName"], platform["automountServiceAccountToken"]) == ("default", False)
    assert _container(_PLATFORM)["args"] == ["serve"]


def test_secrets_are_mounted_for_the_group_only() -> None:
    """The credential may be missing; what TLS needs may not, and of it only the keys that are needed are there."""
    tls = {
        "spec.upstream.tls": {
            "caSecretRef": {"name": "oms-ca"},
            "clientCertificateSecretRef": {"name": "oms-client"},
        }
    }
    volumes = {volume["name"]: volume.get("secret") or volume["configMap"] for volume in _pod(tls)["volumes"]}
    assert {volume["defaultMode"] for volume in volumes.values()} == {0o440}
    assert volumes["credentials"]["optional"] is True
    assert [item["key"] for item in volumes["ca"]["items"]] == ["ca.crt"]
    assert [item["key"] for item in volumes["client-certificate"]["items"]] == ["tls.crt", "tls.key"]
    assert not volumes["ca"].get("optional")
    assert not volumes["client-certificate"].get("optional")
    assert all(mount["readOnly"] for mount in _container(tls)["volumeMounts"])
    assert {mount["name"] for mount in _container(tls)["volumeMounts"]} == volumes.keys()


def test_resources_replace_the_default_as_a_whole() -> None:
    """A part of the default beside the tenant's own could contradict it."""
    assert _container()["resources"] == {
        "requests": {"cpu": "100m", "memory": "96Mi"},
        "limits": {"memory": "512Mi"},
    }
    resources = {"limits": {"cpu": 1, "ephemeral-storage": "1Gi"}}
    assert _container({"spec.resources": resources})["resources"] == {
        "limits": {"cpu": "1", "ephemeral-storage": "1Gi"}
    }


def test_spread_is_about_this_tenants_proxies() -> None:
    """By default over nodes; a constraint without selector gets ours, and none is possible, too."""
    selector = {"matchLabels": {f"app.kubernetes.io/{key}": value for key, value in _OURS.items()}}
    (default,) = _pod()["topologySpreadConstraints"]
    assert (default["topologyKey"], default["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
    assert default["labelSelector"] == selector
    own = [{"topologyKey": "zone"}, {"topologyKey": "rack", "labelSelector": {}}]
    constraints = _pod({"spec.podTemplate": {"topologySpreadConstraints": own}})["topologySpreadConstraints"]
    assert [each["labelSelector"] for each in constraints] == [selector, {}]
    assert "topologySpreadConstraints" not in _pod({"spec.podTemplate": {"topologySpreadConstraints": []}})


_OURS = {"name": "tenantproxy", "instance": "t", "component": "proxy"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nodeSelector", {"pool": "shared"}),
        ("tolerations", [{"key": "k", "operator": "Exists"}]),
        ("affinity", {"nodeAffinity": {}}),
        ("priorityClassName", "tenants"),
    ],
)
def test_placement(field: str, value: Any) -> None:
    """What the pod template says of the place is in the pod as it is, and nothing where it says nothing."""
    assert _pod({f"spec.podTemplate.{field}": value})[field] == value
    assert field not in _pod()


def test_image() -> None:
    """All tenants run the operator's image, pulled with its Secrets."""
    container = _container(proxy_image="registry.example/tp@sha256:1", image_pull_secrets=("a", "b"))
    assert container["image"] == "registry.example/tp@sha256:1"
    assert _pod(image_pull_secrets=("a", "b"))["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]
    assert "imagePullSecrets" not in _pod()
