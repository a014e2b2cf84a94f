"""What a watch makes of lists and events."""

import json
from typing import Any

import pytest

from support.apiserver.objects import control, deployment, document, partial
from tenantproxy_operator.cache.children import Children
from tenantproxy_operator.cache.controls import Controls
from tenantproxy_operator.cache.followers import ChildFollower, ControlFollower, SecretFollower
from tenantproxy_operator.cache.secrets import SecretVersions
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key, Kind

ACME = Key("tenants", "acme")
SECRET = Key("tenants", "s")


class World:
    """What is known, and what was told of it."""

    def __init__(self) -> None:
        self.tenants: list[Key] = []
        self.namespaces: list[str] = []
        self.secrets_told: list[Key] = []
        self.synced: list[object] = []
        self.interruptions: list[object] = []
        self.children = Children(self.tenants.append)
        self.controls = Controls(self.tenants.append, self.namespaces.append)
        self.secrets = SecretVersions()

    def control_watch(self, kind: Kind = kinds.DISRUPTION_BUDGET) -> ControlFollower:
        return ControlFollower(
            kind, "tenants", self.children, self.controls, lambda: self.synced.append(kind), lambda _: None
        )

    def child_watch(self, kind: Kind = kinds.CONFIG_MAP, namespace: str | None = "tenants") -> ChildFollower:
        return ChildFollower(
            kind, namespace, self.children, lambda: self.synced.append(kind), self.interruptions.append
        )

    def secret_watch(self, namespace: str | None = "tenants") -> SecretFollower:
        return SecretFollower(
            namespace,
            self.secrets,
            self.children,
            self.secrets_told.append,
            lambda: self.synced.append(kinds.SECRET),
            self.interruptions.append,
        )

    def told(self) -> list[Key]:
        told = self.tenants[:]
        self.tenants.clear()
        return told

    def names(self, tenant: Key = ACME) -> set[tuple[str, str]]:
        return set(self.children.of(tenant))


@pytest.fixture
def world() -> World:
    return World()


def list_of(watch: ChildFollower | SecretFollower, *things: Any) -> None:
    watch.on_list_start()
    for thing in things:
        watch.on_upsert(thing)
    watch.on_list_end()


def test_synced_by_the_first_list(world: World) -> None:
    """Only a whole list is all that there is; an empty one is whole, too."""
    watch = world.child_watch()
    watch.on_list_start()
    watch.on_upsert(partial())
    assert world.synced == []
    watch.on_list_end()
    list_of(world.secret_watch())
    assert world.synced == [kinds.CONFIG_MAP, kinds.SECRET]


def test_events(world: World) -> None:
    """What comes, changes and goes between lists."""
    watch = world.child_watch()
    list_of(watch)
    watch.on_upsert(partial(version=1))
    assert world.names() == {("configmaps", "acme-proxy")}
    watch.on_delete(partial(version=2))
    assert world.names() == set()
    assert world.told() == [ACME, ACME]


def test_the_next_list_forgets(world: World) -> None:
    """What has gone while nobody watched is in no event, only missing in the list; all else is no news."""
    watch = world.child_watch()
    list_of(watch, partial("a-proxy"), partial("b-proxy"))
    world.told()
    list_of(watch, partial("a-proxy"), partial("c-proxy"))
    assert world.told() == [Key("tenants", "c"), Key("tenants", "b")]
    assert world.children.every(kinds.CONFIG_MAP, None).keys() == {
        Key("tenants", "a-proxy"),
        Key("tenants", "c-proxy"),
    }


def test_what_we_write_while_it_lists_stays(world: World) -> None:
    """The list may be older than our write: it says nothing about that."""
    watch = world.child_watch()
    list_of(watch, partial("a-proxy", 1))
    watch.on_list_start()
    world.children.put(kinds.CONFIG_MAP, partial("a-proxy", 2), own=True)
    world.children.put(kinds.CONFIG_MAP, partial("new-proxy", 3), own=True)
    watch.on_list_end()
    assert len(world.children.every(kinds.CONFIG_MAP, None)) == 2


SELECTS_ALL: dict[str, Any] = {"selector": {}}


def test_a_control_is_a_child_or_anothers(world: World) -> None:
    """By its label, which can come and go."""
    watch = world.control_watch()
    own: dict[str, Any] = {"spec": {}, "labelled": True, "written": True, "owner": "uid"}
    list_of(watch, control("acme-proxy", 1, **own), control("theirs", 2, spec=SELECTS_ALL))
    assert world.names() == {("poddisruptionbudgets", "acme-proxy")}
    assert world.controls.every(kinds.DISRUPTION_BUDGET, None).keys() == {Key("tenants", "theirs")}
    watch.on_upsert(control("acme-proxy", 3, spec=SELECTS_ALL))
    assert world.names() == set()
    assert len(world.controls.every(kinds.DISRUPTION_BUDGET, None)) == 2
    watch.on_upsert(control("acme-proxy", 4, **own))
    assert world.names() == {("poddisruptionbudgets", "acme-proxy")}
    assert len(world.controls.every(kinds.DISRUPTION_BUDGET, None)) == 1


