"""An unexpected object, such as a newer CRD allows, affects no other."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from support.apiserver.server import ApiServer
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, Thing, child_name, condition_of
from support.waiting import eventually, until
from tenantproxy_operator.api.status import Status
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import TENANT_PROXY

from ..conftest import Run  # noqa: TID252 - tests are no package
from .conftest import CRD

CLUSTER_WIDE = False  # what is in a TenantProxy is the same
AtRest = Callable[[], Awaitable[None]]
OPTIONS = ("--check-interval=0.2",)
SPEC: dict[str, Any] = {"tenantId": "T-1", "upstream": {"url": "https://oms.example/api"}}
DEEPEST = 9_000
"""Levels of a spec; `managedFields` has as many again, and the API server takes 10,000 of all."""


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


SPECS: dict[str, Any] = {
    "unknown": SPEC | {"later": {"a": [1, {"b": None}]}, "upstream": SPEC["upstream"] | {"later": True}},
    "text": "text",
    "list": [1, "x", None, [], {}],
    "number": 1e300,
    "empty": {},
    "lists": {"tenantId": ["T"], "upstream": [], "auth": "x", "access": 1, "replicas": "many"},
    "nulls": dict.fromkeys(("tenantId", "upstream", "auth", "access", "podTemplate")),
    "secrets": SPEC | {"auth": {"secretRef": {"name": {"a": 1}}}},
    "name": SPEC | {"auth": {"secretRef": {"name": "../../../api"}}},
    "huge": SPEC | {"replicas": 2**62, "upstream": {"url": "x" * 200_000, "timeout": "9" * 5000 + "s"}},
    "many": SPEC | {"access": {"admins": {"emails": [f"{number}@x.example" for number in range(20_000)]}}},
    "deep": SPEC | {"podTemplate": {"affinity": json.loads(nested(400))}},
    "unicode": SPEC | {"tenantId": "\u0000\u202e\U0001f4a3", "upstream": {"url": "\ufffe"}},
}


STATUSES: dict[str, Any] = {
    "text": "text",
    "list": [1],
    "conditions": {"conditions": "text"},
    "condition": {"conditions": [1, None, {"type": ["x"]}, {"type": "Accepted"}]},
    "digest": {"appliedDigest": {"a": 1}, "observedGeneration": "x"},
    "others": {"replicas": "many", "endpoint": {}, "conditions": None},
}


@pytest.fixture(scope="module")
def newer_crd(api_server: ApiServer, run: Run) -> Iterator[None]:
    """Have the API server take any spec and any status, until the tests end."""
    newer = yaml.safe_load(CRD.read_text())
    (version,) = newer["spec"]["versions"]
    anything = {"x-kubernetes-preserve-unknown-fields": True}
    version["schema"]["openAPIV3Schema"] = {"type": "object", "properties": {"spec": anything, "status": anything}}
    version["additionalPrinterColumns"] = []
    _apply(api_server, yaml.safe_dump(newer), takes_anything=True)
    yield
    api_server.kubectl("delete", "tenantproxies", "--all", "--namespace", run.namespaces[0])
    _apply(api_server, CRD.read_text(), takes_anything=False)


@pytest.fixture(scope="module")
def operator(newer_crd: None, launch: Callable[..., OperatorProcess]) -> OperatorProcess:
    """Run an operator, once the newer CRD is there: a watch from before would show less of the objects."""
    del newer_crd
    operator = launch()
    operator.start_ready()
    return operator


def _apply(api_server: ApiServer, crd: str, *, takes_anything: bool) -> None:
    """Apply a CustomResourceDefinition, and wait until it is in force."""
    api_server.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=crd)
    probe = json.dumps(manifest("probe", "text"))
    command = ("create", "--dry-run=server", "--validate=false", "-f", "-")
    until(lambda: (api_server.try_kubectl(*command, stdin=probe)[0] == 0) == takes_anything)


def manifest(name: str, spec: Any) -> dict[str, Any]:
    kind = {"apiVersion": TENANT_PROXY.api_version, "kind": TENANT_PROXY.kind}
    return kind | {"metadata": {"name": name}, "spec": spec}


def accepted(api_server: ApiServer, tenants: Tenants, name: str) -> str:
    """Return the reason of a TenantProxy's condition Accepted; its JSON may be too deep for Python."""
    path = '-o=jsonpath={.status.conditions[?(@.type=="Accepted")].reason}'
    return api_server.kubectl("get", "tenantproxy", name, "--namespace", tenants.namespace, path)


