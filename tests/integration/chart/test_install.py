"""A release's life cycle against a real API server; it has no node, so no pod runs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.commands import BIN, free_ports
from support.tools.helm import CHART, ROOT, HelmError, Release
from tenantproxy import __version__
from tenantproxy_operator.cli.run import run

SYSTEM = "tenantproxy-system"
CRD = "crd/tenantproxies.proxy.hiiretail.com"
PAGE = (ROOT / "docs/install.md").read_text()
TENANT = {
    "apiVersion": "proxy.hiiretail.com/v1alpha1",
    "kind": "TenantProxy",
    "metadata": {"name": "acme"},
    "spec": {"tenantId": "T1", "upstream": {"url": "https://oms.acme.example"}},
}


def _objects(release: Release, name: str = "tenantproxy-operator") -> set[str]:
    """Return what a release without values has."""
    return {
        f"clusterrole/{release.namespace}-{name}-edit",
        f"clusterrole/{release.namespace}-{name}-view",
        f"deployment.apps/{name}",
        f"networkpolicy/{name}",
        f"role/{name}",
        f"rolebinding/{name}",
        f"service/{name}-metrics",
        f"serviceaccount/{name}",
        f"validatingadmissionpolicy/{release.namespace}-{name}",
        f"validatingadmissionpolicybinding/{release.namespace}-{name}",
    }


def _make_tenant(release: Release) -> str:
    """Make a TenantProxy; return its uid."""
    release.wait_for_crd()
    release.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(TENANT))
    return _uid(release)


def _uid(release: Release) -> str:
    return release.kubectl("get", "tenantproxy/acme", "-o", "jsonpath={.metadata.uid}")


def _crd(release: Release) -> dict[str, Any]:
    return dict(json.loads(release.server.kubectl("get", CRD, "-o", "json")))


def _changed_chart(folder: Path) -> Path:
    """Return a later version of the chart, whose CRD has one field more."""
    chart = folder / "chart"
    shutil.copytree(CHART, chart)
    file = chart / "files/tenantproxies.yaml"
    crd = yaml.safe_load(file.read_text())
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["note"] = {"type": "string", "description": "What a later version has, {{ with braces }}."}
    file.write_text(yaml.safe_dump(crd))
    return chart


def _apply_plain(release: Release) -> None:
    """Install without Helm, an older CRD than the chart's."""
    account = f"{release.namespace}:tenantproxy-operator"
    for command in (("crd",), ("rbac", "--namespace", release.namespace, "--service-account", account)):
        done = subprocess.run((BIN / "tenantproxy-operator", *command), capture_output=True, text=True, check=True)
        older = done.stdout.replace("Base URL of the tenant's OMS", "URL")
        release.server.kubectl("apply", "--server-side", "-f", "-", stdin=older)


