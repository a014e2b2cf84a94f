"""What `make bench-operator` runs: fleets of several sizes on a real API server.

Exit status: 0, or 1 where a bound is broken, or 2 where the benchmark can't be run.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

import msgspec

from bench.scale import machine, report
from bench.scale.measure import Figures, PeerFigures, Results, measure
from bench.scale.peer import measure_peer
from bench.scale.subject import BenchError
from hack.build.gomodules import MissingError, say
from hack.programs import kubernetes
from support.apiserver.server import KubectlError
from support.tools.daemons import DaemonError
from tenantproxy.kube.client import KubeError


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the operator with fleets of several sizes.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[500], help="how many TenantProxies")
    parser.add_argument("--rounds", type=int, default=1, help="how often creation and bare applies are measured")
    parser.add_argument("--rest", type=float, default=60.0, help="seconds at rest")
    parser.add_argument("--peer", action="store_true", help="measure an operator in Go beside it")
    parser.add_argument("--output", type=Path, help="where the results go, as JSON; other sizes in it stay")
    return parser.parse_args()


def _keep(path: Path, figures: Figures, peer: PeerFigures | None) -> None:
    """Add one size to the results in a file."""
    kept = msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else Results("", [])
    sizes = {each.size: each for each in (*kept.sizes, figures)}
    peers = {each.size: each for each in (*kept.peers, *([peer] if peer else []))}
    results = Results(
        machine.describe(), [sizes[size] for size in sorted(sizes)], [peers[size] for size in sorted(peers)]
    )
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
    except MissingError as error:
        say(str(error))
        return 2
    print(f"On {machine.describe()}; each size in a fresh API server and etcd.", flush=True)
    met = True
    for size in options.sizes:
        try:
            found = measure(binaries, size, rounds=options.rounds, rest=options.rest)
            peer = measure_peer(binaries, size, options.rest) if options.peer else None
        except (BenchError, MissingError, DaemonError, KubectlError, KubeError, TimeoutError) as error:
            print(f"bench: {type(error).__name__}: {error}", file=sys.stderr)
            return 2
        report.print_figures(found)
        if peer:
            report.print_beside(found, peer)
        sys.stdout.flush()
        if options.output:
            _keep(options.output, found, peer)
        met = met and all(goal.met or goal.unclear for goal in report.goals(found))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