def test_a_control_that_has_gone(world: World) -> None:
    """By an event, or missing in the next list."""
    watch = world.control_watch()
    list_of(watch, *(control(name, 1, spec=SELECTS_ALL) for name in ("a", "b", "c")))
    watch.on_delete(control("a", 2, spec=SELECTS_ALL))
    assert {key.name for key in world.controls.every(kinds.DISRUPTION_BUDGET, "tenants")} == {"b", "c"}
    list_of(watch, control("c", 1, spec=SELECTS_ALL))
    assert {key.name for key in world.controls.every(kinds.DISRUPTION_BUDGET, None)} == {"c"}
    assert world.controls.every(kinds.DISRUPTION_BUDGET, "elsewhere") == {}


def test_a_list_that_breaks_off(world: World) -> None:
    """Half a list makes nothing forgotten; the next whole one does."""
    watch = world.child_watch()
    list_of(watch, partial("a-proxy"), partial("b-proxy"))
    watch.on_list_start()
    watch.on_upsert(partial("b-proxy"))
    watch.on_list_start()
    assert len(world.children.every(kinds.CONFIG_MAP, None)) == 2
    watch.on_upsert(partial("a-proxy"))
    watch.on_list_end()
    assert world.children.every(kinds.CONFIG_MAP, None).keys() == {Key("tenants", "a-proxy")}


def test_a_list_forgets_only_its_own(world: World) -> None:
    """Another kind, another namespace: another list."""
    elsewhere = partial("a-proxy", namespace="elsewhere")
    list_of(world.child_watch(namespace="elsewhere"), elsewhere)
    list_of(world.child_watch(kinds.SERVICE), partial("a-proxy"))
    list_of(world.child_watch())
    assert world.names(Key("elsewhere", "a")) == {("configmaps", "a-proxy")}
    assert world.names(Key("tenants", "a")) == {("services", "a-proxy")}
    list_of(world.child_watch(namespace=None))
    assert world.names(Key("elsewhere", "a")) == set()


def test_a_deployment_that_has_gone(world: World) -> None:
    """Its progress goes with it."""
    watch = world.child_watch(kinds.DEPLOYMENT)
    list_of(watch, deployment())
    assert world.children.rollout_of(ACME) is not None
    list_of(watch)
    assert world.children.rollout_of(ACME) is None


def users(version: int, name: str = "s") -> Any:
    """Return a Secret of a user's own."""
    return partial(name, version, written=False, labelled=False, owner=None)


def test_secrets_of_users(world: World) -> None:
    """Each change is told; none is a child."""
    watch = world.secret_watch()
    list_of(watch, users(1))
    watch.on_upsert(users(1))
    watch.on_upsert(users(2))
    watch.on_delete(users(3))
    watch.on_delete(users(3))
    assert world.secrets_told == [SECRET] * 3
    assert world.secrets[SECRET] is None
    assert world.told() == []


def test_secrets_of_ours(world: World) -> None:
    """One that we made is both: a Secret, and a child."""
    watch = world.secret_watch()
    list_of(watch, partial("s", 1))
    assert world.secrets[SECRET] is not None
    assert world.names() == {("secrets", "s")}
    watch.on_delete(partial("s", 2))
    assert (world.secrets[SECRET], world.names()) == (None, set())


def test_the_next_list_of_secrets_forgets(world: World) -> None:
    """What has gone is told, and is no child any more; what was made or changed meanwhile stays."""
    watch = world.secret_watch()
    list_of(watch, partial("s", 1), users(1, "kept"), users(1, "moved"))
    world.secrets_told.clear()
    watch.on_list_start()
    watch.on_upsert(users(1, "kept"))
    world.secrets.put(users(9, "moved").metadata)
    world.secrets.put(partial("made", 9).metadata)
    world.children.put(kinds.SECRET, partial("made", 9), own=True)
    watch.on_list_end()
    assert world.secrets_told == [SECRET]
    assert sorted(key.name for key in world.secrets.keys_in(None)) == ["kept", "made", "moved"]
    assert world.names() == {("secrets", "made")}


def test_a_secrets_data_is_never_decoded() -> None:
    """Also where a server sends it by mistake, or an annotation repeats it, nothing of it is kept."""
    whole = document("s") | {"data": {"password": "TTRSS0VE"}}
    whole["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(whole)}
    world = World()
    watch = world.secret_watch()
    watch.on_upsert(partial("s", annotations=whole["metadata"]["annotations"]))
    assert "TTRSS0VE" not in f"{world.secrets._versions} {world.children.of(ACME)}"
