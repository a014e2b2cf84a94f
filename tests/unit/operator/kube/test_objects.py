"""What is decoded of the API server's objects: samples of a real one, and what others do to them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.apiserver.objects import document, partial
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.objects import FIELD_MANAGER, Metadata, Partial, SecretContent
from tenantproxy_operator.kube.workloads import Deployment, Rollout, rollout

SAMPLES = Path(__file__).parent / "samples"
"""What kube-apiserver 1.36 answered."""


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.json").read_bytes()


def test_metadata_of_a_child() -> None:
    """All that is used of a child's metadata is found in what the API server sends."""
    metadata = msgspec.json.decode(sample("configmap-partial"), type=Partial).metadata
    assert metadata.key == Key("tenants", "a0-proxy")
    assert (metadata.uid, metadata.version) == ("47ea65b2-dfc7-4f9b-b5c2-24846da64f1b", 410)
    assert (metadata.labels.instance, metadata.labels.managed_by) == ("a0", FIELD_MANAGER)
    assert metadata.annotations.manifest_hash == "de7eb743a1eed55d"
    assert metadata.owner is not None
    assert (metadata.owner.kind, metadata.owner.name) == ("TenantProxy", "a0")
    assert metadata.owner.uid == "871e2470-ecd3-4026-800f-32f000c9db26"
    assert [entry.manager for entry in metadata.managed_fields] == [FIELD_MANAGER]
    assert metadata.owns(b"config.json")
    assert not metadata.owns(b"replicas")


def test_a_deployment() -> None:
    """A Deployment comes whole, but only numbers are kept; no proxy of this one is ready yet."""
    found = msgspec.json.decode(sample("deployment"), type=Deployment)
    assert found.metadata.key == Key("one", "a-proxy")
    assert found.metadata.owns(b"replicas")
    assert rollout(found) == Rollout(wanted=2, replicas=2, updated=2, ready=0, observed=True)


def test_a_secret_that_we_made() -> None:
    """It has been created, not applied, and is ours all the same; there is nothing in it yet."""
    found = msgspec.json.decode(sample("secret"), type=SecretContent)
    assert found.data == {}
    assert (
        found.metadata.owned_fields_digest
        == msgspec.json.decode(sample("secret-partial"), type=Partial).metadata.owned_fields_digest
    )
    (entry,) = found.metadata.managed_fields
    assert (entry.manager, entry.operation) == (FIELD_MANAGER, "Update")


def test_a_new_deployment_has_no_status() -> None:
    """Before its controller has looked, nothing is there to count."""
    found = msgspec.json.decode(json.dumps(document(generation=1)), type=Deployment)
    assert rollout(found) == Rollout(wanted=0, replicas=0, updated=0, ready=0, observed=False, ever_observed=False)


def test_little_is_needed() -> None:
    """Objects of other kinds and makers have less: no namespace, no owner, no managed fields."""
    found = msgspec.json.decode(b'{"metadata": {"name": "n", "uid": "u"}}', type=Partial).metadata
    assert (found.version, found.owner, found.managed_fields) == (0, None, ())
    assert found.owned_fields_digest
    assert not found.owns(b"replicas")


def test_unknown_fields_are_ignored() -> None:
    """What a newer API server adds harms nothing."""
    whole = document() | {"new": [1]}
    whole["metadata"] |= {"new": {}, "labels": {"other": "x"}}
    whole["metadata"]["managedFields"][0] |= {"new": 1}
    assert msgspec.json.decode(json.dumps(whole), type=Partial).metadata.labels.managed_by == ""


@pytest.mark.parametrize(
    "broken", ["{", "[]", "{}", '{"metadata": {"name": 1, "uid": "u"}}', '{"metadata": null}']
)
def test_what_is_no_object(broken: str) -> None:
    """What can't be understood is an error, never half an object."""
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(broken, type=Partial)


