"""The TenantProxies as events brought them, in whatever order, and what that means for others."""

from typing import Any

import pytest

from tenantproxy_operator.cache.tenants import Tenants, tenant_from
from tenantproxy_operator.kube.kinds import Key

ACME = Key("tenants", "acme")
DEFAULT = Key("tenants", "acme-credentials")
SHARED = Key("tenants", "shared")


def body(version: int, *, name: str = "acme", uid: str = "u", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "tenants", "uid": uid, "resourceVersion": str(version), "generation": 1}
    return {"metadata": metadata, "spec": {"tenantId": "T-1"}} | more


def with_secret(name: str) -> dict[str, Any]:
    return {"auth": {"secretRef": {"name": name}}}


@pytest.fixture
def tenants() -> Tenants:
    return Tenants()


def version_of(tenants: Tenants) -> int:
    tenant = tenants.get(ACME)
    assert tenant is not None
    return tenant.version


def test_what_is_kept() -> None:
    """Spec and status as bytes; the hash is of the spec alone, in any order of keys."""
    one = tenant_from(body(3, spec={"b": 1, "a": {"d": 1, "c": 2}}, status={"replicas": 2}))
    assert (one.key, one.uid, one.generation, one.version, one.deleting) == (ACME, "u", 1, 3, False)
    assert (one.spec, one.status) == (b'{"a":{"c":2,"d":1},"b":1}', b'{"replicas":2}')
    assert tenant_from(body(9, spec={"a": {"c": 2, "d": 1}, "b": 1})).spec_hash == one.spec_hash
    assert tenant_from(body(9, spec={"a": {"c": 2, "d": 1}, "b": 2})).spec_hash != one.spec_hash


def test_a_body_with_little_in_it() -> None:
    """A spec or a status may be missing or null; a deletion that has begun is seen."""
    bare = tenant_from({"metadata": body(1)["metadata"] | {"deletionTimestamp": "t"}, "spec": None})
    assert (bare.spec, bare.status, bare.deleting) == (b"{}", b"{}", True)


def test_event_and_removal(tenants: Tenants) -> None:
    """An event brings one, another takes it away."""
    assert tenants.on_event(body(1))
    assert (list(tenants), len(tenants)) == ([ACME], 1)
    tenants.remove(ACME, "u")
    assert (list(tenants), len(tenants), tenants.get(ACME)) == ([], 0, None)
    assert tenants.delivered == {}
    tenants.remove(ACME, "u")


def test_older_versions(tenants: Tenants) -> None:
    """The answer to our own write overtakes the events before it, which then are ignored."""
    tenants.on_event(body(1))
    tenants.on_own_write(body(5, status={"replicas": 2}))
    tenants.on_event(body(4))
    assert version_of(tenants) == 5
    tenants.on_event(body(6))
    assert version_of(tenants) == 6
    tenants.on_own_write(body(5))
    assert version_of(tenants) == 6


def test_what_is_news(tenants: Tenants) -> None:
    """A version that nobody here knew; not the event of our own write, whose answer came first."""
    assert tenants.on_event(body(1))
    assert not tenants.on_event(body(1))
    assert tenants.on_own_write(body(5))
    for version in (4, 5):
        assert not tenants.on_event(body(version))
    assert tenants.on_event(body(6))


def test_another_schema(tenants: Tenants) -> None:
    """A list shows the same version with another spec, which is news; an event may be of the schema before."""
    tenants.on_event(body(5))
    shown = body(5, spec={"tenantId": "T-1", "mode": "fast"})
    assert not tenants.on_event(shown)
    assert tenants.on_list(shown)
    assert not tenants.on_list(shown)
    assert not tenants.on_event(body(5))
    tenant = tenants.get(ACME)
    assert tenant is not None
    assert tenant.spec == b'{"mode":"fast","tenantId":"T-1"}'
    assert not tenants.on_list(body(4))
    assert tenants.secrets_of(ACME)


