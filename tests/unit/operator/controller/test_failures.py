"""When things break: the rows of docs/operations.md that the API in memory can show."""

import asyncio
import contextlib
import itertools
import json
import logging
from collections.abc import Iterator
from typing import Any, Final

import pytest

from support.operator.fake_kubernetes import Ref, Thing
from support.operator.reconciling import Operator, World, refusing
from tenantproxy.kube.api import KubeError, StatusError, UnreachableError
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.controller.evaluation import SECRET_GRACE
from tenantproxy_operator.settings import Settings

STATUS: Final = "PATCH tenantproxies acme status"
SCALE: Final[dict[str, Any]] = {"spec.autoscaling": {"maxReplicas": 4}}
VERSIONS: Final = ("resourceVersion", "managedFields", "uid", "creationTimestamp")


def healthy(_: str) -> KubeError | None:
    return None


def ignore(_: str) -> None:
    pass


def content(world: World) -> dict[Ref, Thing]:
    """Return all objects but the Events, without what each write changes."""
    found = {}
    for ref, thing in world.api.objects.items():
        if ref.plural != "events":
            metadata = {key: value for key, value in thing["metadata"].items() if key not in VERSIONS}
            metadata["ownerReferences"] = [each["name"] for each in metadata.get("ownerReferences", [])]
            status = {key: value for key, value in thing.get("status", {}).items() if key != "appliedDigest"}
            found[ref] = thing | {"metadata": metadata, "status": status}
    return found


async def rests(world: World, settings: Settings | None = None) -> None:
    """See that an operator which is started now has nothing to do."""
    world.calls()
    await Operator(world, settings).settle()
    assert world.calls() == []


def new_world() -> World:
    """Return a namespace with a tenant that nobody has taken care of yet."""
    world = World()
    world.secret()
    world.tenant()
    return world


@pytest.fixture
def world() -> World:
    return new_world()


# The API server


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (UnreachableError("no answer in time"), 0),
        (StatusError(429, "TooManyRequests", "later", retry_after=7), 7),
        (StatusError(500, "InternalError", "broken"), 0),
        (StatusError(503, "ServiceUnavailable", "down"), 0),
        (KubeError("an answer that can't be read"), 0),
    ],
    ids=["down", "429", "500", "503", "unreadable"],
)
async def test_every_request_fails(world: World, error: KubeError, pause: float) -> None:
    """Each tenant tries again, not before the time that was named; then all is done, and nothing else."""
    operator = Operator(world)
    world.api.fault = lambda _: error
    await operator.settle()
    await operator.retry()
    (retry,) = operator.retries.values()
    assert retry.shortest_pause == pause
    assert world.status() == {}
    world.api.fault = healthy
    world.calls()
    await operator.retry()
    assert len(world.writes()) == 10
    assert operator.retries == {}
    await rests(world)


async def test_the_api_server_goes_in_the_middle(world: World) -> None:
    """The rest of the children is left; what was written stays known, and is not written again."""
    operator = Operator(world)
    down = UnreachableError("no answer in time")
    world.api.fault = lambda call: down if call.startswith("PATCH services") else None
    await operator.settle()
    assert world.calls()[-1] == "PATCH services acme-proxy"
    world.api.fault = healthy
    await operator.retry()
    assert world.calls() == [
        "GET secrets acme-credentials",
        "PATCH services acme-proxy",
        f"PATCH controllerrevisions {world.name_of('controllerrevisions')}",
        "PATCH deployments acme-proxy",
        "PATCH poddisruptionbudgets acme-proxy",
        STATUS,
    ]


