"""What a TenantProxy must not say about its pods and its route: refused by the models and by the API server."""

from typing import Any, Final

_TEMPLATE: Final = "spec.podTemplate"
_GATEWAY: Final[dict[str, Any]] = {"gatewayRef": {"name": "public"}}

BAD_WORKLOADS: Final[tuple[tuple[str, Any, str], ...]] = (
    ("spec.replicas", 0, "spec.replicas: is too small; use at least 1"),
    ("spec.replicas", 101, "spec.replicas: is too large; use at most 100"),
    ("spec.autoscaling", {}, "spec.autoscaling.maxReplicas: is missing; set it"),
    ("spec.autoscaling", {"maxReplicas": 101}, "spec.autoscaling.maxReplicas: is too large"),
    (
        "spec.autoscaling",
        {"maxReplicas": 1},
        "spec.autoscaling: has `minReplicas` above `maxReplicas`; lower the one",
    ),
    (
        "spec.autoscaling",
        {"maxReplicas": 3, "targetCpuUtilization": 70},
        "spec.autoscaling.targetCpuUtilization: is unknown; did you mean `targetCPUUtilization`?",
    ),
    (
        "spec.resources",
        {"requests": {"cpu": 0.5}},
        "spec.resources.requests.cpu: must be a string; put it in quotes",
    ),
    (
        "spec.resources",
        {"requests": {"cpu": True}},
        "spec.resources.requests.cpu: is not an amount of CPU; write cores",
    ),
    (
        "spec.resources",
        {"requests": {"cpu": "1 core"}},
        "spec.resources.requests.cpu: is not an amount of CPU; write cores",
    ),
    (
        "spec.resources",
        {"requests": {"cpu": -1}},
        "spec.resources.requests.cpu: is not an amount of CPU; write",
    ),
    (
        "spec.resources",
        {"limits": {"memory": "512m"}},
        "spec.resources.limits.memory: is not an amount of bytes; write a number and a unit",
    ),
    (
        "spec.resources",
        {"requests": {"memory": "1Gi"}, "limits": {"memory": "1G"}},
        "spec.resources: requests more memory than the limit; lower `requests.memory`",
    ),
    (
        "spec.resources",
        {"limits": {"nvidia.com/gpu": 1}},
        "spec.resources.limits.nvidia.com/gpu: is unknown; use `cpu`, `ephemeral-storage` or `memory`",
    ),
    (
        f"{_TEMPLATE}.nodeSelector",
        {"a b": "x"},
        f"{_TEMPLATE}.nodeSelector: has the key `a b`, which is not the key of a label",
    ),
    (
        f"{_TEMPLATE}.nodeSelector",
        {"gpu": True},
        f"{_TEMPLATE}.nodeSelector.gpu: must be a string; put it in quotes",
    ),
    (f"{_TEMPLATE}.labels", {"a": "-"}, f"{_TEMPLATE}.labels.a: is not a label's value; use letters"),
    (
        f"{_TEMPLATE}.labels",
        {"app.kubernetes.io/instance": "x"},
        f"{_TEMPLATE}.labels: has the key `app.kubernetes.io/instance`, which the operator sets itself",
    ),
    (
        f"{_TEMPLATE}.labels",
        {"proxy.hiiretail.com/canary": "true"},
        f"{_TEMPLATE}.labels: has the key `proxy.hiiretail.com/canary`, which the operator sets itself",
    ),
    (
        f"{_TEMPLATE}.annotations",
        {"prometheus.io/port": "1"},
        f"{_TEMPLATE}.annotations: has the key `prometheus.io/port`, which the operator sets itself",
    ),
    (f"{_TEMPLATE}.annotations", {"a": "x" * 4097}, f"{_TEMPLATE}.annotations.a: is too long; at most 4096"),
    (f"{_TEMPLATE}.tolerations", {}, f"{_TEMPLATE}.tolerations: must be a list"),
    (f"{_TEMPLATE}.tolerations", [{}] * 17, f"{_TEMPLATE}.tolerations: has 17 entries; at most 16"),
    (f"{_TEMPLATE}.affinity", [], f"{_TEMPLATE}.affinity: must be an object"),
    (f"{_TEMPLATE}.priorityClassName", "A", f"{_TEMPLATE}.priorityClassName: is not an object's name"),
    ("spec.route", {"hostnames": ["a.b"]}, "spec.route.gatewayRef: is missing; set it"),
    ("spec.route", {**_GATEWAY, "hostnames": []}, "spec.route.hostnames: has 0 entries; at least 1"),
    (
        "spec.route",
        {**_GATEWAY, "hostnames": ["https://a.b"]},
        "spec.route.hostnames[0]: is not a host's name; write one such as",
    ),
    (
        "spec.route",
        {**_GATEWAY, "hostnames": ["a.b", "a.b"]},
        "spec.route.hostnames: names something twice; remove one",
    ),
    ("spec.suspend", "yes", "spec.suspend: must be true or false"),
)
"""A dotted path, a bad value for it, and how the models' message begins."""
