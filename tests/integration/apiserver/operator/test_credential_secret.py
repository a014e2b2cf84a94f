"""The Secret with a tenant's credential: the operator makes an empty one, and never touches the user's own."""

import base64
import json
from typing import Any

import pytest

from support.apiserver.server import ApiServer
from support.operator.tenants import Tenants, Thing, child_name, condition_of
from support.waiting import eventually
from tenantproxy_operator.controller.evaluation import SECRET_GRACE
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Kind

from .conftest import Run

CLUSTER_WIDE = False  # what is in a Secret is read in its own namespace
BASIC = {"username": "u", "password": "p"}
OAUTH2 = {"clientId": "c", "clientSecret": "s", "authUrl": "https://id.example/token"}
BEARER = {"bearerToken": "t0ken"}
API_KEY = {"headerName": "X-Key", "headerValue": "k3y"}
READY = {"status": "True", "reason": "CredentialsSet"}
MISSING = {"status": "False", "reason": "CredentialsMissing"}


def secret(data: dict[str, str], **more: Any) -> dict[str, Any]:
    """Return what a user writes."""
    return {"stringData": data, **more}


async def says(tenants: Tenants, name: str, message: str) -> None:
    """Wait until the condition CredentialsReady says this."""
    await tenants.until(name, lambda tenant: condition_of(tenant, "CredentialsReady")["message"] == message)


async def deleted(tenants: Tenants, kind: Kind, name: str) -> None:
    """Wait until an object is gone."""
    await eventually(lambda: tenants.child(kind, name), lambda child: child is None)


async def test_credential_appears_changes_and_goes(tenants: Tenants, name: str) -> None:
    """CredentialsReady follows the Secret; Ready does not hang on it."""
    own = child_name(kinds.SECRET, name)
    tenant = await tenants.complete(name)
    assert "credentials" not in tenant["status"]
    message = (await tenants.condition(name, "CredentialsReady", **MISSING))["message"]
    assert message == (
        f"Secret {own} holds no credential yet; a tenant's admin sets it with PUT /api/v1/proxy-config, or the "
        "platform team in the Secret"
    )
    for data, kind in (
        (BASIC, "basic"),
        (dict.fromkeys(BASIC) | OAUTH2, "oauth2"),
        (dict.fromkeys(OAUTH2) | BEARER, "bearer"),
        (dict.fromkeys(BEARER) | API_KEY, "apiKey"),
    ):
        encoded = {key: value and base64.b64encode(value.encode()).decode() for key, value in data.items()}
        await tenants.patch(kinds.SECRET, own, {"data": encoded})
        await says(tenants, name, f"Secret {own} holds a well-formed credential ({kind})")
        tenant = await tenants.get(name)
        assert tenant["status"]["credentials"]["type"] == kind
        values = {value for keys in (BASIC, OAUTH2, BEARER, API_KEY) for value in keys.values()}
        assert not values & set(json.dumps(tenant["status"]).split('"'))
    await tenants.patch(kinds.SECRET, own, {"data": None})
    await tenants.condition(name, "CredentialsReady", **MISSING)
    assert "credentials" not in (await tenants.get(name))["status"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"username": "u"}, "`password` is missing"),
        (BASIC | OAUTH2, "Secret {name}: `"),
        (BASIC | {"type": "digest"}, "`type`"),
        (BASIC | {"type": "oauth2"}, "Secret {name}: `"),
        (OAUTH2 | {"authUrl": "http://id.example/token"}, "`authUrl`"),
        (OAUTH2 | {"authUrl": "https://169.254.169.254/token"}, "`authUrl`"),
        (OAUTH2 | {"extraParams": "["}, "`extraParams`"),
    ],
)
async def test_credential_that_can_not_be_used(
    tenants: Tenants, name: str, data: dict[str, str], said: str
) -> None:
    """The status names the key and says what to do, without any value; corrected, all is well."""
    own = child_name(kinds.SECRET, name)
    await tenants.put(kinds.SECRET, own, secret(data))
    await tenants.create(name)
    message = (await tenants.condition(name, "CredentialsReady", status="False", reason="CredentialsInvalid"))[
        "message"
    ]
    assert said.format(name=own) in message
    assert "169.254" not in message
    await tenants.patch(kinds.SECRET, own, {"data": None})
    await tenants.patch(kinds.SECRET, own, secret(BASIC))
    await tenants.condition(name, "CredentialsReady", **READY)


