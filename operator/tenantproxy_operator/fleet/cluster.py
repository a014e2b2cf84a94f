"""What a cluster shows of the fleet: a few lists for each namespace, and the proxies' own metrics.

What a person may not see is told, and nothing fails because of it: rights are often to some of it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from tenantproxy.kube.api import METADATA, KubeError, StatusError, UnreachableError, decoded
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.api.labels import INSTANCE, selector
from tenantproxy_operator.api.names import POSLOG, PROXY, Component
from tenantproxy_operator.fleet import port_forward
from tenantproxy_operator.fleet.objects import Pod, TenantProxy
from tenantproxy_operator.fleet.view import Condition, Fleet, Replica, TenantView
from tenantproxy_operator.kube.client import TENANT_PROXY
from tenantproxy_operator.kube.kinds import Key, Kind, Manifest
from tenantproxy_operator.render.common import ADMIN_PORT, METRICS_PATH

POD: Final = Kind(api_version="v1", kind="Pod", plural="pods")
EVENT: Final = Kind(api_version="v1", kind="Event", plural="events")
"""Of the older of their two APIs: the one that the ClusterRole `view` is about."""


def _selector(component: Component) -> str:
    return ",".join(f"{key}={value}" for key, value in selector("", component=component).items() if value)


PROXIES: Final = _selector(PROXY)
RELAYS: Final = _selector(POSLOG)
"""The label selectors of all tenants' children."""
_PAGE: Final = 250
MOST_OBJECTS: Final = 20_000
"""Of one kind; further ones are left out, and that is told."""
_AT_ONCE: Final = 32
_ROUND: Final = 20.0
"""Seconds for the metrics of all proxies together; those that were not reached say so."""
_SCRAPE: Final = 5.0
"""Seconds for those of one."""
_CLOSED: Final = "forbidden; it needs `create` and `get` of pods/portforward"
_NOT_FOUND: Final = 404
_FORBIDDEN: Final = 403
_UNAUTHORIZED: Final = 401

T = TypeVar("T")


class _Served(msgspec.Struct):
    name: str = ""


class _Version(msgspec.Struct, rename="camel"):
    git_version: str = ""


class _Discovered(msgspec.Struct):
    resources: list[_Served] = []


@contextlib.contextmanager
def _at_first() -> Iterator[None]:
    """Say what to do where nothing can be seen, as the kubeconfig is of another cluster, or has expired."""
    try:
        yield
    except UnreachableError as error:
        raise UnreachableError(
            f"the API server can't be reached ({error}); see --kubeconfig, --context and `kubectl cluster-info`"
        ) from None
    except StatusError as error:
        if error.status != _UNAUTHORIZED:
            raise
        raise KubeError(
            f"the API server does not accept the kubeconfig's credential ({error}); log in anew"
        ) from None


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """Say what to do where the kubeconfig leads to something else than a cluster."""
    try:
        yield
    except KubeError as error:
        raise KubeError(
            f"what answers is no Kubernetes API server ({error}); see --kubeconfig, --context and "
            "`kubectl cluster-info`"
        ) from None


