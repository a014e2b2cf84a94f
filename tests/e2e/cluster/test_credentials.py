"""A credential that changes under load: all replicas use it within two seconds, no request fails, none locks."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.cluster.cluster import API, Cluster, Installation, admin, machine, percentiles
from support.waiting import until

CHANGES = 20
BOUND = 2.0
AFTERWARDS = 0.5
"""Seconds in which a replica that went back to an earlier credential would be seen."""
NAME = "acme"


@pytest.fixture(scope="module")
def replicas(installation: Installation) -> list[str]:
    """Run a tenant of three replicas, whose OMS takes old and new credentials; return the replicas' base URLs."""
    url = installation.run_oms("oms", "python", "/scripts/oms.py")
    first = installation.secret(NAME, username="user-first", password="user-first-password")
    installation.cluster.apply(first, installation.tenant(NAME, url, replicas=3))
    installation.wait(NAME)
    addresses = [pod["status"]["podIP"] for pod in installation.pods(NAME)]
    assert len(addresses) == 3
    return [f"http://{address}:8080" for address in addresses]


def names(prefix: str) -> list[str]:
    return [f"{prefix}-{index}" for index in range(CHANGES)]


class _Watched:
    """The output of the script that reads from all replicas."""

    def __init__(self, installation: Installation, replicas: list[str], **plan: Any) -> None:
        plan = {"replicas": replicas, "headers": machine(NAME), "changes": [], **plan}
        script = ("exec", "-i", "client", f"-n={installation.clients}", "--", "python", "/scripts/replicas.py")
        self._process = installation.cluster.start(*script, json.dumps(plan))
        self.seen: dict[str, list[float]] = {}
        """When a replica was first seen with a credential, for each credential."""
        self.put: dict[str, float] = {}
        self.result: dict[str, Any] = {}

    def end(self) -> None:
        """Have it end, where it makes no changes itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def lines(self) -> Iterator[dict[str, Any]]:
        """Follow it to its end."""
        with self._process as process:
            assert process.stdout is not None
            for line in process.stdout:
                said = json.loads(line)
                if "credential" in said:
                    self.seen.setdefault(said["credential"], []).append(said["time"])
                elif "put" in said:
                    self.put[said["put"]] = said["time"]
                elif "requests" in said:
                    self.result = said
                yield said
        assert process.returncode == 0


def _assert_fast(
    what: str,
    changed_at: dict[str, float],
    watched: _Watched,
    replicas: list[str],
    print_line: Callable[[str], None],
) -> None:
    delays = [seen - at for name, at in changed_at.items() for seen in watched.seen.get(name, [])]
    middle, high, slowest = percentiles(delays, 50, 90, 100)
    print_line(
        f"{what}: {len(changed_at)} changes, {len(replicas)} replicas: median {middle * 1000:.0f} ms, "
        f"90 % {high * 1000:.0f} ms, slowest {slowest * 1000:.0f} ms; "
        f"{watched.result['requests']} requests, {len(watched.result['failed'])} failed"
    )
    assert watched.result["failed"] == []
    for name in changed_at:
        # Once each: none goes back to an earlier one.
        assert len(watched.seen[name]) == len(replicas), name
    assert slowest <= BOUND


def test_by_put(installation: Installation, replicas: list[str], print_line: Callable[[str], None]) -> None:
    """PUT through one replica."""
    changes = [
        {
            "headers": admin(NAME),
            "json": {"type": "basic", "config": {"username": name, "password": f"{name}-password"}},
        }
        for name in names("put")
    ]
    watched = _Watched(installation, replicas, changes=changes)
    for _ in watched.lines():
        pass
    _assert_fast("PUT /api/v1/proxy-config, from its answer", watched.put, watched, replicas, print_line)


def test_by_kubectl(installation: Installation, replicas: list[str], print_line: Callable[[str], None]) -> None:
    """`kubectl apply` of the Secret."""
    watched = _Watched(installation, replicas)
    lines = watched.lines()
    while not next(lines).get("ready"):
        pass
    changed_at: dict[str, float] = {}
    for name in names("applied"):
        changed_at[name] = _apply(installation.cluster, installation.secret(NAME, **_pair(name)))
        while len(watched.seen.get(name, [])) < len(replicas):
            next(lines)
    time.sleep(AFTERWARDS)
    watched.end()
    for _ in lines:
        pass
    _assert_fast("kubectl apply of the Secret, from its return", changed_at, watched, replicas, print_line)


def test_a_wrong_one_costs_one_login(installation: Installation, replicas: list[str]) -> None:
    """In all three replicas under reads, and in those that take their place in a rollout."""
    before = _wrong_logins(installation)
    assert installation.change_credential(NAME, "basic", username="user-last", password="wrong").status == 204
    reads = [
        {"method": "GET", "url": f"{url}{API}/customer-orders/CO-1", "headers": machine(NAME)} for url in replicas
    ]
    rejected = (502, "upstream-rejected-credentials")
    for _ in range(10):
        # While the first of all tries it, the others go on with the one before.
        seen = [(answer.status, answer.body.get("code")) for answer in installation.send(*reads, *reads, *reads)]
        assert set(seen) <= {(200, None), rejected}
    assert set(seen) == {rejected}
    deployment = (f"deployment/{NAME}-proxy", f"-n={installation.namespace}")
    installation.cluster.kubectl("rollout", "restart", *deployment)
    installation.cluster.kubectl("rollout", "status", *deployment, "--timeout=120s")
    for _ in range(10):
        assert installation.read(NAME).status == 502
    assert _wrong_logins(installation) - before == 1
    answer = installation.change_credential(NAME, "basic", username="user-last", password="user-last-password")
    assert answer.status == 204
    until(lambda: installation.read(NAME).status == 200, within=BOUND)
    assert _wrong_logins(installation) - before == 1


def _wrong_logins(installation: Installation) -> int:
    log = installation.cluster.kubectl("logs", "deployment/oms", f"-n={installation.namespace}")
    return log.splitlines().count("wrong login")


def _pair(name: str) -> dict[str, str]:
    return {"username": name, "password": f"{name}-password"}


def _apply(cluster: Cluster, secret: dict[str, Any]) -> float:
    cluster.apply(secret)
    return time.time()