async def test_credential_of_a_type_that_is_not_allowed(tenants: Tenants, name: str) -> None:
    """The status names the types that are; it is followed when that changes."""
    own = child_name(kinds.SECRET, name)
    await tenants.put(kinds.SECRET, own, secret(BEARER))
    await tenants.create(name, {"spec.auth": {"allowedTypes": ["basic", "oauth2"]}})
    refusal = {"status": "False", "reason": "CredentialsInvalid"}
    message = (await tenants.condition(name, "CredentialsReady", **refusal))["message"]
    assert message.startswith(f"Secret {own}: `type` must be `basic` or `oauth2`: ")
    await tenants.change(name, {"spec.auth.allowedTypes": ["bearer"]})
    await tenants.condition(name, "CredentialsReady", **READY)


async def test_binary_value(tenants: Tenants, name: str) -> None:
    """A key that is no text is named; one that nobody asks for does not matter."""
    own = child_name(kinds.SECRET, name)
    binary = base64.b64encode(b"\xff\xfe").decode()
    await tenants.put(
        kinds.SECRET, own, {"stringData": {"username": "u"}, "data": {"password": binary, "other": binary}}
    )
    await tenants.create(name)
    found = await tenants.condition(name, "CredentialsReady", status="False", reason="CredentialsInvalid")
    assert found["message"] == f"Secret {own}: `password` is not text in UTF-8; set it again"
    await tenants.patch(kinds.SECRET, own, secret({"password": "p"}))
    await tenants.condition(name, "CredentialsReady", **READY)


async def test_secret_of_another_type(tenants: Tenants, name: str) -> None:
    """Kubernetes' types of Secrets mean nothing here, only the keys do."""
    own = child_name(kinds.SECRET, name)
    await tenants.put(kinds.SECRET, own, secret(BASIC, type="kubernetes.io/basic-auth"))
    await tenants.create(name)
    await tenants.condition(name, "CredentialsReady", **READY)
    tls = f"{name}-tls"
    await tenants.put(kinds.SECRET, tls, secret({"tls.crt": "x", "tls.key": "y"}, type="kubernetes.io/tls"))
    await tenants.change(name, {"spec.auth": {"secretRef": {"name": tls}}})
    await tenants.condition(name, "CredentialsReady", **MISSING)


async def test_users_own_secret_is_never_touched(
    api_server: ApiServer, run: Run, tenants: Tenants, name: str
) -> None:
    """It is not changed, not owned, and outlives the TenantProxy."""
    own = child_name(kinds.SECRET, name)
    mine = await tenants.put(kinds.SECRET, own, secret(BASIC, metadata={"labels": {"team": "orders"}}))
    run.since_now()
    await tenants.create(name)
    await tenants.condition(name, "CredentialsReady", **READY)
    await tenants.flush(name)
    async with api_server.controllers("garbage-collector-controller"):
        await tenants.delete(name)
        await deleted(tenants, kinds.DEPLOYMENT, child_name(kinds.DEPLOYMENT, name))
        await deleted(tenants, kinds.CONFIG_MAP, child_name(kinds.CONFIG_MAP, name))
    assert await tenants.child(kinds.SECRET, own) == mine
    assert not [write for write in run.writes(name) if "secrets" in write]


async def test_users_secret_in_place_of_the_operators(run: Run, tenants: Tenants, name: str) -> None:
    """Who deletes the operator's Secret and makes one at once has one of his own."""
    own = child_name(kinds.SECRET, name)
    await tenants.complete(name)
    empty = await tenants.child(kinds.SECRET, own)
    assert empty is not None
    run.since_now()
    replacement = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": own}, **secret(BASIC)}
    await tenants.call("PUT", kinds.SECRET.path(tenants.namespace, own), replacement)
    await tenants.condition(name, "CredentialsReady", **READY)
    await tenants.flush(name)
    mine = await tenants.child(kinds.SECRET, own)
    assert mine is not None
    assert "ownerReferences" not in mine["metadata"]
    assert not [write for write in run.writes(name) if "secrets" in write]


