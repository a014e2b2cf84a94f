"""The PosLog relays of the tenants that `local` runs: a process beside each's proxy, with ports of its own.

What happens to a relay is told by events of their own, `relay-ready` and so on; see `events`.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, get_args

from tenantproxy_operator.api.poslog import EVENTS_PATH, SECRET_KEYS, Poslog
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.local.events import Event
from tenantproxy_operator.local.manifests import SecretManifest
from tenantproxy_operator.local.ports import PortError, Ports, bind
from tenantproxy_operator.local.reads import Obstacle
from tenantproxy_operator.local.runner import PROGRAM, ProxyRunner
from tenantproxy_operator.local.source import DesiredTenant
from tenantproxy_operator.local.state import TenantState

PORTS_ABOVE: Final = 1000
"""So far above a tenant's API port its relay has its own, if that is free."""
_RELAY_EVENTS: Final[dict[str, Event]] = {
    each.removeprefix("relay-"): each for each in get_args(Event) if each.startswith("relay-")
}


class Relays:
    """Runs the relays; `run` starts a runner's task."""

    def __init__(
        self,
        emit: Callable[..., None],
        run: Callable[[ProxyRunner], "asyncio.Task[None]"],
        *,
        program: Sequence[str] = PROGRAM,
        **options: Any,  # noqa: ANN401 - those of every runner
    ) -> None:
        self._emit = emit
        self._run = run
        self._program = (*program, "poslog")
        self._options = options
        self._running: dict[Key, tuple[ProxyRunner, asyncio.Task[None]]] = {}

    def bring(self, key: Key, config: bytes, state: TenantState, api_port: int) -> None:
        """Start the relay of a tenant, or tell it what changed.

        Raises:
            PortError: It can't be started.

        """
        if key in self._running:
            self._running[key][0].update(config)
            return
        ports = _bind(api_port + PORTS_ABOVE, key)
        runner = ProxyRunner(
            key,
            config=config,
            state=state,
            ports=ports,
            urls=lambda: {"events": _events_of(ports), "admin": ports.urls()["admin"]},
            emit=self._tell,
            why_reads_fail=_nothing,
            program=self._program,
            arguments=("--poslog-secrets", str(state.poslog)),
            **self._options,
        )
        self._running[key] = runner, self._run(runner)

    async def stop(self, key: Key) -> None:
        """Stop the relay of a tenant, if there is one."""
        if key in self._running:
            _, task = self._running.pop(key)
            task.cancel()
            await asyncio.wait({task})

    def urls_of(self, key: Key) -> dict[str, str]:
        """Return where a tenant's relay takes events, as the tenant's own events have it; nothing without one."""
        found = self._running.get(key)
        return {"events": _events_of(found[0].ports)} if found else {}

    def admins(self) -> dict[Key, str]:
        """Return the URLs of all relays' admin ports, by their tenants."""
        return {key: runner.ports.urls()["admin"] for key, (runner, _) in self._running.items()}

    def _tell(self, event: Event, **fields: Any) -> None:  # noqa: ANN401 - JSON values
        self._emit(_RELAY_EVENTS[event], **fields)


def keys_of(secret: SecretManifest | None) -> dict[str, str] | None:
    """Return a Secret manifest's keys for the relay; None without a manifest."""
    return None if secret is None else {key: secret.data[key] for key in SECRET_KEYS if key in secret.data}


def missing_keys(wanted: DesiredTenant, state: TenantState) -> list[str]:
    """Return which keys a tenant's relay lacks, of those that the Secret must have."""
    relay, given = wanted.resource.relay, keys_of(wanted.credential)
    there = state.poslog_keys() if given is None else given
    return [] if relay is None else [key for key in relay.secret_keys if key not in there]


def first_event(relay: Poslog, url: str) -> list[str]:
    """Return the lines of a command that sends a pickup to a relay, and before it what it still needs."""
    needed = []
    if relay.verification.shared_key:
        needed.append("export POSLOG_SHARED_KEY=...  # poslogSharedKey in the Secret")
    token = relay.verification.id_token
    if token is None:
        # Every delivery is authorized, also where the relay does not look at it.
        needed.append("export POSLOG_USERNAME=... POSLOG_PASSWORD=...  # poslogUsername and poslogPassword")
    options = f" --id-token {token.audience}" if token else ""
    return [*needed, f"tenantproxy poslog send --url {url} --sample pickup{options}"]


def _bind(port: int, key: Key) -> Ports:
    try:
        return bind(port, key)
    except PortError:
        return bind(0, key)


def _events_of(ports: Ports) -> str:
    return f"{ports.urls()['api']}{EVENTS_PATH}"


async def _nothing(_config: bytes) -> Obstacle | None:
    """Look for no obstacle: whether the OMS takes events, only an event shows."""
    return None
