"""Count the instructions of a request in each of our proxies, by callgrind (`valgrind`): whatever else is running.

They are no times: all count alike, and SHA-256 is counted as it is where a machine has no instructions of its own
for that. `logged` writes a line for nearly each request, since fewer than 100 come in a second. A whole run takes
a minute or two.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.processes import OTHER_CORE, BenchError, Running, free_port, pinned, running, script
from bench.subjects import Operation, Subject, Workbench

_REQUESTS: Final = 600
"""So many warm up, and so many are counted."""
_TRIES: Final = 6
"""To connect: under valgrind a start takes long."""


def _under_callgrind(subject: Subject, folder: Path) -> list[str | Path]:
    options = ["--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder / subject.name}"]
    env, where_compiled, program, *arguments = subject.command
    # By other hashes the same code takes 1 % more or less.
    seeded = [env, where_compiled, "PYTHONHASHSEED=0"]
    return [*seeded, "valgrind", "--quiet", *options, sys.executable, program, *arguments]


def _wait_for(process: Running) -> None:
    for tries_left in reversed(range(_TRIES)):
        try:
            process.connect().close()
        except BenchError:
            if not tries_left:
                raise
        else:
            return


def _control(process: Running, *options: str) -> None:
    command = ["callgrind_control", *options, str(process.pid)]
    subprocess.run(command, check=True, capture_output=True)


def _count(process: Running, operation: Operation, folder: Path, subject: Subject) -> float:
    """Return the instructions of one request."""
    answer = process.ask(operation.method, operation.path, operation.headers, operation.body)
    request = folder / "request"
    request.write_bytes(operation.raw())
    load = [*script("load"), "--port", str(process.port), "--request", request, "--length", str(len(answer))]
    load += ["--seconds", "300", "--count", str(_REQUESTS)]
    known = {*folder.glob(f"{subject.name}.*")}
    for options in ([], ["--instr=on"]):
        if options:
            _control(process, *options)
        subprocess.run(load, check=True, stdout=subprocess.DEVNULL)
    _control(process, "--instr=off")
    _control(process, "--dump")
    (dump,) = {*folder.glob(f"{subject.name}.*")} - known
    found = re.search(r"^totals: (\d+)", dump.read_text(), re.MULTILINE)
    if found is None:
        raise BenchError("callgrind has counted nothing")
    return int(found[1]) / _REQUESTS


def main() -> int:
    """Print the counts, and return the exit status."""
    if shutil.which("valgrind") is None:
        print("bench: needs valgrind (Debian's package of that name)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as path, pinned(OTHER_CORE):
        folder = Path(path)
        port = free_port()
        bench_files = Workbench(folder, port)
        ours = (bench_files.trusted(), bench_files.logged(), bench_files.jwt(), bench_files.mapped())
        base: dict[str, float] = {}
        upstream = [*script("upstream"), "--port", str(port)]
        with running(upstream, port, OTHER_CORE) as oms:
            oms.connect().close()
            for subject in ours:
                with running(_under_callgrind(subject, folder), subject.port, OTHER_CORE, quiet=True) as process:
                    _wait_for(process)
                    for operation in (bench_files.get, bench_files.search):
                        count = _count(process, operation, folder, subject)
                        share = count / base.setdefault(operation.name, count)
                        print(f"{operation.name:<8} {subject.name:<8} {count:>12,.0f} {share:6.3f}x", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
