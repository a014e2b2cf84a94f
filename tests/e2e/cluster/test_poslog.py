"""Pickups reach the OMS by the Service and route; while the OMS fails and relays are killed, none is lost."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from support.cluster.cluster import OMS_PORT, Installation, wait_until
from support.cluster.gateway import GATEWAY, wait_for_route
from tenantproxy.poslog.sending import samples
from tenantproxy.poslog.sending.authorization import basic, signature
from tenantproxy.poslog.sending.delivery import event_headers
from tenantproxy.poslog.sending.events import poslog_event

NAME: Final = "acme"
HOST: Final = "events.example.com"
SHARED_KEY, USERNAME, PASSWORD = "a-shared-key-of-32-characters-00", "hii", "webhook-password"
SENDERS: Final = ("one", "two", "three")
EVENTS: Final = 4
"""That each sends, one after the other."""


@pytest.fixture(scope="module")
def gateway_url(installation: Installation, shared_gateway: tuple[str, str]) -> str:
    """Run a tenant with two relays behind a Service and a Gateway; return the Gateway's base URL."""
    namespace, base = shared_gateway
    url = installation.run_oms("oms", "tenantproxy", "mock-oms", "--host=0.0.0.0")
    keys = {"poslogSharedKey": SHARED_KEY, "poslogUsername": USERNAME, "poslogPassword": PASSWORD}
    credential = installation.secret(NAME, username="acme", password="not-a-secret-acme", **keys)
    poslog = {
        "enabled": True,
        "replicas": 2,
        "verification": {"sharedKey": True, "basic": True},
        "delivery": {"path": "/store-events"},
        "route": {"gatewayRef": {"name": GATEWAY, "namespace": namespace}, "hostnames": [HOST]},
    }
    installation.cluster.apply(credential, installation.tenant(NAME, url, poslog=poslog))
    installation.wait(NAME)
    installation.wait(NAME, "PoslogAvailable")
    wait_for_route(installation.cluster, NAME, installation.namespace, "poslog")
    return base


def _sending(installation: Installation, *arguments: str) -> tuple[str, ...]:
    """Return a kubectl command: ExternalEvents, in the pod that sends requests."""
    keys = (f"POSLOG_USERNAME={USERNAME}", f"POSLOG_PASSWORD={PASSWORD}", f"POSLOG_SHARED_KEY={SHARED_KEY}")
    url = f"http://{NAME}-poslog.{installation.namespace}.svc:8080/events"
    pod = ("exec", "client", f"-n={installation.clients}", "--")
    return (*pod, "env", *keys, "tenantproxy", "poslog", "send", f"--url={url}", *arguments)


def _control(installation: Installation, method: str, path: str = "", body: Any = None) -> Any:
    url = f"http://oms.{installation.namespace}.svc:{OMS_PORT}/_control{path}"
    (answer,) = installation.send({"method": method, "url": url, "json": body})
    assert answer.status == 200, answer
    return answer.body


def _orders(installation: Installation) -> set[str]:
    """Return the orders of all events that the OMS has taken."""
    events = _control(installation, "GET", "/events")
    return {order["orderId"] for event in events for order in event["body"]["orders"]}


def _relays(installation: Installation) -> list[str]:
    selector = f"--selector=app.kubernetes.io/instance={NAME},app.kubernetes.io/component=poslog"
    found = installation.cluster.get("pods", selector, f"-n={installation.namespace}")["items"]
    return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]


@pytest.mark.usefixtures("gateway_url")
def test_a_pickup_arrives(installation: Installation) -> None:
    """By the Service, in both compressions; a sale, a login and a test do not."""
    samples_sent = ("--test", "--sample=pickup", "--sample=sale", "--sample=login", "--order=by-service")
    installation.cluster.kubectl(*_sending(installation, *samples_sent, "--compression=zlib", "--compression=zip"))
    events = _control(installation, "GET", "/events")
    assert [[order["orderId"] for order in event["body"]["orders"]] for event in events] == [["by-service"]] * 2
    assert len({event["key"] for event in events}) == 2


def test_a_pickup_arrives_by_the_route(installation: Installation, gateway_url: str) -> None:
    """As ExternalEvents comes: through the Gateway, by the route's host name."""
    now = datetime.now(UTC).replace(microsecond=0)
    poslog = samples.sample("pickup", order="by-route", business_unit="S-1", number=1, end=now)
    event = poslog_event(poslog, "zlib", event_id="4711", now=now, business_day=now.date().isoformat())
    authorizing = {**basic(USERNAME, PASSWORD)(), **signature(event, SHARED_KEY, "data")}
    headers = {"Host": HOST, **event_headers("by-route", authorizing)}
    request = {"method": "POST", "url": f"{gateway_url}/events", "headers": headers, "data": event.body.decode()}
    # The Gateway uses a route a moment after it has accepted it; an event may come twice.
    wait_until(lambda: installation.send(request)[0].status == 204)
    assert "by-route" in _orders(installation)
    (unverified,) = installation.send({**request, "headers": {"Host": HOST}})
    assert (unverified.status, unverified.body["code"]) == (401, "event-unauthorized")


@pytest.mark.usefixtures("gateway_url")
def test_none_is_lost(installation: Installation) -> None:
    """The OMS fails for a while, and both relays are killed: the retries bring every event."""
    _control(installation, "PUT", body={"errorRate": 1.0, "errorStatus": 503})
    before = _relays(installation)
    sending = [
        installation.cluster.start(
            *_sending(installation, "--sample=pickup", f"--count={EVENTS}", f"--order={name}", "--speed=20")
        )
        for name in SENDERS
    ]
    wait_until(lambda: _failures(installation) >= len(SENDERS))
    for pod in before:
        kill = ("delete", "pod", pod, f"-n={installation.namespace}", "--grace-period=0", "--force")
        installation.cluster.kubectl(*kill)
    _control(installation, "PUT", body={})
    said = [process.communicate(timeout=120)[0] for process in sending]
    assert [process.returncode for process in sending] == [0] * len(SENDERS), "\n".join(said)
    assert any("again in" in each for each in said), "nothing failed"
    assert not {*before} & {*_relays(installation)}
    wanted = {f"{name}-{number}" for name in SENDERS for number in range(1, EVENTS + 1)}
    assert wanted - _orders(installation) == set()


def _failures(installation: Installation) -> int:
    """Return how many events the OMS has failed at."""
    counts = _control(installation, "GET")["counts"]["requests"]
    return int(counts.get("storeEvents", {}).get("503", 0))
