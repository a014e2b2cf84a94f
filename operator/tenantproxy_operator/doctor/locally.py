"""Looks at the proxies of a running `local`: their metrics, what they keep of the credential, a trial."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from tenantproxy.credentials.proof import from_note
from tenantproxy.credentials.stores.files import read_note
from tenantproxy_operator.doctor import trial
from tenantproxy_operator.doctor.credential import why_no_trial
from tenantproxy_operator.doctor.examination import BETWEEN
from tenantproxy_operator.doctor.finding import rfc3339
from tenantproxy_operator.doctor.view import DryRun, Process, TenantView, View
from tenantproxy_operator.fleet.objects import Metadata, TenantProxy
from tenantproxy_operator.fleet.samples import read_samples
from tenantproxy_operator.fleet.view import Fleet, Replica
from tenantproxy_operator.local.fleet import LocalTenant, look, read_running
from tenantproxy_operator.local.state import TenantState


class _Upstream(msgspec.Struct, frozen=True):
    url: str = ""


class _Config(msgspec.Struct, frozen=True):
    upstream: _Upstream = _Upstream()


_MOST_BYTES: Final = 128 * 1024
_SECONDS: Final = 40.0
"""For a trial; the proxy itself gives up earlier."""


async def examine(state_dir: Path, names: Sequence[str], *, token: str | None) -> View:
    """Return what there is to see of the tenants that a `local` runs; `names`: of these only.

    Raises:
        NotRunningError: None runs.

    """
    tenants = [each for each in read_running(state_dir) if not names or each.name in names]
    before = await look(tenants)
    await asyncio.sleep(BETWEEN)
    now = await look(tenants)
    views = [
        replace(view, dry_run=await _dry_run(view, tenant, token))
        for view, tenant in zip(_views(state_dir, tenants, before, now), tenants, strict=True)
    ]
    unseen = [
        f"can't see the metrics of {whose}{tenant.key}: {replica.problem}"
        for tenant in now.tenants
        for whose, replicas in (("", tenant.replicas), ("the relay of ", tenant.relays or ()))
        for replica in replicas
        if replica.problem is not None
    ]
    return View(now=time.time(), tenants=tuple(views), unseen=tuple(unseen))


def _views(state_dir: Path, tenants: Iterable[LocalTenant], before: Fleet, now: Fleet) -> Iterable[TenantView]:
    earlier = {view.key: view for view in before.tenants}
    later = {view.key: view for view in now.tenants}
    for tenant in tenants:
        state = TenantState(state_dir, tenant.namespace, tenant.name)
        metadata = Metadata(name=tenant.name, namespace=tenant.namespace)
        proxy = TenantProxy(metadata=metadata, spec={"upstream": {"url": _oms(state.config)}})
        note = read_note(state.credentials)
        was, is_ = earlier[proxy.metadata.key], later[proxy.metadata.key]
        (process,) = _processes(tenant.name, was.replicas, is_.replicas)
        process = replace(process, since=rfc3339(tenant.started_at), log=_troubles(state.troubles))
        yield TenantView(
            proxy=proxy,
            processes=(process,),
            relays=_processes(tenant.name, was.relays or (), is_.relays or ()),
            proof=from_note(note),
            is_local=True,
            serves=is_.replicas[0].ready,
            problem=tenant.problem or "",
            reason=tenant.reason,
            problem_since=rfc3339(tenant.problem_since),
            local_api=tenant.api,
        )


def _processes(tenant: str, before: Sequence[Replica], now: Sequence[Replica]) -> tuple[Process, ...]:
    return tuple(
        Process(
            name=tenant,
            before=read_samples(was.metrics or b""),
            now=read_samples(is_.metrics or b""),
            metrics=is_.metrics or b"",
        )
        for was, is_ in zip(before, now, strict=True)
    )


def _oms(config: Path) -> str:
    """Return the URL of the OMS in a proxy's configuration; empty where there is none."""
    try:
        return msgspec.json.decode(config.read_bytes(), type=_Config).upstream.url
    except (OSError, msgspec.DecodeError):
        return ""


def _troubles(file: Path) -> str:
    """Return what a proxy has noted of its troubles: nothing where there were none."""
    try:
        with file.open("rb") as lines:
            return lines.read(_MOST_BYTES).decode(errors="replace")
    except OSError:
        return ""


async def _dry_run(view: TenantView, tenant: LocalTenant, token: str | None) -> DryRun:
    import aiohttp  # noqa: PLC0415 - for those who have a token

    if token is None:
        return DryRun(skipped=trial.NO_TOKEN)
    if why := why_no_trial(view, time.time()):
        return DryRun(skipped=f"no trial was made: {why}")
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.put(tenant.api + trial.PATH, data=trial.BODY, headers=trial.headers(token)) as response,
        ):
            return trial.understood(response.status, await response.content.read(trial.LONGEST_ANSWER))
    except (aiohttp.ClientError, TimeoutError) as error:
        return DryRun(skipped=f"no trial was made: {type(error).__name__}")
