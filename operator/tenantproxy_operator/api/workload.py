"""The models of the parts of `spec` that are about pods: how many, how large, where, and what else they carry."""

import re
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from tenantproxy_operator.api.fields import Bytes, Cpu, Model, Schema, Text, Verbatim, cel, invalid
from tenantproxy_operator.api.labels import MANAGED_BY, SELECTOR_KEYS
from tenantproxy_operator.api.names import OWN_PREFIX, ObjectName
from tenantproxy_operator.api.quantities import parse_amount

MOST_REPLICAS: Final = 100


class Autoscaling(Model):
    """The number of proxies, by CPU utilization."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.minReplicas <= self.maxReplicas",
                    "is more than maxReplicas; lower it, or raise maxReplicas",
                    path=".minReplicas",
                )
            ]
        }
    )

    min_replicas: int = Field(default=2, ge=1, le=MOST_REPLICAS, description="Minimum number of proxies.")
    max_replicas: int = Field(ge=1, le=MOST_REPLICAS, description="Maximum number of proxies.")
    target_cpu_utilization: int = Field(
        default=70,
        ge=1,
        le=1000,
        alias="targetCPUUtilization",
        description="Target average CPU utilization of the proxies, in percent of their CPU request.",
    )

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise invalid("has `minReplicas` above `maxReplicas`; lower the one, or raise the other")
        return self


class Amounts(Model):
    """Amounts of what a node has."""

    cpu: Cpu | None = Field(default=None, description="Cores, such as 1, 0.5 (in quotes) or 500m.")
    memory: Bytes | None = Field(default=None, description="Bytes of memory, such as 96Mi or 1Gi.")
    ephemeral_storage: Bytes | None = Field(
        default=None,
        alias="ephemeral-storage",
        description="Bytes of the node's disk, such as 64Mi. A proxy writes nothing but its log there.",
    )


_RESOURCES: Final = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "ephemeral__dash__storage"}
"""What there are amounts of, and how CEL writes it."""


def _request_within_limit(name: str) -> Schema:
    request, limit = f"self.requests.{_RESOURCES[name]}", f"self.limits.{_RESOURCES[name]}"
    return cel(
        f"!has(self.requests) || !has(self.limits) || !has({request}) || !has({limit})"
        f" || quantity(string({request})).compareTo(quantity(string({limit}))) <= 0",
        f"requests more {name} than the limit; lower requests.{name}, or raise limits.{name}",
    )


class Resources(Model):
    """Resources of one proxy."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [_request_within_limit(name) for name in _RESOURCES]}
    )

    requests: Amounts | None = Field(
        default=None, description="What is reserved for a proxy. What is missing here is taken from limits."
    )
    limits: Amounts | None = Field(
        default=None,
        description="What a proxy can use at most: beyond the CPU limit it is throttled, beyond the memory limit "
        "it is OOM killed and restarted.",
    )

    @property
    def requested_cpu(self) -> str | None:
        """The CPU that is requested; where only a limit is given, Kubernetes requests as much."""
        amounts = (self.requests, self.limits)
        return next((each.cpu for each in amounts if each is not None and each.cpu is not None), None)

    @model_validator(mode="after")
    def _check_requests(self) -> Self:
        requests, limits = (
            {} if amounts is None else amounts.model_dump(by_alias=True, exclude_none=True)
            for amounts in (self.requests, self.limits)
        )
        for name in requests.keys() & limits.keys():
            if parse_amount(requests[name]) > parse_amount(limits[name]):
                raise invalid(
                    f"requests more {name} than the limit; lower `requests.{name}`, or raise `limits.{name}`"
                )
        return self


_LABEL_KEY: Final = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)
_LONGEST_KEY: Final = 253 + len("/") + 63
_KEY_PROBLEM: Final = "is not the key of a label or an annotation; write NAME or DOMAIN/NAME"
_OUR_PREFIXES: Final = (OWN_PREFIX, "prometheus.io/")
_OUR_LABELS: Final = (*SELECTOR_KEYS, MANAGED_BY)
_OURS: Final = "which the operator sets itself; remove it"