async def goes_on(tenants: Tenants, name: str, replicas: int) -> None:
    """See that a TenantProxy is taken care of: its spec, and its children."""
    await tenants.remove(kinds.SERVICE, child_name(kinds.SERVICE, name))
    await tenants.child_until(kinds.SERVICE, child_name(kinds.SERVICE, name))
    await tenants.change(name, {"spec.replicas": replicas})
    await tenants.settled(name)


async def rests(operator: OperatorProcess) -> None:
    """See that nothing is looked at again and again."""
    before = operator.metrics()
    await asyncio.sleep(1)  # a hot loop would show in it
    after = operator.metrics()
    for result in ("unchanged", "changed", "retry", "error"):
        name = f'reconcile_total{{result="{result}"}}'
        assert after.get(name, 0) == before.get(name, 0), result


async def test_specs(
    api_server: ApiServer, operator: OperatorProcess, tenants: Tenants, name: str, at_rest: AtRest
) -> None:
    """Unknown fields, wrong types, absurd sizes and depths: said in the status; others don't notice it.

    A restart changes nothing about that.
    """
    await tenants.created(f"{name}-before")
    for each, spec in SPECS.items():
        await tenants.call("POST", tenants.path, manifest(each, spec))
    deepest = json.dumps(manifest("deepest", "SPEC")).replace('"SPEC"', nested(DEEPEST))
    await asyncio.to_thread(api_server.kubectl, "create", "--raw", tenants.path, "-f", "-", stdin=deepest)
    for each in (*SPECS, "deepest"):

        async def reason(each: str = each) -> str:
            return await asyncio.to_thread(accepted, api_server, tenants, each)

        await eventually(reason, lambda found: found == "InvalidSpec", log=lambda: operator.log)
        assert not await tenants.children(each), each
    for replicas in (3, 4):
        await goes_on(tenants, f"{name}-before", replicas)
        await tenants.created(f"{name}-{replicas}")
        await at_rest()
        await rests(operator)
        await operator.becomes("retrying", 0)
        assert operator.probe("/healthz") == 200
        await asyncio.to_thread(operator.stop)
        await asyncio.to_thread(operator.start_ready)
    assert '"traceback"' not in operator.log


async def test_statuses(operator: OperatorProcess, tenants: Tenants, name: str, at_rest: AtRest) -> None:
    """Whatever the status was, it is written anew."""
    names = {each: f"{name}-{each}" for each in STATUSES}
    for each in names.values():
        await tenants.created(each)
    await asyncio.to_thread(operator.stop)
    for each, status in STATUSES.items():
        await tenants.call(
            "PUT", f"{tenants.path}/{names[each]}/status", await _with_status(tenants, names[each], status)
        )
    await asyncio.to_thread(operator.start_ready)
    for each in names.values():
        await tenants.until(each, is_well)
        await tenants.remove(kinds.SERVICE, child_name(kinds.SERVICE, each))
        await tenants.child_until(kinds.SERVICE, child_name(kinds.SERVICE, each))
        await tenants.until(each, is_well)
    await tenants.created(f"{name}-after", {"spec.upstream.timeout": "4s"})
    await tenants.flush(f"{name}-after")
    await at_rest()
    await operator.becomes("retrying", 0)
    assert '"traceback"' not in operator.log


def is_well(thing: Thing) -> bool:
    """Tell whether the status is one of ours, and a good one."""
    status = thing["status"]
    try:
        Status.model_validate(status)
    except ValidationError:
        return False
    return condition_of(thing, "Accepted").get("status") == "True"


async def _with_status(tenants: Tenants, name: str, status: Any) -> dict[str, Any]:
    return await tenants.get(name) | {"status": status}
