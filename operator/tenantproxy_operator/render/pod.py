"""The template of a pod: a proxy's, or a relay's."""

from collections.abc import Mapping
from typing import Any, Final

from tenantproxy_operator.api.labels import labels
from tenantproxy_operator.api.names import POSLOG, PROXY, Component, child_name, debug_name
from tenantproxy_operator.api.poslog import SECRET_KEYS
from tenantproxy_operator.api.upstream import CA_KEYS, CLIENT_CERTIFICATE_KEYS, FORWARD_PROXY_KEYS
from tenantproxy_operator.api.workload import PodTemplate
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import (
    ADMIN_PORT,
    ADMIN_PORT_NAME,
    API_PORT,
    API_PORT_NAME,
    METRICS_PATH,
    pod_selector,
)
from tenantproxy_operator.render.config_map import CONFIG_KEY, config_map_name
from tenantproxy_operator.render.params import Params

_COMMANDS: Final[Mapping[Component, tuple[str, ...]]] = {PROXY: ("serve",), POSLOG: ("poslog", "serve")}
_FILES: Final = "/etc/tenantproxy"
_USER: Final = 65532
"""Any but root; the group is given the mounted files (fsGroup), so that they need not be readable by all."""
_GROUP_READABLE: Final = 0o440

SLEEP_SECONDS: Final = 5
"""Seconds before SIGTERM, until endpoints no longer have the pod and nobody sends it new requests."""
GRACE_SECONDS: Final = 30
"""Seconds for that, and for the proxy's drain (10 s) with some to spare."""

_DEFAULT_RESOURCES: Final = {
    "requests": {"cpu": "100m", "memory": "96Mi"},
    "limits": {"memory": "512Mi"},  # none for CPU: idle CPU may be used
}

_ANNOTATIONS: Final = {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": str(ADMIN_PORT),
    "prometheus.io/path": METRICS_PATH,
}


def render_pod_template(params: Params) -> Manifest:
    """Return the template: what the operator sets, with the tenant's `podTemplate` around it."""
    wanted = params.resource.spec.pod_template or PodTemplate()
    return {
        "metadata": {
            "labels": wanted.labels | labels(params.resource.metadata.name, component=params.component),
            "annotations": wanted.annotations | _ANNOTATIONS,
        },
        "spec": _identity(params)
        | _placement(wanted, pod_selector(params))
        | {
            "containers": [_container(params)],
            "volumes": _volumes(params),
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            # A variable per Service of the namespace is of no use, and slows the start down where there are many.
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _USER,
                "runAsGroup": _USER,
                "fsGroup": _USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        },
    }


def _identity(params: Params) -> Manifest:
    """Return which ServiceAccount the pod has, whether it gets a token, and who lets the image be pulled.

    The account is named also where it is the namespace's own: to leave it out would leave an earlier one in place,
    since the API server copies it to a deprecated second field, which then stands for the first.
    """
    identity: Manifest = {
        "serviceAccountName": child_name(params.resource.metadata.name) if params.managed_by_tenant else "default",
        "automountServiceAccountToken": params.managed_by_tenant,
    }
    if names := params.settings.image_pull_secrets:
        identity["imagePullSecrets"] = [{"name": name} for name in names]
    return identity


def _placement(wanted: PodTemplate, selector: dict[str, str]) -> Manifest:
    """Return where the pod may run, with only what was said of it."""
    placement: Manifest = {}
    if constraints := _spread(wanted, selector):
        placement["topologySpreadConstraints"] = constraints
    if wanted.node_selector:
        placement["nodeSelector"] = dict(wanted.node_selector)
    if wanted.tolerations:
        placement["tolerations"] = list(wanted.tolerations)
    if wanted.affinity:
        placement["affinity"] = wanted.affinity
    if wanted.priority_class_name:
        placement["priorityClassName"] = wanted.priority_class_name
    return placement


def _spread(wanted: PodTemplate, selector: dict[str, str]) -> list[Manifest]:
    """Return the tenant's constraints; by default the proxies are on different nodes where that is possible."""
    constraints = wanted.topology_spread_constraints
    if constraints is None:
        constraints = [
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
        ]
    return [{"labelSelector": {"matchLabels": selector}} | constraint for constraint in constraints]


