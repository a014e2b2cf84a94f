"""What is known of the children: which events count, whose a child is, and what is forgotten."""

import pytest

from support.apiserver.objects import OWNER, deployment, partial
from tenantproxy_operator.cache.children import Children, child_of
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key, Kind
from tenantproxy_operator.kube.objects import Metadata

ACME = Key("tenants", "acme")
OTHER = Key("tenants", "other")
CONFIG = kinds.CONFIG_MAP.plural, "acme-proxy"
SECRET = kinds.SECRET.plural, "acme-credentials"


class Watched(Children):
    """Children, and whose news they told."""

    def __init__(self) -> None:
        self.news: list[Key] = []
        super().__init__(self.news.append)

    def told(self) -> list[Key]:
        """Return what was told since the last call."""
        told = self.news[:]
        self.news.clear()
        return told


@pytest.fixture
def children() -> Watched:
    return Watched()


def gone(name: str, version: int, kind: Kind = kinds.CONFIG_MAP) -> tuple[Kind, Metadata]:
    return kind, partial(name, version).metadata


def test_a_child_appears_changes_and_goes(children: Watched) -> None:
    """Each of that is news for its tenant."""
    children.put(kinds.CONFIG_MAP, partial(version=1))
    assert children.of(ACME).keys() == {CONFIG}
    assert children.told() == [ACME]
    children.put(kinds.CONFIG_MAP, partial(version=2, applied="f:less"))
    assert children.told() == [ACME]
    children.remove(*gone("acme-proxy", 3))
    assert children.of(ACME) == {}
    assert children.told() == [ACME]


def test_what_is_no_news(children: Watched) -> None:
    """A new version in which nothing is new for us wakes nobody; it is known all the same."""
    children.put(kinds.CONFIG_MAP, partial(version=1))
    children.told()
    children.put(kinds.CONFIG_MAP, partial(version=2))
    assert children.told() == []
    assert children.of(ACME)[CONFIG].version == 2


def test_events_that_are_late(children: Watched) -> None:
    """The answer to our own write overtakes the events before it: those are ignored, its own too."""
    children.put(kinds.CONFIG_MAP, partial(version=9), own=True)
    for version in (7, 8, 9):
        children.put(kinds.CONFIG_MAP, partial(version=version, applied="f:foreign"))
    children.remove(*gone("acme-proxy", 8))
    assert children.of(ACME)[CONFIG] == child_of(partial(version=9).metadata, "acme")
    assert children.told() == []
    children.put(kinds.CONFIG_MAP, partial(version=10, applied="f:foreign"))
    assert children.told() == [ACME]


def test_an_answer_that_is_late(children: Watched) -> None:
    """An event may overtake the answer, too."""
    children.put(kinds.CONFIG_MAP, partial(version=10, applied="f:foreign"))
    children.put(kinds.CONFIG_MAP, partial(version=9), own=True)
    assert children.of(ACME)[CONFIG].version == 10


def test_our_own_write_is_no_news(children: Watched) -> None:
    """Who wrote it knows."""
    children.put(kinds.CONFIG_MAP, partial(version=1), own=True)
    children.put(kinds.CONFIG_MAP, partial(version=2, applied="f:more"), own=True)
    assert children.told() == []


def test_deletions(children: Watched) -> None:
    """A deletion has a version of its own, which is newer; one of a child that is not known is no news."""
    children.remove(*gone("acme-proxy", 5))
    assert children.told() == []
    children.put(kinds.CONFIG_MAP, partial(version=6))
    children.remove(*gone("acme-proxy", 6))
    assert children.of(ACME) == {}