@pytest.mark.parametrize(
    ("status", "reason", "accepted"),
    [
        (409, "Conflict", Reason.APPLY_FAILED),
        (422, "Invalid", Reason.APPLY_REFUSED),
        (429, "TooManyRequests", Reason.APPLY_FAILED),
        (500, "InternalError", Reason.APPLY_FAILED),
    ],
)
async def test_one_write_is_refused(world: World, status: int, reason: str, accepted: str) -> None:
    """All other children are written; the status has the API server's words; that one is tried again."""
    operator = Operator(world)
    world.api.fault = refusing("PATCH services", status, reason)
    await operator.settle()
    assert world.reason("Accepted") == accepted
    assert "Service acme-proxy: these are its words" in world.condition("Accepted")[2]
    assert world.exists("deployments")
    assert ("GET services acme-proxy" in world.calls()) == (reason == "Conflict")  # what is in the way?
    world.api.fault = healthy
    await operator.retry()
    assert world.writes() == ["PATCH services acme-proxy", STATUS, "POST events"]
    assert world.reason("Accepted") == Reason.ACCEPTED
    await rests(world)


async def test_metrics_of_writes(world: World) -> None:
    """Each write of a child is counted, by its kind and what came of it; so is each reconcile."""
    operator = Operator(world)
    world.tenant(changes=SCALE)
    for fault in (
        refusing("PATCH services", 422),
        lambda call: UnreachableError("down") if call.startswith("PATCH services") else None,
        healthy,
    ):
        world.api.fault = fault
        await operator.settle()
        await operator.retry()
    world.tenant(changes={"spec.autoscaling": ...})
    await operator.settle()
    found = operator.metrics.exposition().decode()
    for kind, result, count in (
        ("Service", "422", 2),
        ("Service", "unreachable", 1),
        ("Service", "success", 1),
        ("ConfigMap", "success", 1),
        ("HorizontalPodAutoscaler", "deleted", 1),
    ):
        assert f'apply_total{{kind="{kind}",result="{result}"}} {count}.0' in found
    for result, count in (("retry", 3), ("changed", 2)):
        assert f'reconcile_total{{result="{result}"}} {count}.0' in found
    assert "status_writes_total 3.0" in found
    assert 'tenants{ready="Unknown"} 1.0' in found


async def test_a_status_can_not_be_written(world: World) -> None:
    """The children are made all the same, once; the status follows."""
    operator = Operator(world)
    world.api.fault = refusing(STATUS, 500)
    await operator.settle()
    assert world.exists("deployments")
    assert world.status() == {}
    world.calls()
    await operator.retry()
    world.api.fault = healthy
    await operator.retry()
    assert world.writes() == [STATUS, STATUS]
    await rests(world)


async def test_an_event_can_not_be_posted(world: World) -> None:
    """It would say what the status says already."""
    operator = Operator(world)
    await operator.settle()
    world.api.fault = refusing("POST events", 403)
    world.pods()
    await operator.settle()
    assert world.reason("Available") == Reason.PROXIES_READY
    assert operator.retries == {}


async def test_a_credential_that_can_not_be_read_for_a_moment(world: World) -> None:
    """Without an answer nothing is written and nothing is said."""
    operator = Operator(world)
    world.api.fault = lambda call: UnreachableError("no answer") if call.startswith("GET secrets") else None
    await operator.settle()
    assert world.calls() == ["GET secrets acme-credentials"]
    world.api.fault = healthy
    await operator.retry()
    assert world.calls()[0] == "GET secrets acme-credentials"
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_MISSING


async def test_an_object_that_nobody_foresaw(world: World) -> None:
    """A bug harms one tenant alone, which is tried again."""
    world.secret("other-credentials")
    world.tenant("other")
    operator = Operator(world)

    def bug(call: str) -> KubeError | None:
        if call.startswith("PATCH roles acme"):
            raise ZeroDivisionError
        return None

    world.api.fault = bug
    await operator.settle()
    assert [str(error) for error in operator.retries.values()] == ["ZeroDivisionError"]
    assert world.reason("Accepted", "other") == Reason.ACCEPTED
    world.api.fault = healthy
    await operator.retry()
    await rests(world)


# The operator itself


async def prepared(history: list[dict[str, Any]]) -> World:
    """Return a namespace whose tenant had these changes, all of which but the last one were acted upon."""
    world = new_world()
    for changes in history:
        await Operator(world).settle()
        world.tenant(changes=changes)
    return world