async def test_a_moment_for_the_user(run: Run, tenants: Tenants, name: str) -> None:
    """Whoever deletes the Secret to make it again has some seconds for it."""
    own = child_name(kinds.SECRET, name)
    await tenants.created(name)
    run.since_now()
    await tenants.remove(kinds.SECRET, own)
    await tenants.condition(name, "CredentialsReady", status="False", reason="SecretMissing")
    await tenants.condition(name, "CredentialsReady", **MISSING)
    (created,) = (entry.time for entry in run.audit() if entry.is_write and entry.name == own)
    assert (created - run.marked_at).total_seconds() > SECRET_GRACE - 0.5


async def test_one_kubectl_apply(api_server: ApiServer, run: Run, tenants: Tenants, name: str) -> None:
    """Both in one file, the Secret after the TenantProxy: it is the user's own, and stays when the other goes."""
    names = [f"{name}-{number}" for number in range(8)]
    for each in names:
        manifests = _both(tenants.namespace, each)
        status, _, err = api_server.try_kubectl("apply", "-f", "-", stdin=manifests)
        assert (status, err) == (0, "")
        await tenants.settled(each)
        await tenants.condition(each, "CredentialsReady", **READY)
        mine = await tenants.child(kinds.SECRET, child_name(kinds.SECRET, each))
        assert mine is not None
        assert "ownerReferences" not in mine["metadata"]
        assert {entry["manager"] for entry in mine["metadata"]["managedFields"]} == {"kubectl-client-side-apply"}
    assert not [write for write in run.writes(name) if "secrets" in write]


async def test_secret_that_the_spec_names(run: Run, tenants: Tenants, name: str) -> None:
    """Another Secret's credential is judged, and the operator's first one stays, with what is in it."""
    await tenants.complete(name)
    first = child_name(kinds.SECRET, name)
    await tenants.patch(kinds.SECRET, first, secret(BASIC))
    await tenants.condition(name, "CredentialsReady", **READY)
    run.since_now()
    await tenants.change(name, {"spec.auth": {"secretRef": {"name": f"{name}-two"}}})
    await tenants.condition(name, "CredentialsReady", **MISSING)
    assert f"create secrets {name}-two" in run.writes(name)
    assert not [write for write in run.writes() if write.startswith("delete secrets")]
    left = await tenants.child(kinds.SECRET, first)
    assert left is not None
    assert left["data"]["username"] == base64.b64encode(b"u").decode()
    await tenants.change(name, {"spec.auth": {"secretRef": None}})
    await tenants.condition(name, "CredentialsReady", **READY)


async def test_platform_has_to_make_it(tenants: Tenants, name: str) -> None:
    """With `management: platform` the operator makes none, and says who has to."""
    await tenants.create(name, {"spec.auth": {"management": "platform"}})
    found = await tenants.condition(name, "CredentialsReady", status="False", reason="SecretMissing")
    own = child_name(kinds.SECRET, name)
    assert found["message"] == f"Secret {own} does not exist; create it with External Secrets or kubectl"
    await tenants.put(kinds.SECRET, own, secret(OAUTH2))
    await tenants.condition(name, "CredentialsReady", **READY)
    await tenants.remove(kinds.SECRET, own)
    await tenants.condition(name, "CredentialsReady", status="False", reason="SecretMissing")


async def test_two_tenants_with_one_secret(tenants: Tenants, name: str) -> None:
    """A Secret that two refer to is news for both."""
    pair = [f"{name}-a", f"{name}-b"]
    for each in pair:
        await tenants.create(each, {"spec.auth": {"management": "platform", "secretRef": {"name": name}}})
    await tenants.put(kinds.SECRET, name, secret(BASIC))
    for each in pair:
        await tenants.condition(each, "CredentialsReady", **READY)


def _both(namespace: str, name: str) -> str:
    proxy: Thing = {
        "apiVersion": "proxy.hiiretail.com/v1alpha1",
        "kind": "TenantProxy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"tenantId": "T-1", "upstream": {"url": "https://oms.example"}},
    }
    own = {"name": child_name(kinds.SECRET, name), "namespace": namespace}
    credential = {"apiVersion": "v1", "kind": "Secret", "metadata": own, "stringData": BASIC}
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [proxy, credential]})