def test_nothing_is_kept_for_tenants_without_children(children: Watched) -> None:
    """Memory is for what there is, whatever events came."""
    children.remove(*gone("unknown-proxy", 1))
    children.put(kinds.CONFIG_MAP, partial("x-proxy", 1))
    children.remove(*gone("x-proxy", 2))
    children.put(kinds.DEPLOYMENT, deployment(1))
    children.remove(kinds.DEPLOYMENT, deployment(2).metadata)
    children.put(kinds.SECRET, partial("s", 1))
    children.remove(kinds.SECRET, partial("s", 2).metadata)
    assert not children._tenants
    assert not children._rollouts
    assert not children._secrets


@pytest.mark.parametrize(
    ("name", "tenant"),
    [
        ("acme-proxy", "acme"),
        ("acme-proxy-proxy", "acme-proxy"),
        ("acme", None),
        ("acme-poslog", "acme"),
        ("acme-poslog-proxy", "acme-poslog"),
        ("acme-proxy-poslog", "acme-proxy"),
        ("acme-poslog-0123456789abcdef0123", "acme"),
        ("acme-relay", None),
        ("proxy", None),
        ("acme-proxy-0123456789abcdef0123", "acme"),
        ("acme-proxy-0123-proxy-0123456789abcdef0123", "acme-proxy-0123"),
        ("acme-proxy-0123456789abcdef0123-proxy", "acme-proxy-0123456789abcdef0123"),
        ("acme-proxy-0123", None),
        ("acme-proxy-0123456789ABCDEF0123", None),
        ("-proxy-0123456789abcdef0123", None),
    ],
)
def test_whose_child(children: Watched, name: str, tenant: str | None) -> None:
    """By its name, whatever its labels and owner say; a TenantProxy `acme-proxy` takes nothing from `acme`."""
    children.put(kinds.CONFIG_MAP, partial(name, owner="x", owner_name="somebody-else", labelled=False))
    assert children.told() == ([Key("tenants", tenant)] if tenant else [])


def test_only_some_have_hashed_names(children: Watched) -> None:
    """A Service of such a name is nobody's."""
    children.put(kinds.SERVICE, partial("acme-proxy-0123456789abcdef0123"))
    assert children.told() == []


def test_whose_secret(children: Watched) -> None:
    """A Secret's name is the user's choice; its owner says whose it is, or without one its label."""
    children.put(kinds.SECRET, partial("any", owner_name="other"))
    assert children.of(OTHER).keys() == {("secrets", "any")}
    children.put(kinds.SECRET, partial("orphan", owner=None))
    assert children.of(ACME).keys() == {("secrets", "orphan")}


def test_secrets_of_users(children: Watched) -> None:
    """A Secret that we have never written is no child, so that nothing ever touches it."""
    children.put(kinds.SECRET, partial("acme-credentials", labelled=False, written=False, owner=None))
    children.put(kinds.SECRET, partial("acme-credentials", 2, written=False, labelled=False, owner="x"))
    assert children.of(ACME) == {}
    assert children.told() == []


def test_a_secret_that_changes_hands(children: Watched) -> None:
    """Both are told; nobody knows of a child that is another's."""
    children.put(kinds.SECRET, partial("s", 1))
    children.told()
    children.put(kinds.SECRET, partial("s", 2, owner_name="other"))
    assert children.of(ACME) == {}
    assert children.of(OTHER).keys() == {("secrets", "s")}
    assert children.told() == [ACME, OTHER]
    children.put(kinds.SECRET, partial("s", 1))
    assert children.of(ACME) == {}
    children.remove(kinds.SECRET, partial("s", 3).metadata)
    assert children.of(OTHER) == {}


def test_a_secret_that_becomes_the_users(children: Watched) -> None:
    """Whoever takes our marks away makes it his own; a deletion of it then finds nothing to forget."""
    children.put(kinds.SECRET, partial("s", 1))
    children.told()
    children.put(kinds.SECRET, partial("s", 2, labelled=False, written=False, owner=None))
    assert children.of(ACME) == {}
    assert children.told() == [ACME]
    children.remove(kinds.SECRET, partial("s", 3, labelled=False, written=False, owner=None).metadata)
    assert children.told() == []


