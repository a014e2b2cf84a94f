"""Look at the TenantProxy that is on PATH, and print what is found as JSON. Fed to a Python on standard input.

It runs in the image, as its user, and once more in the source tree, with --speed: only to compare how fast and how
large it is there. Standard library only.
"""

import contextlib
import http.client
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

STARTS = 5
START_TIMEOUT = 60.0
SETTLE = 0.5
FORBIDDEN = ("uv", "pip", "pip3", "gcc", "cc", "c++", "make", "git", "curl")
NEVER_LOADED = re.compile(r"kubernetes/(aio/)?client/(api|models)/[a-z]")
# Of the modules that pyproject.toml lists, which are compiled all at once or not at all.
HOT = ("tenantproxy.api.handler", "tenantproxy.server.connection")
CONFIG: dict[str, object] = {
    "version": 1,
    "tenant": {"id": "probe", "name": "probe"},
    "access": {"mode": "trusted"},
    "upstream": {"url": "https://oms.example"},
}
TRACED: dict[str, object] = {**CONFIG, "tracing": {"endpoint": "http://127.0.0.1:9"}}


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def start(config: dict[str, object] = CONFIG) -> tuple[float, float]:
    """Start a proxy; return the milliseconds to its first answer, and its MiB at rest."""
    port = free_port()
    with memory_file(config) as file:
        command = ["tenantproxy", "serve", "--config", f"/proc/self/fd/{file}", "--credentials", "/nonexistent"]
        command += ["--api", f"127.0.0.1:{free_port()}", "--admin", f"127.0.0.1:{port}", "--log-level", "error"]
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[file])
        try:
            while not answers(port, "/readyz"):
                if process.poll() is not None or time.perf_counter() - began > START_TIMEOUT:
                    sys.exit(f"`tenantproxy serve` did not start (exit status {process.returncode})")
                time.sleep(0.002)
            seconds = time.perf_counter() - began
            time.sleep(SETTLE)
            status = Path(f"/proc/{process.pid}/status").read_text()
        finally:
            process.terminate()
            ended = process.wait(20)
    if ended != 0:
        sys.exit("`tenantproxy serve` did not end with status 0 after SIGTERM")
    resident = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    return seconds * 1000, int(resident[1]) / 1024 if resident else 0.0


@contextlib.contextmanager
def memory_file(content: object) -> Iterator[int]:
    """Return JSON in a file without a place in the file system, which is read-only."""
    file = os.memfd_create("probe")
    try:
        os.write(file, json.dumps(content).encode())
        yield file
    finally:
        os.close(file)


def answers(port: int, path: str) -> bool:
    """Return whether it says that all is well."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False


def problems() -> list[str]:
    """Return what an image must not have, and this one has."""
    found = []
    start(TRACED)  # which it would not, if what spans need were not in it
    if os.getuid() == 0:
        found.append("it runs as root")
    found += [f"{name} is in it ({path})" for name in FORBIDDEN if (path := shutil.which(name))]
    found += [f"{path} is a package manager's cache" for path in cached()]
    found += [f"{path} is not compiled, or by its date" for path in not_compiled()]
    found += [f"{module} is not compiled to machine code" for module in HOT if not is_native(module)]
    found += [f"{path} can be written by everybody" for path in writable(Path(sys.prefix))]
    return [*found, *operator()]


def cached() -> list[Path]:
    """Return what package managers have left."""
    places = [Path("/var/lib/apt/lists"), Path("/var/cache/apt"), Path("/root/.cache")]
    return [path for place in places if os.access(place, os.R_OK) for path in place.rglob("*") if path.is_file()]


def not_compiled() -> list[Path]:
    """Return the modules that would be compiled at each start, or looked at whether they are as they were."""
    places = {Path(sys.prefix, "lib"), Path(os.__file__).parent}
    modules = [path for place in places for path in place.rglob("*.py") if not NEVER_LOADED.search(str(path))]
    return [path for path in modules if not is_compiled(path)]


def is_compiled(module: Path) -> bool:
    """Return whether it has bytecode that is taken as it is (PEP 552: bit 0 set, bit 1 not)."""
    bytecode = module.parent / "__pycache__" / f"{module.stem}.{sys.implementation.cache_tag}.pyc"
    return bytecode.exists() and bytecode.read_bytes()[4:8] == b"\x01\0\0\0"


def is_native(module: str) -> bool:
    """Return whether Python would load it as an extension."""
    spec = importlib.util.find_spec(module)
    return spec is not None and isinstance(spec.loader, importlib.machinery.ExtensionFileLoader)


def writable(prefix: Path) -> list[Path]:
    """Return what anybody could replace."""
    return [path for path in prefix.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o002]


def operator() -> list[str]:
    """Return what is wrong with the operator: without an API server it must be healthy, and wait for one."""
    cluster = {"name": "none", "cluster": {"server": f"http://127.0.0.1:{free_port()}"}}
    context = {"name": "none", "context": {"cluster": "none", "user": ""}}
    kubeconfig = {"clusters": [cluster], "contexts": [context], "current-context": "none", "users": []}
    port = free_port()
    with memory_file(kubeconfig) as file:
        command = ["tenantproxy-operator", "run", "--namespace", "probe", "--kubeconfig", f"/proc/self/fd/{file}"]
        process = subprocess.Popen(
            [*command, "--admin", f"127.0.0.1:{port}"], stderr=subprocess.PIPE, text=True, pass_fds=[file]
        )
        began = time.perf_counter()
        while process.poll() is None and not answers(port, "/healthz"):
            if time.perf_counter() - began > START_TIMEOUT:
                break
            time.sleep(0.01)
        time.sleep(SETTLE)
        healthy = process.poll() is None and answers(port, "/healthz")
        process.terminate()
        _, said = process.communicate(timeout=20)
    if healthy and process.returncode == 0:
        return []
    return [f"the operator does not start and end (exit status {process.returncode}): {said[-500:]}"]


def version(program: str) -> str:
    """Return what a program calls itself."""
    done = subprocess.run((program, "--version"), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def main() -> None:
    """Print it all."""
    starts = [start() for _ in range(STARTS + 1)][1:]  # the first one fills the page cache
    milliseconds, mebibytes = map(median, zip(*starts, strict=True))
    found = {
        "python": sys.version.split()[0],
        "versions": [version("tenantproxy"), version("tenantproxy-operator")],
        "milliseconds": milliseconds,
        "mebibytes": mebibytes,
        "problems": [] if "--speed" in sys.argv else problems(),
    }
    print(json.dumps(found))


main()
