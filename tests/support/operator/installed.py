"""An operator as the chart installs it, as far as a cluster's objects show it; its pod's ports are a process's."""

from typing import Final

from support.apiserver.kubelet import Kubelet
from support.operator.diagnoses import Engineer
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants
from tenantproxy_operator.doctor.findings import findings
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key

_NAME: Final = "tenantproxy-operator"
_LABELS: Final = {"app.kubernetes.io/name": _NAME}


class Home:
    """The operator's namespace."""

    def __init__(self, tenants: Tenants, kubelet: Kubelet) -> None:
        self._tenants = tenants
        self._kubelet = kubelet
        self._pods: list[Key] = []

    async def install(
        self, *options: str, process: OperatorProcess | None = None, ready: bool = True, name: str = f"{_NAME}-1"
    ) -> None:
        """Make what a chart makes of an operator, and its pod, whose metrics and log are those of a process."""
        container = {"name": "operator", "image": "x", "args": ["run", *options]}
        template = {"metadata": {"labels": _LABELS}, "spec": {"containers": [container]}}
        spec = {"selector": {"matchLabels": _LABELS}, "template": template}
        content = {"metadata": {"labels": _LABELS}, "spec": spec}
        await self._tenants.put(kinds.DEPLOYMENT, _NAME, content)
        await account(self._tenants)
        key = Key(self._tenants.namespace, name)
        port, log = (process.admin_port, lambda: process.log) if process else (1, str)
        await self._kubelet.run(key, port, labels=_LABELS, container="operator", ready=ready, log=log)
        self._pods.append(key)

    async def remove(self) -> None:
        """Let nothing of it be left."""
        await self._tenants.remove(kinds.DEPLOYMENT, _NAME)
        for key in self._pods:
            await self._kubelet.remove(key)
        self._pods.clear()


async def account(tenants: Tenants) -> None:
    """Make what a controller makes in each namespace, and each pod needs."""
    metadata = {"name": "default", "namespace": tenants.namespace}
    path = kinds.SERVICE_ACCOUNT.path(tenants.namespace)
    status, answer = await tenants.api.request("POST", path, {"metadata": metadata})
    assert status in (201, 409), answer


async def told_of_the_operator(engineer: Engineer, namespace: str) -> set[str]:
    """Return the names of what doctor finds about the operator, looking at the tenants of a namespace."""
    found = findings(await engineer.view(namespace))
    return {each.id for each in found if each.subject == "operator"}
