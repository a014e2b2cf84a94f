"""The source-built node, from within: the first process in namespaces of its own.

It sets them up, starts all daemons and waits; when it ends, the kernel ends all that is in them. Run by node.py as
`python -m hack.cluster.node_init DIRECTORY...`, where the programs are. It says on standard output how far it is.
"""

import contextlib
import ctypes
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final, Never

from hack.build.gomodules import stage
from hack.cluster import configuration
from hack.cluster.layout import ADDONS, API_PORT, INSIDE, NODE, NODE_ADDRESS, NODE_PREFIX, READY, STATE

_START_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.05
_TAIL_LINES: Final = 15

_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_MS_SHARED: Final = 0x100000

_WRITABLE: Final = ("/opt", "/var/lib", "/var/log")
"""Directories that programs write to regardless of configuration; an overlay keeps that from the machine."""
_KUBELET_WRITES: Final = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""Settings of the whole machine, which the kubelet changes where they are not so; it is shown that they are."""


class BootError(Exception):
    """The node does not come up; the message says why."""


def main() -> int:
    """Run the node; return the exit status when it ends."""
    sys.stderr = sys.stdout
    signal.signal(signal.SIGTERM, _end)
    node = _Node(os.pathsep.join(sys.argv[1:]))
    try:
        node.boot()
    except (BootError, OSError, subprocess.SubprocessError) as error:
        print(f"\ntenantproxy: {error}", flush=True)
        return 1
    (INSIDE / "ready").touch()
    os.write(1, READY)
    log = os.open(INSIDE / "logs" / "node.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    ended = node.wait()
    (INSIDE / "ready").unlink()
    print(ended, flush=True)
    (INSIDE / "failed").write_text(f"{ended}\n")
    return 1


class _Node:
    def __init__(self, directories: str) -> None:
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        os.environ["PATH"] = os.pathsep.join(
            (directories, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        )
        os.environ["KUBECONFIG"] = str(INSIDE / "kubeconfig")
        os.environ["KUBECACHEDIR"] = str(INSIDE / "kubectl-cache")
        self._tls = ssl.create_default_context()

    def boot(self) -> None:
        """Do all that makes a node.

        Raises:
            BootError: Something does not come up in time.
            OSError: This kernel lacks something, or a file can't be written.
            subprocess.SubprocessError: A command fails.

        """
        with stage("namespaces, mounts and network"):
            _set_up_mounts()
            _set_up_network()
        pki = INSIDE / "pki"
        self._tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        with stage("etcd and API server"):
            self._start("containerd", f"--config={INSIDE}/containerd.toml")
            self._start("etcd", *configuration.etcd())
            self._until(lambda: _answers("http://127.0.0.1:2379/health"), "etcd")
            self._start("kube-apiserver", *configuration.apiserver(pki))
            self._until(lambda: self._api("/readyz"), "kube-apiserver")
        with stage("images of the add-ons"):
            self._until(lambda: self._quiet("ctr", "version"), "containerd")
            for image in sorted((INSIDE / "images").iterdir()):
                self._run("ctr", "-n", "k8s.io", "images", "import", "--snapshotter", "overlayfs", str(image))
                image.unlink()
        with stage("controllers, kubelet and kube-proxy"):
            self._start("kube-controller-manager", *configuration.controller_manager(pki))
            self._start("kube-scheduler", *configuration.scheduler())
            self._start(
                "kubelet",
                f"--config={INSIDE}/kubelet.json",
                f"--kubeconfig={INSIDE}/kubelet.kubeconfig",
                f"--root-dir={INSIDE}/kubelet",
                f"--hostname-override={NODE}",
                f"--node-ip={NODE_ADDRESS}",
            )
            self._start("kube-proxy", f"--config={INSIDE}/kube-proxy.json")
            self._until(lambda: self._quiet("kubectl", "get", "node", NODE), "kubelet")
            self._run("kubectl", "wait", "--for=condition=Ready", f"node/{NODE}", "--timeout=60s")
        with stage("CoreDNS and metrics-server"):
            self._until(
                lambda: self._quiet("kubectl", "get", "-n=default", "serviceaccount", "default"), "kubelet"
            )
            self._run("kubectl", "apply", "--server-side", "-f", str(ADDONS))
            for name in ("coredns", "metrics-server"):
                self._run("kubectl", "-n=kube-system", "rollout", "status", f"deployment/{name}", "--timeout=120s")
            self._until(lambda: self._quiet("kubectl", "top", "node"), "metrics-server")

    def wait(self) -> str:
        """Wait until a daemon ends, return a report of it. Orphaned processes are reaped here, too."""
        names = {daemon.pid: name for name, daemon in self._daemons.items()}
        while True:
            pid, status = os.wait()
            if pid in names:
                return self._failure(names[pid], os.waitstatus_to_exitcode(status))

    def _start(self, program: str, *options: str) -> None:
        with _log(program).open("ab") as log:
            self._daemons[program] = subprocess.Popen(
                (program, *options), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _until(self, check: Callable[[], bool], program: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not check():
            for name, daemon in self._daemons.items():
                if (status := daemon.poll()) is not None:
                    raise BootError(self._failure(name, status))
            if time.monotonic() > deadline:
                raise BootError(f"{program} is not ready after {_START_SECONDS:.0f} s\n{_tail(program)}")
            time.sleep(_POLL_SECONDS)

    def _failure(self, name: str, status: int) -> str:
        return f"{name} ended with status {status}\n{_tail(name)}"

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BootError(f"`{' '.join(command)}` failed: {done.stderr or done.stdout}")

    def _quiet(self, *command: str) -> bool:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0

    def _api(self, path: str) -> bool:
        return _answers(f"https://{NODE_ADDRESS}:{API_PORT}{path}", self._tls)


def _set_up_mounts() -> None:
    """Have a /run of our own with the state in it, and what others write elsewhere where it ends with us."""
    state = os.open(STATE, os.O_PATH | os.O_DIRECTORY)  # it may be below what is mounted over
    _mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    INSIDE.mkdir()
    _mount(f"/proc/self/fd/{state}", str(INSIDE), "", _MS_BIND)
    os.close(state)
    for place in _WRITABLE:
        upper, work = (Path("/run/overlay") / place[1:] / name for name in ("upper", "work"))
        for directory in (upper, work):
            directory.mkdir(parents=True)
        _mount("overlay", place, "overlay", 0, f"lowerdir={place},upperdir={upper},workdir={work}")
    for setting, value in _KUBELET_WRITES.items():
        file = Path("/run/settings") / setting
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")
        _mount(str(file), f"/proc/sys/{setting}", "", _MS_BIND)
    kubelet = INSIDE / "kubelet"
    kubelet.mkdir()
    _mount(str(kubelet), str(kubelet), "", _MS_BIND)
    # The containers' runtime must see the volumes that the kubelet mounts.
    _mount("", str(kubelet), "", _MS_SHARED | _MS_REC)


def _set_up_network() -> None:
    """Have a node's address, without a way out: on a bridge, since not every kernel has dummy devices."""
    socket.sethostname(NODE)
    for command in (
        "link set lo up",
        "link add node0 type bridge",
        f"address add {NODE_ADDRESS}/{NODE_PREFIX} dev node0",
        "link set node0 up",
        "route add default dev node0",
    ):
        subprocess.run(("ip", *command.split()), check=True)  # noqa: S607 - the PATH is ours
    bridges = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if not bridges.exists():
        with contextlib.suppress(OSError):
            subprocess.run(("modprobe", "br_netfilter"), check=False)  # noqa: S607 - as above
    for setting in (Path("/proc/sys/net/ipv4/ip_forward"), bridges):
        setting.write_text("1")


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), f"mounting {kind or source} on {target}")


def _answers(url: str, tls: ssl.SSLContext | None = None) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5, context=tls) as answer:  # noqa: S310 - our own daemons
            return bool(answer.status == 200)
    except OSError:  # an HTTPError is one, too
        return False


def _log(program: str) -> Path:
    return INSIDE / "logs" / f"{program}.log"


def _tail(program: str) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(_log(program).read_text(errors="replace").splitlines()[-_TAIL_LINES:])
    return ""


def _end(*_: object) -> Never:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
