"""What Helm prints after an installation leads to the first order: its commands are run as they stand."""

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.commands import BIN, free_ports
from support.operator.local import running_local, write
from support.tools.daemons import Daemon, Watchdog
from support.tools.helm import Release, commands_of

_READY = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}


def _notes(release: Release, *options: str) -> str:
    release.install(*options)
    notes = release.helm.run("get", "notes", "tenantproxy", "-n", release.namespace)
    return notes.removeprefix("NOTES:\n")


def _manifests(command: str) -> list[dict[str, Any]]:
    found = re.search(r"<<'END'\n(.*)\nEND$", command, re.DOTALL)
    assert found is not None
    return list(yaml.safe_load_all(found[1]))


def _be_controller(release: Release, deployment: str, replicas: int = 2) -> None:
    """Say that the pods of a Deployment are there: nobody else does without a node."""
    generation = release.kubectl("get", f"deployment/{deployment}", "-o", "jsonpath={.metadata.generation}")
    counts = dict.fromkeys(_READY, replicas)
    condition = {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": ""}
    status = {"observedGeneration": int(generation), **counts, "conditions": [condition]}
    patch = json.dumps({"status": status})
    release.kubectl("patch", f"deployment/{deployment}", "--subresource=status", "--type=merge", "-p", patch)


def test_commands(release: Release, tmp_path: Path) -> None:
    """Each command does what its step says, in a namespace for restricted pods; the last one removes it all."""
    release.kubectl("label", "namespace", release.namespace, "pod-security.kubernetes.io/warn=restricted")
    rollout, make, wait, read, remove = commands_of(_notes(release))
    with pytest.raises(AssertionError, match="timed out"):
        release.shell(rollout.replace("--timeout=2m", "--timeout=1s"))
    _be_controller(release, "tenantproxy-operator")
    release.shell(rollout)

    printed = release.shell(make)
    assert "Warning" not in printed
    assert printed.count(" created") == len(_manifests(make)) == 4
    with release.operator(tmp_path):
        release.wait_for("deployment/first-proxy", "service/first-proxy")
        _be_controller(release, "first-proxy")
        printed = release.shell(wait)
    assert "tenantproxy.proxy.hiiretail.com/first condition met" in printed
    assert re.search(r"^first +CIR7nQwtS0rA6t0S6ejd +\S+ +True +Ready +True ", printed, re.MULTILINE)

    # What forwards a port needs a pod; the names and the port are those of the tenant's Service.
    assert f"port-forward -n {release.namespace} service/first-proxy 8080 &" in read
    assert release.kubectl("get", "service/first-proxy", "-o", "jsonpath={.spec.ports[*].port}") == "8080"

    release.shell(remove)
    left = release.kubectl("get", "tenantproxies,services,secrets,deployments", "-o", "name")
    ours = [name for name in left.split() if "first" in name and "first-proxy" not in name]
    assert ours == []  # the proxy's own go by garbage collection, for which nobody is there


async def test_first_order(release: Release, tmp_path: Path) -> None:
    """The mock OMS and the tenant of the notes, run as processes of this machine, answer with the order."""
    *_, make, _, read, _ = commands_of(_notes(release))
    oms, service, secret, tenant = _manifests(make)
    (container,) = oms["spec"]["template"]["spec"]["containers"]
    assert service["spec"]["ports"] == [{"port": 80, "targetPort": container["ports"][0]["containerPort"]}]
    url = tenant["spec"]["upstream"]["url"]
    assert url.startswith(f"http://{service['metadata']['name']}.{release.namespace}.svc/")
    (port,) = free_ports(1)
    tenant["spec"]["upstream"]["url"] = url.replace(url.split("/")[2], f"127.0.0.1:{port}")
    command = [str(BIN / container["command"][0]), *container["command"][1:], "--port", str(port)]
    watchdog = Watchdog()
    mock = Daemon(*command, log=tmp_path / "oms.log", watchdog=watchdog)
    try:
        async with running_local(
            write(tmp_path / "tenant.yaml", tenant, secret), state=tmp_path / "state"
        ) as local:
            ready = await local.event("ready")
            (asked,) = re.findall(r"^curl http://127.0.0.1:8080(/\S+)$", read, re.MULTILINE)
            with urllib.request.urlopen(ready["api"] + asked, timeout=10) as answer:  # noqa: ASYNC210, S310 - our own
                order = json.load(answer)["customerOrder"]
    finally:
        mock.stop()
        watchdog.close()
    assert order["customerOrderId"] == asked.rpartition("/")[2]


def test_all_namespaces(release: Release) -> None:
    """Where all namespaces are watched, the first tenant is in the one that every cluster has."""
    notes = _notes(release, "--set", "watch.allNamespaces=true")
    assert notes.startswith("The operator runs proxies for the TenantProxies of all namespaces.\n")
    assert "kubectl apply -n default -f -" in notes


def test_named_namespaces(release: Release) -> None:
    """Where others are watched, the first tenant is in one of them."""
    names = [f"{release.namespace}-{letter}" for letter in "ba"]
    for name in names:
        release.server.kubectl("create", "namespace", name)
    notes = _notes(release, "--set", f"watch.namespaces={{{','.join(names)}}}")
    assert f"for the TenantProxies of the namespaces {names[1]}, {names[0]}.\n" in notes
    assert f"kubectl apply -n {names[1]} -f -" in notes
