"""What kstatus, Flux's and Helm's fork of it, and Argo CD make of a TenantProxy, whatever state it is in.

Each state is reached with the reconciler over the API in memory, so that its status is what the operator writes.
All are judged by one run of a program of these libraries (hack/programs/go/health); Argo CD's health check is the
one of docs/conditions.md.
"""

import asyncio
import copy
import json
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml

from support.operator.reconciling import Operator, World, refusing
from support.tools.programs import directory
from tenantproxy_operator.api.crd import build_crd
from tenantproxy_operator.settings import Settings

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs/conditions.md").read_text()
KEY: Final = "resource.customizations.health.proxy.hiiretail.com_TenantProxy"
CHANGE: Final = {"spec.upstream.timeout": "4s"}
EARLIER: Final = "earlier proxies serve what was applied before"


class Scene(NamedTuple):
    """A tenant, and its operator."""

    world: World
    operator: Operator

    async def change(self, changes: dict[str, Any]) -> None:
        """Change the spec, and have the operator see it."""
        self.world.tenant(changes=changes)
        await self.operator.settle()

    async def pods(self, **progress: Any) -> None:
        """Bring the Deployment forward, and have the operator see it."""
        self.world.pods(**progress)
        await self.operator.settle()

    async def serve(self) -> None:
        """Let it all be well."""
        await self.operator.settle()
        await self.pods()


async def unseen(scene: Scene) -> None:
    (version,) = build_crd()["spec"]["versions"]
    scene.world.status_is(version["schema"]["openAPIV3Schema"]["properties"]["status"]["default"])


async def created(scene: Scene) -> None:
    await scene.operator.settle()


async def starting(scene: Scene) -> None:
    await scene.operator.settle()
    await scene.pods(ready=0)


async def half_started(scene: Scene) -> None:
    await scene.operator.settle()
    await scene.pods(ready=1)


async def current(scene: Scene) -> None:
    await scene.serve()


async def change_not_seen(scene: Scene) -> None:
    await scene.serve()
    scene.world.tenant(changes=CHANGE)


async def change_applied(scene: Scene) -> None:
    await scene.serve()
    await scene.change(CHANGE)


async def change_half_rolled_out(scene: Scene) -> None:
    await change_applied(scene)
    await scene.pods(updated=1)


async def change_rolled_out(scene: Scene) -> None:
    await change_half_rolled_out(scene)
    await scene.pods()


async def change_without_new_pods(scene: Scene) -> None:
    await scene.serve()
    await scene.change({"spec.route": {"gatewayRef": {"name": "g"}, "hostnames": ["h.example"]}})
    await scene.change({"spec.route": ...})


async def stuck(scene: Scene) -> None:
    await change_applied(scene)
    await scene.pods(updated=1, stuck="it hangs")


async def stuck_from_the_start(scene: Scene) -> None:
    await scene.operator.settle()
    await scene.pods(ready=0, stuck="it hangs")


async def stuck_and_corrected(scene: Scene) -> None:
    await stuck(scene)
    await scene.change({"spec.upstream.timeout": "3s"})


async def refused_pods(scene: Scene) -> None:
    await change_applied(scene)
    await scene.pods(updated=0, refused="no PriorityClass with name high was found")


async def paused(scene: Scene) -> None:
    await scene.serve()
    scene.world.edit("deployments", {"spec": {"paused": True}})
    await scene.pods()


async def paused_before_a_change(scene: Scene) -> None:
    await paused(scene)
    await scene.change(CHANGE)
    await scene.pods(updated=0)


async def drained(scene: Scene) -> None:
    await scene.serve()
    await scene.pods(ready=1)


async def crashed(scene: Scene) -> None:
    await scene.serve()
    await scene.pods(ready=0)


async def updated_operator(scene: Scene) -> None:
    await scene.serve()
    await Operator(scene.world, Settings(proxy_image="another:2")).settle()


async def invalid(scene: Scene) -> None:
    await scene.serve()
    await scene.change({"spec.autoscaling": {"maxReplicas": 4}, "spec.resources": {"limits": {"memory": "1Gi"}}})


async def tls_secret_missing(scene: Scene) -> None:
    await scene.change({"spec.upstream.tls": {"caSecretRef": {"name": "ca"}}})


async def tls_secret_invalid(scene: Scene) -> None:
    scene.world.secret("ca", **{"ca.crt": "x"})
    await tls_secret_missing(scene)


async def not_unique(scene: Scene) -> None:
    scene.world.secret("first-credentials")
    scene.world.delete("tenantproxies", "acme")
    scene.world.tenant("first", {"spec.tenantId": "T-acme"})
    scene.world.tenant("acme")
    await Operator(scene.world, Settings(refuse_duplicate_tenants=True)).settle()


