"""A reconciler over the API in memory: watches tell at once, nobody sleeps, the clock moves when it is told to."""

import base64
import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from support.operator.fake_kubernetes import Change, FakeKubernetes, Ref, Thing
from support.operator.manifests import changed, minimal
from tenantproxy.config import Tenant
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.stores.kubernetes import FIELD_MANAGER as PROXY_MANAGER
from tenantproxy.credentials.stores.secret import Secret
from tenantproxy.kube.api import KubeError, StatusError
from tenantproxy_operator.api.labels import MANAGED_BY
from tenantproxy_operator.api.served_schema import ServedSchema
from tenantproxy_operator.cache.children import Children
from tenantproxy_operator.cache.controls import KINDS as CONTROL_KINDS
from tenantproxy_operator.cache.controls import Controls
from tenantproxy_operator.cache.followers import ControlFollower
from tenantproxy_operator.cache.secrets import SecretVersions
from tenantproxy_operator.cache.tenants import Tenants
from tenantproxy_operator.controller.reconciler import Reconciler
from tenantproxy_operator.controller.rollout import RolloutGate
from tenantproxy_operator.controller.workqueue import RetryError
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import TENANT_PROXY, Cluster
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.objects import Partial
from tenantproxy_operator.kube.workloads import Control, Deployment
from tenantproxy_operator.metrics import Metrics
from tenantproxy_operator.settings import Settings

NAMESPACE: Final = "tenants"
REVISION: Final = "deployment.kubernetes.io/revision"
_START: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_KINDS: Final = {kind.plural: kind for kind in kinds.CHILDREN}
_MOST_RECONCILES: Final = 1000
_deployment: Final = msgspec.json.Decoder(Deployment).decode
_control: Final = msgspec.json.Decoder(Control).decode
_partial: Final = msgspec.json.Decoder(Partial).decode


