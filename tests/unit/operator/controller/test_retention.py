"""Which ConfigMaps stay, and when that is looked at."""

import json

import msgspec
import pytest

from tenantproxy_operator.controller.retention import is_prune_due, needed_config_maps
from tenantproxy_operator.kube.workloads import ReplicaSet, Rollout
from tenantproxy_operator.render.deployment import KEPT_REVISIONS

COMPLETE = Rollout(wanted=2, replicas=2, updated=2, ready=2, observed=True)
UNDER_WAY = Rollout(wanted=2, replicas=3, updated=1, ready=2, observed=True)
UNOBSERVED = Rollout(wanted=2, replicas=2, updated=2, ready=2, observed=False)


def replica_set(config_map: str, revision: int | str, *, replicas: int = 0, pods: int = 0) -> ReplicaSet:
    """Return a ReplicaSet as the API server has it."""
    volumes = [{"name": "config", "configMap": {"name": config_map}}, {"name": "x", "secret": {"secretName": "s"}}]
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    thing = {
        "metadata": {"name": f"rs-{revision}", "uid": "u", "annotations": annotations},
        "spec": {"replicas": replicas, "template": {"spec": {"volumes": volumes}}},
        "status": {"replicas": pods},
    }
    return msgspec.json.decode(json.dumps(thing), type=ReplicaSet)


@pytest.mark.parametrize(
    ("count", "rollout", "was_complete", "due"),
    [
        (2, COMPLETE, False, True),
        (2, COMPLETE, True, False),
        (1, COMPLETE, False, False),
        (2, UNDER_WAY, False, False),
        (9, UNDER_WAY, False, True),
        (9, COMPLETE, True, True),
        (9, UNOBSERVED, False, False),
        (12, UNOBSERVED, False, False),
        (13, UNOBSERVED, False, True),
        (9, None, False, False),
    ],
)
def test_when(count: int, rollout: Rollout | None, *, was_complete: bool, due: bool) -> None:
    """Once after each rollout, and where there are many; hardly ever before all ReplicaSets are made."""
    assert is_prune_due(count, rollout, was_complete=was_complete) is due


def test_what_can_be_gone_back_to_stays() -> None:
    """As many revisions as the Deployment controller keeps, whatever their order."""
    sets = [replica_set(f"c{number}", number) for number in (7, 3, 10, 9, 8, 6)]
    assert KEPT_REVISIONS == 3
    assert needed_config_maps(sets) == frozenset({"c10", "c9", "c8", "c7"})


@pytest.mark.parametrize("living", [replica_set("c1", 1, replicas=1), replica_set("c1", 1, pods=1)])
def test_what_has_pods_stays(living: ReplicaSet) -> None:
    """Or shall have some, however old it is, as in a rollout that does not end."""
    sets = [replica_set(f"c{number}", number) for number in range(2, 11)]
    assert needed_config_maps([living, *sets]) == frozenset({"c10", "c9", "c8", "c7", "c1"})


def test_revisions_that_share_a_config_map() -> None:
    """Such as those of new images; one that came back counts by its new revision."""
    sets = [
        replica_set("a", 5),
        replica_set("b", 4),
        replica_set("b", 3),
        replica_set("b", 2),
        replica_set("c", 1),
    ]
    assert needed_config_maps(sets) == frozenset({"a", "b"})


@pytest.mark.parametrize("revision", ["", "x", "-1", "9" * 5000, "٣"])
def test_a_revision_that_is_none(revision: str) -> None:
    """Anybody may have written it; it counts as the oldest."""
    assert replica_set("a", revision).revision == 0