class ClusterReader:
    """Reads from one cluster; `problems` collects what could not be seen, and what would help."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._closed: set[str] = set()
        """Namespaces whose pods may not be connected to."""
        self._hidden: set[str] = set()
        """What may not be seen, so that nobody asks for it again."""
        self.problems: list[str] = []

    async def look(self, namespace: str | None) -> Fleet:
        """Return the tenants of a namespace, or of all (None), with the metrics of their proxies and relays.

        Raises:
            KubeError: The TenantProxies can't be listed.

        """
        self.problems, self._hidden = [], set()
        proxies = self.readable(await self.tenant_proxies(namespace), TenantProxy)
        pods = await self._pods(namespace, PROXIES)
        relay_pods = await self._pods(namespace, RELAYS) if any(map(_asks_for_relay, proxies)) else {}
        replicas = await self.replicas(
            [pod for pods_of in (pods, relay_pods) for each in pods_of.values() for pod in each]
        )

        def of(pods: Mapping[Key, Sequence[Pod]], proxy: TenantProxy) -> list[Replica]:
            return [replicas[pod.metadata.key] for pod in pods.get(proxy.metadata.key, ())]

        tenants = (
            _view(proxy, of(pods, proxy), of(relay_pods, proxy) if _asks_for_relay(proxy) else None)
            for proxy in proxies
        )
        return Fleet(tenants=tuple(sorted(tenants, key=lambda view: view.key)), problems=tuple(self.problems))

    # ---- lists

    async def tenant_proxies(self, namespace: str | None) -> list[Manifest]:
        """Return the TenantProxies of a namespace, or of all (None).

        Raises:
            KubeError: They can't be listed.

        """
        try:
            with _at_first():
                return await self._list(TENANT_PROXY, namespace, "")
        except StatusError as error:
            if error.status == _NOT_FOUND:
                await self._see_an_api_server()
            raise

    async def serves(self, kind: Kind) -> bool:
        """Tell whether the API server serves a kind. Raises KubeError."""
        try:
            with _at_first():
                answer = await self._client.request("GET", kind.root)
        except StatusError as error:
            if error.status != _NOT_FOUND:
                raise
            await self._see_an_api_server()
            return False
        with _understood():
            found = decoded(answer, _Discovered).resources
        if not found:
            await self._see_an_api_server()
        return any(each.name == kind.plural for each in found)

    async def _see_an_api_server(self) -> None:
        """See that it is one: what serves something else has no TenantProxies either. Raises KubeError."""
        with _understood():
            try:
                version = decoded(await self._client.request("GET", "/version"), _Version)
            except StatusError as error:
                if error.status == _FORBIDDEN:
                    return  # who knows of rights is one
                raise KubeError(str(error)) from None
            if not version.git_version:
                raise KubeError("it has no version")

    async def listed(self, kind: Kind, namespace: str | None, labels: str = "") -> list[Manifest]:
        """Return the objects of a kind with these labels; none, and a problem, where they may not be listed."""
        where = "in any namespace" if namespace is None else f"in {namespace}"
        found = await self._tried(f"{kind.plural} {where}", self._list(kind, namespace, labels))
        return found or []

    async def got(self, what: str, kind: Kind, key: Key, *, metadata_only: bool = False) -> Manifest | None:
        """Return an object; None where there is none, or, with a problem, where it may not be read."""
        if what in self._hidden:
            return None
        accept = METADATA if metadata_only else "application/json"
        path = kind.path(key.namespace, key.name)
        answer = await self._tried(what, self._client.request("GET", path, accept=accept))
        return None if answer is None else decoded(answer, Manifest)

    def readable(self, found: Iterable[Manifest], kind: type[T]) -> list[T]:
        """Return objects decoded as `kind`, but those that can't be: each is a problem."""
        readable = []
        for raw in found:
            try:
                readable.append(msgspec.convert(raw, type=kind))
            except msgspec.ValidationError as error:
                metadata = raw.get("metadata") or {}
                self.tell(f"can't read {raw.get('kind', 'object')} {metadata.get('name', '')}: {error}")
        return readable

    # ---- pods

    async def _pods(self, namespace: str | None, labels: str) -> dict[Key, list[Pod]]:
        """Return pods with these labels, by their tenants."""
        pods: dict[Key, list[Pod]] = {}
        for pod in self.readable(await self.listed(POD, namespace, labels), Pod):
            pods.setdefault(Key(pod.metadata.namespace, pod.metadata.labels.get(INSTANCE, "")), []).append(pod)
        return pods

    async def replicas(self, pods: Iterable[Pod]) -> dict[Key, Replica]:
        """Return processes, by their pods, with their metrics where they can be read in time."""
        self._closed = set()
        tasks = {pod.metadata.key: (pod, asyncio.create_task(self._replica(pod))) for pod in pods}
        if tasks:
            await asyncio.wait([task for _, task in tasks.values()], timeout=_ROUND)
        found = {}
        for key, (pod, task) in tasks.items():
            late = Replica(name=key.name, ready=pod.ready, problem=f"not reached within {_ROUND:g} s")
            found[key] = task.result() if task.done() else late
            task.cancel()
        return found

    async def _replica(self, pod: Pod) -> Replica:
        """Return a pod, with its metrics where they can be read."""
        name, ready = pod.metadata.name, pod.ready
        if not pod.runs:
            return Replica(name=name, ready=False, problem="its container does not run")
        async with self._places:
            if pod.metadata.namespace in self._closed:
                return Replica(name=name, ready=ready, problem=_CLOSED)
            try:
                answer = await self.ask(pod, ADMIN_PORT, METRICS_PATH, within=_SCRAPE)
            except KubeError as error:
                return Replica(name=name, ready=ready, problem=self._why_not(pod, error))
        if answer.status != 200:  # noqa: PLR2004 - HTTP
            return Replica(name=name, ready=ready, problem=f"its {METRICS_PATH} answered {answer.status}")
        return Replica(name=name, ready=ready, metrics=answer.body)

    def _why_not(self, pod: Pod, error: KubeError) -> str:
        if not isinstance(error, StatusError) or error.status != _FORBIDDEN:
            return f"its metrics can't be read: {error}"
        namespace = pod.metadata.namespace
        self._closed.add(namespace)
        self.tell(f"can't see the metrics of pods in {namespace}: {_CLOSED}")
        return _CLOSED

    async def ask(self, pod: Pod, port: int, path: str, **more: Any) -> port_forward.Answer:  # noqa: ANN401 - its own
        """Return a pod's answer to one request; see `port_forward.ask`. Raises KubeError."""
        return await port_forward.ask(self._client, pod.metadata.key, port, path, **more)

    async def log(self, pod: Pod, container: str, *, lines: int, size: int, previous: bool = False) -> str:
        """Return the end of a container's log; empty where there is none, or, with a problem, it is hidden."""
        query = {"container": container, "tailLines": str(lines), "limitBytes": str(size)}
        query |= {"previous": "true"} if previous else {}
        path = f"{POD.path(*pod.metadata.key)}/log"
        call = self._client.request("GET", path, query=query, accept="*/*")
        answer = await self._tried(f"logs of pods in {pod.metadata.namespace}", call, and_ignore=True)
        return (answer or b"").decode(errors="replace")

    # ---- how

    async def _list(self, kind: Kind, namespace: str | None, labels: str) -> list[Manifest]:
        query = {"labelSelector": labels} if labels else {}
        found: list[Manifest] = []
        async for page in self._client.pages(kind.path(namespace), query=query, size=_PAGE):
            found += [decoded(item, Manifest) for item in page.items or ()]
            if len(found) >= MOST_OBJECTS:
                self.tell(f"only the first {MOST_OBJECTS} {kind.plural} were read; name a --namespace")
                break
        return found

    async def _tried(self, what: str, call: Awaitable[T], *, and_ignore: bool = False) -> T | None:
        """Return what a call does; None, and a problem, where it may not be done. No such object is no problem."""
        try:
            async with self._places:
                return await call
        except StatusError as error:
            if error.status == _FORBIDDEN and what not in self._hidden:
                self._hidden.add(what)
                self.tell(f"can't see {what}: forbidden; {error.message}")
            elif error.status not in (_FORBIDDEN, _NOT_FOUND) and not and_ignore:
                self.tell(f"can't see {what}: {error}")
        except KubeError as error:
            self.tell(f"can't see {what}: {error}")
        return None

    def tell(self, problem: str) -> None:
        """Note what could not be seen, once."""
        if problem not in self.problems:
            self.problems.append(problem)


def _asks_for_relay(proxy: TenantProxy) -> bool:
    poslog = proxy.spec.get("poslog")
    return isinstance(poslog, dict) and poslog.get("enabled") is True


def _view(proxy: TenantProxy, replicas: Iterable[Replica], relays: Iterable[Replica] | None) -> TenantView:
    conditions = (
        Condition(type=each.type, status=each.status, reason=each.reason, message=each.message, since=each.since)
        for each in proxy.status.conditions
    )
    return TenantView(
        key=proxy.metadata.key,
        tenant_id=str(proxy.spec.get("tenantId", "")),
        suspended=proxy.spec.get("suspend") is True,
        conditions=tuple(conditions),
        replicas=tuple(replicas),
        relays=None if relays is None else tuple(relays),
    )
