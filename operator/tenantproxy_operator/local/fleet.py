"""The proxies and relays of a running `local`, seen from outside: which there are, and what their admin ports say.

`local` writes which there are to a file in its state directory, for as long as it runs.
"""

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from tenantproxy_operator.fleet.view import Fleet, Replica, TenantView
from tenantproxy_operator.kube.kinds import Key

if TYPE_CHECKING:
    import aiohttp

_FILE: Final = ".running.json"
"""A name with a dot can't be a namespace's."""
_SECONDS: Final = 5.0
"""For one proxy."""
_AT_ONCE: Final = 32
_MOST_BYTES: Final = 4 << 20
"""Of one `/metrics`; a proxy's has some ten KiB."""
_OK: Final = 200


class LocalTenant(msgspec.Struct, frozen=True, rename="camel"):
    """One tenant that `local` runs."""

    namespace: str
    name: str
    tenant_id: str
    api: str
    admin: str
    events: str = ""
    """Where its relay takes events; empty: it has none."""
    events_admin: str = ""
    """The URL of that relay's admin port."""
    problem: str | None = None
    """Why no read can succeed, as far as `local` knows."""
    reason: str = ""
    """The same in a word: one of the metrics', or an error code."""
    problem_since: float | None = None
    """Unix seconds."""
    started_at: float | None = None
    """When its proxy was started, Unix seconds."""


class _Running(msgspec.Struct):
    pid: int
    tenants: list[LocalTenant]


class NotRunningError(Exception):
    """No `local` runs with this state directory; the message says what to do."""


def publish(state_dir: Path, tenants: Sequence[LocalTenant]) -> None:
    """Say which tenants run, to whoever asks by `read_running`."""
    temporary = state_dir / f"{_FILE}.new"
    temporary.touch(mode=0o600)
    temporary.write_bytes(msgspec.json.encode(_Running(os.getpid(), list(tenants))))
    temporary.replace(state_dir / _FILE)


def withdraw(state_dir: Path) -> None:
    """Say that nothing runs any more."""
    (state_dir / _FILE).unlink(missing_ok=True)


def read_running(state_dir: Path) -> list[LocalTenant]:
    """Return the tenants of the `local` that runs with a state directory.

    Raises:
        NotRunningError: None does.

    """
    try:
        running = msgspec.json.decode((state_dir / _FILE).read_bytes(), type=_Running)
        os.kill(running.pid, 0)
    except (OSError, OverflowError, msgspec.DecodeError):
        raise NotRunningError(
            f"no `tenantproxy-operator local` runs with the state directory {state_dir}; start it, or name its "
            "--state-dir"
        ) from None
    return running.tenants


async def look(tenants: Iterable[LocalTenant]) -> Fleet:
    """Look at the proxies and relays once."""
    import aiohttp  # noqa: PLC0415 - only for those who look

    places = asyncio.Semaphore(_AT_ONCE)

    async def process(admin: str) -> Replica:
        ready, metrics, problem = False, None, None
        async with places:
            try:
                ready = (await _get(session, f"{admin}/readyz"))[0] == _OK
                metrics = (await _get(session, f"{admin}/metrics"))[1]
            except TimeoutError:
                problem = f"no answer within {_SECONDS:g} s"
            except (aiohttp.ClientError, OSError) as error:
                problem = str(error) or type(error).__name__
        return Replica(name="local", ready=ready, metrics=metrics, problem=problem)

    async def see(tenant: LocalTenant) -> TenantView:
        relay = process(tenant.events_admin) if tenant.events_admin else None
        return TenantView(
            key=Key(tenant.namespace, tenant.name),
            tenant_id=tenant.tenant_id,
            api=f":{urlsplit(tenant.api).port}",
            problem=tenant.problem,
            replicas=(await process(tenant.admin),),
            relays=None if relay is None else (await relay,),
        )

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session:
        return Fleet(tenants=tuple(await asyncio.gather(*map(see, tenants))))


async def metrics_of(admin: str) -> bytes:
    """Return the metrics of the proxy with an admin port; none where it does not answer."""
    import aiohttp  # noqa: PLC0415 - only for those who look

    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session:
            return (await _get(session, f"{admin}/metrics"))[1]
    except (aiohttp.ClientError, OSError, TimeoutError):
        return b""


async def _get(session: "aiohttp.ClientSession", url: str) -> tuple[int, bytes]:
    async with session.get(url) as response:
        body = b""
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise OSError(f"more than {_MOST_BYTES} bytes")
        return response.status, body
