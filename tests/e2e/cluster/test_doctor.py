"""`tenantproxy-operator doctor` in a real cluster, as somebody with `view` and the documented Role runs it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from support.cluster.cluster import Installation, wait_until
from support.cluster.restricted_pods import restricted_pod
from support.commands import BIN
from support.operator.diagnoses import documented_rights
from support.proxy import tokens
from tenantproxy_operator.manifests.writer import to_yaml

ACCOUNT: Final = "engineer"
RIGHT: Final = {"username": "acme", "password": "not-a-secret-acme"}


class Doctor(NamedTuple):
    """Runs the command with those rights."""

    installation: Installation
    kubeconfig: Path

    def run(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Return the exit status, and what it says to programs."""
        where = ("-n", self.installation.namespace, "--operator-namespace", self.installation.system)
        command = [str(BIN / "tenantproxy-operator"), "doctor", *arguments, *where, "--json"]
        command += ["--kubeconfig", str(self.kubeconfig)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, json.loads(done.stdout)

    def top(self) -> dict[str, dict[str, Any]]:
        """Return what `top` shows of each tenant, with the same rights."""
        command = [str(BIN / "tenantproxy-operator"), "top", "-n", self.installation.namespace, "--once", "--json"]
        command += ["--interval", "1", "--kubeconfig", str(self.kubeconfig)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return {each["tenant"]: each for each in json.loads(done.stdout)["tenants"]}

    def named(self, *arguments: str) -> set[str]:
        """Return the names of what it finds."""
        return {each["id"] for each in self.run(*arguments)[1]["findings"]}


@pytest.fixture
def doctor(installation: Installation, tmp_path: Path) -> Iterator[Doctor]:
    """Give somebody the rights, and a kubeconfig."""
    cluster, home = installation.cluster, installation.namespace
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": home}
    made: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": home}}
    ]
    for namespace in (home, installation.system):
        (role,) = documented_rights(namespace)
        made.append(role)
        for kind, name in (("ClusterRole", "view"), ("Role", role["metadata"]["name"])):
            made.append(
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "RoleBinding",
                    "metadata": {"name": f"{ACCOUNT}-{name}", "namespace": namespace},
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
                    "subjects": [subject],
                }
            )
    cluster.kubectl("apply", "-f-", stdin=to_yaml(made))
    token = cluster.kubectl("create", "token", ACCOUNT, f"-n={home}").strip()
    config = json.loads(cluster.kubectl("config", "view", "--raw", "--flatten", "--minify", "-ojson"))
    for user in config["users"]:
        user["user"] = {"token": token}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    yield Doctor(installation, path)
    cluster.kubectl("delete", "-f-", "--wait=false", stdin=to_yaml(made))


def sick_pods(installation: Installation) -> list[dict[str, Any]]:
    """Return pods of the tenant `sick`, each with another defect, that real kubelets and schedulers meet."""
    labels = {
        "app.kubernetes.io/name": "tenantproxy",
        "app.kubernetes.io/component": "proxy",
        "app.kubernetes.io/instance": "sick",
    }
    found = []
    for name, command, changes in (
        ("image", ["tenantproxy"], {"image": "localhost/no-such-image:1", "imagePullPolicy": "Never"}),
        ("nowhere", ["tenantproxy"], {}),
        ("unmounted", ["tenantproxy"], {"env": [{"name": "A", "valueFrom": NO_SUCH_KEY}]}),
        ("config", ["tenantproxy", "serve", "--config", "/tmp/none"], {}),  # noqa: S108 - in the pod
        ("exits", ["python", "-c", "raise SystemExit(1)"], {}),
        ("memory", ["python", "-c", "b'x' * 2**30"], {"resources": {"limits": {"memory": "64Mi"}}}),
        ("probe", ["python", "-c", "import time; time.sleep(600)"], {"readinessProbe": PROBE}),
    ):
        pod = restricted_pod(f"sick-proxy-{name}", installation.namespace, installation.cluster.image, *command)
        pod["metadata"]["labels"] = labels
        pod["spec"]["containers"][0] |= {"name": "proxy", **changes}
        pod["spec"] |= {"nodeSelector": {"no": "such"}} if name == "nowhere" else {}
        found.append(pod)
    return found


NO_SUCH_KEY: Final = {"secretKeyRef": {"name": "no-such-secret", "key": "a"}}
PROBE: Final = {"httpGet": {"path": "/readyz", "port": 9090}, "periodSeconds": 1}
OF_PODS: Final = {
    *("image-not-pulled", "not-scheduled", "not-mounted", "config-refused", "exits", "out-of-memory"),
    "probe-fails",
}


def test_doctor_in_a_cluster(doctor: Doctor, tmp_path: Path) -> None:
    """What is well is, by the metrics and a trial; what is not is named, from real pods, proxies and Events."""
    installation = doctor.installation
    cluster, namespace = installation.cluster, installation.namespace
    cluster.apply(
        installation.secret("well", **RIGHT), installation.tenant("well", installation.run_oms("oms-well"))
    )
    cluster.apply(installation.tenant("sick", "https://oms.example", suspend=True), *sick_pods(installation))
    installation.wait("well")
    installation.wait_for_read("well", 200, within=10)

    shown = doctor.top()["well"]
    seen = (shown["level"], shown["readyReplicas"], shown["replicas"], shown["credential"], shown["circuit"])
    assert seen == ("fine", 2, 2, "accepted", "closed")

    token = tmp_path / "token"
    token.write_text(tokens.user_token("T-well", email=tokens.ADMIN_EMAIL))
    status, document = doctor.run("well", "--token-file", str(token))
    assert status == 0, document
    assert [each for each in document["findings"] if each["subject"].endswith("/well")] == []
    (tenant,) = document["tenants"]
    assert (tenant["proxies"], tenant["ready"]) == (2, 2)
    assert tenant["credential"].startswith("the credential was tried just now: accepted"), tenant
    assert all("annotations of Secrets" in each for each in document["unseen"]), document["unseen"]

    wait_until(lambda: doctor.named("sick") >= OF_PODS, within=60, what=lambda: str(doctor.run("sick")[1]))

    wrong = installation.change_credential("well", "basic", username="acme", password="not-a-secret-but-wrong")
    assert wrong.status == 204
    installation.wait_for_read("well", 502, code="upstream-rejected-credentials", within=10)
    status, document = doctor.run("well", "--token-file", str(token))
    assert status == 1
    assert document["findings"][0]["id"] == "upstream-rejected-credentials"
    assert document["findings"][0]["turn"] == "tenant admin"
    assert "another wrong login" in document["tenants"][0]["credential"]
    cluster.kubectl("delete", "pods", f"-n={namespace}", "-l", "app.kubernetes.io/instance=sick", "--wait=false")
