"""Cyclonus, which says what NetworkPolicies mean, without a cluster."""

import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from support.tools.policy_cluster import Cluster, Peer
from support.tools.policy_flows import Flow

_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Verdicts:
    """What it says of a cluster's policies."""

    flows: dict[Flow, bool]
    findings: set[tuple[str, str]]
    """The linter's: its check, and the policy as `namespace/name`."""


def analyse(program: Path, cluster: Cluster, flows: Iterable[Flow], folder: Path) -> Verdicts:
    """Ask for each flow whether it passes, and for what the linter finds."""
    asked = tuple(flows)
    policies, traffic = folder / "policies.json", folder / "traffic.json"
    policies.write_text(
        json.dumps({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": cluster.policies})
    )
    traffic.write_text(json.dumps([_traffic(cluster, flow) for flow in asked]))
    done = subprocess.run(
        (
            *(program, "analyze", "--mode", "query-traffic,lint", "--simplify-policies=false"),
            *("--policy-path", policies, "--traffic-path", traffic),
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    answers, _, lint = done.stdout.partition("policy lint:\n")
    verdicts = re.findall(r"^\| IS ALLOWED\? +\| +(TRUE|FALSE) ", answers, re.MULTILINE)
    findings = re.findall(r"^\| \w+ +\| (Check\w+) .*\| (\S+) +\|$", lint, re.MULTILINE)
    assert len(findings) == lint.count("Check"), lint
    passes = (verdict == "TRUE" for verdict in verdicts)
    return Verdicts(flows=dict(zip(asked, passes, strict=True)), findings=set(findings))


def _traffic(cluster: Cluster, flow: Flow) -> dict[str, Any]:
    return {
        "Source": _peer(cluster.peer(flow.source)),
        "Destination": _peer(cluster.peer(flow.destination)),
        "ResolvedPort": flow.port,
        "Protocol": flow.protocol,
    }


def _peer(peer: Peer) -> dict[str, Any]:
    if not peer.namespace:
        return {"IP": peer.address}
    pod = {
        "Namespace": peer.namespace,
        "NamespaceLabels": {"kubernetes.io/metadata.name": peer.namespace},
        "PodLabels": peer.labels,
    }
    return {"IP": peer.address, "Internal": pod}
