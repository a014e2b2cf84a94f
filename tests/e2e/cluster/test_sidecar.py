"""The proxy as a sidecar, as examples/sidecar shows it: no operator, no Kubernetes API."""

import json
from pathlib import Path

import pytest
import yaml

from support.cluster.cluster import Cluster, Installation, wait_until

EXAMPLE = Path(__file__).parents[3] / "examples" / "sidecar" / "sidecar.yaml"


@pytest.mark.usefixtures("starting_keycloak")  # it starts while this waits for the kubelet
def test_application_reads_on_localhost(installation: Installation) -> None:
    """The example's application prints orders that it reads from its own pod; a changed Secret gets into use."""
    cluster, namespace = installation.cluster, installation.namespaces[1]
    url = installation.run_oms("oms", "python", "/scripts/oms.py", namespace=namespace)
    config_map, secret, deployment = yaml.safe_load_all(EXAMPLE.read_text())
    config = json.loads(config_map["data"]["config.json"])
    config["upstream"] |= {"url": url, "allowInsecure": True, "allowPrivateNetworks": True}
    config_map["data"]["config.json"] = json.dumps(config)
    pod = deployment["spec"]["template"]["spec"]
    for container in (*pod["initContainers"], *pod["containers"]):
        container["image"] = cluster.image
    for manifest in (config_map, secret, deployment):
        manifest["metadata"]["namespace"] = namespace
    secret["stringData"] = {"username": "first", "password": "first-password"}
    cluster.apply(config_map, secret, deployment)
    log = _Log(cluster, namespace)
    wait_until(lambda: '"customerId":"first"' in log.application(), what=log.all)
    secret["stringData"] = {"username": "second", "password": "second-password"}
    cluster.apply(secret)
    # The kubelet takes up to a minute and a half.
    wait_until(lambda: '"customerId":"second"' in log.application(), within=120, what=log.all)
    assert "HTTP Error" not in log.application()
    (found,) = cluster.get("pods", "--selector=app=orders", f"-n={namespace}")["items"]
    assert [status["restartCount"] for status in found["status"]["initContainerStatuses"]] == [0]


class _Log:
    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._command = ("logs", "deployment/orders", f"-n={namespace}")
        self._cluster = cluster

    def application(self) -> str:
        return self._cluster.kubectl(*self._command, "--container=application")

    def all(self) -> str:
        return self._cluster.kubectl(*self._command, "--all-containers", "--prefix")
