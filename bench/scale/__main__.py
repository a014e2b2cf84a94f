"""What `make bench-operator` runs: fleets of several sizes on a real API server.

Exit status: 0, or 1 where a bound is broken, or 2 where the benchmark can't be run.
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Final

import msgspec

from bench.scale import machine, report
from bench.scale.figures import Measured, Results
from bench.scale.measure import measure
from bench.scale.peer import peer
from bench.scale.subject import BenchError
from hack.build.gomodules import MissingError, say
from hack.programs import kubernetes
from support.apiserver.server import KubectlError
from support.tools.daemons import DaemonError
from tenantproxy.kube.api import KubeError

_SMALLEST: Final = 4
"""One for each kind of edit."""
_QUICK: Final = {"sizes": [24], "rounds": 2, "rest": 2.0}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the operator with fleets of several sizes.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[500], help="how many TenantProxies")
    parser.add_argument("--rounds", type=int, default=3, help="how often all of it is measured")
    parser.add_argument("--rest", type=float, default=30.0, help="seconds at rest, in each round")
    parser.add_argument("--without-peer", action="store_true", help="do without the operator in Go beside it")
    parser.add_argument("--quick", action="store_true", help="a smoke run of three minutes, with rough figures")
    parser.add_argument("--output", type=Path, help="where the results go, as JSON; other sizes in it stay")
    options = parser.parse_args()
    if options.quick:
        parser.set_defaults(**_QUICK)
        options = parser.parse_args()
    if options.rounds < 1 or min(options.sizes) < _SMALLEST:
        parser.error(f"--rounds is at least 1, and each of --sizes at least {_SMALLEST}")
    return options


def _keep(path: Path, found: Measured) -> None:
    """Add one size to the results in a file."""
    kept = msgspec.json.decode(path.read_bytes(), type=Results).sizes if path.exists() else []
    sizes = {each.size: each for each in (*kept, found)}
    results = Results(machine.describe(), [sizes[size] for size in sorted(sizes)])
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")


def main() -> int:
    """Run the benchmark and return the exit status."""
    options = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # not without ending the servers
    if sys.platform != "linux":
        print("bench: needs Linux (it reads /proc)", file=sys.stderr)
        return 2
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an image has its bytecode, too
    try:
        binaries = kubernetes.PROGRAMS.directory()
        beside = None if options.without_peer else peer()
    except MissingError as error:
        say(str(error))
        return 2
    print(f"On {machine.describe()}; each operator, and each round, in a fresh API server and etcd.", flush=True)
    met = True
    for size in options.sizes:
        try:
            found = measure(binaries, size, rounds=options.rounds, rest=options.rest, peer=beside)
        except (BenchError, MissingError, DaemonError, KubectlError, KubeError, TimeoutError) as error:
            print(f"bench: {type(error).__name__}: {error}", file=sys.stderr)
            return 2
        report.print_figures(found)
        if found.peers:
            report.print_beside(found)
        report.print_noise(found)
        sys.stdout.flush()
        if options.output:
            _keep(options.output, found)
        met = met and all(goal.met or goal.unclear for goal in report.goals(found))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
