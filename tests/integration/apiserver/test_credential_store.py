"""A tenant's credential in its Secret, on a real API server, under the rendered Role and nothing else."""

import asyncio
import base64
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.apiserver.client import MERGE_PATCH, ApiClient
from support.apiserver.server import ApiServer, service_account
from support.cluster.proxy_pods import ACCOUNT, SECRET_NAME, Pod, PodTenant
from support.proxy import tokens
from support.proxy.oms import RawServer, Received, answering, documented, http
from support.proxy.running import Answered
from support.waiting import PATIENCE, eventually
from tenantproxy.credentials.stores.secret import NOTE
from tenantproxy_operator.kube.objects import Partial
from tenantproxy_operator.render.access import SECRET_VERBS

MARKED = "MARKED-password"
SOON = 2.0
"""Seconds until every replica uses a change: what is promised."""


def body(password: str = MARKED) -> dict[str, Any]:
    return {"type": "basic", "config": {"username": "user", "password": password}}


async def put(pod: Pod, password: str = MARKED) -> Answered:
    return await pod.proxy.put(body(password), headers=tokens.admin())


async def proven(tenant: PodTenant) -> dict[str, Any]:
    """Return the Secret, once it says that its credential is proven."""
    return await eventually(
        tenant.secret, lambda secret: '"accepted"' in secret["metadata"].get("annotations", {}).get(NOTE, "")
    )


def is_refused(answer: Answered) -> bool:
    return (answer.status, answer.code) == (503, "store-unavailable")


@pytest.fixture
async def tenant(api_server: ApiServer, api: ApiClient, namespace: str, tmp_path: Path) -> PodTenant:
    tenant = PodTenant(api_server, api, namespace, tmp_path)
    await tenant.set_up()
    return tenant


# ---- the Role suffices, and permits nothing else


