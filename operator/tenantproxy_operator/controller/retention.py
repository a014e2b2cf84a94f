"""Which earlier ConfigMaps a tenant's pods may still need. Pure.

Each change of the configuration makes a new ConfigMap. An earlier one stays while a ReplicaSet may start a pod
that mounts it: one that has pods, as in a rollout that does not end, or that `kubectl rollout undo` goes back to.
"""

from collections.abc import Sequence
from typing import Final

from tenantproxy_operator.kube.workloads import ReplicaSet, Rollout
from tenantproxy_operator.render.deployment import KEPT_REVISIONS

_MOST: Final = KEPT_REVISIONS + 3
"""ConfigMaps of a component: that of the pods, those of earlier revisions, and of a rollout that is under way."""
_MOST_UNOBSERVED: Final = 2 * _MOST
"""The same while the Deployment controller, which may be down, has still to make ReplicaSets."""


def is_prune_due(count: int, rollout: Rollout | None, *, was_complete: bool) -> bool:
    """Tell whether to look which of a component's ConfigMaps are still needed, of which it has `count`.

    That is where a rollout has completed since the last time, so that nothing is read at rest; and whenever there
    are many, as where rollouts never complete.
    """
    if rollout is None or count <= 1:
        return False
    if not rollout.observed:
        return count > _MOST_UNOBSERVED
    return count > _MOST or (rollout.complete and not was_complete)


def needed_config_maps(replica_sets: Sequence[ReplicaSet]) -> frozenset[str]:
    """Return which ConfigMaps have to stay for the ReplicaSets that there are.

    The Deployment controller keeps the ReplicaSets of as many revisions, and deletes others that have no pods.
    """
    newest = sorted(replica_sets, key=lambda each: each.revision, reverse=True)[: KEPT_REVISIONS + 1]
    kept = [*newest, *(each for each in replica_sets if each.live)]
    return frozenset[str]().union(*(each.config_maps for each in kept))