def _check_key(key: str) -> str:
    if len(key) > _LONGEST_KEY or not re.fullmatch(_LABEL_KEY, key):
        raise invalid(f"has the key `{key[:_LONGEST_KEY]}`, which {_KEY_PROBLEM}")
    return key


LabelKey = Annotated[str, AfterValidator(_check_key)]


def _check_keys(values: dict[str, str]) -> dict[str, str]:
    for key in values:
        _check_key(key)
    return values


def _check_not_ours(values: dict[str, str]) -> dict[str, str]:
    for key in values:
        if key.startswith(_OUR_PREFIXES):
            raise invalid(f"has the key `{key}`, {_OURS}")
    return values


def _check_no_label_of_ours(values: dict[str, str]) -> dict[str, str]:
    for key in _OUR_LABELS:
        if key in values:
            raise invalid(f"has the key `{key}`, {_OURS}")
    return values


_KEYS_RULE: Final = cel(
    f"self.all(key, size(key) <= {_LONGEST_KEY} && key.matches(r'{_LABEL_KEY}'))", f"has a key that {_KEY_PROBLEM}"
)
_NOT_OURS_RULE: Final = cel(
    "self.all(key, " + " && ".join(f"!key.startsWith('{prefix}')" for prefix in _OUR_PREFIXES) + ")",
    f"has a key that begins with {' or '.join(_OUR_PREFIXES)}, {_OURS}",
)
_NO_LABEL_OF_OURS_RULE: Final = cel(
    " && ".join(f"!('{key}' in self)" for key in _OUR_LABELS),
    f"has one of the keys {', '.join(_OUR_LABELS)}, {_OURS}",
)

LabelValue = Annotated[
    str,
    Text(
        pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
        problem="is not a label's value; use letters, digits, -, _ and ., with a letter or digit at both ends",
        longest=63,
    ),
]
AnnotationValue = Annotated[str, Field(max_length=4096)]


def _rules(*rules: Schema) -> dict[str, Any]:
    return {"x-kubernetes-validations": list(rules)}


class PodTemplate(Model):
    """Scheduling and additional metadata of the proxies' pods."""

    node_selector: Annotated[dict[str, LabelValue], AfterValidator(_check_keys)] = Field(
        default_factory=dict,
        max_length=16,
        description="Labels that a node must have.",
        json_schema_extra=_rules(_KEYS_RULE),
    )
    tolerations: list[Verbatim] = Field(
        default_factory=list,
        max_length=16,
        description="Tolerated node taints, as in a pod's spec.tolerations.",
    )
    affinity: Verbatim | None = Field(
        default=None, description="Affinity to nodes and pods, as in a pod's spec.affinity."
    )
    topology_spread_constraints: list[Verbatim] | None = Field(
        default=None,
        max_length=8,
        description="How the pods are spread, as in a pod's spec.topologySpreadConstraints. Without a "
        "labelSelector, a constraint applies to this proxy's pods. By default they are spread over nodes as far "
        "as possible; [] disables that.",
    )
    priority_class_name: ObjectName | None = Field(
        default=None, description="Name of the PriorityClass, which must exist."
    )
    annotations: Annotated[
        dict[str, AnnotationValue], AfterValidator(_check_keys), AfterValidator(_check_not_ours)
    ] = Field(
        default_factory=dict,
        max_length=32,
        description="Annotations of the pods. The prefixes proxy.hiiretail.com/ and prometheus.io/ are reserved "
        "for the operator.",
        json_schema_extra=_rules(_KEYS_RULE, _NOT_OURS_RULE),
    )
    labels: Annotated[
        dict[str, LabelValue],
        AfterValidator(_check_keys),
        AfterValidator(_check_not_ours),
        AfterValidator(_check_no_label_of_ours),
    ] = Field(
        default_factory=dict,
        max_length=32,
        description="Labels of the pods. The prefixes proxy.hiiretail.com/ and prometheus.io/, and "
        "app.kubernetes.io/name, instance, component and managed-by, are reserved for the operator.",
        json_schema_extra=_rules(_KEYS_RULE, _NOT_OURS_RULE, _NO_LABEL_OF_OURS_RULE),
    )