class World:
    """One namespace: what its users do, and what they see."""

    def __init__(self) -> None:
        self.api = FakeKubernetes()
        self.seconds = 0.0
        """What the clock says."""

    def now(self) -> str:
        """Return the time as the API server writes it."""
        return (_START + dt.timedelta(seconds=self.seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    # What users do

    def tenant(self, name: str = "acme", changes: Mapping[str, Any] | None = None) -> None:
        """Create the smallest TenantProxy, or change one: other values at dotted paths, `...` for none."""
        ref = ref_of(TENANT_PROXY.plural, name)
        manifest: Thing = self.api.objects.get(ref) or changed(minimal(), "spec.tenantId", f"T-{name}")
        for path, value in (changes or {}).items():
            manifest = changed(manifest, path, value)
        if ref in self.api.objects:
            self.api.write(ref, manifest, operation="Apply")
        else:
            self.api.write(ref, manifest | {"metadata": {"labels": {}} | manifest["metadata"]}, operation="Apply")

    def secret(self, name: str = "acme-credentials", **data: str) -> None:
        """Create a Secret, or set keys of one."""
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.api.write(ref_of("secrets", name), {"data": encoded})

    def admin_sets(self, password: str, name: str = "acme") -> None:
        """Set a credential as the tenant's proxy does on a PUT of its admin."""
        ref, spec = ref_of("secrets", f"{name}-credentials"), self.child(TENANT_PROXY.plural, name)["spec"]
        keeper = Tenant(id=spec["tenantId"], name=name, namespace=NAMESPACE)
        secret = Secret(json.dumps(self.api.objects[ref]).encode())
        document = secret.replaced(Basic(username="u", password=password), keeper)
        if document is not None:
            self.api.replace(ref, json.loads(document), manager=PROXY_MANAGER)

    def edit(self, plural: str, content: Thing, name: str = "") -> None:
        """Create an object, or set fields of one."""
        self.api.write(ref_of(plural, name or self.name_of(plural)), content)

    def delete(self, plural: str, name: str = "") -> None:
        """Delete an object."""
        self.api.delete(ref_of(plural, name or self.name_of(plural)))

    def pods(
        self,
        name: str = "acme",
        component: str = "proxy",
        *,
        ready: int = 2,
        updated: int = 2,
        stuck: str = "",
        refused: str = "",
    ) -> None:
        """Bring a Deployment forward, as its controller and the kubelets would."""
        ref = ref_of("deployments", f"{name}-{component}")
        conditions = [
            {"type": kind, "status": status, "message": message}
            for kind, status, message in (("Progressing", "False", stuck), ("ReplicaFailure", "True", refused))
            if message
        ]
        status = {"replicas": 2, "updatedReplicas": updated, "readyReplicas": ready, "conditions": conditions}
        status |= {"observedGeneration": self.api.objects[ref]["metadata"]["generation"]}
        self._replica_sets(ref.name, complete=updated == 2 and not stuck)
        self.api.set_status(ref, status)

    def _replica_sets(self, name: str, *, complete: bool) -> None:
        """Make a ReplicaSet for the Deployment's template; of the earlier ones, three stay."""
        deployment = self.api.objects[ref_of("deployments", name)]
        template = deployment["spec"]["template"]
        labels = template["metadata"]["labels"]
        sets = {
            ref: thing
            for ref, thing in self.api.objects.items()
            if ref.plural == "replicasets" and thing["metadata"]["labels"] == labels
        }
        revisions = {ref: int(thing["metadata"]["annotations"][REVISION]) for ref, thing in sets.items()}
        newest = max(revisions.values(), default=0)
        current = next((ref for ref, thing in sets.items() if thing["spec"]["template"] == template), None)
        if current is None or revisions[current] < newest:
            newest += 1
        current = current or ref_of("replicasets", f"{name}-{newest}")
        metadata = {"labels": labels, "annotations": {REVISION: str(newest)}}
        self.api.write(current, {"metadata": metadata, "spec": {"template": template, "replicas": 2}})
        earlier = sorted(sets.keys() - {current}, key=revisions.__getitem__)
        # Of a rollout that does not end, the last one before it has pods.
        serving = () if complete else [ref for ref in earlier if sets[ref]["spec"]["replicas"]][:1]
        for ref in earlier:
            if ref not in serving:
                self.api.write(ref, {"spec": {"replicas": 0}})
        for ref in earlier[:-3] if complete else ():
            self.api.delete(ref)

    def collect_garbage(self) -> None:
        """Delete what is owned by somebody that is gone."""
        there = {thing["metadata"]["uid"] for thing in self.api.objects.values()}
        for ref, thing in list(self.api.objects.items()):
            owners = thing["metadata"].get("ownerReferences", [])
            if owners and not any(owner["uid"] in there for owner in owners):
                self.api.delete(ref)

    def status_is(self, status: Thing, name: str = "acme") -> None:
        """Replace the status of a TenantProxy."""
        self.api.set_status(ref_of(TENANT_PROXY.plural, name), status)

    def shown(self, name: str, changes: Mapping[str, Any]) -> None:
        """Have the schema add or drop fields of a TenantProxy, by dotted paths."""
        ref = ref_of(TENANT_PROXY.plural, name)
        manifest: Thing = self.api.objects[ref]
        for path, value in changes.items():
            manifest = changed(manifest, path, value)
        self.api.show(ref, manifest["spec"])

    # What users see

    def name_of(self, plural: str, tenant: str = "acme") -> str:
        """Return the name of a child: of the ConfigMap that is mounted, of the newest revision."""
        if plural == "controllerrevisions":
            return [name for name in self.names(plural) if name.startswith(f"{tenant}-proxy-")][-1]
        if plural != "configmaps":
            return f"{tenant}-proxy"
        (name,) = (
            volume["configMap"]["name"]
            for volume in self.child("deployments", f"{tenant}-proxy")["spec"]["template"]["spec"]["volumes"]
            if volume["name"] == "config"
        )
        return str(name)

    def names(self, plural: str) -> list[str]:
        """Return the names of all objects of a kind, the newest last."""
        return [ref.name for ref in self.api.objects if ref.plural == plural]

    def exists(self, plural: str, name: str = "") -> bool:
        """Tell whether there is an object."""
        return ref_of(plural, name or self.name_of(plural)) in self.api.objects

    def child(self, plural: str, name: str = "") -> Thing:
        """Return an object."""
        return self.api.objects[ref_of(plural, name or self.name_of(plural))]

    def status(self, name: str = "acme") -> Thing:
        """Return the status of a TenantProxy; empty where there is none."""
        status: Thing = self.api.objects[ref_of(TENANT_PROXY.plural, name)].get("status", {})
        return status

    def condition(self, kind: str, name: str = "acme") -> tuple[str, str, str]:
        """Return status, reason and message of a condition."""
        (found,) = (each for each in self.status(name)["conditions"] if each["type"] == kind)
        return found["status"], found["reason"], found["message"]

    def reason(self, kind: str, name: str = "acme") -> str:
        """Return the reason of a condition."""
        return self.condition(kind, name)[1]

    def image(self, name: str = "acme") -> str:
        """Return the image of a tenant's proxies."""
        (container,) = self.api.objects[ref_of("deployments", f"{name}-proxy")]["spec"]["template"]["spec"][
            "containers"
        ]
        return str(container["image"])

    def events(self, name: str = "acme") -> list[tuple[str, str, str]]:
        """Return type, reason and note of the Events about a TenantProxy."""
        things = (thing for ref, thing in self.api.objects.items() if ref.plural == "events")
        return [
            (each["type"], each["reason"], each["note"]) for each in things if each["regarding"]["name"] == name
        ]

    def calls(self) -> list[str]:
        """Return the calls since the last time that this was asked."""
        calls, self.api.calls = self.api.calls, []
        return calls

    def writes(self) -> list[str]:
        """Return those of them that are no reads."""
        return [call for call in self.calls() if not call.startswith("GET")]


def refusing(beginning: str, status: int, reason: str = "", **more: Any) -> Callable[[str], KubeError | None]:
    """Return a fault: calls that begin so are answered with an error."""
    error = StatusError(status, reason, "these are its words", **more)
    return lambda call: error if call.startswith(beginning) else None


class Operator:
    """A reconciler with its caches, filled from what there is; another one is the operator after a restart."""

    def __init__(
        self,
        world: World,
        settings: Settings | None = None,
        *,
        optional_kinds: frozenset[str] = frozenset(),
        most_updating: int = 2,
    ) -> None:
        self.world = world
        self.queue: dict[Key, None] = {}
        self.retries: dict[Key, RetryError] = {}
        """What has to be tried again."""
        self.failures: dict[Key, int] = {}
        self.due: dict[Key, float] = {}
        """When there is something to do."""
        self.metrics = Metrics()
        self.tenants = Tenants(self.enqueue)
        self.secrets = SecretVersions()
        self.children = Children(self.enqueue)
        self.controls = Controls(self.enqueue, self._enqueue_all)
        self.followers = {
            kind: ControlFollower(kind, None, self.children, self.controls, lambda: None, lambda _: None)
            for kind in CONTROL_KINDS
        }
        self.rollout = RolloutGate(most_updating, self.enqueue)
        self.reconciler = Reconciler(
            Cluster(world.api),
            tenants=self.tenants,
            children=self.children,
            controls=self.controls,
            secrets=self.secrets,
            settings=settings or Settings(),
            rollout=self.rollout,
            metrics=self.metrics,
            clock=lambda: world.seconds,
            now=world.now,
        )
        self.reconciler.serve_kinds(optional_kinds)
        world.api.changes.clear()
        for ref, thing in world.api.objects.items():
            self._tell(Change(ref, thing, gone=False))
        self.rollout.expect(list(self.tenants))

    def enqueue(self, key: Key) -> None:
        self.queue[key] = None

    def _enqueue_all(self, namespace: str) -> None:
        for key in self.tenants:
            if key.namespace == namespace:
                self.enqueue(key)

    async def settle(self) -> None:
        """Reconcile until nothing is left to do now."""
        for _ in range(_MOST_RECONCILES):
            self.hear()
            if not self.queue:
                return
            key = next(iter(self.queue))
            del self.queue[key]
            await self._reconcile(key)
        raise AssertionError("it does not come to rest")

    async def retry(self) -> None:
        """Try again what failed, once its pause is over."""
        for key in self.retries:
            self.enqueue(key)
        await self.settle()

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.world.seconds += seconds
        for key in [key for key, due in self.due.items() if due <= self.world.seconds]:
            del self.due[key]
            self.enqueue(key)
        await self.settle()

    async def adopt(self, schema: ServedSchema) -> None:
        """Notice that the API server has another schema, as `OperatorManager` does."""
        self.reconciler.serve_schema(schema)
        for ref, thing in self.world.api.objects.items():
            if ref.plural == TENANT_PROXY.plural:
                self.tenants.on_list(thing)
                self.enqueue(Key(ref.namespace, ref.name))
        await self.settle()

    def hear(self) -> None:
        """Let the watches tell what has changed."""
        changes = self.world.api.changes
        while changes:
            self._tell(changes.pop(0))

    async def _reconcile(self, key: Key) -> None:
        try:
            later = await self.reconciler.reconcile(key, self.failures.get(key, 0))
        except RetryError as error:
            self.failures[key] = self.failures.get(key, 0) + 1
            self.retries[key] = error
        else:
            self.failures.pop(key, None)
            self.retries.pop(key, None)
            if later is not None:
                self.due[key] = self.world.seconds + later

    def _tell(self, change: Change) -> None:
        ref, thing, gone = change
        key = Key(ref.namespace, ref.name)
        if ref.plural == TENANT_PROXY.plural:
            if gone:
                self.tenants.remove(key, thing["metadata"]["uid"])
            elif not self.tenants.on_event(thing):
                return
            self.enqueue(key)
        elif (kind := _KINDS.get(ref.plural)) in self.followers:
            control = _control(json.dumps(thing))
            (self.followers[kind].on_delete if gone else self.followers[kind].on_upsert)(control)
        elif kind is not None:
            decoded: Deployment | Partial = (_deployment if kind is kinds.DEPLOYMENT else _partial)(
                json.dumps(thing)
            )
            labelled = MANAGED_BY in thing["metadata"].get("labels", {})
            if kind is kinds.SECRET:
                news = (self.secrets.remove if gone else self.secrets.put)(decoded.metadata)
                for tenant in self.tenants.referring_to(key) if news else ():
                    self.enqueue(tenant)
            if gone or not (labelled or kind is kinds.SECRET):
                self.children.remove(kind, decoded.metadata)
            else:
                self.children.put(kind, decoded)


def ref_of(plural: str, name: str) -> Ref:
    """Return the place of an object."""
    return Ref(plural, NAMESPACE, name)