def test_the_owner_is_who_controls_it() -> None:
    """Further owners may be there; only one controls."""
    others = [
        {"kind": "Other", "name": "x", "uid": "1"},
        {"kind": "TenantProxy", "name": "y", "uid": "2", "controller": False},
        {"kind": "TenantProxy", "name": "acme", "uid": "3", "controller": True},
    ]
    owner = partial(ownerReferences=others).metadata.owner
    assert owner is not None
    assert owner.uid == "3"
    assert partial(ownerReferences=others[:2]).metadata.owner is None


def of_deployment(change: Callable[[dict[str, Any]], None]) -> Metadata:
    whole = json.loads(sample("deployment"))
    change(whole["metadata"])
    return msgspec.json.decode(json.dumps(whole), type=Deployment).metadata


def ours(metadata: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(
        entry
        for entry in metadata["managedFields"]
        if entry["manager"] == FIELD_MANAGER and "subresource" not in entry
    )
    return found


def nothing(_metadata: dict[str, Any]) -> None:
    pass


def label_of_another(metadata: dict[str, Any]) -> None:
    metadata["labels"]["theirs"] = "x"
    fields: dict[str, Any] = {"f:metadata": {"f:labels": {"f:theirs": {}}}}
    entry = {"manager": "kubectl", "operation": "Update", "time": "2026-11-25T02:00:00Z", "fieldsV1": fields}
    metadata["managedFields"].insert(0, entry)


def newer_version(metadata: dict[str, Any]) -> None:
    metadata["resourceVersion"] = "999999"


def status_of_ours(metadata: dict[str, Any]) -> None:
    entry = {"manager": FIELD_MANAGER, "operation": "Apply", "subresource": "status", "fieldsV1": {"f:status": {}}}
    metadata["managedFields"].append(entry)


@pytest.mark.parametrize("change", [label_of_another, newer_version, status_of_ours])
def test_what_others_add_is_theirs(change: Callable[[dict[str, Any]], None]) -> None:
    """Fields beside ours, other versions, and a status change nothing of what we own."""
    assert of_deployment(change).owned_fields_digest == of_deployment(nothing).owned_fields_digest


def field_taken(metadata: dict[str, Any]) -> None:
    del ours(metadata)["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]


def replicas_taken(metadata: dict[str, Any]) -> None:
    del ours(metadata)["fieldsV1"]["f:spec"]["f:replicas"]


def written_anew(metadata: dict[str, Any]) -> None:
    ours(metadata)["time"] = "2027-01-01T00:00:00Z"


def all_managers_reset(metadata: dict[str, Any]) -> None:
    metadata["managedFields"] = []


def our_name_used_by_another(metadata: dict[str, Any]) -> None:
    entry = {"manager": FIELD_MANAGER, "operation": "Update", "time": "x", "fieldsV1": {"f:data": {}}}
    metadata["managedFields"].append(entry)


def made_anew(metadata: dict[str, Any]) -> None:
    metadata["uid"] = "another"


@pytest.mark.parametrize(
    "change",
    [field_taken, replicas_taken, written_anew, all_managers_reset, our_name_used_by_another, made_anew],
)
def test_what_others_change_of_ours_is_seen(change: Callable[[dict[str, Any]], None]) -> None:
    """Whoever changes a field that we applied takes it out of our entry; another object has another uid."""
    assert of_deployment(change).owned_fields_digest != of_deployment(nothing).owned_fields_digest


def test_who_owns_the_number_of_replicas() -> None:
    """We do while we apply it; an autoscaler, or whoever else set it last, does otherwise."""
    assert of_deployment(nothing).owns(b"replicas")
    assert not of_deployment(replicas_taken).owns(b"replicas")
    assert not of_deployment(all_managers_reset).owns(b"replicas")


def test_no_secret_in_a_repr() -> None:
    """A Secret's content is shown nowhere by mistake, not even in a traceback's locals."""
    content = SecretContent(metadata=partial("s").metadata, data={"password": "TTRSS0VE"})
    assert repr(content) == "SecretContent(tenants/s, ['password'])"
    assert "TTRSS0VE" not in f"{content!s} {[content]}"
