"""A fresh API server with Deployments' controllers, the CRD and the operator's own permissions; its clients."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from bench.scale import auditlog, machine
from bench.scale.auditlog import Requests
from bench.scale.fleet import key_of, manifest_of
from support.apiserver.server import ApiServer, service_account
from support.waiting import until
from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.api.crd import crd_yaml
from tenantproxy_operator.manifests.writer import to_yaml
from tenantproxy_operator.render.operator_rbac import operator_manifests

_HOME: Final = "tenantproxy-system"
_ACCOUNT: Final = "tenantproxy-operator"
_CONTROLLERS: Final = ("deployment-controller", "replicaset-controller")
_FAST: Final = (
    *("--kube-api-qps=1000", "--kube-api-burst=1000"),
    *("--concurrent-deployment-syncs=16", "--concurrent-replicaset-syncs=16"),
)
"""Else it is their own limits that are measured: 20 requests a second."""
_USER: Final = service_account(_HOME, _ACCOUNT)


class Site:
    """An API server and its etcd."""

    def __init__(self, server: ApiServer, directory: Path) -> None:
        self.server = server
        self.directory = directory
        self._log = directory / "audit.log"
        self._token = server.kubectl("create", "token", _ACCOUNT, f"-n{_HOME}", "--duration=8h").strip()
        self.kubeconfig = server.kubeconfig(directory / "operator.kubeconfig", self._token)
        programs = {"apiserver": "kube-apiserver", "etcd": "etcd", "controllers": "kube-controller-manager"}
        self.pids = {name: machine.child(program) for name, program in programs.items()}

    @contextlib.asynccontextmanager
    async def client(self, *, admin: bool = False) -> AsyncIterator[KubeClient]:
        """Return a client of the class that the operator uses, as its account or as the admin."""
        token = self.server.admin_token if admin else self._token
        access = KubeAccess(url=self.server.url, tls=self.server.tls, authorization=lambda: f"Bearer {token}")
        client = KubeClient(access)
        try:
            yield client
        finally:
            await client.close()

    def mark(self) -> int:
        """Return what `requests` takes for "from now on"."""
        return self._log.stat().st_size

    def requests(self, since: int) -> Requests:
        """Return the requests of the operator's account since a mark, and when the Deployments were through."""
        return auditlog.read(self._log, _USER, since)


@contextlib.contextmanager
def fresh_site(binaries: Path, size: int) -> Iterator[Site]:
    """Run an API server with the namespaces for so many TenantProxies. Raises DaemonError, KubectlError."""
    with tempfile.TemporaryDirectory(prefix="tenantproxy-bench-") as folder:
        directory = Path(folder)
        with contextlib.closing(ApiServer(binaries, directory)) as server:
            server.kubectl("apply", "--server-side", "-f", "-", stdin=crd_yaml())
            names = sorted({_HOME, *(key_of(index).namespace for index in range(size))})
            homes = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]
            rights = operator_manifests(None, _HOME, _ACCOUNT)
            server.kubectl("apply", "--server-side", "-f", "-", stdin=to_yaml([*homes, *rights]))
            _warm_up(server)
            controllers = server.start_controllers(*_CONTROLLERS, options=_FAST)
            try:
                yield Site(server, directory)
            finally:
                controllers.stop()


def _warm_up(server: ApiServer) -> None:
    """Have the API server make what it makes at the first write of a custom resource, which takes two seconds."""
    tenant = to_yaml([manifest_of(key_of(0))])
    until(lambda: server.try_kubectl("create", "-f", "-", stdin=tenant)[0] == 0, what=lambda: server.log[-2000:])
    server.kubectl("delete", "-f", "-", stdin=tenant)
