"""What `top` and `doctor` ask a cluster for, and what they say where it can't be seen at all."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from support.proxy.oms import Received, answering, http, raw_server
from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.api import KubeError
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.fleet.cluster import ClusterReader
from tenantproxy_operator.kube.client import TENANT_PROXY


async def _said(url: str) -> set[str]:
    """Return the messages of both: `doctor` asks first what is served, `top` for the TenantProxies."""
    client = KubeClient(KubeAccess(url=url))
    reader = ClusterReader(client)
    said = set()
    try:
        with pytest.raises(KubeError) as raised:
            await reader.look(None)
        said.add(str(raised.value))
        with pytest.raises(KubeError) as raised:
            await reader.serves(TENANT_PROXY)
        said.add(str(raised.value))
    finally:
        await client.close()
    return said


async def test_no_api_server() -> None:
    """It may be another cluster that was meant."""
    (said,) = await _said("http://127.0.0.1:1")
    assert said.startswith("the API server can't be reached (")
    assert "127.0.0.1:1" in said
    assert said.endswith("; see --kubeconfig, --context and `kubectl cluster-info`")


async def test_credential_that_has_expired() -> None:
    """Other refusals are told as they come: the API server's words name the right that is missing."""
    for status, reason, words in (
        (401, "Unauthorized", "does not accept the kubeconfig's credential (401 Unauthorized: no); log in anew"),
        (403, "Forbidden", "403 Forbidden: no"),
    ):
        answer = json.dumps({"kind": "Status", "code": status, "reason": reason, "message": "no"}).encode()
        async with raw_server(answering(http(status, answer))) as server:
            (said,) = await _said(server.url)
        assert said.endswith(words)


async def test_something_else_than_a_cluster() -> None:
    """No CustomResourceDefinition is missing there."""
    for answer, why in (
        (http(404, b"404 page not found"), "404 "),
        (http(404, b"<html>", content_type="text/html"), "404 "),
        (http(200, b"<html>", content_type="text/html"), "an answer that can't be read"),
        (http(200, b"{}"), "it has no version"),
    ):
        async with raw_server(answering(answer)) as server:
            client = KubeClient(KubeAccess(url=server.url))
            with pytest.raises(KubeError) as raised:
                assert await ClusterReader(client).serves(TENANT_PROXY)
            await client.close()
        assert str(raised.value).startswith("what answers is no Kubernetes API server (" + why)
        assert str(raised.value).endswith("; see --kubeconfig, --context and `kubectl cluster-info`")


async def _asked(*specs: dict[str, Any]) -> list[str]:
    """Return the labels of the pods that are listed for tenants with these specs."""
    tenants = [
        {"metadata": {"name": f"t{number}", "namespace": "n"}, "spec": spec} for number, spec in enumerate(specs)
    ]

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        items = tenants if "/tenantproxies" in request.target else []
        writer.write(http(200, json.dumps({"kind": "List", "metadata": {}, "items": items}).encode()))

    async with raw_server(play) as server:
        client = KubeClient(KubeAccess(url=server.url))
        await ClusterReader(client).look("n")
        await client.close()
    targets = [urlsplit(request.target) for request in server.received]
    return [parse_qs(target.query)["labelSelector"][0] for target in targets if target.path.endswith("/pods")]


async def test_relays_are_asked_for_where_there_are_some() -> None:
    """Where no tenant asks for one, a look costs what it did; a spec may be whatever somebody wrote."""
    relay = {"enabled": True}
    (proxies,) = await _asked({}, {"poslog": relay | {"enabled": False}}, {"poslog": "x"}, {"poslog": None})
    assert "app.kubernetes.io/component=proxy" in proxies
    both = await _asked({}, {"poslog": relay}, {"poslog": relay})
    assert both == [proxies, proxies.replace("=proxy", "=poslog")]