async def conflict(scene: Scene) -> None:
    scene.world.edit("services", {"spec": {"ports": []}})
    await scene.operator.settle()


async def conflict_that_passes(scene: Scene) -> None:
    await scene.serve()
    scene.world.delete("tenantproxies", "acme")
    await scene.change({})


async def refused(scene: Scene) -> None:
    scene.world.api.fault = refusing("PATCH services", 403)
    await scene.operator.settle()


async def retried(scene: Scene) -> None:
    scene.world.api.fault = refusing("PATCH services", 500)
    await scene.operator.settle()


async def suspended(scene: Scene) -> None:
    await scene.serve()
    await scene.change({"spec.suspend": True})


async def suspended_before_a_change(scene: Scene) -> None:
    await suspended(scene)
    await scene.change(CHANGE)


async def suspended_from_the_start(scene: Scene) -> None:
    await scene.change({"spec.suspend": True})


class Verdict(NamedTuple):
    """What is expected of a state: kstatus' word, Argo CD's, and a part of what both say."""

    kstatus: str
    argocd: str
    said: str = ""


WAIT: Final = Verdict("InProgress", "Progressing")
FAILED: Final = Verdict("Failed", "Degraded")
WAITS_FOR_SOMEBODY: Final = Verdict("Failed", "Suspended")
WELL: Final = Verdict("Current", "Healthy")

STATES: Final[dict[Callable[[Scene], Awaitable[None]], Verdict]] = {
    unseen: WAIT,
    created: WAIT._replace(said="has not processed the Deployment yet"),
    starting: WAIT._replace(said="no proxy is ready"),
    half_started: WAIT._replace(said="1 of 2 serve"),
    current: WELL,
    change_not_seen: WAIT,
    change_applied: WAIT._replace(said=EARLIER),
    change_half_rolled_out: WAIT._replace(said=EARLIER),
    change_rolled_out: WELL,
    change_without_new_pods: WELL,
    stuck: FAILED._replace(said=f"(it hangs); {EARLIER}"),
    stuck_from_the_start: FAILED._replace(said="(it hangs); no proxy is ready"),
    stuck_and_corrected: WAIT._replace(said=EARLIER),
    refused_pods: WAIT._replace(said="no PriorityClass with name high was found"),
    paused: WELL,
    paused_before_a_change: WAITS_FOR_SOMEBODY._replace(said="kubectl rollout resume"),
    drained: WELL,
    crashed: WAIT._replace(said="no proxy is ready"),
    updated_operator: WELL,
    invalid: FAILED._replace(said="`spec.resources.requests.cpu` is missing"),
    tls_secret_missing: WAIT._replace(said="Secret ca does not exist"),
    tls_secret_invalid: FAILED._replace(said="Secret ca: `ca.crt`"),
    not_unique: FAILED._replace(said="tenants/first was first"),
    conflict: FAILED._replace(said="was not created by this operator"),
    conflict_that_passes: WAIT._replace(said="wait until garbage collection"),
    refused: FAILED._replace(said="these are its words"),
    retried: WAIT._replace(said="these are its words"),
    suspended: WELL,
    suspended_before_a_change: WAITS_FOR_SOMEBODY._replace(said="the change waits"),
    suspended_from_the_start: WAITS_FOR_SOMEBODY._replace(said="the change waits"),
}


def _lua() -> str:
    """Return the health check that the page has for argocd-cm."""
    (block,) = (part for part in PAGE.split("```yaml\n")[1:] if "argocd-cm" in part)
    config_map = yaml.safe_load(block.partition("```")[0])
    assert config_map["metadata"]["name"] == "argocd-cm"
    return str(config_map["data"][KEY])


async def _reached(state: Callable[[Scene], Awaitable[None]]) -> dict[str, Any]:
    """Return a TenantProxy in a state."""
    world = World()
    world.secret()
    world.tenant()
    await state(Scene(world, Operator(world)))
    return copy.deepcopy(world.child("tenantproxies", "acme"))


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest) -> dict[str, dict[str, dict[str, str]]]:
    """Return what the libraries say of each state."""
    program = directory("health", request.config) / "health"
    objects = {state.__name__: asyncio.run(_reached(state)) for state in STATES}
    asked = json.dumps({"lua": _lua(), "objects": objects})
    done = subprocess.run((program,), input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers: dict[str, dict[str, dict[str, str]]] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_state(verdicts: dict[str, dict[str, dict[str, str]]], state: Callable[[Scene], Awaitable[None]]) -> None:
    """Whoever waits goes on waiting, ends well, or ends with the reason."""
    expected, found = STATES[state], verdicts[state.__name__]
    assert found["kstatus"]["status"] == expected.kstatus
    assert found["flux"] == found["kstatus"]
    assert found["argocd"]["status"] == expected.argocd
    for who in ("kstatus", "argocd"):
        assert expected.said in found[who]["message"]
