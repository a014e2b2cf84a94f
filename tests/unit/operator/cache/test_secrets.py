"""Where Secrets stand: identities and versions, nothing else."""

from typing import Any

from support.apiserver.objects import partial
from tenantproxy.credentials.proof import Proof
from tenantproxy.credentials.stores.secret import NOTE
from tenantproxy_operator.cache.secrets import SecretVersion, SecretVersions
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.objects import Metadata

KEY = Key("tenants", "s")


def at(version: int, *, uid: str = "u") -> Metadata:
    return partial("s", version, uid=uid).metadata


def test_comes_moves_and_goes() -> None:
    """Each of that is news."""
    secrets = SecretVersions()
    assert secrets[KEY] is None
    assert secrets.put(at(1))
    assert secrets[KEY] == SecretVersion("u", 1)
    assert secrets.put(at(2))
    assert secrets.remove(at(3))
    assert secrets[KEY] is None


def test_late_and_repeated_events() -> None:
    """What is known already, or older than that, is no news and changes nothing."""
    secrets = SecretVersions()
    secrets.put(at(5))
    assert not secrets.put(at(5))
    assert not secrets.put(at(4))
    assert not secrets.remove(at(4))
    assert secrets[KEY] == SecretVersion("u", 5)
    assert secrets.remove(at(6))
    assert not secrets.remove(at(6))


def test_made_anew() -> None:
    """Another Secret of the same name is news, also where the deletion was not told."""
    secrets = SecretVersions()
    secrets.put(at(5))
    assert secrets.put(at(9, uid="v"))
    assert secrets[KEY] == SecretVersion("v", 9)


def test_who_set_the_credential() -> None:
    """From the note of the proxies, if it is one that can be understood and says so."""
    secrets = SecretVersions()
    put = Proof(set_at=12.5, set_by="a@b.example").to_note(1)
    for version, note in enumerate((put, Proof().to_note(1), "{", None), start=1):
        secrets.put(partial("s", version, annotations={} if note is None else {NOTE: note}).metadata)
        found = secrets[KEY]
        assert found is not None
        assert found.last_put == ((12.5, "a@b.example") if note is put else None)


def test_when_the_data_was_written() -> None:
    """By whoever did it last, where there is a note, whose writing is another matter."""
    written: list[tuple[str, str, dict[str, Any]]] = [
        ("kubectl", "2026-01-01T00:00:00Z", {"f:data": {"f:password": {}}}),
        ("tenantproxy-proxy", "2026-01-02T00:00:00Z", {"f:data": {"f:username": {}}}),
        ("tenantproxy-proxy-note", "2026-01-03T00:00:00Z", {"f:metadata": {"f:annotations": {}}}),
    ]
    entries = [{"manager": manager, "time": time, "fieldsV1": fields} for manager, time, fields in written]
    secrets = SecretVersions()
    for version, (note, expected) in enumerate((({NOTE: "{}"}, "2026-01-02T00:00:00Z"), ({}, "")), start=1):
        secrets.put(partial("s", version, annotations=note, managedFields=entries).metadata)
        found = secrets[KEY]
        assert found is not None
        assert found.data_written_at == expected


def test_of_a_namespace() -> None:
    """Those of one namespace, or all."""
    secrets = SecretVersions()
    secrets.put(at(1))
    secrets.put(partial("s", 2, namespace="elsewhere").metadata)
    assert secrets.keys_in("tenants") == [KEY]
    assert secrets.keys_in("nowhere") == []
    assert sorted(secrets.keys_in(None)) == [Key("elsewhere", "s"), KEY]
    secrets.drop(KEY)
    secrets.drop(KEY)
    assert secrets.keys_in("tenants") == []