def test_a_spec_that_changed_while_we_wrote(tenants: Tenants) -> None:
    """The answer to our write has it, too; it is news all the same when the event tells of it."""
    tenants.on_event(body(1))
    metadata = body(3)["metadata"] | {"generation": 2}
    assert not tenants.on_own_write({"metadata": metadata, "spec": {"tenantId": "T-2"}})
    assert tenants.on_event({"metadata": metadata | {"resourceVersion": "2"}, "spec": {"tenantId": "T-2"}})
    tenant = tenants.get(ACME)
    assert tenant is not None
    assert (tenant.generation, tenant.version) == (2, 2)


def test_delivered(tenants: Tenants) -> None:
    """What events brought is kept apart: an answer to us shows not that events arrive."""
    tenants.on_event(body(1))
    tenants.on_own_write(body(5))
    assert tenants.delivered == {ACME: ("u", 1)}
    tenants.on_event(body(4))
    assert tenants.delivered == {ACME: ("u", 4)}


def test_listed(tenants: Tenants) -> None:
    """What a list of ours tells is no event, and the event that tells the same is no news."""
    assert tenants.on_list(body(5))
    assert tenants.undelivered() == [ACME]
    assert tenants.delivered == {}
    assert not tenants.on_event(body(5))
    assert tenants.undelivered() == []
    assert tenants.delivered == {ACME: ("u", 5)}


def test_made_anew_under_the_same_name(tenants: Tenants) -> None:
    """Each object is told of by itself: of the old one's end it may tell after the new one's beginning."""
    tenants.on_event(body(1))
    tenants.on_event(body(7, uid="v"))
    tenants.on_event(body(5))
    tenants.remove(ACME, "u")
    tenant = tenants.get(ACME)
    assert tenant is not None
    assert (tenant.uid, tenant.version) == ("v", 7)
    assert tenants.delivered == {ACME: ("v", 7)}
    tenants.remove(ACME, "v")
    assert tenants.get(ACME) is None


def test_an_answer_after_the_end(tenants: Tenants) -> None:
    """The answer to our own write brings nothing back whose deletion was told, and takes no other's place."""
    tenants.on_event(body(1))
    tenants.remove(ACME, "u")
    tenants.on_own_write(body(2))
    assert tenants.get(ACME) is None
    tenants.on_event(body(4, uid="v"))
    tenants.on_own_write(body(3))
    tenants.on_own_write(body(9))
    assert version_of(tenants) == 4


def test_referring(tenants: Tenants) -> None:
    """Who refers to a Secret is known, and forgotten when he refers to another one, or goes."""
    tenants.on_event(body(1))
    tenants.on_event(body(1, name="other", spec=with_secret("shared")))
    assert tenants.secrets_of(ACME) == {DEFAULT}
    assert tenants.referring_to(DEFAULT) == {ACME}
    tenants.on_event(body(2, spec=with_secret("shared")))
    assert tenants.referring_to(DEFAULT) == frozenset()
    assert tenants.referring_to(SHARED) == {ACME, Key("tenants", "other")}
    tenants.remove(ACME)
    assert tenants.referring_to(SHARED) == {Key("tenants", "other")}
    assert tenants.secrets_of(ACME) == frozenset()
    tenants.remove(Key("tenants", "other"))
    assert tenants.referring_to(SHARED) == frozenset()


def test_references_of_an_old_version(tenants: Tenants) -> None:
    """What is ignored changes no references."""
    tenants.on_event(body(5, spec=with_secret("shared")))
    tenants.on_event(body(4))
    assert tenants.secrets_of(ACME) == {SHARED}


def test_rivals() -> None:
    """Whoever gets a rival by another one's event, or loses it, is told; of what is no news nobody is."""
    told: list[Key] = []
    tenants = Tenants(told.append)
    other = Key("tenants", "other")
    tenants.on_event(body(1))
    assert (tenants.rivals(ACME), told) == ([], [])
    tenants.on_event(body(1, name="other"))
    assert ([rival.key for rival in tenants.rivals(ACME)], told) == ([other], [ACME])
    tenants.on_event(body(1, name="other"))
    tenants.on_own_write(body(2, name="other", status={"secretName": "elsewhere"}))
    assert told == [ACME]
    tenants.remove(other, "another uid")
    assert told == [ACME]
    tenants.remove(other, "u")
    assert (tenants.rivals(ACME), told) == ([], [ACME, ACME])
