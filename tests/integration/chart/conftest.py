"""Helm without a cluster, and with an API server that knows nothing of TenantProxies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.apiserver.server import ApiServer
from support.tools.helm import Helm, Release
from support.tools.programs import directory


@pytest.fixture(scope="session")
def tools(request: pytest.FixtureRequest) -> Path:
    """Return the directory of helm, kubeconform and kube-score."""
    return directory("helm", request.config)


@pytest.fixture(scope="session")
def helm(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Return Helm at no cluster."""
    return Helm(tools / "helm", tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def kubernetes(request: pytest.FixtureRequest) -> Path:
    """Return the directory of the API server, its etcd and kubectl."""
    return directory("kubernetes", request.config)


@pytest.fixture(scope="session")
def api_server(kubernetes: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Run an API server, without any CRD."""
    server = ApiServer(kubernetes, tmp_path_factory.mktemp("apiserver"))
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def release(api_server: ApiServer, kubernetes: Path, tools: Path, tmp_path: Path) -> Iterator[Release]:
    """Return a release's place in a cluster: a namespace, and no CRD; what is installed there goes at the end."""
    place = Release(Helm(tools / "helm", tmp_path, api_server.admin_kubeconfig), api_server, kubernetes)
    yield place
    place.clean_up()
