"""A Job that runs `tenantproxy conformance` where a tenant's proxies run: with their image, files and way out."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tenantproxy_operator.api.labels import INSTANCE, labels
from tenantproxy_operator.api.names import PROXY
from tenantproxy_operator.kube.kinds import Manifest

COMPONENT: Final = "conformance"
DEADLINE_SECONDS: Final = 900
"""For all of it: the image, the checks (300 s by default), and a report when it is told to end."""
_KEPT_SECONDS: Final = 24 * 3600
_GRACE_SECONDS: Final = 30
_OF_THE_POD: Final = (
    "affinity",
    "enableServiceLinks",
    "imagePullSecrets",
    "nodeSelector",
    "priorityClassName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
    "volumes",
)
_OF_THE_CONTAINER: Final = ("image", "imagePullPolicy", "resources", "securityContext", "volumeMounts")
"""What the Job has of the proxies; not their probes and ports: it serves nothing."""


def render_conformance_job(deployment: Mapping[str, Any], options: Sequence[str]) -> Manifest:
    """Return the Job for a tenant's Deployment, as the API server has it; `options` are those of the kit.

    Its pods have labels of their own: no Service must find them, and no NetworkPolicy of the proxies applies.

    Raises:
        ValueError: It is not the Deployment of a tenant's proxies.

    """
    try:
        metadata, spec = deployment["metadata"], deployment["spec"]["template"]["spec"]
        name, namespace = metadata["labels"][INSTANCE], metadata["namespace"]
        (proxy,) = (each for each in spec["containers"] if each["name"] == PROXY)
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            "is not the Deployment of a tenant's proxies; pipe one, by `kubectl get -o json`"
        ) from None
    own = labels(name, component=COMPONENT)
    files = ("--config", "/etc/tenantproxy/config.json", "--credentials", "/etc/tenantproxy/credentials")
    container = {
        "name": COMPONENT,
        "command": ["tenantproxy", "conformance", *files, *options],
        **{field: proxy[field] for field in _OF_THE_CONTAINER if field in proxy},
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "containers": [container],
        **{field: spec[field] for field in _OF_THE_POD if field in spec},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": f"{name}-{COMPONENT}-", "namespace": namespace, "labels": own},
        "spec": {
            "backoffLimit": 0,  # a second run would log in with a wrong secret a second time
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "template": {"metadata": {"labels": own}, "spec": pod},
        },
    }
