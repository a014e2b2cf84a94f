"""A cluster of one node that is built from source, in namespaces of its own: nothing of the machine's is touched.

All of it is the tree of one process, whose end is the end of everything: daemons, pods, mounts, network. What the
kernel keeps nevertheless (cgroups), and the state on the disk, is removed when it is ended,
and before it is started.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from hack import ROOT
from hack.build import image_archive
from hack.build.gomodules import MissingError, say, stage
from hack.cluster import configuration, layout, machine, pki
from hack.cluster.cluster import Cluster, ClusterError, environment
from hack.cluster.layout import CGROUP, INSIDE, READY, STATE
from hack.programs import node as programs

_BOOT_SECONDS: Final = 30
_END_SECONDS: Final = 30.0
_CGROUP_SECONDS: Final = 10.0
_CGROUPS: Final = Path("/sys/fs/cgroup")
_NAMESPACES: Final = ("--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc")
_RECORD: Final = STATE / "node.json"
_CLIENTS: Final = {
    "admin": ("admin", "system:masters"),
    "kubelet": (f"system:node:{layout.NODE}", "system:nodes"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kube-proxy": ("system:kube-proxy", ""),
}
"""Whose name and group are in its certificate."""


class Node(Cluster):
    """The source-built node."""

    def up(self) -> None:
        """Build what is missing, and boot."""
        if _pid() is not None:
            self.status()
            say("the cluster is up")
            return
        if not sys.platform.startswith("linux"):
            raise ClusterError("this needs Linux; elsewhere start Docker, or set KUBECONFIG")
        if os.geteuid() != 0:
            raise ClusterError(
                "the source-built node needs root: run it with sudo, or start Docker, or set KUBECONFIG"
            )
        if packages := machine.missing():
            machine.install(packages)
        unshare = (str(machine.which("unshare")), *_NAMESPACES, "true")
        if (done := subprocess.run(unshare, capture_output=True, text=True, check=False)).returncode != 0:
            raise ClusterError(f"root has no namespaces to give here (a container?): {done.stderr}")
        directories = build()
        begin = time.monotonic()
        say(f"starting the node: about {_BOOT_SECONDS} s")
        _clean()
        with stage("certificates, configuration and images"):
            _write(directories)
            _make_cgroups()
        _boot(directories)
        say(f"the cluster is up after {time.monotonic() - begin:.0f} s")

    def status(self) -> str | None:
        """Return its nodes and pods, and why it ended if it did."""
        if (pid := _pid()) is None:
            if (STATE / "failed").exists():
                raise ClusterError(
                    f"{(STATE / 'failed').read_text()}The node has ended; its logs are in {STATE}/logs"
                )
            return None
        command, environ = self.command(("kubectl", "get", "nodes,pods", "--all-namespaces", "--output=wide"))
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode != 0 and _pid() is None:  # it was just ending
            return self.status()
        if done.returncode != 0:
            raise ClusterError(f"the node runs, process {pid}, but its API server does not answer: {done.stderr}")
        return f"source-built node, process {pid}, state in {STATE}\n{done.stdout}"

    def down(self) -> None:
        """End its one process, and remove what the kernel keeps."""
        _end()
        _clean()

    def load(self, archive: Path) -> None:
        """Import it into containerd."""
        # By its content: the file may be where the node has a layer of its own.
        command, environ = self.command(
            ("ctr", "-n", "k8s.io", "images", "import", "--snapshotter", "overlayfs", "-")
        )
        with archive.open("rb") as content:
            done = subprocess.run(command, env=environ, stdin=content, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(f"containerd does not take {archive}: {done.stderr}")

    def host(self) -> str:
        """Return the node's own address."""
        return layout.NODE_ADDRESS

    def on_node(self) -> str:
        """Return a word that does nothing: what `command` runs is there."""
        return "env"

    def command(self, command: Sequence[str]) -> tuple[Sequence[str], Mapping[str, str]]:
        """Return what runs the command in the node's namespaces."""
        if (pid := _pid()) is None:
            raise ClusterError("no cluster is up: `make cluster-up` starts one")
        record = json.loads(_RECORD.read_text())
        environ = _direct(environment(INSIDE / "kubeconfig", *map(Path, record["programs"])))
        environ["KUBECACHEDIR"] = str(INSIDE / "kubectl-cache")
        enter = (
            # The process's own namespace of processes is the machine's; that of its children is the node's.
            *("nsenter", f"--target={pid}", "--mount", "--net", "--ipc", "--uts"),
            f"--pid=/proc/{pid}/ns/pid_for_children",
            # nsenter leaves the command alone where it is ended by a signal.
            *("setpriv", "--pdeathsig=TERM", "env", f"--chdir={Path.cwd()}"),
        )
        return (*enter, *command), environ


