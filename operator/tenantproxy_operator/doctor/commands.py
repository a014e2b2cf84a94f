"""The commands that tell more of a trouble, or end it: templates for the tables, and what they are for a tenant.

`{name}`, `{namespace}` and `{secret}` are the tenant's, `{api}` is where its proxies serve, `{host}` and `{port}`
are its OMS's, and `{python}` runs where the proxy runs. Steps are separated by `; `.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from tenantproxy_operator.api.names import default_secret_name
from tenantproxy_operator.doctor.view import TenantView

_OF_THE_TENANT: Final = "-n {namespace} -l app.kubernetes.io/instance={name}"
DESCRIBE: Final = "kubectl describe tp/{name} -n {namespace}"
PODS: Final = f"kubectl describe pods {_OF_THE_TENANT}"
RELAYS: Final = f"{PODS},app.kubernetes.io/component=poslog"
LOGS: Final = f"kubectl logs {_OF_THE_TENANT} --prefix --tail=100"
PREVIOUS_LOGS: Final = f"kubectl logs {_OF_THE_TENANT} --prefix --previous"
_ADMIN: Final = """-H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json'"""
PUT: Final = f"curl -X PUT {_ADMIN} -d @credential.json '{{api}}/api/v1/proxy-config?validate=true'"
TRY: Final = f"curl -X PUT {_ADMIN} -d '{{{{}}}}' '{{api}}/api/v1/proxy-config?dryRun=true'"
TOKEN: Final = (
    'printf %s "$TOKEN" | cut -d. -f2 |'
    """ python3 -c 'print(__import__("base64").urlsafe_b64decode(input() + "==").decode())'"""
)
RESOLVE: Final = """{python} -c "print(__import__('socket').getaddrinfo('{host}', {port}))\""""
CONNECT: Final = """{python} -c "print(__import__('socket').create_connection(('{host}', {port}), 1))\""""
TLS: Final = "openssl s_client -connect {host}:{port} -servername {host}"
AUTH_URL: Final = "kubectl get secret {secret} -n {namespace} -o jsonpath='{{.data.authUrl}}' | base64 -d"
KEYS: Final = "kubectl describe secret {secret} -n {namespace}"
FLEET: Final = (
    "kubectl get tp -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,"
    "TENANT:.spec.tenantId,SECRET:.status.secretName"
)
_HOST: Final = re.compile(r"[A-Za-z0-9.:-]+")
_LOCAL_LOGS: Final = "the proxy's log, which `local` prints"
"""What stands for commands about a cluster, where there is none."""
_RESTART: Final = "kubectl rollout restart"
_LOCAL_RESTART: Final = "stop `local`, and start it anew"


def spec(*fields: str) -> str:
    """Return what shows a field of the spec."""
    return f"kubectl get tp/{{name}} -n {{namespace}} -o jsonpath='{{{{.spec.{'.'.join(fields)}}}}}'"


def logs_of(code: str) -> str:
    """Return what shows the lines of requests that met an error: each has the correlation id, and why."""
    return f"{LOGS} | grep '\"{code}\"'"


def change(field: str, value: str) -> str:
    """Return what gives a field of the spec another value, a JSON text."""
    patch = value
    for each in ("spec", *field.split("."))[::-1]:
        patch = f'{{{{"{each}": {patch}}}}}'
    return f"kubectl patch tp/{{name}} -n {{namespace}} --type=merge -p '{patch}'"


def filled(view: TenantView, text: str) -> str:
    """Return the steps for a tenant; under `local` those that need no cluster."""
    namespace, name = view.key
    host, port = _address(view.oms)
    in_its_pod = f"kubectl exec -n {namespace} deployment/{name}-proxy -- python"
    steps = text.format(
        name=name,
        namespace=namespace,
        secret=view.proxy.status.secret_name or default_secret_name(name),
        api=view.api,
        host=host,
        port=port,
        python="python3" if view.is_local else in_its_pod,
    ).split("; ")
    if view.is_local:
        steps = [_LOCAL_RESTART if step.startswith(_RESTART) else step for step in steps]
        steps = [step for step in steps if "kubectl" not in step] or [_LOCAL_LOGS]
    return "; ".join(steps)


def _address(url: str) -> tuple[str, int]:
    """Return the host and port of a URL, of which nobody knows who wrote it: they go into a shell."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
    except ValueError:
        host, port = "", 443
    return (host if _HOST.fullmatch(host) else "HOST"), port
