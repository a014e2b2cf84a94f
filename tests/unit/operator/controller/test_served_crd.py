"""The CustomResourceDefinition: whether it is served, by which schema, and what is said about that, and when."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.apiserver.scripts import kube_client, status
from support.operator.crds import Crd, next_crd, previous_crd, schema_of
from support.proxy.oms import RawServer, Received, http, raw_server
from tenantproxy.kube.api import KubeError
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.api.crd import build_crd
from tenantproxy_operator.api.served_schema import ServedSchema, own_schema, unreadable_schema
from tenantproxy_operator.controller.served_crd import ServedCrd
from tenantproxy_operator.kube.client import Cluster

SERVED = http(200, b'{"resources": [{"name": "tenantproxies"}, {"name": "tenantproxies/status"}]}')
GONE = status(404, "NotFound")


def openapi(crd: Crd, tag: str) -> bytes:
    """Return the API server's OpenAPI document."""
    kind = {"group": "proxy.hiiretail.com", "kind": "TenantProxy", "version": "v1alpha1"}
    schemas: dict[str, Any] = {
        "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {"type": "object"},
        "com.hiiretail.proxy.v1alpha1.TenantProxy": schema_of(crd) | {"x-kubernetes-group-version-kind": [kind]},
    }
    return http(200, json.dumps({"openapi": "3.0.0", "components": {"schemas": schemas}}).encode(), ETag=tag)


class Looking:
    """An API server that answers as it is told, and what becomes of that."""

    def __init__(self, server: RawServer, cluster: Cluster) -> None:
        self.server = server
        self.kinds = SERVED
        self.schema = openapi(build_crd(), '"own"')
        self.adopted: list[ServedSchema] = []
        self.gone = 0
        self.settling = 0
        self.now = 0.0
        self.crd = ServedCrd(
            cluster,
            on_schema=self._adopt,
            on_settling=self._settle,
            on_gone=self._lose,
            clock=lambda: self.now,
        )
        server.play = self._answer

    async def _answer(self, request: Received, writer: asyncio.StreamWriter) -> None:
        if request.target == "/apis/proxy.hiiretail.com/v1alpha1":
            writer.write(self.kinds)
            return
        assert request.target == "/openapi/v3/apis/proxy.hiiretail.com/v1alpha1"
        tag = request.headers.get("if-none-match")
        writer.write(http(304) if tag and f"ETag: {tag}".encode() in self.schema else self.schema)

    async def _adopt(self, schema: ServedSchema) -> None:
        self.adopted.append(schema)

    async def _settle(self) -> None:
        self.settling += 1

    def _lose(self) -> None:
        self.gone += 1


@pytest.fixture
async def looking(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Looking]:
    caplog.set_level(logging.INFO)

    async def nothing(_request: Received, _writer: asyncio.StreamWriter) -> None:
        raise AssertionError

    async with raw_server(nothing) as server, kube_client(server, KubeClient) as client:
        yield Looking(server, Cluster(client))


async def test_a_change_settles(looking: Looking) -> None:
    """What a watch brought by the schema before is read again, at last when none can any more; not at a start."""
    for _ in range(2):
        await looking.crd.check()
    assert looking.settling == 0
    looking.schema = openapi(next_crd(), '"next"')
    await looking.crd.check()
    assert looking.settling == 0
    for now, calls in ((0.2, 1), (4.9, 2), (5.0, 3), (60.0, 3)):
        looking.now = now
        await looking.crd.check()
        assert looking.settling == calls
    assert [schema.added_fields() != {} for schema in looking.adopted] == [False, True]


async def test_this_versions(looking: Looking, caplog: pytest.LogCaptureFixture) -> None:
    """It is adopted once; then an unchanged document is not even sent."""
    assert not looking.crd.served
    for _ in range(3):
        assert await looking.crd.check()
    assert looking.crd.served
    assert looking.adopted == [own_schema()]
    assert [request.headers.get("if-none-match") for request in looking.server.received[1::2]] == [
        None,
        *['"own"'] * 2,
    ]
    assert caplog.messages == []


async def test_another_versions(looking: Looking, caplog: pytest.LogCaptureFixture) -> None:
    """Each difference is logged once, and that it is gone; another document with the same fields is no news."""
    schemas = [openapi(next_crd(), '"1"'), openapi(next_crd(), '"2"'), openapi(previous_crd(), '"3"')]
    for schema in (*schemas, openapi(build_crd(), '"4"')):
        looking.schema = schema
        for _ in range(2):
            assert await looking.crd.check()
    added, missing, same = caplog.messages
    assert "has fields that this version of the operator does not know, and ignores: spec." in added
    assert all(
        field in added for field in ("spec.later", "spec.upstream.mode", "spec.mapping.getOrder.fields.*.unit")
    )
    assert "lacks fields of this version of the operator: " in missing
    assert all(field in missing for field in ("spec.suspend", "status.conditions[].observedGeneration"))
    assert same.endswith("has this version's fields")
    assert len(looking.adopted) == 3
    assert looking.adopted[-1] == own_schema()


