"""A real cluster by kubectl, and the chart installed in it: what the tests in tests/e2e/cluster share."""

import functools
import json
import os
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from support.apiserver.server import KubectlError
from support.cluster.restricted_pods import deployment, restricted_pod
from support.proxy import tokens
from support.tools.helm import CHART, RELEASE, Helm
from support.waiting import until

CRD: Final = "tenantproxies.proxy.hiiretail.com"
API: Final = "/api/v1/business-units/S-1"
ORDER: Final = f"{API}/customer-orders/CO-1001"
SEARCH: Final = f"{API}/customer-orders:search"
CONFIG: Final = "/api/v1/proxy-config"
OMS_PORT: Final = 8691
_RESTRICTED: Final = {"pod-security.kubernetes.io/enforce": "restricted"}
_SCRIPTS: Final = Path(__file__).parents[2] / "e2e" / "cluster" / "pods"
_SECONDS: Final = 300.0
_EPHEMERAL: Final = {"events", "events.events.k8s.io", "pods.metrics.k8s.io"}
"""What Kubernetes makes and removes by itself at any time."""


wait_until: Final = functools.partial(until, pause=0.3)
"""As `until`, but slower: each kubectl takes a tenth of a second of a core, and what is tested needs the cores."""


class Answer(NamedTuple):
    """What a pod got for a request."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.text)


class Cluster:
    """The cluster that `make e2e` has made ready: it sets KUBECONFIG and the E2E_ variables."""

    def __init__(self, folder: Path) -> None:
        self.image = os.environ["E2E_IMAGE"]
        self.host = os.environ["CLUSTER_HOST"]
        """The address at which pods reach the test's own processes."""
        self.keycloak = Path(os.environ["E2E_KEYCLOAK"])
        self.gateway = Path(os.environ["E2E_GATEWAY"])
        self.traefik = os.environ["E2E_TRAEFIK"]
        self.helm = Helm(Path(os.environ["E2E_HELM"]) / "helm", folder, Path(os.environ["KUBECONFIG"]))

    def kubectl(self, *args: str | Path, stdin: str | None = None) -> str:
        """Run kubectl; return what it printed.

        Raises:
            KubectlError: It failed.

        """
        command = ("kubectl", *map(str, args))
        done = subprocess.run(
            command, input=stdin or "", capture_output=True, text=True, check=False, timeout=_SECONDS
        )
        if done.returncode != 0:
            raise KubectlError(f"{' '.join(command)}: {done.stderr or done.stdout}")
        return done.stdout

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start a kubectl whose output can be read, and whose input can be ended, while it runs."""
        command = ("kubectl", *args)
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def on_node(self, script: str) -> str:
        """Run a shell script on the node, as root; return what it printed."""
        way = os.environ["CLUSTER_ON_NODE"]
        assert way, "this needs a way to the node: kind, or the source-built one, not the cluster of a KUBECONFIG"
        done = subprocess.run((*way.split(), "sh", "-euc", script), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, *args: str) -> Any:
        """Return what `kubectl get` shows, parsed. Raises KubectlError."""
        return json.loads(self.kubectl("get", "-ojson", *args))

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """Apply manifests as a user does; wait for the pods of Deployments. Raises KubectlError."""
        listed = {"apiVersion": "v1", "kind": "List", "items": manifests}
        self.kubectl("apply", "-f-", stdin=json.dumps(listed))
        for each in manifests:
            if each["kind"] == "Deployment":
                name, namespace = each["metadata"]["name"], each["metadata"]["namespace"]
                self.kubectl("rollout", "status", f"deployment/{name}", f"-n={namespace}", "--timeout=120s")

    def make_namespace(self, name: str) -> str:
        """Make a namespace that takes only pods of the kind `restricted`; return its name, which is unique."""
        unique = f"{name}-{uuid.uuid4().hex[:6]}"
        self.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": unique, "labels": _RESTRICTED}},
        )
        return unique

    def inventory(self, namespace: str) -> set[str]:
        """Return all objects of a namespace, as `kind/name`."""
        kinds = set(self.kubectl("api-resources", "--verbs=list", "--namespaced", "-oname").split()) - _EPHEMERAL
        return set(self.kubectl("get", ",".join(sorted(kinds)), f"-n={namespace}", "-oname").split())


class Installation:
    """The chart, the operator running, two namespaces for tenants, and a pod that sends requests."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.system = cluster.make_namespace("system")
        self.namespaces = (cluster.make_namespace("tenants"), cluster.make_namespace("others"))
        self.namespace = self.namespaces[0]
        self.clients = cluster.make_namespace("clients")

    def install(self, *options: str) -> None:
        """Install the chart, and start the pod that sends requests. Raises HelmError, KubectlError."""
        values = {
            "image": image_values(self.cluster.image),
            "watch": {"namespaces": list(self.namespaces)},
            "proxies": {"issuers": tokens.issuers(jwks=tokens.jwks())},
        }
        command = (
            "install",
            RELEASE,
            CHART,
            f"--namespace={self.system}",
            "--wait",
            "--timeout=120s",
            "--values=-",
        )
        self.cluster.helm.run(*command, *options, stdin=json.dumps(values), within=_SECONDS)
        self._add_scripts(self.clients)
        idle = ("python", "-c", "import signal; signal.sigwait([signal.SIGTERM])")
        self.cluster.apply(restricted_pod("client", self.clients, self.cluster.image, *idle, scripts=True))
        self.cluster.kubectl("wait", "--for=condition=Ready", "pod/client", f"-n={self.clients}", "--timeout=60s")

    def notes(self) -> str:
        """Return what Helm has printed after the installation."""
        return self.cluster.helm.run("get", "notes", RELEASE, f"--namespace={self.system}")

    def test(self) -> None:
        """Run `helm test`. Raises HelmError."""
        self.cluster.helm.run("test", RELEASE, f"--namespace={self.system}", "--logs", within=_SECONDS)

    def uninstall(self) -> None:
        """Uninstall the chart: tenants and the CRD stay. Raises HelmError."""
        command = ("uninstall", RELEASE, f"--namespace={self.system}", "--wait", "--timeout=120s")
        self.cluster.helm.run(*command, "--ignore-not-found", within=_SECONDS)

    def empty(self) -> None:
        """Remove what tests have made in the tenants' namespaces, as far as it is still there."""
        kinds = "deployments,replicasets,services,secrets"
        if self.cluster.kubectl("get", "crd", CRD, "--ignore-not-found", "-oname"):
            kinds = f"tenantproxies,{kinds}"
        there = self.cluster.kubectl("get", "namespace", *self.namespaces, "--ignore-not-found", "-oname").split()
        places = [f"-n={namespace.partition('/')[2]}" for namespace in there]
        for place in places:
            self.cluster.kubectl("delete", kinds, "--all", place, "--timeout=60s")
            # What would take 6 s to end as it should: test_load looks at how they do.
            self.cluster.kubectl("delete", "pods", "--all", place, "--grace-period=0", "--force")
        for place in places:
            wait_until(functools.partial(self._has_no_pods, place), within=90)

    def _has_no_pods(self, place: str) -> bool:
        return not self.cluster.get("pods", place)["items"]

    def clean_up(self) -> None:
        """Remove all of it from the cluster."""
        self.uninstall()
        self.cluster.kubectl("delete", f"crd/{CRD}", "--ignore-not-found", "--timeout=120s")
        namespaces = (self.system, *self.namespaces, self.clients)
        # They go by themselves, in a minute; test_uninstall sees one go.
        self.cluster.kubectl("delete", "namespace", *namespaces, "--ignore-not-found", "--wait=false")

    # ---- tenants and their OMS

    def run_oms(self, name: str, *command: str, namespace: str = "", env: Mapping[str, str] | None = None) -> str:
        """Run an OMS, the mock or by a command; return its base URL."""
        namespace = namespace or self.namespace
        self._add_scripts(namespace)
        command = command or ("tenantproxy", "mock-oms", "--host=0.0.0.0")
        pod = restricted_pod(name, namespace, self.cluster.image, *command, scripts=True, env=env, port=OMS_PORT)
        self.cluster.apply(*deployment(pod, port=OMS_PORT))
        return f"http://{name}.{namespace}.svc:{OMS_PORT}/api/v1"

    def tenant(self, name: str, url: str, *, namespace: str = "", **spec: Any) -> dict[str, Any]:
        """Return a TenantProxy whose OMS is inside the cluster; its tenant is `T-` and the name."""
        upstream = {"url": url, "allowInsecure": True, "allowPrivateNetworks": True}
        auth = {"tokenEndpoint": {"allowNetworks": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]}}
        own = {"upstream": upstream, "auth": auth, "access": {"admins": {"emails": [tokens.ADMIN_EMAIL]}}}
        return {
            "apiVersion": "proxy.hiiretail.com/v1alpha1",
            "kind": "TenantProxy",
            "metadata": {"name": name, "namespace": namespace or self.namespace},
            "spec": {"tenantId": f"T-{name}", **own, **spec},
        }

    def secret(self, name: str, *, namespace: str = "", **keys: str) -> dict[str, Any]:
        """Return a tenant's Secret."""
        metadata = {"name": f"{name}-credentials", "namespace": namespace or self.namespace}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": keys}

    def wait(self, name: str, condition: str = "Ready", *, namespace: str = "") -> None:
        """Wait until a tenant has a condition. Raises KubectlError."""
        where = f"-n={namespace or self.namespace}"
        self.cluster.kubectl("wait", f"--for=condition={condition}", f"tenantproxy/{name}", where, "--timeout=90s")
        if condition == "Ready":
            # A node's routes to a new Service follow a moment after its pods are ready.
            wait_until(lambda: self.read(name, namespace=namespace).status > 0)

    def change(self, name: str, spec: Mapping[str, Any]) -> None:
        """Change fields of a tenant's spec. Raises KubectlError."""
        patch = ("patch", f"tenantproxy/{name}", f"-n={self.namespace}", "--type=merge")
        self.cluster.kubectl(*patch, "-p", json.dumps({"spec": spec}))

    def wait_until_seen(self, name: str) -> None:
        """Wait until the operator has seen the newest spec of a tenant."""

        def seen() -> bool:
            found = self.cluster.get(f"tenantproxy/{name}", f"-n={self.namespace}")
            return bool(found["status"].get("observedGeneration") == found["metadata"]["generation"])

        wait_until(seen, within=60)

    def pods(self, name: str, *, namespace: str = "", ending: bool = False) -> list[dict[str, Any]]:
        """Return a tenant's proxy pods: those that are ending, or by default the others."""
        selector = f"--selector=app.kubernetes.io/instance={name},app.kubernetes.io/component=proxy"
        found = self.cluster.get("pods", selector, f"-n={namespace or self.namespace}")["items"]
        return [pod for pod in found if ("deletionTimestamp" in pod["metadata"]) is ending]

    # ---- requests

    def service(self, name: str, *, namespace: str = "") -> str:
        """Return the base URL of a tenant's Service."""
        return f"http://{name}-proxy.{namespace or self.namespace}.svc:8080"

    def send(self, *requests: Mapping[str, Any]) -> list[Answer]:
        """Have the client pod send requests, one after the other."""
        client = ("exec", "client", f"-n={self.clients}", "--", "python", "/scripts/client.py")
        answers = json.loads(self.cluster.kubectl(*client, json.dumps(requests)))
        return [Answer(each["status"], each["headers"], each["body"]) for each in answers]

    def read(self, name: str, *, namespace: str = "", order: str = "CO-1001") -> Answer:
        """Read an order by a tenant's Service, as one of its machine clients."""
        url = f"{self.service(name, namespace=namespace)}{API}/customer-orders/{order}"
        (answer,) = self.send({"method": "GET", "url": url, "headers": machine(name)})
        return answer

    def change_credential(self, name: str, kind: str, **config: str) -> Answer:
        """PUT a credential as the tenant's admin."""
        url = f"{self.service(name)}{CONFIG}"
        body = {"type": kind, "config": config}
        (answer,) = self.send({"method": "PUT", "url": url, "headers": admin(name), "json": body})
        return answer

    def wait_for_read(self, name: str, status: int, *, code: str = "", within: float = 30.0) -> None:
        """Wait until reading an order has a status, and its problem a code."""
        answers: list[Answer] = []

        def check() -> bool:
            answers.append(self.read(name))
            return answers[-1].status == status and (not code or answers[-1].body["code"] == code)

        wait_until(check, within=within, what=lambda: f"{name}: {answers[-1]}")

    def _add_scripts(self, namespace: str) -> None:
        data = {file.name: file.read_text() for file in _SCRIPTS.glob("*.py")}
        metadata = {"name": "scripts", "namespace": namespace}
        self.cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def machine(name: str) -> dict[str, str]:
    """Return the header of a machine client of the tenant of that name."""
    return tokens.bearer(tokens.machine_token(f"T-{name}"))


def admin(name: str) -> dict[str, str]:
    """Return the header of the admin of the tenant of that name."""
    return tokens.bearer(tokens.user_token(f"T-{name}", email=tokens.ADMIN_EMAIL))


def image_values(image: str) -> dict[str, str]:
    """Return the chart's values for an image."""
    repository, _, tag = image.rpartition(":")
    return {"repository": repository, "tag": tag}


def percentiles(values: Sequence[float], *shares: int) -> list[float]:
    """Return the values below which the shares (percent) of all are."""
    ordered = sorted(values)
    return [ordered[min(len(ordered) * share // 100, len(ordered) - 1)] for share in shares]
