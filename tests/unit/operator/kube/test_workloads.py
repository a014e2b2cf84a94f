"""What the operator reads of a Deployment's progress."""

import json
from typing import Any

import msgspec
import pytest

from support.apiserver.objects import document
from tenantproxy_operator.kube.workloads import Deployment, DeploymentStatus, rollout


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


def test_status_defaults() -> None:
    """An empty status counts nothing."""
    assert msgspec.json.decode(b"{}", type=DeploymentStatus) == DeploymentStatus()
