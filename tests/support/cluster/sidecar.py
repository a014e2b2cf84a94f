"""The example of a proxy as a sidecar, in the namespace of the clients, which no test empties."""

import json
from pathlib import Path
from typing import Any, Final

import yaml

from support.cluster.cluster import Installation, wait_until

_EXAMPLE: Final = Path(__file__).parents[3] / "examples" / "sidecar" / "sidecar.yaml"
_KUBELET_SECONDS: Final = 120
"""Until a pod's files follow a Secret: the kubelet takes up to a minute and a half."""


class Sidecar:
    """An application that prints orders which it reads from a proxy in its own pod."""

    def __init__(self, installation: Installation) -> None:
        """Start it, and wait until it reads with the credential `first`."""
        self._cluster = installation.cluster
        self._namespace = installation.clients
        url = installation.run_oms("oms", "python", "/scripts/oms.py", namespace=self._namespace)
        config_map, self._secret, deployment = yaml.load_all(_EXAMPLE.read_text(), yaml.CSafeLoader)
        config = json.loads(config_map["data"]["config.json"])
        config["upstream"] |= {"url": url, "allowInsecure": True, "allowPrivateNetworks": True}
        config_map["data"]["config.json"] = json.dumps(config)
        pod = deployment["spec"]["template"]["spec"]
        for container in (*pod["initContainers"], *pod["containers"]):
            container["image"] = self._cluster.image
        for manifest in (config_map, self._secret, deployment):
            manifest["metadata"]["namespace"] = self._namespace
        self._cluster.apply(config_map, self._with("first"), deployment)
        self.wait_for("first")

    def change(self) -> None:
        """Change the Secret to the credential `second`."""
        self._cluster.apply(self._with("second"))

    def wait_for(self, credential: str) -> None:
        """Wait until it reads with a credential."""
        wait_until(
            lambda: f'"customerId":"{credential}"' in self.log(), within=_KUBELET_SECONDS, what=self._all_logs
        )

    def log(self) -> str:
        """Return what the application has printed."""
        return self._logs("--container=application")

    def restarts(self) -> list[int]:
        """Return how often the proxy was started again, in each pod."""
        found = self._cluster.get("pods", "--selector=app=orders", f"-n={self._namespace}")["items"]
        return [status["restartCount"] for pod in found for status in pod["status"]["initContainerStatuses"]]

    def _with(self, credential: str) -> dict[str, Any]:
        return {**self._secret, "stringData": {"username": credential, "password": f"{credential}-password"}}

    def _all_logs(self) -> str:
        return self._logs("--all-containers", "--prefix")

    def _logs(self, *options: str) -> str:
        return self._cluster.kubectl("logs", "deployment/orders", f"-n={self._namespace}", *options)
