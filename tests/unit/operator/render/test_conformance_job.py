"""The Job that runs the kit: what it has of a tenant's Deployment, and what it must not have."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from yaml import safe_load

from tenantproxy.cli.conformance import conformance_command
from tenantproxy_operator.cli.main import main
from tenantproxy_operator.render.conformance_job import DEADLINE_SECONDS, render_conformance_job

ACME = Path(__file__).parents[4] / "examples" / "acme.yaml"
OPTIONS = ("--business-unit", "store-1", "--order", "CO-1001", "--customer", "111")


def _objects() -> dict[str, Any]:
    """Return what the example becomes in a cluster, by kind; without its relay."""
    result = CliRunner().invoke(main, ["render", "-f", str(ACME), "-o", "json"])
    assert result.exit_code == 0
    found = [each for each in json.loads(result.stdout) if not each["metadata"]["name"].startswith("acme-poslog")]
    return {each["kind"]: each for each in found}


def test_it_runs_as_the_proxies_run() -> None:
    """Image, files, security and place are those of the proxies."""
    deployment = _objects()["Deployment"]
    pod, ours = deployment["spec"]["template"]["spec"], render_conformance_job(deployment, OPTIONS)["spec"]
    (proxy,), (container,) = pod["containers"], ours["template"]["spec"]["containers"]
    for field in ("image", "volumeMounts", "securityContext", "resources"):
        assert container[field] == proxy[field]
    for field in ("volumes", "securityContext"):
        assert ours["template"]["spec"][field] == pod[field]
    assert {"ports", "readinessProbe", "livenessProbe", "lifecycle"}.isdisjoint(container)


def test_no_caller_is_sent_to_it() -> None:
    """Neither the Service nor the Deployment nor a NetworkPolicy selects its pods."""
    objects = _objects()
    own = render_conformance_job(objects["Deployment"], OPTIONS)["spec"]["template"]["metadata"]["labels"]
    for selector in (
        objects["Service"]["spec"]["selector"],
        objects["Deployment"]["spec"]["selector"]["matchLabels"],
        objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert not selector.items() <= own.items()


def test_it_runs_once() -> None:
    """It is tried once, and has time for all checks and for its report."""
    job = render_conformance_job(_objects()["Deployment"], OPTIONS)
    assert (job["spec"]["backoffLimit"], job["spec"]["template"]["spec"]["restartPolicy"]) == (0, "Never")
    (timeout,) = (each.default for each in conformance_command.params if each.name == "timeout")
    assert isinstance(timeout, float)
    assert job["spec"]["activeDeadlineSeconds"] == DEADLINE_SECONDS > 2 * timeout


def test_its_command_can_be_parsed() -> None:
    """The kit takes the options that it is given there."""
    (container,) = render_conformance_job(_objects()["Deployment"], OPTIONS)["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["command"][:2] == ["tenantproxy", "conformance"]
    context = conformance_command.make_context("conformance", list(container["command"][2:]))
    assert context.params["order"] == "CO-1001"
    assert context.params["config_path"] == Path("/etc/tenantproxy/config.json")


def test_the_command() -> None:
    """A Deployment goes in, the Job comes out, with the kit's options as they were given."""
    deployment = json.dumps(_objects()["Deployment"])
    result = CliRunner().invoke(main, ["conformance-job", *OPTIONS, "--json", "-"], input=deployment)
    assert result.exit_code == 0
    (container,) = safe_load(result.stdout)["spec"]["template"]["spec"]["containers"]
    assert container["command"][-8:] == [*OPTIONS, "--json", "-"]


@pytest.mark.parametrize("given", ["", "nonsense", "[]", "{}", '{"metadata": {"labels": {}}}', "[" * 100_000])
def test_what_is_no_deployment(given: str) -> None:
    """Anything else is bad input, with the fix."""
    result = CliRunner().invoke(main, ["conformance-job"], input=given)
    assert result.exit_code == 2
    assert "is not" in result.stderr


def test_another_deployment() -> None:
    """A Deployment of something else is not guessed about."""
    other = {"metadata": {"name": "x", "namespace": "n", "labels": {}}, "spec": {"template": {"spec": {}}}}
    result = CliRunner().invoke(main, ["conformance-job"], input=json.dumps(other))
    assert "is not the Deployment of a tenant's proxies" in result.stderr
