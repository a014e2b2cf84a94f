"""What a look of `top` costs: `PYTHONPATH=tests python -m bench.scale.top --tenants 1000`.

The API server is real, and so is one proxy: a fake kubelet leads each port-forward, of whichever pod, to that.
"""

import argparse
import asyncio
import json
import resource
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from bench.scale import fleet, machine
from bench.scale.cluster_site import Site, fresh_site
from bench.scale.machine import Usage
from hack.programs import kubernetes
from support.apiserver.client import ApiClient
from support.apiserver.kubelet import Kubelet
from support.commands import BIN
from support.operator.installed import account
from support.operator.tenants import Tenants
from support.proxy.running import BASIC, proxy_config, running_proxy
from tenantproxy_operator.api.labels import labels
from tenantproxy_operator.kube.kinds import Key

_LOOKS: Final = 3
_REPLICAS: Final = 2
_AT_ONCE: Final = 16


async def _pods(kubelet: Kubelet, keys: list[Key], port: int) -> None:
    """Have ready pods of each tenant."""
    remaining = iter([(key, number) for key in keys for number in range(_REPLICAS)])

    async def work() -> None:
        for key, number in remaining:
            pod = Key(key.namespace, f"{key.name}-proxy-{number}")
            await kubelet.run(pod, port, labels=labels(key.name, component="proxy"), container="proxy")

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))


async def _look(site: Site) -> tuple[float, dict[str, float], int]:
    """Return the seconds of one look, the CPU seconds by process, and how many tenants it saw whole."""
    begin = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(BIN / "tenantproxy-operator", "top", "-A", "--interval", "1", "--once", "--json"),
        *("--kubeconfig", site.server.admin_kubeconfig),
        stdout=asyncio.subprocess.PIPE,
    )
    before = _of_children()
    with Usage(**site.pids) as usage:
        out, _ = await process.communicate()
    seconds = time.perf_counter() - begin
    usage.cpu["top"] = _of_children() - before
    shown = json.loads(out.splitlines()[-1])["tenants"]
    return seconds, usage.cpu, sum(each["level"] == "fine" for each in shown)


def _of_children() -> float:
    """Return the CPU seconds of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _measure(site: Site, tenants: int) -> None:
    keys = fleet.keys(tenants)
    async with site.client(admin=True) as admin:
        await fleet.create(admin, keys, lambda *_: None)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        async with (
            running_proxy(proxy_config("http://127.0.0.1:1"), directory, BASIC) as proxy,
            ApiClient.connected(site.server.url, site.server.tls, site.server.admin_token) as api,
            Kubelet.running(api, directory, "node") as kubelet,
        ):
            for namespace in {key.namespace for key in keys}:
                await account(Tenants(api, namespace))
            await _pods(kubelet, keys, proxy.admin_port)
            found = [await _look(site) for _ in range(_LOOKS)]
    for name, values in (
        ("seconds, start included", [seconds for seconds, _, _ in found]),
        ("CPU of top, s", [cpu["top"] for _, cpu, _ in found]),
        ("CPU of API server, s", [cpu["apiserver"] for _, cpu, _ in found]),
        ("CPU of the fake kubelet and the proxy, s", [cpu["bench"] for _, cpu, _ in found]),
        ("tenants whose proxies were all seen", [float(seen) for _, _, seen in found]),
    ):
        print(f"  {name:<44} {median(values):8.1f}   of {', '.join(f'{each:.1f}' for each in values)}")


def main() -> None:
    """Measure it."""
    parser = argparse.ArgumentParser(description="Measure a look of `top`.")
    parser.add_argument("--tenants", type=int, default=1000)
    tenants = parser.parse_args().tenants
    print(f"On {machine.describe()}: two looks (--once) at {tenants} tenants with {_REPLICAS} proxies each")
    with fresh_site(kubernetes.PROGRAMS.directory(), tenants) as site:
        asyncio.run(_measure(site, tenants))


if __name__ == "__main__":
    main()