def test_a_secret_without_marks_at_its_deletion(children: Watched) -> None:
    """It is forgotten whoever it was said to be, also where the event of the change never came."""
    children.put(kinds.SECRET, partial("s", 1))
    children.remove(kinds.SECRET, partial("s", 3, labelled=False, written=False, owner=None).metadata)
    assert children.of(ACME) == {}


@pytest.mark.parametrize(
    ("owner", "written", "belongs"),
    [
        pytest.param(OWNER, True, True, id="ours"),
        pytest.param(OWNER, False, True, id="ours, of which somebody else has changed everything"),
        pytest.param(None, True, True, id="an orphan: its owner was deleted with --cascade=orphan"),
        pytest.param(None, False, False, id="somebody else's, who gave it the name"),
        pytest.param("another-uid", True, False, id="of an earlier TenantProxy of the name"),
        pytest.param("another-uid", False, False, id="somebody else's"),
    ],
)
def test_belongs(owner: str | None, *, written: bool, belongs: bool) -> None:
    """What is ours by its owner, or by our own hand where nobody controls it."""
    child = child_of(partial(owner=owner, written=written).metadata, "acme")
    assert child.belongs_to(OWNER) == belongs


def test_rollout(children: Watched) -> None:
    """How far the Deployment is is kept beside it; a change of that alone is news, its repetition is not."""
    assert children.rollout_of(ACME) is None
    children.put(kinds.DEPLOYMENT, deployment(1), own=True)
    children.put(kinds.DEPLOYMENT, deployment(2, ready=1))
    assert children.told() == [ACME]
    progress = children.rollout_of(ACME)
    assert progress is not None
    assert (progress.wanted, progress.ready) == (2, 1)
    children.put(kinds.DEPLOYMENT, deployment(3, ready=1))
    assert children.told() == []
    children.put(kinds.DEPLOYMENT, deployment(2, ready=2))
    assert children.rollout_of(ACME) == progress
    children.drop(kinds.DEPLOYMENT, ACME, "acme-proxy")
    assert children.rollout_of(ACME) is None


def test_an_answer_that_comes_after_the_deletion(children: Watched) -> None:
    """Both events of an object may overtake the answer to the write that made it: it is gone all the same."""
    key = Key("tenants", "acme-proxy")
    with children.writing(kinds.CONFIG_MAP, key):
        children.put(kinds.CONFIG_MAP, partial(version=10))
        children.remove(kinds.CONFIG_MAP, partial(version=11).metadata)
        assert children.put(kinds.CONFIG_MAP, partial(version=10), own=True) is None
    assert children.of(ACME) == {}
    with children.writing(kinds.CONFIG_MAP, key):
        children.remove(kinds.CONFIG_MAP, partial(version=11).metadata)
        assert children.put(kinds.CONFIG_MAP, partial(version=12), own=True)


def test_every(children: Watched) -> None:
    """All of one kind, in one namespace or in all, by key."""
    children.put(kinds.CONFIG_MAP, partial("a-proxy"))
    children.put(kinds.CONFIG_MAP, partial("b-proxy", namespace="elsewhere"))
    children.put(kinds.SERVICE, partial("a-proxy"))
    a, b = Key("tenants", "a-proxy"), Key("elsewhere", "b-proxy")
    assert children.every(kinds.CONFIG_MAP, "tenants").keys() == {a}
    everywhere = children.every(kinds.CONFIG_MAP, None)
    assert everywhere.keys() == {a, b}
    assert everywhere[b][0] == Key("elsewhere", "b")
    assert children.every(kinds.ROLE, None) == {}


def test_what_is_given_out_can_not_be_changed(children: Watched) -> None:
    """Only events and writes change what is known."""
    children.put(kinds.CONFIG_MAP, partial())
    with pytest.raises(TypeError):
        children.of(ACME)[CONFIG] = children.of(ACME)[CONFIG]  # type: ignore[index]
