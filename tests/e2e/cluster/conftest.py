"""The cluster that `make e2e` has prepared, with the chart in it; each module finds its namespaces empty."""

import os
import sys
from collections.abc import Callable, Iterator

import pytest

from support.cluster.cluster import CRD, Cluster, Installation
from support.cluster.gateway import definitions, gateway
from support.cluster.keycloak import Keycloak, starting
from support.cluster.sidecar import Sidecar


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """Return the cluster, which must have no TenantProxies: the tests remove their definition."""
    assert "E2E_IMAGE" in os.environ, "these tests need a cluster: `make e2e` has one, with all that they need"
    cluster = Cluster(tmp_path_factory.mktemp("helm"))
    there = cluster.kubectl("get", "crd", CRD, "--ignore-not-found", "-oname")
    assert not there, f"{there.strip()} is in this cluster, and the tests would remove it: use another cluster"
    return cluster


@pytest.fixture(scope="session")
def release(cluster: Cluster) -> Iterator[Installation]:
    """Install the chart, with routes, where the Gateway API is; remove everything at the end."""
    with definitions(cluster):
        installation = Installation(cluster)
        try:
            installation.install("--set=proxies.httpRoutes=true")
            yield installation
        finally:
            installation.clean_up()


@pytest.fixture(scope="module")
def installation(release: Installation) -> Iterator[Installation]:
    """Return the installed chart; nothing of the module's tests is left at the end."""
    yield release
    release.empty()


@pytest.fixture(scope="session")
def shared_gateway(release: Installation) -> Iterator[tuple[str, str]]:
    """Run a Gateway; return its namespace, and the base URL of its Service."""
    with gateway(release.cluster) as found:
        yield found


# Waiting for others: what takes them a minute or two begins beside tests that come before those that need it.


@pytest.fixture(scope="session")
def changed_sidecar(release: Installation) -> Sidecar:
    """Run the example of a sidecar, and change its Secret; the kubelet takes its time to tell the pod."""
    sidecar = Sidecar(release)
    sidecar.change()
    return sidecar


@pytest.fixture(scope="session")
def starting_keycloak(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    """Start Keycloak where pods reach it; stop it at the end."""
    with starting(cluster.keycloak, tmp_path_factory.mktemp("keycloak"), cluster.host) as server:
        yield server


@pytest.fixture(scope="session")
def print_line(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Return what shows a line of a measurement, also where the test passes."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert capture is not None

    def show(line: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stdout.write(f"\n{line}\n")

    return show
