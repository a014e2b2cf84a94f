"""Which proxies run, as other commands read it, and what their admin ports say."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from support.proxy.oms import answering, http, raw_server
from tenantproxy_operator.local import fleet
from tenantproxy_operator.local.fleet import LocalTenant, NotRunningError


def _tenant(url: str) -> LocalTenant:
    return LocalTenant(namespace="tenants", name="acme", tenant_id="T", api="http://127.0.0.1:8600", admin=url)


def test_published_and_withdrawn(tmp_path: Path) -> None:
    """For as long as it runs; the file is the user's own."""
    fleet.publish(tmp_path, [_tenant("http://127.0.0.1:1")])
    assert fleet.read_running(tmp_path) == [_tenant("http://127.0.0.1:1")]
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    fleet.withdraw(tmp_path)
    with pytest.raises(NotRunningError, match="name its --state-dir"):
        fleet.read_running(tmp_path)


def test_killed(tmp_path: Path) -> None:
    """What one has left that was killed tells nothing; nor does a file that is broken."""
    ended = subprocess.run(
        (sys.executable, "-c", "import os; print(os.getpid())"), capture_output=True, check=True
    )
    (tmp_path / ".running.json").write_text(f'{{"pid": {int(ended.stdout)}, "tenants": []}}')
    with pytest.raises(NotRunningError):
        fleet.read_running(tmp_path)
    for text in ("{", f'{{"pid": {os.getpid()}}}', f'{{"pid": {10**30}, "tenants": []}}'):
        (tmp_path / ".running.json").write_text(text)
        with pytest.raises(NotRunningError):
            fleet.read_running(tmp_path)


async def test_look() -> None:
    """It is ready as `/readyz` says, and a proxy that is away keeps no other one from being seen."""
    async with raw_server(answering(http(503, b"not ready\n"))) as server:
        seen = await fleet.look([_tenant(server.url), _tenant("http://127.0.0.1:1")])
    (up,), (away,) = (tenant.replicas for tenant in seen.tenants)
    assert (up.ready, up.metrics, up.problem) == (False, b"not ready\n", None)
    assert (away.ready, away.metrics) == (False, None)
    assert away.problem is not None
    assert seen.tenants[0].api == ":8600"


async def test_answer_without_end() -> None:
    """It is not read for ever."""
    async with raw_server(answering(http(200, b"x" * (5 << 20)))) as server:
        ((replica,),) = [tenant.replicas for tenant in (await fleet.look([_tenant(server.url)])).tenants]
    assert (replica.metrics, replica.problem) == (None, "more than 4194304 bytes")