def build() -> tuple[Path, ...]:
    """Return where the programs are; build them first if need be.

    Raises:
        ClusterError: They can't be had.

    """
    try:
        return (programs.CONTROL_PLANE.directory(), programs.NODE.directory())
    except MissingError as error:
        raise ClusterError(str(error)) from error


def exists() -> bool:
    """Return whether a node is up, or was and left something."""
    return _RECORD.exists() or any(_cgroups())


def _write(directories: tuple[Path, ...]) -> None:
    """Write what the daemons read."""
    for name in ("images", "logs", "cni", "pods", "volume-plugins"):
        (STATE / name).mkdir(parents=True)
    STATE.chmod(0o700)  # an admin's key is in it
    authority = pki.Authority(STATE / "pki", "tenantproxy cluster")
    address, host = f"IP:{layout.NODE_ADDRESS}", f"DNS:{layout.NODE}"
    service = [f"DNS:kubernetes.default.svc.{layout.DOMAIN}".rsplit(".", cut)[0] for cut in range(5)]
    authority.issue(
        "apiserver",
        "kube-apiserver",
        names=(*service, address, f"IP:{layout.API_SERVICE_ADDRESS}", "IP:127.0.0.1", "DNS:localhost"),
    )
    authority.issue("apiserver-kubelet", "kube-apiserver-kubelet-client", group="system:masters")
    authority.issue("service-accounts", "service-accounts")
    for file, (name, group) in _CLIENTS.items():
        pair = authority.issue(file, name, group=group, names=(address, host) if file == "kubelet" else ())
        target = layout.KUBECONFIG if file == "admin" else STATE / f"{file}.kubeconfig"
        target.write_text(json.dumps(configuration.kubeconfig(authority.own, pair)))
    front = pki.Authority(STATE / "pki" / "front-proxy", "tenantproxy cluster, aggregated APIs")
    front.issue("client", "front-proxy-client")
    inside = INSIDE / "pki"
    for path, content in {
        "kubelet.json": configuration.kubelet(inside),
        "kube-proxy.json": configuration.kube_proxy(),
        "audit-policy.json": configuration.AUDIT_POLICY,
        "cni/pods.conflist": configuration.cni(),
    }.items():
        (STATE / path).write_text(json.dumps(content, indent=1))
    (STATE / "containerd.toml").write_text(configuration.containerd())
    for name in ("pause", "coredns", "metrics-server"):
        program = next(directory / name for directory in directories if (directory / name).exists())
        image_archive.write_image(
            STATE / "images" / f"{name}.tar",
            f"localhost/{name}:node",
            {f"bin/{name}": program},
            [f"/bin/{name}"],
            {},
        )
    image_archive.write_busybox(
        STATE / "images" / "busybox.tar", "localhost/busybox:node", machine.which("busybox")
    )


