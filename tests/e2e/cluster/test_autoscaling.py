"""A tenant grows under load and shrinks after it, by the cluster's own metrics, and no request fails."""

import json

from support.cluster.cluster import Installation, wait_until
from support.cluster.load import NO_LOSS, load

NAME = "acme"
AUTOSCALING = {"minReplicas": 1, "maxReplicas": 3, "targetCPUUtilization": 25}
"""A quarter of 100m, which a proxy requests by default: well below what the load takes, above what none takes."""
MUCH, LITTLE = 600, 2
"""Requests in a second: 140m to 220m on a fast machine, by 0.24 to 0.37 ms each (compiled, or not), where two
replicas may have 55m (their target and a tenth more); and 1m. A proxy without any takes 3m to 8m; 12m is too much.
"""
SOON = {
    "spec": {
        "behavior": {
            "scaleDown": {
                "stabilizationWindowSeconds": 0,
                "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}],
            }
        }
    }
}


def test_up_and_down(installation: Installation) -> None:
    """From one replica to three and back."""
    cluster, namespace = installation.cluster, installation.namespace
    tenant = installation.tenant(NAME, installation.run_oms("oms"), autoscaling=AUTOSCALING)
    credential = installation.secret(NAME, username="acme", password="not-a-secret-acme")
    cluster.apply(credential, tenant)
    installation.wait(NAME)
    hpa = (f"hpa/{NAME}-proxy", f"-n={namespace}")
    wait_until(lambda: len(installation.pods(NAME)) == 1, within=60)
    with load(installation, NAME, rate=MUCH) as under_load:
        wait_until(
            lambda: cluster.get(f"deployment/{NAME}-proxy", f"-n={namespace}")["status"].get("readyReplicas") == 3,
            within=150,
            what=lambda: cluster.kubectl("describe", *hpa),
        )
    assert under_load.outcome == NO_LOSS
    # Down after five minutes, as the operator has it: sooner where it leaves the HPA alone.
    installation.change(NAME, {"suspend": True})
    installation.wait_until_seen(NAME)
    cluster.kubectl("patch", *hpa, "--type=merge", "-p", json.dumps(SOON))
    with load(installation, NAME, rate=LITTLE) as afterwards:
        wait_until(
            lambda: len(installation.pods(NAME)) == 1,
            within=180,
            what=lambda: cluster.kubectl("describe", *hpa),
        )
        # Not Ready: the HPA is no longer as the spec says.
        installation.wait(NAME, "Available")
    assert afterwards.outcome == NO_LOSS