@pytest.mark.parametrize("done", [False, True], ids=["before it is done", "before it is answered"])
@pytest.mark.parametrize("history", [[], [SCALE], [SCALE, {"spec.autoscaling": ...}]], ids=["new", "more", "less"])
async def test_killed_at_whatever_moment(history: list[dict[str, Any]], *, done: bool) -> None:
    """The next one does what is left, and writes nothing after; it is as if nothing had happened."""
    undisturbed = await prepared(history)
    await Operator(undisturbed).settle()
    for moment in itertools.count(1):
        world = await prepared(history)
        calls = itertools.count(1)

        def die(_: str, calls: Iterator[int] = calls, moment: int = moment) -> None:
            if next(calls) == moment:
                raise asyncio.CancelledError

        world.api.fault, world.api.done = (healthy, die) if done else (die, ignore)
        with contextlib.suppress(asyncio.CancelledError):
            await Operator(world).settle()
            assert moment > 4
            return
        world.api.fault, world.api.done = healthy, ignore
        await Operator(world).settle()
        assert content(world) == content(undisturbed)
        await rests(world)


# A new image or setting for all tenants


async def fleet(world: World, count: int = 6, *, broken: int = 0) -> list[str]:
    """Make tenants whose proxies serve, but those of the first ones."""
    names = [f"t{number}" for number in range(count)]
    for name in names:
        world.secret(f"{name}-credentials")
        world.tenant(name)
    world.delete("tenantproxies", "acme")
    operator = Operator(world, Settings(proxy_image="good:1"))
    await operator.settle()
    for number, name in enumerate(names):
        world.pods(name, ready=0 if number < broken else 2, stuck="it hangs" if number < broken else "")
    await operator.settle()
    world.calls()
    return names


def images(world: World, names: list[str]) -> str:
    return "".join(world.image(name)[-1] for name in names)


async def stopped(world: World, names: list[str]) -> Operator:
    """Give all a bad image; three miss their deadline."""
    operator = Operator(world, Settings(proxy_image="bad:2"), most_updating=1)
    await operator.settle()
    for name in names[:3]:
        world.pods(name, updated=1, stuck="it hangs")
        await operator.settle()
    assert operator.rollout.stopped
    assert images(world, names) == "222111"
    return operator


async def test_a_bad_image_stops(world: World) -> None:
    """After three, also over a restart; who waits goes on serving, and a tenant's own change does not wait."""
    names = await fleet(world)
    operator = await stopped(world, names)
    assert [world.reason("Accepted", name) for name in names[3:]] == [Reason.ROLLOUT_STOPPED] * 3
    assert [world.condition("Ready", name)[0] for name in names] == ["False"] * 3 + ["True"] * 3
    world.tenant(names[5], {"spec.upstream.timeout": "4s"})
    await operator.settle()
    assert images(world, names) == "222112"
    assert world.reason("Accepted", names[5]) == Reason.ACCEPTED
    world.pods(names[5], updated=1, ready=2)
    await operator.settle()
    again = Operator(world, Settings(proxy_image="bad:2"), most_updating=1)
    world.calls()
    await again.settle()
    assert world.writes() == []
    assert again.rollout.stopped


async def test_one_goes_back_to_the_earlier_image(world: World) -> None:
    """All is as before; those that were changed come back."""
    names = await fleet(world)
    await stopped(world, names)
    operator = Operator(world, Settings(proxy_image="good:1"), most_updating=2)
    await operator.settle()
    for name in names[:3]:
        world.pods(name)
        await operator.settle()
    assert images(world, names) == "111111"
    assert not operator.rollout.stopped
    assert [world.reason("Accepted", name) for name in names] == [Reason.ACCEPTED] * len(names)