def _container(params: Params) -> Manifest:
    secret = ["--secret", params.resource.secret_name] if params.managed_by_tenant else []
    return {
        "name": params.component,
        "image": params.settings.proxy_image,
        "command": ["tenantproxy"],
        "args": [*_COMMANDS[params.component], *secret],
        "ports": [
            {"name": API_PORT_NAME, "containerPort": API_PORT, "protocol": "TCP"},
            {"name": ADMIN_PORT_NAME, "containerPort": ADMIN_PORT, "protocol": "TCP"},
        ],
        "resources": _resources(params),
        "volumeMounts": _mounts(params),
        "startupProbe": _probe("/healthz", period_seconds=1, failure_threshold=60),
        "readinessProbe": _probe("/readyz", period_seconds=2, failure_threshold=3),
        "livenessProbe": _probe("/healthz", period_seconds=10, failure_threshold=3),
        "lifecycle": {"preStop": {"sleep": {"seconds": SLEEP_SECONDS}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }


def _probe(path: str, *, period_seconds: int, failure_threshold: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": ADMIN_PORT_NAME},
        "periodSeconds": period_seconds,
        "timeoutSeconds": 3,
        "failureThreshold": failure_threshold,
    }


def _resources(params: Params) -> Manifest:
    resources = params.resources
    if resources is None:
        return dict(_DEFAULT_RESOURCES)
    return resources.model_dump(by_alias=True, exclude_none=True)


def _volumes(params: Params) -> list[Manifest]:
    resource = params.resource
    volumes = [
        {"name": "config", "configMap": {"name": config_map_name(params), "defaultMode": _GROUP_READABLE}},
        # Optional: without a credential the proxy answers so, instead of not being there.
        {"name": "credentials", "secret": _secret(resource.secret_name) | {"optional": True}},
    ]
    # Optional: it is there only while debug lines are wanted.
    debug = {"name": debug_name(resource.metadata.name), "defaultMode": _GROUP_READABLE, "optional": True}
    volumes.append({"name": "debug", "configMap": debug})
    if resource.ca_secret_name:
        volumes.append({"name": "ca", "secret": _secret(resource.ca_secret_name, CA_KEYS)})
    if name := params.settings.forward_proxy_secret_of(resource):
        # Optional: without it the forward proxy says that it wants one.
        secret = _secret(name, FORWARD_PROXY_KEYS) | {"optional": True}
        volumes.append({"name": "forward-proxy", "secret": secret})
    if resource.client_certificate_secret_name:
        secret = _secret(resource.client_certificate_secret_name, CLIENT_CERTIFICATE_KEYS)
        volumes.append({"name": "client-certificate", "secret": secret})
    if params.relay:
        # Optional, each of them: what is missing is told by the relay, and by the TenantProxy's status.
        volumes.append(
            {"name": "poslog", "secret": _secret(resource.secret_name, SECRET_KEYS) | {"optional": True}}
        )
    return volumes


def _secret(name: str, keys: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the volume of a Secret: of `keys` only, where there are any."""
    items = {"items": [{"key": key, "path": key} for key in keys]} if keys else {}
    return {"secretName": name, "defaultMode": _GROUP_READABLE} | items


def _mounts(params: Params) -> list[Manifest]:
    resource = params.resource
    mounts: list[Manifest] = [
        # One file, beside which the other directories have room.
        {"name": "config", "mountPath": f"{_FILES}/{CONFIG_KEY}", "subPath": CONFIG_KEY},
        {"name": "credentials", "mountPath": f"{_FILES}/credentials"},
        {"name": "debug", "mountPath": f"{_FILES}/debug"},
    ]
    if resource.ca_secret_name:
        mounts.append({"name": "ca", "mountPath": f"{_FILES}/tls/ca"})
    if resource.client_certificate_secret_name:
        mounts.append({"name": "client-certificate", "mountPath": f"{_FILES}/tls/client"})
    if params.settings.forward_proxy_secret_of(resource):
        mounts.append({"name": "forward-proxy", "mountPath": f"{_FILES}/forward-proxy"})
    if params.relay:
        mounts.append({"name": "poslog", "mountPath": f"{_FILES}/poslog"})
    return [mount | {"readOnly": True} for mount in mounts]