async def test_many_fields(looking: Looking, caplog: pytest.LogCaptureFixture) -> None:
    """The log names some of them."""
    looking.schema = openapi(next_crd(added={f"spec.new{number:02}": {} for number in range(30)}), '"1"')
    await looking.crd.check()
    assert "spec.new19 and 10 more; update" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [status(403, "Forbidden"), GONE, http(200, b'{"components": {"schemas": {"x": {"properties": {}}}}}')],
    ids=["forbidden", "not published", "not in it"],
)
async def test_a_schema_that_can_not_be_read(
    looking: Looking, caplog: pytest.LogCaptureFixture, answer: bytes
) -> None:
    """It is said once, and what is known stays; it is adopted once it can be read."""
    readable, looking.schema = looking.schema, answer
    for _ in range(2):
        assert await looking.crd.check()
    assert looking.adopted == [unreadable_schema()]
    (said,) = caplog.messages
    assert said.startswith("the schema of TenantProxies can't be read; unknown fields are ignored: ")
    looking.schema = readable
    await looking.crd.check()
    looking.schema = answer
    await looking.crd.check()
    assert looking.adopted == [unreadable_schema(), own_schema()]


@pytest.mark.parametrize(
    "answer", [status(500, "InternalError"), http(200, b""), http(200, b"{}"), http(200, b"<html>")]
)
async def test_an_answer_that_says_nothing(looking: Looking, answer: bytes) -> None:
    """While a CRD comes, the document may be empty: nothing has changed, and the next look is another chance."""
    await looking.crd.check()
    good = openapi(next_crd(), '"next"')
    looking.schema = answer
    with pytest.raises(KubeError):
        await looking.crd.check()
    looking.schema, looking.kinds = good, status(503, "ServiceUnavailable")
    with pytest.raises(KubeError):
        await looking.crd.check()
    assert looking.crd.served
    assert len(looking.adopted) == 1
    looking.kinds = SERVED
    assert await looking.crd.check()
    assert len(looking.adopted) == 2


async def test_a_schema_that_could_not_be_adopted(looking: Looking) -> None:
    """It is adopted at the next look, although the document has not changed since."""
    await looking.crd.check()
    looking.schema = openapi(next_crd(), '"next"')
    adopt, looking.crd._on_schema = looking.crd._on_schema, _failing
    with pytest.raises(KubeError):
        await looking.crd.check()
    looking.crd._on_schema = adopt
    await looking.crd.check()
    assert len(looking.adopted) == 2


async def _failing(_: ServedSchema) -> None:
    raise KubeError


async def test_deleted_and_back(looking: Looking, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once; who waits goes on when it is back, and everything is adopted anew."""
    await looking.crd.check()
    waiting = asyncio.create_task(looking.crd.wait_until_back())  # its request was the first to notice
    await asyncio.sleep(0)
    assert not looking.crd.served
    looking.kinds = GONE
    for _ in range(2):
        assert not await looking.crd.check()
    assert looking.gone == 2
    (said,) = caplog.messages
    assert said.startswith(
        "the API server does not serve TenantProxies; apply what `tenantproxy-operator crd` prints"
    )
    assert said.endswith("apply their manifests again")
    assert not waiting.done()
    looking.kinds = SERVED
    assert await looking.crd.check()
    await waiting
    assert looking.adopted == [own_schema()] * 2
    assert caplog.messages[1:] == ["the API server serves TenantProxies again"]


async def test_missing_at_the_start(looking: Looking, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing was lost then."""
    looking.kinds = http(200, b'{"resources": [{"name": "others"}]}')
    assert not await looking.crd.check()
    (said,) = caplog.messages
    assert said.endswith("`tenantproxy-operator crd` prints")


async def test_a_request_that_was_refused_by_mistake(looking: Looking) -> None:
    """The next look finds the CRD, and nothing is forgotten."""
    await looking.crd.check()
    waiting = asyncio.create_task(looking.crd.wait_until_back())
    await asyncio.sleep(0)
    await looking.crd.check()
    await waiting
    assert (looking.gone, looking.crd.served) == (0, True)