@pytest.mark.parametrize("error", [UnreachableError("no answer in time"), ZeroDivisionError()])
async def test_a_tenant_that_can_not_be_reconciled(world: World, error: Exception) -> None:
    """It holds up no other one: its turn ends."""

    def fault(call: str) -> KubeError | None:
        if call.startswith("PATCH deployments t0"):
            raise error
        return None

    names = await fleet(world)
    operator = Operator(world, Settings(proxy_image="good:2"), most_updating=1)
    world.api.fault = fault
    await operator.settle()
    assert images(world, names) == "121111"


async def test_tenants_that_were_broken_before(world: World) -> None:
    """They neither stop nor hold up the others; nor does one that can't be brought into order."""
    names = await fleet(world, broken=3)
    operator = Operator(world, Settings(proxy_image="good:2"), most_updating=1)
    world.api.fault = refusing("PATCH deployments t3", 422)
    await operator.settle()
    for name in names[:3]:
        world.pods(name, ready=0, stuck="it hangs")
        await operator.settle()
    for name in names[4:]:
        world.pods(name)
        await operator.settle()
    assert not operator.rollout.stopped
    assert images(world, names) == "222122"
    assert operator.rollout.pending == 0


async def test_a_setting_that_changes_no_pod(world: World) -> None:
    """All are changed at once."""
    names = await fleet(world)
    operator = Operator(world, Settings(proxy_image="good:1", dns_ports=(1053,)), most_updating=1)
    await operator.settle()
    assert [call for call in world.writes() if "networkpolicies" in call] == [
        f"PATCH networkpolicies {name}-proxy" for name in names
    ]
    assert operator.rollout.pending == 0


# Objects


def nested(levels: int) -> Any:
    return json.loads('{"a":' * levels + "1" + "}" * levels)


async def test_a_spec_of_hundreds_of_levels(world: World) -> None:
    """It is refused before anybody walks through it; others don't notice."""
    world.tenant("deep")
    world.edit("tenantproxies", {"spec": {"podTemplate": {"affinity": [nested(400)]}}}, "deep")
    operator = Operator(world)
    await operator.settle()
    assert "nested more than 50 levels deep" in world.condition("Accepted", "deep")[2]
    assert world.reason("Accepted") == Reason.ACCEPTED
    assert operator.retries == {}


async def test_no_value_of_a_secret_anywhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Not in another object, a status, an Event, a metric, or the log, whatever is wrong with it."""
    caplog.set_level(logging.DEBUG)
    operator = Operator(world)
    await operator.settle()
    for data in (
        {"username": "M4RKED-u", "password": "M4RKED-p"},
        {"username": "M4RKED-u", "clientId": "M4RKED-c"},
        {"authUrl": "http://M4RKED/"},
        {"extraParams": "M4RKED"},
    ):
        for key in ("username", "password", "clientId", "authUrl", "extraParams"):
            world.secret(**{key: data.get(key, "")})
        await operator.settle()
    world.api.fault = refusing("GET secrets", 500)
    world.secret(password="M4RKED-again")
    await operator.settle()
    others = [thing for ref, thing in world.api.objects.items() if ref.plural != "secrets"]
    metrics = operator.metrics.exposition().decode()
    assert "M4RKED" not in f"{others}{metrics}{caplog.text}{operator.retries}"


@pytest.mark.parametrize("plural", ["services", "secrets"])
async def test_a_child_that_is_deleted_before_its_write_is_answered(world: World, plural: str) -> None:
    """Both events may come before the answer, which then tells of an object that is gone: it is made again."""
    name = "acme-credentials" if plural == "secrets" else "acme-proxy"
    world.delete("secrets", "acme-credentials")
    operator = Operator(world)

    def delete_it(call: str) -> None:
        if call in (f"PATCH {plural} {name}", f"POST {plural}"):
            world.api.done = ignore
            operator.hear()
            world.delete(plural, name)
            operator.hear()

    world.api.done = delete_it
    await operator.settle()
    await operator.wait(SECRET_GRACE)
    await operator.wait(SECRET_GRACE)
    assert world.exists(plural, name)
    await rests(world)
