"""What is decoded of the API server's objects: samples of a real one, and what others do to them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.apiserver.objects import document, partial
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.objects import (
    FIELD_MANAGER,
    Deployment,
    DeploymentStatus,
    Metadata,
    Partial,
    Rollout,
    SecretContent,
    rollout,
)

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


def deployment(wanted: int = 2, generation: int = 3, **status: Any) -> Deployment:
    whole = document(generation=generation) | {"spec": {"replicas": wanted}, "status": status}
    return msgspec.json.decode(json.dumps(whole), type=Deployment)


ALL = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}


@pytest.mark.parametrize(
    ("changes", "complete"),
    [
        ({}, True),
        ({"observedGeneration": 2}, False),
        ({"observedGeneration": 4}, True),
        ({"replicas": 3}, False),
        ({"updatedReplicas": 1}, False),
        ({"readyReplicas": 1}, False),
    ],
)
def test_complete(changes: dict[str, int], *, complete: bool) -> None:
    """A roll-out is over when exactly the wanted proxies are there, new and ready, for the newest spec."""
    assert rollout(deployment(**ALL | changes)).complete == complete


def test_scaled_to_nothing() -> None:
    """Whoever scales it to none by hand gets what he wanted."""
    assert rollout(deployment(0, observedGeneration=3)).complete


@pytest.mark.parametrize(
    ("condition", "stuck"),
    [
        ({"type": "Progressing", "status": "False", "reason": "R", "message": "it hangs"}, "it hangs"),
        ({"type": "Progressing", "status": "False", "reason": "R"}, "R"),
        ({"type": "Progressing", "status": "True", "message": "it goes on"}, ""),
        ({"type": "ReplicaFailure", "status": "True", "message": "a quota"}, ""),
        ({"type": "Available", "status": "False", "message": "too few"}, ""),
    ],
)
def test_stuck(condition: dict[str, str], stuck: str) -> None:
    """The Deployment controller says when it waits no longer."""
    conditions = [{"type": "Available", "status": "True"}, condition]
    assert rollout(deployment(**ALL, conditions=conditions)).stuck == stuck
    # The spec is newer than what was seen to hang.
    assert rollout(deployment(**ALL | {"observedGeneration": 2}, conditions=conditions)).stuck == ""


@pytest.mark.parametrize(
    ("status", "seen", "refused"), [("True", 3, "a quota"), ("False", 3, ""), ("True", 2, "")]
)
def test_refused(status: str, seen: int, refused: str) -> None:
    """The API server's words on why no pod can be made, as long as they are about the newest spec."""
    condition = {"type": "ReplicaFailure", "status": status, "reason": "FailedCreate", "message": "a quota"}
    assert rollout(deployment(**ALL | {"observedGeneration": seen}, conditions=[condition])).refused == refused


def test_paused() -> None:
    """Somebody may have paused it; what is rolled out waits for nothing."""
    paused = deployment(**ALL | {"updatedReplicas": 0})
    paused = msgspec.structs.replace(paused, spec=msgspec.structs.replace(paused.spec, paused=True))
    assert (rollout(paused).paused, rollout(paused).waits_for_resume) == (True, True)
    done = msgspec.structs.replace(paused, status=msgspec.structs.replace(paused.status, updated_replicas=2))
    assert (rollout(done).paused, rollout(done).waits_for_resume) == (True, False)
    assert not rollout(deployment(**ALL | {"updatedReplicas": 0})).waits_for_resume


def test_no_secret_in_a_repr() -> None:
    """A Secret's content is shown nowhere by mistake, not even in a traceback's locals."""
    content = SecretContent(metadata=partial("s").metadata, data={"password": "TTRSS0VE"})
    assert repr(content) == "SecretContent(tenants/s, ['password'])"
    assert "TTRSS0VE" not in f"{content!s} {[content]}"


def test_status_defaults() -> None:
    """An empty status counts nothing."""
    assert msgspec.json.decode(b"{}", type=DeploymentStatus) == DeploymentStatus()
