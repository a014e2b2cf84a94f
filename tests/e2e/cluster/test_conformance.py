"""The kit as a Job in the cluster, from the same image: by one command, as docs/connect.md has it."""

import json
import re
import subprocess
from typing import Any

from support.cluster.cluster import Installation, wait_until
from support.commands import BIN

OPTIONS = ("--business-unit", "S-1", "--order", "CO-1001", "--customer", "111", "--requests", "5", "--json", "-")


def _ended(installation: Installation, job: str) -> dict[str, Any]:
    """Wait for the end of a Job; return its status."""

    def status() -> dict[str, Any]:
        found: dict[str, Any] = installation.cluster.get(job, f"-n={installation.namespace}")["status"]
        return found

    wait_until(
        lambda: not status().keys().isdisjoint({"succeeded", "failed"}),
        within=120,
        what=lambda: f"{job}: {status()}",
    )
    return status()


def _begin(installation: Installation, name: str) -> str:
    """Run the Job for a tenant; return it."""
    deployment = json.dumps(installation.cluster.get(f"deployment/{name}-proxy", f"-n={installation.namespace}"))
    command = (BIN / "tenantproxy-operator", "conformance-job", *OPTIONS)
    manifest = subprocess.run(command, input=deployment, capture_output=True, text=True, check=True).stdout
    return installation.cluster.kubectl("create", "-f-", "-oname", stdin=manifest).strip()


def _end(installation: Installation, job: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Wait for the end of a Job; return its status and its report."""
    cluster, place = installation.cluster, f"-n={installation.namespace}"
    status = _ended(installation, job)
    # What it will do is in the log, too, and its progress, whose last lines may come among those of the report.
    log = re.sub(r"^\[ *\d+/\d+\] .*\n", "", cluster.kubectl("logs", job, place), flags=re.MULTILINE)
    report: dict[str, Any] = json.loads(log[log.index("\n{\n") :])
    cluster.kubectl("delete", job, place, "--timeout=60s")
    return status, report


def test_a_job(installation: Installation) -> None:
    """A tenant whose OMS is right passes; one whose credential is wrong fails, and the log says where."""
    cluster = installation.cluster
    url = installation.run_oms("oms-conformance")
    for name, password in (("right", "not-a-secret-acme"), ("wrong", "not-the-password")):
        cluster.apply(
            installation.secret(name, username="acme", password=password), installation.tenant(name, url)
        )
    for name in ("right", "wrong"):
        installation.wait(name)
    right, wrong = (_begin(installation, name) for name in ("right", "wrong"))
    status, report = _end(installation, right)
    assert (status.get("succeeded"), report["counts"]["failed"]) == (1, 0)
    assert report["url"] == url
    assert report["counts"]["passed"] > 20
    status, report = _end(installation, wrong)
    failed = [result["id"] for result in report["results"] if result["status"] == "failed"]
    assert (status.get("failed"), failed) == (1, ["auth.accepted"])
