"""One API server for all tests here, with the project's CRD; a namespace for each test."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support.apiserver.client import MERGE_PATCH, ApiClient
from support.apiserver.optional_kinds import OptionalKinds
from support.apiserver.server import ApiServer
from support.tools.programs import directory
from support.waiting import until

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def binaries(request: pytest.FixtureRequest) -> Path:
    """Return the directory of etcd, kube-apiserver, kube-controller-manager and kubectl."""
    return directory("kubernetes", request.config)


@pytest.fixture(scope="session")
def api_server(binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Run an API server that knows TenantProxies."""
    server = ApiServer(binaries, tmp_path_factory.mktemp("apiserver"))
    try:
        server.install_crd(ROOT / "crds/tenantproxies.yaml", "tenantproxies.proxy.hiiretail.com")
        _wait_for_openapi(server)
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def optional_kinds(api_server: ApiServer, request: pytest.FixtureRequest) -> OptionalKinds:
    """Return what has the API server know the optional kinds, as their own projects define them."""
    return OptionalKinds(api_server, directory("crds", request.config))


@pytest.fixture(scope="module")
def with_optional_kinds(optional_kinds: OptionalKinds) -> Iterator[None]:
    """Have the API server know the optional kinds, until the module's tests end."""
    optional_kinds.install()
    yield
    optional_kinds.remove()


@pytest.fixture
async def api(api_server: ApiServer) -> AsyncIterator[ApiClient]:
    """Return an admin's client."""
    async with api_server.client() as client:
        yield client


@pytest.fixture
async def namespace(api: ApiClient) -> AsyncIterator[str]:
    """Make a namespace; remove its TenantProxies at the end, so that no later operator sees them."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    status, answer = await api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert status == 201, answer
    yield name
    path = f"/apis/proxy.hiiretail.com/v1alpha1/namespaces/{name}/tenantproxies"
    _, found = await api.request("GET", path)
    for item in found["items"]:
        one = f"{path}/{item['metadata']['name']}"
        await api.request("PATCH", one, {"metadata": {"finalizers": None}}, content_type=MERGE_PATCH)
        await api.request("DELETE", one)


def _wait_for_openapi(server: ApiServer) -> None:
    """Wait until the CRD's schema is published, for `kubectl explain`; that happens after it is Established."""
    published = ("get", "--raw", "/openapi/v3/apis/proxy.hiiretail.com/v1alpha1")
    until(lambda: server.try_kubectl(*published)[0] == 0, what=lambda: server.log)
