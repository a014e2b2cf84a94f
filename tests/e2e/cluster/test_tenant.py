"""A tenant's life in a cluster: from its manifests through orders to its deletion."""

import datetime as dt
import time

import pytest

from support.cluster.cluster import ORDER, SEARCH, Installation, machine, wait_until
from support.proxy import tokens


@pytest.fixture(scope="module")
def oms(installation: Installation) -> str:
    """Run an OMS, which takes the credentials of all here; return its base URL."""
    return installation.run_oms("oms")


def test_from_manifests_to_orders_and_to_nothing(installation: Installation, oms: str) -> None:
    """With its Secret and its TenantProxy a tenant's orders can be read; deleted, it leaves what the user made."""
    cluster, namespace = installation.cluster, installation.namespace
    cluster.apply(
        installation.secret("basic", username="acme", password="not-a-secret-acme"),
        installation.secret(
            "oauth2",
            clientId="globex",
            clientSecret="not-a-secret-globex",
            authUrl=oms.removesuffix("/api/v1") + "/oauth2/token",
        ),
    )
    before = cluster.inventory(namespace)

    names = ("basic", "oauth2")
    cluster.apply(*(installation.tenant(name, oms) for name in names))
    for name in names:
        installation.wait(name)
        assert len(installation.pods(name)) == 2
        _read_orders(installation, name)
    assert cluster.inventory(namespace) > before

    cluster.kubectl("delete", *(f"tenantproxy/{name}" for name in names), f"-n={namespace}", "--timeout=30s")
    wait_until(
        lambda: cluster.inventory(namespace) == before,
        within=60,
        what=lambda: (
            f"left: {cluster.inventory(namespace) - before}; gone: {before - cluster.inventory(namespace)}"
        ),
    )


def _read_orders(installation: Installation, name: str) -> None:
    service, token = installation.service(name), machine(name)
    found, missing, listed, without, other, refused = installation.send(
        {"method": "GET", "url": service + ORDER, "headers": token},
        {"method": "GET", "url": service + ORDER.replace("CO-1001", "CO-0"), "headers": token},
        {"method": "POST", "url": service + SEARCH, "headers": token, "json": {"customerId": "C-1"}},
        {"method": "GET", "url": service + ORDER},
        {"method": "GET", "url": service + ORDER, "headers": machine("somebody-else")},
        {"method": "DELETE", "url": service + ORDER, "headers": token},
    )
    assert (found.status, found.body["customerOrder"]["customerOrderId"]) == (200, "CO-1001")
    customer = found.body["customerOrder"]["customerId"]
    assert (missing.status, missing.body["code"]) == (404, "order-not-found")
    assert (listed.status, listed.body) == (200, {"customerOrders": []})
    assert (without.status, without.body["code"]) == (401, "unauthenticated")
    assert (other.status, other.body["code"]) == (403, "wrong-tenant")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET")
    (listed,) = installation.send(
        {"method": "POST", "url": service + SEARCH, "headers": token, "json": {"customerId": customer}}
    )
    assert "CO-1001" in {order["customerOrderId"] for order in listed.body["customerOrders"]}


def test_tenant_without_a_credential(installation: Installation, oms: str) -> None:
    """It gets ready, says what is missing, and serves as soon as its admin has set the credential."""
    cluster, namespace = installation.cluster, installation.namespace
    cluster.apply(installation.tenant("later", oms))
    installation.wait("later")
    answer = installation.read("later")
    assert (answer.status, answer.body["code"]) == (503, "credentials-not-configured")
    # The operator makes the Secret after some seconds, since the user may make one; the proxies may be faster.
    reason = 'jsonpath={.status.conditions[?(@.type=="CredentialsReady")].reason}=CredentialsMissing'
    cluster.kubectl("wait", f"--for={reason}", "tenantproxy/later", f"-n={namespace}", "--timeout=30s")
    answer = installation.change_credential("later", "basic", username="acme", password="not-a-secret-acme")
    assert (answer.status, answer.text) == (204, "")
    installation.wait_for_read("later", 200, within=5)
    installation.wait("later", "CredentialsReady")
    events = ("events", "--for=tenantproxy/later", f"-n={namespace}")
    wait_until(lambda: "CredentialsSet" in cluster.kubectl(*events))
    assert tokens.ADMIN_EMAIL in cluster.kubectl(*events)
    cluster.kubectl("delete", "tenantproxy/later", f"-n={namespace}", "--timeout=30s")


def test_debug_lines(installation: Installation, oms: str) -> None:
    """An annotation brings them to the pods that run, and its removal ends them."""
    cluster, namespace = installation.cluster, installation.namespace
    cluster.apply(installation.secret("debug", username="acme", password="not-a-secret-acme"))
    cluster.apply(installation.tenant("debug", oms, replicas=1))
    installation.wait("debug")
    (pod,) = installation.pods("debug")
    name = pod["metadata"]["name"]

    def annotate(until: str) -> None:
        where = ("tenantproxy/debug", f"-n={namespace}", "--overwrite")
        cluster.kubectl("annotate", *where, f"proxy.hiiretail.com/debug-until{until}")

    def shows(text: str) -> bool:
        # A changed pod is looked at at once, otherwise within a minute or so.
        cluster.kubectl("annotate", f"pod/{name}", f"-n={namespace}", "--overwrite", f"now={time.time()}")
        installation.read("debug")
        return text in cluster.kubectl("logs", name, f"-n={namespace}")

    assert not shows("tenantproxy.debug")
    until = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=30)
    annotate(f"={until:%Y-%m-%dT%H:%M:%SZ}")
    wait_until(lambda: shows('"logger":"tenantproxy.debug",'), within=120)
    annotate("-")
    wait_until(lambda: shows('"debug lines end"'), within=120)
    (same,) = installation.pods("debug")
    assert (same["metadata"]["uid"], same["status"]["containerStatuses"][0]["restartCount"]) == (
        pod["metadata"]["uid"],
        0,
    )
    cluster.kubectl("delete", "tenantproxy/debug", f"-n={namespace}", "--timeout=30s")
