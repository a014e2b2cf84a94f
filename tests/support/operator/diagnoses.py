"""What `doctor` finds, with the rights that docs/operator.md says a platform engineer needs for it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from support.apiserver.server import ApiServer, service_account
from support.waiting import until
from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.api.names import GROUP
from tenantproxy_operator.doctor.examination import Examination
from tenantproxy_operator.doctor.finding import Finding
from tenantproxy_operator.doctor.findings import findings
from tenantproxy_operator.doctor.view import View
from tenantproxy_operator.fleet.cluster import ClusterReader
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.manifests.writer import to_yaml

ROOT: Final = Path(__file__).parents[3]
_VIEW: Final = "system:aggregate-to-view"
"""What the ClusterRole `view` is put together from, by a controller that does not run in these tests."""


def documented_rights(namespace: str) -> list[Manifest]:
    """Return the Role of docs/operator.md, in this namespace."""
    page = (ROOT / "docs/operator.md").read_text()
    (block,) = re.findall(
        r"^```yaml\n(apiVersion: rbac\S*\nkind: Role\nmetadata: \{name: tenantproxy-doctor.*?)^```",
        page,
        re.MULTILINE | re.DOTALL,
    )
    role: Manifest = yaml.load(block, yaml.CSafeLoader)
    return [role | {"metadata": {"name": role["metadata"]["name"], "namespace": namespace}}]


class Engineer:
    """A person with `view`, the chart's part of it, and the documented Role in some namespaces."""

    def __init__(
        self, api_server: ApiServer, namespaces: Sequence[str], *, account: str = "engineer", extra: bool = True
    ) -> None:
        """Give the rights; `extra`: those beyond `view`, too."""
        self.server = api_server
        self.namespaces = namespaces
        home = namespaces[0]
        subject = {"kind": "ServiceAccount", "name": account, "namespace": home}
        metadata = {"name": account, "namespace": home}
        made: list[Manifest] = [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
            _chart_view(),
        ]
        for namespace in namespaces:
            roles = documented_rights(namespace) if extra else []
            made += roles
            for role in (
                {"kind": "ClusterRole", "name": _VIEW},
                {"kind": "ClusterRole", "name": "tenantproxy-view"},
                *({"kind": "Role", "name": role["metadata"]["name"]} for role in roles),
            ):
                made.append(_binding(namespace, role, subject))
        api_server.kubectl("apply", "--server-side", "-f", "-", stdin=to_yaml(made))
        until(lambda: self._has_all(account, extra=extra))  # the API server takes a moment to know of roles
        command = ("create", "token", account, "--namespace", home, "--duration=8h")
        self.token = api_server.kubectl(*command).strip()

    def _has_all(self, account: str, *, extra: bool) -> bool:
        user = service_account(self.namespaces[0], account)
        wanted: list[tuple[str, ...]] = [("list", "pods"), ("list", f"tenantproxies.{GROUP}")]
        wanted += [("create", "pods", "--subresource=portforward")] if extra else []
        return all(
            self.server.try_kubectl("auth", "can-i", *each, f"--namespace={namespace}", f"--as={user}")[0] == 0
            for namespace in self.namespaces
            for each in wanted
        )

    async def view(self, namespace: str | None, *names: str) -> View:
        """Return what doctor sees."""
        access = KubeAccess(url=self.server.url, tls=self.server.tls, authorization=lambda: f"Bearer {self.token}")
        client = KubeClient(access)
        try:
            examination = Examination(ClusterReader(client), operator_namespace="tenantproxy-system")
            return await examination.of(namespace, names)
        finally:
            await client.close()

    async def findings(self, namespace: str, name: str) -> list[Finding]:
        """Return what doctor finds about a tenant, the worst first."""
        found = findings(await self.view(namespace, name))
        return [each for each in found if each.subject == f"{namespace}/{name}"]

    async def names(self, namespace: str, tenant: str) -> set[str]:
        """Return the names of what doctor finds about a tenant."""
        return {each.id for each in await self.findings(namespace, tenant)}


def _binding(namespace: str, role: dict[str, str], subject: dict[str, str]) -> Manifest:
    name = f"{subject['name']}-{role['name']}".replace(":", "-")
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io"} | role,
        "subjects": [subject],
    }


def _chart_view() -> Manifest:
    """Return what the chart adds to `view`."""
    rule: dict[str, Any] = {
        "apiGroups": ["proxy.hiiretail.com"],
        "resources": ["tenantproxies", "tenantproxies/status"],
        "verbs": ["get", "list", "watch"],
    }
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "tenantproxy-view"},
        "rules": [rule],
    }
