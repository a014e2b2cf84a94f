"""Upgrades from earlier releases, which tests/releases keeps, and from one that is made of the present commit."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from hack.release import kept
from support.operator import releases
from support.tools.helm import CHART, RELEASE, Release

PRESENT: Final = "of the present commit"
SCHEMA: Final = "files/tenantproxies.yaml"


@pytest.fixture(params=[*releases.kept(), PRESENT])
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the chart of an earlier release."""
    if request.param != PRESENT:
        return kept.RELEASES / str(request.param) / kept.CHART
    kept.keep(tmp_path / "release")
    return tmp_path / "release" / kept.CHART


def _schema(release: Release) -> object:
    crd = json.loads(release.server.kubectl("get", "crd/tenantproxies.proxy.hiiretail.com", "-o", "json"))
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"].keys()


def _schema_of(chart: Path) -> object:
    crd: dict[str, Any] = yaml.safe_load((chart / SCHEMA).read_text())
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"].keys()


def test_upgrade_and_rollback(release: Release, earlier: Path, tmp_path: Path) -> None:
    """A tenant of the earlier release is served after the upgrade, with the definition of each release in turn."""
    release.install(chart=earlier)
    release.wait_for_crd()
    spec = {"tenantId": "T1", "upstream": {"url": "https://oms.acme.example"}}
    tenant = {"apiVersion": "proxy.hiiretail.com/v1alpha1", "kind": "TenantProxy", "metadata": {"name": "acme"}}
    release.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(tenant | {"spec": spec}))
    before = json.loads(release.kubectl("get", "tenantproxy/acme", "-o", "json"))
    assert _schema(release) == _schema_of(earlier)

    release.upgrade(CHART, "--reset-then-reuse-values")
    assert _schema(release) == _schema_of(CHART)
    with release.operator(tmp_path) as operator:
        assert operator.probe("/readyz") == 200
        release.kubectl("wait", "--for=condition=Accepted", "--timeout=30s", "tenantproxy/acme")
        release.wait_for("deployment/acme-proxy", "service/acme-proxy")
    after = json.loads(release.kubectl("get", "tenantproxy/acme", "-o", "json"))
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"]["tenantId"] == "T1"

    release.helm.run("rollback", RELEASE, "--namespace", release.namespace)
    assert _schema(release) == _schema_of(earlier)
    assert release.kubectl("get", "tenantproxy/acme", "-o", "name").strip().endswith("/acme")
