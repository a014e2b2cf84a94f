"""Test pods that Pod Security's level `restricted` admits."""

from collections.abc import Mapping
from typing import Any


def restricted_pod(
    name: str,
    namespace: str,
    image: str,
    *command: str,
    scripts: bool = False,
    env: Mapping[str, str] | None = None,
    port: int | None = None,
) -> dict[str, Any]:
    """Return a pod that runs a command; it is ready when something listens at `port`.

    It has a /tmp of its own, and with `scripts` the ConfigMap of that name at /scripts.
    """
    container: dict[str, Any] = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - in the pod
    }
    spec: dict[str, Any] = {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    if scripts:
        container["volumeMounts"].append({"name": "scripts", "mountPath": "/scripts"})
        spec["volumes"].append({"name": "scripts", "configMap": {"name": "scripts"}})
    if port is not None:
        container["ports"] = [{"containerPort": port}]
        container["readinessProbe"] = {"tcpSocket": {"port": port}, "periodSeconds": 1}
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def deployment(pod: Mapping[str, Any], *, port: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a Deployment of one such pod, and a Service at its port; both have the pod's name."""
    metadata = {key: pod["metadata"][key] for key in ("name", "namespace")}
    labels = pod["metadata"]["labels"]
    template = {"metadata": {"labels": labels}, "spec": pod["spec"]}
    return (
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": port}]},
        },
    )
