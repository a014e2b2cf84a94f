"""What Helm prints after an installation, pasted into a shell: it leads to an order, and cleans up."""

import json
import subprocess

from support.cluster.cluster import Installation, wait_until
from support.tools.helm import commands_of


def _shell(command: str) -> str:
    done = subprocess.run(("/bin/sh", "-euc", command), capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_helm_test(installation: Installation) -> None:
    """The pod of `helm test` finds the operator ready, and goes."""
    installation.test()
    assert (
        installation.cluster.get("pods", f"-n={installation.system}", "-l=app.kubernetes.io/component=test")[
            "items"
        ]
        == []
    )


def test_commands(installation: Installation) -> None:
    """Each does what its step says."""
    namespace = installation.namespace
    before = installation.cluster.inventory(namespace)
    rollout, make, wait, read, remove = commands_of(installation.notes())
    _shell(rollout)
    _shell(make)
    assert "True" in _shell(wait)
    answer = _shell(read.replace("curl ", "curl --silent --fail --retry 5 --retry-connrefused "))
    order = json.loads(answer[answer.index("{") :].splitlines()[0])["customerOrder"]
    assert order["customerOrderId"] == "CO-1001"
    _shell(remove)
    wait_until(lambda: installation.cluster.inventory(namespace) <= before, within=60)
