"""A tenant on a real API server, as the operator sets it up; its proxies are processes with the files of a pod."""

import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from support.apiserver.client import APPLY_PATCH, MERGE_PATCH, ApiClient
from support.apiserver.server import ApiServer
from support.commands import ServeProcess, serve
from support.proxy import tokens
from support.proxy.configuration import configuration
from support.proxy.idp import ON_LOOPBACK
from support.proxy.running import RunningProxy
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.kube.kinds import BY_NAME, SECRET
from tenantproxy_operator.render.children import render_children
from tenantproxy_operator.render.params import Params
from tenantproxy_operator.settings import Settings

NAME = "acme"
SECRET_NAME = f"{NAME}-credentials"
ACCOUNT = f"{NAME}-proxy"
_RIGHTS = ("ServiceAccount", "Role", "RoleBinding")


class Pod:
    """A proxy that runs with a pod's files."""

    def __init__(self, process: ServeProcess, proxy: RunningProxy, directory: Path) -> None:
        self.process = process
        self.proxy = proxy
        self.directory = directory

    @property
    def log(self) -> str:
        return self.process.log

    async def uses(self, oms: Any, password: str) -> float:
        """Wait until the proxy calls the OMS with a password; return after how many seconds it does."""
        authorization = "Basic " + base64.b64encode(f"user:{password}".encode()).decode()
        before = time.monotonic()
        while True:
            answer = await self.proxy.get()
            if answer.status == 200 and oms.received[-1].headers["authorization"] == authorization:
                return time.monotonic() - before
            assert time.monotonic() - before < 60, (answer, self.log)


class PodTenant:
    """A tenant whose proxies manage its Secret themselves."""

    def __init__(self, server: ApiServer, api: ApiClient, namespace: str, directory: Path) -> None:
        self.server = server
        self.api = api
        self.namespace = namespace
        self._directory = directory
        self._children = render_children(
            Params(resource=_resource(namespace), settings=Settings(), kinds=frozenset())
        )

    async def set_up(self) -> None:
        """Apply what gives the proxies their rights, and the empty Secret."""
        for child in self._children:
            if child["kind"] in (*_RIGHTS, "Secret"):
                await self.apply(child)

    async def apply(self, child: dict[str, Any]) -> None:
        kind = BY_NAME[child["apiVersion"], child["kind"]]
        path = kind.path(self.namespace, child["metadata"]["name"])
        query = "fieldManager=tenantproxy-operator&force=true"
        status, answer = await self.api.request("PATCH", f"{path}?{query}", child, content_type=APPLY_PATCH)
        assert status in (200, 201), answer

    def child(self, kind: str) -> dict[str, Any]:
        """Return the rendered child of a kind."""
        (found,) = [child for child in self._children if child["kind"] == kind]
        return found

    @property
    def secret_path(self) -> str:
        return SECRET.path(self.namespace, SECRET_NAME)

    async def secret(self) -> dict[str, Any]:
        """Return the Secret as it is."""
        status, secret = await self.api.request("GET", self.secret_path)
        assert status == 200, secret
        found: dict[str, Any] = secret
        return found

    async def keys(self) -> dict[str, bytes]:
        data = (await self.secret()).get("data") or {}
        return {key: base64.b64decode(value) for key, value in data.items()}

    async def patch(self, change: dict[str, Any]) -> None:
        """Change the Secret as somebody else does."""
        status, answer = await self.api.request("PATCH", self.secret_path, change, content_type=MERGE_PATCH)
        assert status == 200, answer

    async def set_password(self, password: str) -> None:
        """Set the credential as the platform team does."""
        data = {"username": "user", "password": password}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        await self.patch({"data": encoded})

    async def token(self) -> str:
        """Return a token of the proxies' service account."""
        return await self.api.token(self.namespace, ACCOUNT)

    @contextlib.asynccontextmanager
    async def pod(
        self,
        oms_url: str,
        monkeypatch: pytest.MonkeyPatch,
        *,
        name: str = "pod-1",
        mounted: Mapping[str, str] | None = None,
        token: str | None = None,
        url: str | None = None,
    ) -> AsyncIterator[Pod]:
        """Run a proxy with the rendered arguments; `mounted` is what the kubelet has mounted of the Secret.

        `url` is where the pod is told that the API server is.
        """
        directory = self._directory / name
        account = directory / "serviceaccount"
        account.mkdir(parents=True)
        (account / "token").write_text(token or await self.token())
        (account / "ca.crt").write_bytes(self.server.ca_file.read_bytes())
        (account / "namespace").write_text(self.namespace)
        write_keys(directory / "credentials", mounted or {})
        address = urlsplit(url or self.server.url)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(address.hostname))
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(address.port))
        container, *_ = self.child("Deployment")["spec"]["template"]["spec"]["containers"]
        command, *arguments = container["args"]
        assert command == "serve"
        options = (*arguments, "--service-account", str(account), "--log-level", "debug")
        async with (
            serve(directory, _config(oms_url, directory), *options) as process,
            aiohttp.ClientSession() as session,
        ):
            api, admin = (urlsplit(each).port or 0 for each in (process.api, process.admin))
            yield Pod(process, RunningProxy(api, admin, directory / "credentials", session), directory)


def _resource(namespace: str) -> TenantProxy:
    manifest = {
        "apiVersion": "proxy.hiiretail.com/v1alpha1",
        "kind": "TenantProxy",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {"tenantId": tokens.TENANT, "upstream": {"url": "https://oms.example"}},
    }
    return TenantProxy.model_validate(json.loads(json.dumps(manifest)))


def _config(oms_url: str, directory: Path) -> dict[str, Any]:
    tenant = {"id": tokens.TENANT, "name": NAME}
    return configuration(oms_url, tenant=tenant, auth=ON_LOOPBACK, access=tokens.access(directory, mode="trusted"))