async def test_the_role_suffices(tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """From an empty Secret to reads with the admin's credential, with no request refused and none beyond it."""
    mark = tenant.server.audit_mark()
    async with tenant.pod(oms.url, monkeypatch) as pod:
        assert (await pod.proxy.get()).code == "credentials-not-configured"
        assert (await put(pod)).status == 204
        await pod.uses(oms, MARKED)
        await tenant.set_password("by the platform")
        await pod.uses(oms, "by the platform")
    mine = [
        entry for entry in tenant.server.audit(mark) if entry.user == service_account(tenant.namespace, ACCOUNT)
    ]
    assert {entry.verb for entry in mine} == set(SECRET_VERBS)
    assert {(entry.resource, entry.namespace) for entry in mine} == {("secrets", tenant.namespace)}
    assert {entry.code for entry in mine} <= {200, 409}, "409: the platform was faster"
    assert all(f'of Role "{ACCOUNT}"' in entry.reason for entry in mine)
    assert MARKED not in pod.log
    assert "error" not in pod.log


OWN = f"secrets/{SECRET_NAME}"
WATCH = "secrets?watch=true&timeoutSeconds=1"
ALLOWED = [
    ("GET", OWN, "get"),
    ("PUT", OWN, "update"),
    ("GET", f"{WATCH}&fieldSelector=metadata.name={SECRET_NAME}", "watch"),
]
DENIED = [
    ("POST", "secrets", "create"),
    ("PATCH", OWN, "patch"),
    ("DELETE", OWN, "delete"),
    ("DELETE", "secrets", "deletecollection"),
    ("GET", "secrets", "list"),
    ("GET", f"secrets?fieldSelector=metadata.name={SECRET_NAME}", "list"),
    ("GET", WATCH, "watch"),
    ("GET", f"{WATCH}&fieldSelector=metadata.name=other", "watch"),
    ("GET", f"{WATCH}&fieldSelector=type=Opaque", "watch"),
    ("GET", "secrets/other", "get"),
    ("PUT", "secrets/other", "update"),
    ("DELETE", "secrets/other", "delete"),
    *(
        (method, f"{resource}{one}", verb)
        for resource in ("configmaps", "pods", "services", "serviceaccounts", "events", "endpoints")
        for method, one, verb in (
            ("GET", "", "list"),
            ("POST", "", "create"),
            ("GET", f"/{SECRET_NAME}", "get"),
            ("DELETE", f"/{SECRET_NAME}", "delete"),
        )
    ),
    ("POST", f"serviceaccounts/{ACCOUNT}/token", "create"),
    ("POST", "pods/x/exec", "create"),
]


@pytest.fixture
async def other_namespace(api: ApiClient, tenant: PodTenant) -> str:
    """Have a Secret beside the tenant's, and one of the same name in another namespace; return that."""
    other = f"{tenant.namespace}-2"
    await api.request("POST", "/api/v1/namespaces", {"metadata": {"name": other}})
    for namespace, name in ((tenant.namespace, "other"), (other, SECRET_NAME)):
        status, answer = await api.request(
            "POST", f"/api/v1/namespaces/{namespace}/secrets", {"metadata": {"name": name}}
        )
        assert status == 201, answer
    return other


async def test_the_role_permits_nothing_else(tenant: PodTenant, other_namespace: str) -> None:
    """Every other verb, Secret, kind and namespace is refused: by the server's review, and when it is tried."""
    token = await tenant.token()
    before = await tenant.secret()
    for method, target, verb in ALLOWED:
        assert await _may(tenant, token, verb, target, tenant.namespace), (verb, target)
        assert await _try(tenant, token, method, target, tenant.namespace) == 200, (method, target)
    for method, target, verb in DENIED:
        assert not await _may(tenant, token, verb, target, tenant.namespace), (verb, target)
        assert await _try(tenant, token, method, target, tenant.namespace) == 403, (method, target)
    for namespace in (other_namespace, "kube-system", "default"):
        for method, target, verb in ALLOWED + DENIED:
            assert not await _may(tenant, token, verb, target, namespace), (verb, target, namespace)
            assert await _try(tenant, token, method, target, namespace) == 403, (method, target, namespace)
    for path in (
        "/api/v1/secrets",
        "/api/v1/nodes",
        "/api/v1/namespaces",
        "/apis/proxy.hiiretail.com/v1alpha1/tenantproxies",
    ):
        assert (await tenant.api.request("GET", path, token=token))[0] == 403, path
    assert await tenant.secret() == before


async def _may(tenant: PodTenant, token: str, verb: str, target: str, namespace: str) -> bool:
    """Return what the server says of what the token's owner may."""
    path, _, query = target.partition("?")
    resource, *rest = path.split("/")
    name = rest[0] if rest else query.partition("metadata.name=")[2]
    attributes = {"verb": verb, "resource": resource, "name": name, "namespace": namespace}
    if len(rest) == 2:
        attributes["subresource"] = rest[1]
    review = {"spec": {"resourceAttributes": attributes}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    status, answer = await tenant.api.request("POST", path, review, token=token)
    assert status == 201, answer
    return bool(answer["status"]["allowed"])


async def _try(tenant: PodTenant, token: str, method: str, target: str, namespace: str) -> int:
    """Return the status of an attempt."""
    path = f"/api/v1/namespaces/{namespace}/{target}"
    content: dict[str, Any] | None = None
    if method == "PUT":
        content = await tenant.secret() if target == OWN else {"metadata": {"name": target.rpartition("/")[2]}}
    elif method in ("POST", "PATCH"):
        content = {"metadata": {"name": "new", "labels": {"a": "b"}}}
    content_type = MERGE_PATCH if method == "PATCH" else "application/json"
    return (await tenant.api.request(method, path, content, content_type=content_type, token=token))[0]


async def test_its_rules_are_these_alone(tenant: PodTenant) -> None:
    """What the server lists is the Role, and what everybody has: to ask who one is and what one may."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    _, answer = await tenant.api.request(
        "POST", path, {"spec": {"namespace": tenant.namespace}}, token=await tenant.token()
    )
    everybodys = {"authentication.k8s.io", "authorization.k8s.io"}
    rules = [rule for rule in answer["status"]["resourceRules"] if not set(rule["apiGroups"]) <= everybodys]
    assert rules == [
        {"verbs": list(SECRET_VERBS), "apiGroups": [""], "resources": ["secrets"], "resourceNames": [SECRET_NAME]}
    ]


# ---- what is only tried


async def test_what_is_only_tried_is_not_stored(
    tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what the OMS rejects, nor what it takes in a dry run; who set the stored one stays known."""

    async def only_the_set_one(request: Received, writer: asyncio.StreamWriter) -> None:
        given = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        await (documented if given in ("user:set", "user:tried") else answering(http(401)))(request, writer)

    oms.play = only_the_set_one
    async with tenant.pod(oms.url, monkeypatch) as pod:

        async def put_with(query: str, content: dict[str, Any]) -> Answered:
            return await pod.proxy.put(content, query=query, headers=tokens.admin())

        assert (await put_with("?validate=true", body("set"))).status == 204
        stored = await tenant.keys()
        assert (await put_with("?validat=true", body("tried"))).status == 400
        assert (await put_with("?validate=true", body("wrong"))).code == "credential-rejected"
        assert (await put_with("?dryRun=true", body("wrong"))).code == "credential-rejected"
        assert (await put_with("?dryRun=true", body("tried"))).status == 200
        state = (await put_with("?dryRun=true", {})).json
        assert (state["setBy"], state["test"]["outcome"]) == (tokens.ADMIN_EMAIL, "accepted")
        assert {"setAt", "acceptedAt"} <= state.keys()
        assert await tenant.keys() == stored
        assert (await pod.proxy.get()).status == 200


# ---- when the keys were written


async def test_a_note_is_no_write_of_the_keys(
    tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the API server counts them, by managers: an operator that was away meanwhile can tell."""

    def written_at(secret: dict[str, Any]) -> str:
        return msgspec.json.decode(json.dumps(secret), type=Partial).metadata.data_written_at

    async with tenant.pod(oms.url, monkeypatch) as pod:
        assert (await put(pod)).status == 204
        at = written_at(await tenant.secret())
        await asyncio.sleep(1.1)  # times are whole seconds
        await pod.proxy.get()
        assert written_at(await proven(tenant)) == at
        assert (await put(pod, "another")).status == 204
        assert written_at(await tenant.secret()) > at


# ---- what others have in the Secret


BINARY = base64.b64encode(bytes(range(256))).decode()


async def test_what_others_have_in_the_secret_survives(
    tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Labels, annotations, keys (also binary ones), finalizers and managers, by whatever means they came."""
    server, where = tenant.server, ("-n", tenant.namespace)
    one = ("secret", SECRET_NAME)
    manifest = tmp_path / "secret.yaml"
    manifest.write_text(
        f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {SECRET_NAME}, labels: {{by: apply}}}}\n"
        f"data: {{keystore.jks: {BINARY}}}\nstringData: {{note: theirs}}\n"
    )
    server.kubectl("apply", *where, "-f", manifest)  # client-side: leaves its annotation
    server.kubectl("label", *where, *one, "team=a")
    server.kubectl("annotate", *where, *one, "vault.example/path=kv/acme")
    await tenant.patch({"metadata": {"finalizers": ["example.com/kept"]}})
    await tenant.set_password("before")
    before = await tenant.secret()
    async with tenant.pod(oms.url, monkeypatch) as pod:
        oauth2 = {"clientId": "id", "clientSecret": MARKED, "authUrl": f"{oms.url}/token"}
        answer = await pod.proxy.put({"type": "oauth2", "config": oauth2}, headers=tokens.admin())
        assert answer.status == 204, pod.log
    after = await tenant.secret()
    assert '"setAt"' in after["metadata"]["annotations"].pop(NOTE)
    assert sorted(after["data"]) == ["authUrl", "clientId", "clientSecret", "keystore.jks", "note", "type"]
    assert after["data"]["keystore.jks"] == BINARY
    assert after["data"]["note"] == before["data"]["note"]
    managers = {entry["manager"]: entry["operation"] for entry in after["metadata"].pop("managedFields")}
    assert managers["tenantproxy-proxy"] == "Update"
    assert {entry["manager"] for entry in before["metadata"].pop("managedFields")} <= managers.keys()
    for secret in (before, after):
        del secret["data"], secret["metadata"]["resourceVersion"]
    assert after == before
    server.kubectl("apply", *where, "-f", manifest)  # goes on as if nothing had been
    assert (await tenant.keys())["clientSecret"] == MARKED.encode()
    await tenant.patch({"metadata": {"finalizers": None}})


async def test_concurrent_changes_are_not_lost(
    tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PUTs through two replicas and others' changes at the same time: all are in it, and one PUT is the last."""
    async with (
        tenant.pod(oms.url, monkeypatch, name="pod-1") as first,
        tenant.pod(oms.url, monkeypatch, name="pod-2") as second,
    ):
        done = asyncio.Event()
        labels: dict[str, str] = {}

        async def edit() -> None:
            while not done.is_set():
                labels[f"n{len(labels)}"] = "x"
                await tenant.patch({"metadata": {"labels": labels}})
                await asyncio.sleep(0.03)

        editing = asyncio.create_task(edit())
        answers = [
            await asyncio.gather(put(first, f"a{number}"), put(second, f"b{number}")) for number in range(10)
        ]
        done.set()
        await editing
        assert {answer.status for pair in answers for answer in pair} == {204}, first.log + second.log
        secret = await tenant.secret()
        assert labels.items() <= secret["metadata"]["labels"].items()
        password = (await tenant.keys())["password"].decode()
        assert password in ("a9", "b9")
        for pod in (first, second):
            await pod.uses(oms, password)


# ---- every replica follows


async def test_all_replicas_use_a_change_soon(
    tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that took the PUT at once, the other within 2 s; each counts one change, also of its own PUT."""
    success = 'tenantproxy_config_changes_total{outcome="success"}'
    async with (
        tenant.pod(oms.url, monkeypatch, name="pod-1") as first,
        tenant.pod(oms.url, monkeypatch, name="pod-2") as second,
    ):
        seconds = []
        for number in range(5):
            assert (await put(first, f"p{number}")).status == 204
            answered = time.monotonic()
            assert (await first.proxy.get()).status == 200
            assert (
                oms.received[-1]
                .headers["authorization"]
                .endswith(base64.b64encode(f"user:p{number}".encode()).decode())
            )
            await second.uses(oms, f"p{number}")
            seconds.append(time.monotonic() - answered)
        print(f"\nthe other replica used a change after {[f'{s * 1000:.0f} ms' for s in seconds]}")  # noqa: T201
        assert max(seconds) < SOON
        await tenant.set_password("by the platform")
        await asyncio.gather(first.uses(oms, "by the platform"), second.uses(oms, "by the platform"))
        await tenant.patch({"metadata": {"labels": {"touched": "yes"}}})
        await asyncio.sleep(0.5)  # in which the watch would bring it into use
        for pod in (first, second):
            assert await pod.proxy.metric(success) == 6


async def test_a_secret_that_is_deleted_and_comes_back(
    tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the tenant is not configured, and a PUT says who creates it; a new one is followed."""
    await tenant.set_password("old")
    async with tenant.pod(oms.url, monkeypatch) as pod:
        await pod.uses(oms, "old")
        await tenant.api.request("DELETE", tenant.secret_path)
        await eventually(pod.proxy.get, lambda answer: answer.code == "credentials-not-configured")
        assert is_refused(await put(pod))
        assert "404 NotFound: it does not exist; the operator creates it" in pod.log
        await tenant.apply(tenant.child("Secret"))
        assert (await put(pod)).status == 204
        await tenant.set_password("new")
        await pod.uses(oms, "new")


# ---- what the API server refuses


async def test_refusals_say_what_to_do(tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without rights, or on an immutable Secret: a 503 that changes nothing, and a log line that names the fix."""
    await tenant.set_password("old")
    binding = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{tenant.namespace}/rolebindings/{ACCOUNT}"
    async with tenant.pod(oms.url, monkeypatch) as pod:
        await tenant.api.request("DELETE", binding)
        await _until_status(tenant, 403)
        assert is_refused(await put(pod))
        assert "403 Forbidden: the Role of the pod's service account must grant get, update and watch" in pod.log
        assert (await pod.proxy.get()).status == 200
        await tenant.apply(tenant.child("RoleBinding"))
        await _until_status(tenant, 200)
        await tenant.patch({"immutable": True})
        assert is_refused(await put(pod))
        assert "it is immutable; delete it, and the operator creates another one" in pod.log
        await pod.uses(oms, "old")
        assert (await tenant.keys())["password"] == b"old"
        assert MARKED not in pod.log


async def test_a_secret_of_a_type_that_forbids_the_change(
    tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's 422 becomes what to do; its own words, which may quote a value, are left out."""
    await tenant.api.request("DELETE", tenant.secret_path)
    secret = {
        "metadata": {"name": SECRET_NAME},
        "type": "kubernetes.io/basic-auth",
        "data": {"username": "dXNlcg=="},
    }
    await tenant.api.request("POST", tenant.secret_path.rpartition("/")[0], secret)
    oauth2 = {"clientId": "id", "clientSecret": MARKED, "authUrl": f"{oms.url}/token"}
    async with tenant.pod(oms.url, monkeypatch) as pod:
        assert is_refused(await pod.proxy.put({"type": "oauth2", "config": oauth2}, headers=tokens.admin()))
        assert "422 Invalid: its `type`, or an admission policy, forbids the change" in pod.log
        assert "Required value" not in pod.log
        assert await tenant.keys() == {"username": b"user"}
        assert (await put(pod)).status == 204, "what the type has room for is taken"


async def _until_status(tenant: PodTenant, status: int) -> None:
    """Wait until the authorizer, which learns of bindings by a watch, answers the proxies so."""
    token = await tenant.token()
    await eventually(
        lambda: tenant.api.request("GET", tenant.secret_path, token=token), lambda found: found[0] == status
    )


async def test_a_rotated_token_is_used(tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that the server takes no longer is replaced in the file; the proxy goes on without a restart."""
    await tenant.set_password("stored")
    mounted = {"username": "user", "password": "mounted"}
    async with tenant.pod(oms.url, monkeypatch, mounted=mounted, token="expired") as pod:
        await pod.uses(oms, "mounted")
        assert "401 Unauthorized: the token of the pod's service account is not accepted" in pod.log
        (pod.directory / "serviceaccount" / "token").write_text(await tenant.token())
        await pod.uses(oms, "stored")
        assert (await put(pod)).status == 204


# ---- without the API server


@pytest.fixture
def own_server(binaries: Path, tmp_path: Path) -> Iterator[ApiServer]:
    """Run an API server that the test may stop."""
    directory = tmp_path / "own"
    directory.mkdir()
    server = ApiServer(binaries, directory)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
async def own_tenant(own_server: ApiServer, tmp_path: Path) -> AsyncIterator[PodTenant]:
    async with own_server.client() as api:
        await api.request("POST", "/api/v1/namespaces", {"metadata": {"name": "tenants"}})
        tenant = PodTenant(own_server, api, "tenants", tmp_path)
        await tenant.set_up()
        yield tenant


@contextlib.asynccontextmanager
async def reading(pod: Pod) -> AsyncIterator[list[int]]:
    """Read all the time; what is returned holds the statuses of the answers."""
    statuses: list[int] = []

    async def read() -> None:
        while True:
            statuses.append((await pod.proxy.get()).status)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(read())
    try:
        yield statuses
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_api_server_is_down(
    own_tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reads go on, a PUT changes nothing, a proxy started now serves its mounted files; then all is as before."""
    tenant = own_tenant
    await tenant.set_password("stored")
    mounted = {"username": "user", "password": "mounted"}
    async with contextlib.AsyncExitStack() as stack:
        pod = await stack.enter_async_context(tenant.pod(oms.url, monkeypatch))
        await pod.uses(oms, "stored")
        token = await tenant.token()
        before = await proven(tenant)
        async with reading(pod) as statuses:
            assert tenant.server._apiserver is not None
            os.kill(tenant.server._apiserver.pid, signal.SIGKILL)  # an orderly end waits long for the watches'
            await asyncio.to_thread(tenant.server.stop_apiserver)
            try:
                assert is_refused(await put(pod))
                late = await stack.enter_async_context(
                    tenant.pod(oms.url, monkeypatch, name="pod-2", mounted=mounted, token=token)
                )
                await late.uses(oms, "mounted")
                assert "using the mounted files until the credential's store can be read" in late.log
                assert is_refused(await put(late))
            finally:
                await asyncio.to_thread(tenant.server.start_apiserver)
            assert await tenant.secret() == before
            await tenant.set_password("changed")
            back = [await each.uses(oms, "changed") for each in (pod, late)]
            print(f"\nAPI server back: a change was used after {back[0]:.1f} s and {sum(back):.1f} s")  # noqa: T201
            await tenant.set_password("changed again")
            soon = await asyncio.gather(pod.uses(oms, "changed again"), late.uses(oms, "changed again"))
            assert max(soon) < SOON, "the watches are back"
            assert (await put(late)).status == 204
            assert (await tenant.keys())["password"] == MARKED.encode()
        assert set(statuses) == {200}
        assert MARKED not in pod.log + late.log


async def test_the_api_server_hangs(
    own_tenant: PodTenant, oms: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PUT is answered within some 5 s and changes nothing; a proxy starts from its files within as much."""
    tenant = own_tenant
    await tenant.set_password("stored")
    token = await tenant.token()
    mounted = {"username": "user", "password": "mounted"}
    async with contextlib.AsyncExitStack() as stack:
        pod = await stack.enter_async_context(tenant.pod(oms.url, monkeypatch))
        await pod.uses(oms, "stored")
        before = await proven(tenant)
        assert tenant.server._apiserver is not None
        process = tenant.server._apiserver.pid
        async with reading(pod) as statuses:
            os.kill(process, signal.SIGSTOP)
            try:
                start = time.monotonic()
                answers = await asyncio.gather(*(put(pod) for _ in range(5)))
                put_seconds = time.monotonic() - start
                assert all(map(is_refused, answers))
                start = time.monotonic()
                late = await stack.enter_async_context(
                    tenant.pod(oms.url, monkeypatch, name="pod-2", mounted=mounted, token=token)
                )
                start_seconds = time.monotonic() - start
                await late.uses(oms, "mounted")
            finally:
                os.kill(process, signal.SIGCONT)
            print(f"\nAPI server hangs: PUT 503 after {put_seconds:.1f} s, start in {start_seconds:.1f} s")  # noqa: T201
            assert max(put_seconds, start_seconds) < PATIENCE, "the API server answers nobody in this time"
            await late.uses(oms, "stored")
            assert await tenant.secret() == before
        assert set(statuses) == {200}