def _plain_deployment(release: Release) -> str:
    """Return the Deployment that the page shows, for the release's namespace."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    return str(text).replace(f"namespace: {SYSTEM}", f"namespace: {release.namespace}")


def test_the_operator_runs_on_it(release: Release, tmp_path: Path) -> None:
    """With the arguments and the rights of the Deployment, the operator gets ready and serves a tenant."""
    release.install()
    assert release.objects() == _objects(release)
    uid = _make_tenant(release)
    (deployment,) = (each for each in release.manifests() if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    probes = [container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")]
    test = _test_of(release)
    with release.operator(tmp_path) as operator:
        assert [operator.probe(path) for path in probes] == [200, 200, 200]
        assert _run_test(test, f"http://127.0.0.1:{operator.admin_port}", seconds=30) == (0, "")
        release.wait_for("deployment/acme-proxy", "service/acme-proxy")
        release.kubectl("wait", "--for=condition=Accepted", "--timeout=30s", "tenantproxy/acme")
    proxy = json.loads(release.kubectl("get", "deployment/acme-proxy", "-o", "json"))
    assert proxy["metadata"]["ownerReferences"][0]["uid"] == uid
    assert proxy["spec"]["template"]["spec"]["containers"][0]["image"] == container["image"]


def _test_of(release: Release) -> dict[str, Any]:
    """Return the container of the pod that `helm test` creates; it asks the Service of the release."""
    (pod,) = yaml.safe_load_all(release.helm.run("get", "hooks", "tenantproxy", "-n", release.namespace))
    (container,) = pod["spec"]["containers"]
    service = json.loads(release.kubectl("get", "service/tenantproxy-operator-metrics", "-o", "json"))
    (port,) = service["spec"]["ports"]
    assert container["args"][0] == (
        f"http://{service['metadata']['name']}.{release.namespace}.svc:{port['port']}/readyz"
    )
    return dict(container)


def _run_test(container: dict[str, Any], operator: str, *, seconds: float) -> tuple[int, str]:
    """Run the container's command, with the address of an operator in place of the Service's."""
    assert container["command"][0] == "python3"
    command = (sys.executable, *container["command"][1:], f"{operator}/readyz", str(seconds))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_an_operator_that_is_not_ready(release: Release) -> None:
    """`helm test` fails where nobody answers, and says what it asked and where to look."""
    release.install()
    (port,) = free_ports(1)
    status, said = _run_test(_test_of(release), f"http://127.0.0.1:{port}", seconds=0)
    assert status == 1
    assert re.fullmatch(
        rf"http://127.0.0.1:{port}/readyz: .*; see `kubectl logs` of the operator's Deployment\n", said
    )


def test_two_releases_in_one_namespace(release: Release) -> None:
    """The second one needs no more than not to bring the definition along, and tenants of its own."""
    release.server.kubectl("create", "namespace", f"{release.namespace}-b")
    release.install()
    release.install("--set", f"crds.enabled=false,watch.namespaces={{{release.namespace}-b}}", name="other")
    assert release.objects() == _objects(release) | {
        name for name in _objects(release, "other-operator") if not name.startswith("role")
    }


def test_upgrade_updates_the_crd(release: Release, tmp_path: Path) -> None:
    """A field that a later version adds is there after the upgrade; TenantProxies stay."""
    release.install()
    uid = _make_tenant(release)
    release.upgrade(_changed_chart(tmp_path), "--reset-then-reuse-values", "--set", "image.tag=0.2.0")
    (version,) = _crd(release)["spec"]["versions"]
    note = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["note"]
    assert note["description"] == "What a later version has, {{ with braces }}."
    assert _uid(release) == uid


def test_uninstall_keeps_tenants(release: Release) -> None:
    """All goes but the CRD and the TenantProxies; the same release takes the CRD over again."""
    release.install()
    uid = _make_tenant(release)
    said = release.uninstall()
    assert "[CustomResourceDefinition] tenantproxies.proxy.hiiretail.com" in said
    assert release.objects() == set()
    assert _uid(release) == uid
    release.install()
    assert release.objects() == _objects(release)
    assert _uid(release) == uid


def test_crd_that_is_not_kept(release: Release) -> None:
    """With crds.keep=false the CRD goes with the release."""
    release.install("--set", "crds.keep=false")
    release.uninstall()
    release.server.kubectl("wait", "--for=delete", "--timeout=30s", CRD)


def test_another_release_takes_over(release: Release) -> None:
    """A release of another name is refused by what the first left, until it is told to take it over."""
    release.install()
    release.uninstall()
    with pytest.raises(HelmError, match=r'key "meta.helm.sh/release-name" must equal "other"'):
        release.install(name="other")
    release.install("--take-ownership", name="other")
    assert _crd(release)["metadata"]["annotations"]["meta.helm.sh/release-name"] == "other"


def test_from_plain_manifests_to_helm(release: Release) -> None:
    """What docs/install.md has kubectl apply, a release takes over as the page says; tenants stay."""
    _apply_plain(release)
    release.kubectl("apply", "--server-side", "-f", "-", stdin=_plain_deployment(release))
    uid = _make_tenant(release)
    with pytest.raises(HelmError, match="cannot be imported into the current release"):
        release.install()
    (delete,) = re.findall(r"^kubectl delete deployment/.*$", PAGE, re.MULTILINE)
    release.shell(delete.replace(SYSTEM, release.namespace))
    release.install("--take-ownership", "--force-conflicts")
    assert release.objects() == _objects(release)
    assert _uid(release) == uid


def test_a_namespace_that_is_not_there(release: Release) -> None:
    """The namespaces to watch must be there: Helm says which is not."""
    with pytest.raises(HelmError, match='namespaces "nowhere" not found'):
        release.install("--set", "watch.namespaces={nowhere}")


def test_plain_manifests_of_the_page(release: Release) -> None:
    """The Deployment that docs/install.md shows can be applied, runs restricted, and is understood."""
    text = _plain_deployment(release)
    release.kubectl("label", "namespace", release.namespace, "pod-security.kubernetes.io/warn=restricted")
    status, said, warned = release.server.try_kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text
    )
    assert (status, said.count("serverside-applied"), warned) == (0, 1, "")
    (container,) = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"]
    command, *arguments = container["args"]
    context = run.make_context(command, arguments)
    assert context.params["namespaces"] == ("tenants",)
    assert context.params["proxy_image"] == container["image"]


def test_commands_of_the_page(release: Release) -> None:
    """The way that docs/install.md shows to take a definition over needs nothing else."""
    release.install("--set", "rbac.create=false", "--set", "networkPolicy.enabled=false")
    release.uninstall()
    label, annotate = re.findall(r"^(kubectl (?:label|annotate) (?:.*\\\n)*.*)$", PAGE, re.MULTILINE)
    release.shell(label)
    release.shell(annotate.replace(SYSTEM, release.namespace))
    release.install(name="other")


def test_version_of_the_page() -> None:
    """The page's image is this version's."""
    assert set(re.findall(r"tenantproxy:(\d+\.\d+\.\d+)", PAGE)) == {__version__}