def _boot(directories: tuple[Path, ...]) -> None:
    """Start the node, and wait until it is ready."""
    progress, theirs = os.pipe()
    with (STATE / "logs" / "node.log").open("ab") as log:
        process = subprocess.Popen(
            (
                str(machine.which("unshare")),
                *_NAMESPACES,
                *(sys.executable, "-u", "-P", "-m", "hack.cluster.node_init", *map(str, directories)),
            ),
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=log,
            env=_direct(os.environ) | {"PYTHONPATH": str(ROOT)},
            start_new_session=True,  # it outlives us
            cwd="/",
        )
    os.close(theirs)
    try:
        _RECORD.write_text(
            json.dumps({"pid": process.pid, "start": _start(process.pid), "programs": list(map(str, directories))})
        )
        while (said := os.read(progress, 4096)) and not said.endswith(READY):
            os.write(sys.stderr.fileno(), said)
        os.write(sys.stderr.fileno(), said.removesuffix(READY))
    except BaseException:
        _end()
        raise
    finally:
        os.close(progress)
    if not (STATE / "ready").exists():
        process.wait()
        said_there = (STATE / "logs" / "node.log").read_text()
        raise ClusterError(f"the node did not come up; its logs are in {STATE}/logs\n{said_there}")


def _direct(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without proxies, which nothing in the node can reach."""
    return {name: value for name, value in environ.items() if not name.lower().endswith("_proxy")}


def _end() -> None:
    """End the node's processes, if there are any."""
    if (pid := _pid()) is None:
        return
    # The kernel ends the first process of the namespace only after all others in it, and our own waits for that.
    for first in _children(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + _END_SECONDS
    while _pid() is not None:
        if time.monotonic() > deadline:
            raise ClusterError(f"process {pid} does not end")
        time.sleep(0.05)


def _clean() -> None:
    """Remove what a node leaves that has ended."""
    deadline = time.monotonic() + _CGROUP_SECONDS
    while left := list(_cgroups()):
        for cgroup in left:
            with contextlib.suppress(OSError):  # it has a child, or a process that is about to end
                cgroup.rmdir()
        if time.monotonic() > deadline:
            raise ClusterError(f"these can't be removed: {' '.join(map(str, left))}")
    if any(str(STATE) in line for line in Path("/proc/self/mountinfo").read_text().splitlines()):
        raise ClusterError(f"something is mounted below {STATE}, which is not of our doing: unmount it")
    if STATE.exists():
        shutil.rmtree(STATE)
    with contextlib.suppress(OSError):  # others' state is in it
        STATE.parent.rmdir()


def _make_cgroups() -> None:
    """Make the cgroup that the kubelet puts its own into: in every hierarchy, or in the one."""
    if not (unified := _CGROUPS / "cgroup.subtree_control").exists():
        for processes in _CGROUPS.glob("*/cgroup.procs"):
            (processes.parent / CGROUP).mkdir()
        return
    (_CGROUPS / CGROUP).mkdir()
    for controller in ("cpu", "cpuset", "hugetlb", "memory", "pids"):
        for control in (unified, _CGROUPS / CGROUP / unified.name):
            with contextlib.suppress(OSError):  # not every kernel has all
                control.write_text(f"+{controller}")


def _cgroups() -> Iterator[Path]:
    """Yield the node's cgroups, the inner ones first."""
    for root in (*_CGROUPS.glob(f"*/{CGROUP}"), _CGROUPS / CGROUP):
        for directory, _, _ in os.walk(root, topdown=False):
            yield Path(directory)


def _pid() -> int | None:
    """Return the process whose end is the node's, None if there is none."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        record = json.loads(_RECORD.read_text())
        if _start(record["pid"]) == record["start"]:
            return int(record["pid"])
    return None


def _start(pid: int) -> str | None:
    """Return when a process was started, which tells it from a later one with its id; None if it has ended."""
    state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return None if state == "Z" else fields[18]


def _children(pid: int) -> Iterator[int]:
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(file.read_text().rpartition(")")[2].split()[1]) == pid:
                yield int(file.parent.name)
