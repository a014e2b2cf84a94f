"""Helm, run as users do but without any user's settings; and the project's chart."""

import contextlib
import os
import re
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from support.apiserver.server import ApiServer
from support.operator.process import OperatorProcess
from support.waiting import until

ROOT: Final = Path(__file__).parents[3]
CHART: Final = ROOT / "charts" / "tenantproxy"
RELEASE: Final = "tenantproxy"
NAMESPACE: Final = "tenantproxy-system"
KUBERNETES: Final = "1.36.3"
"""What `helm template` is told; else it is that of Helm's own library."""
_SECONDS: Final = 60.0


class HelmError(Exception):
    """Helm refused; the message is what it said."""


class Helm:
    """The command, at one cluster or at none."""

    def __init__(self, program: Path, home: Path, kubeconfig: Path | None = None) -> None:
        self._program = program
        own = {key: value for key, value in os.environ.items() if not key.startswith(("HELM", "KUBE", "XDG"))}
        self._environ = own | {"HOME": str(home), "KUBECONFIG": str(kubeconfig or home / "none")}

    def run(self, *args: str | Path, stdin: str = "", within: float = _SECONDS) -> str:
        """Run it; return what it printed.

        Raises:
            HelmError: It failed.

        """
        done = subprocess.run(
            (self._program, *args),
            env=self._environ,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=within,
        )
        if done.returncode != 0:
            raise HelmError(done.stderr)
        return done.stdout

    def template(
        self,
        *options: str | Path,
        values: Mapping[str, Any] | None = None,
        release: str = RELEASE,
        namespace: str = NAMESPACE,
    ) -> str:
        """Return the manifests of the chart.

        Raises:
            HelmError: It refused the values.

        """
        command = ("template", release, CHART, "--namespace", namespace, "--kube-version", KUBERNETES)
        return self.run(*command, "--values", "-", *options, stdin=yaml.safe_dump(dict(values or {})))

    def manifests(
        self,
        *options: str | Path,
        values: Mapping[str, Any] | None = None,
        release: str = RELEASE,
        namespace: str = NAMESPACE,
    ) -> list[dict[str, Any]]:
        """Return the same, parsed.

        Raises:
            HelmError: It refused the values.

        """
        rendered = self.template(*options, values=values, release=release, namespace=namespace)
        return [each for each in yaml.load_all(rendered, yaml.CSafeLoader) if each is not None]


def commands_of(notes: str) -> list[str]:
    """Return the commands of the chart's notes: what is indented, step by step."""
    steps = re.split(r"^\d\. .*$", notes, flags=re.MULTILINE)[1:]
    return ["\n".join(line[3:] for line in step.splitlines() if line.startswith("   ")) for step in steps]


class Release:
    """A release of the chart, in a namespace of its own."""

    def __init__(self, helm: Helm, server: ApiServer, kubernetes: Path) -> None:
        """Make the namespace; `kubernetes` is the directory of kubectl."""
        self.helm = helm
        self.server = server
        self._kubernetes = kubernetes
        self.namespace = f"ops-{uuid.uuid4().hex[:8]}"
        server.kubectl("create", "namespace", self.namespace)

    def install(self, *options: str, name: str = RELEASE, chart: Path = CHART) -> str:
        """Install it; return what Helm printed. Raises HelmError."""
        return self.helm.run("install", name, chart, "-n", self.namespace, *options)

    def upgrade(self, chart: Path, *options: str) -> str:
        """Upgrade it. Raises HelmError."""
        return self.helm.run("upgrade", RELEASE, chart, "-n", self.namespace, *options)

    def uninstall(self, name: str = RELEASE) -> str:
        """Uninstall it. Raises HelmError."""
        return self.helm.run("uninstall", name, "-n", self.namespace)

    def manifests(self) -> list[dict[str, Any]]:
        """Return what is installed, as Helm knows it."""
        said = self.helm.run("get", "manifest", RELEASE, "-n", self.namespace)
        return [each for each in yaml.load_all(said, yaml.CSafeLoader) if each is not None]

    def kubectl(self, *args: str | Path, stdin: str | None = None) -> str:
        """Run kubectl in its namespace. Raises KubectlError."""
        return self.server.kubectl("-n", self.namespace, *args, stdin=stdin)

    def shell(self, command: str) -> str:
        """Run a command line as a user pastes it; return all that it printed.

        Raises:
            AssertionError: It failed.

        """
        path = f"{self._kubernetes}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ("/bin/sh", "-euc", command),
            env=os.environ | {"PATH": path, "KUBECONFIG": str(self.server.admin_kubeconfig)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout

    def wait_for_crd(self) -> None:
        """Wait until TenantProxies can be made."""
        path = "/apis/proxy.hiiretail.com/v1alpha1/tenantproxies"
        until(lambda: self.server.try_kubectl("get", "--raw", path)[0] == 0)

    def wait_for(self, *resources: str) -> None:
        """Wait until they exist."""
        until(lambda: self.server.try_kubectl("-n", self.namespace, "get", *resources)[0] == 0)

    @contextlib.contextmanager
    def operator(self, folder: Path) -> Iterator[OperatorProcess]:
        """Run the operator with the arguments and the rights of its Deployment, as a process of this machine."""
        (deployment,) = (each for each in self.manifests() if each["kind"] == "Deployment")
        pod = deployment["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["args"][0] == "run"
        token = self.kubectl("create", "token", pod["serviceAccountName"]).strip()
        operator = OperatorProcess(
            # The address is for a pod, where nobody else listens.
            *(option for option in container["args"][1:] if not option.startswith("--admin=")),
            directory=folder,
            kubeconfig=self.server.kubeconfig(folder / "kubeconfig", token),
        )
        operator.start_ready()
        try:
            yield operator
        finally:
            operator.stop_if_running()

    def objects(self) -> set[str]:
        """Return what is there of the kinds that the chart has, as `kind/name`; without what Kubernetes makes."""
        kinds = "deployments,services,serviceaccounts,roles,rolebindings,networkpolicies,configmaps,clusterroles"
        kinds += ",validatingadmissionpolicies,validatingadmissionpolicybindings"
        lines = self.kubectl("get", kinds, "-l", "app.kubernetes.io/managed-by=Helm", "-o", "name").splitlines()
        groups = r"\.(rbac\.authorization|networking|admissionregistration)\.k8s\.io/"
        return {re.sub(groups, "/", line) for line in lines}

    def clean_up(self) -> None:
        """Remove what tests of a release leave in the cluster beside its namespace."""
        for name in self.helm.run("list", "--short", "-n", self.namespace).split():
            with contextlib.suppress(HelmError):
                self.uninstall(name)
        self.server.kubectl("delete", "crd", "tenantproxies.proxy.hiiretail.com", "--ignore-not-found")
