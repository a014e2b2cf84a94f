"""A real API server for tests: etcd, kube-apiserver and, where asked for, controllers, on loopback."""

import contextlib
import datetime as dt
import json
import os
import secrets
import ssl
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Final

from support.apiserver import audit as apiserver_audit
from support.apiserver.audit import AuditEntry
from support.apiserver.client import ApiClient
from support.certificates import Authority
from support.tools.daemons import Daemon, Watchdog, port_of, reserve_port

ADMIN: Final = "admin"
"""The user that may do everything."""
_CONTROLLERS: Final = "system:kube-controller-manager"
_START_SECONDS: Final = 60.0
_KUBECTL_SECONDS: Final = 60.0


class KubectlError(Exception):
    """kubectl ended with an error; the message is what it said."""


def service_account(namespace: str, name: str) -> str:
    """Return a service account's user name."""
    return f"system:serviceaccount:{namespace}:{name}"


class ApiServer:
    """A running API server with RBAC, its etcd, and an admin's access to it.

    Everything but `client` and `controllers` is synchronous, so that one server serves a whole session of tests,
    whose event loops come and go. In a test whose loop has to go on meanwhile: `await asyncio.to_thread(...)`.
    """

    def __init__(self, binaries: Path, directory: Path) -> None:
        """Start it and wait until it is ready.

        Raises:
            DaemonError: It does not start; the message holds the end of the log.

        """
        self._binaries = binaries
        self._directory = directory
        self._tokens = {user: secrets.token_urlsafe() for user in (ADMIN, _CONTROLLERS)}
        self._ports = {name: reserve_port() for name in ("etcd", "apiserver", "controllers")}
        self.url = f"https://127.0.0.1:{port_of(self._ports['apiserver'])}"
        self._write_files()
        self.starts: list[tuple[dt.datetime, dt.datetime]] = []
        """When it was started, and was ready: in between it knows no roles yet, and refuses all but the admin."""
        self.tls = ssl.create_default_context(cafile=self.ca_file)
        self.admin_kubeconfig = self.kubeconfig(directory / "admin.kubeconfig")
        self._apiserver: Daemon | None = None
        with contextlib.ExitStack() as undo:
            for reserved in self._ports.values():
                undo.enter_context(reserved)
            self._watchdog = Watchdog()
            undo.callback(self._watchdog.close)
            undo.callback(self._start_etcd().stop)
            undo.callback(self.stop_apiserver)
            self.start_apiserver()
            self._end = undo.pop_all()

    def close(self) -> None:
        """Stop everything."""
        self._end.close()

    @property
    def ca_file(self) -> Path:
        return self._directory / "ca.crt"

    @property
    def admin_token(self) -> str:
        return self._tokens[ADMIN]

    @property
    def log(self) -> str:
        """What the API server said."""
        return (self._directory / "kube-apiserver.log").read_text()

    def start_apiserver(self) -> None:
        """Start the API server again, with the same address, keys and data; wait until it is ready.

        Raises:
            DaemonError: It does not start.

        """
        assert self._apiserver is None, "it is running"
        begin = dt.datetime.now(dt.UTC)
        port = port_of(self._ports["apiserver"])
        self._apiserver = self._start(
            "kube-apiserver",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            # The Service "kubernetes" would have to lead to a loopback address, which an endpoint may not have.
            "--endpoint-reconciler-type=none",
            f"--etcd-servers=http://127.0.0.1:{port_of(self._ports['etcd'])}",
            f"--tls-cert-file={self._directory}/serving.crt",
            f"--tls-private-key-file={self._directory}/serving.key",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self._directory}/tokens.csv",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._directory}/serviceaccounts.crt",
            f"--service-account-signing-key-file={self._directory}/serviceaccounts.key",
            # The default is so small that a fleet's Services use it up.
            "--service-cluster-ip-range=10.96.0.0/12",
            f"--audit-policy-file={self._directory}/audit-policy.json",
            f"--audit-log-path={self._audit_log}",
            # A line is written before the answer's end is sent: what a client knows to be done is in the log.
            "--audit-log-mode=blocking",
            # In MB; never rotated, because an offset in the file is what marks a time in the log.
            "--audit-log-maxsize=100000",
            # Ends the watches when it is stopped, which would else wait for their end.
            "--shutdown-watch-termination-grace-period=1s",
        ).ready(lambda: self._says_ok(port, "/readyz"), within=_START_SECONDS)
        self.starts.append((begin, dt.datetime.now(dt.UTC)))

    def stop_apiserver(self) -> None:
        """Stop the API server, if it is running; its etcd goes on."""
        if self._apiserver is not None:
            self._apiserver.stop()
            self._apiserver = None

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Be without the API server for a while."""
        self.stop_apiserver()
        try:
            yield
        finally:
            self.start_apiserver()

    def kubeconfig(
        self, path: Path, token: str | None = None, *, url: str | None = None, ca: Path | None = None
    ) -> Path:
        """Write a kubeconfig for a bearer token, else for the admin; return its path.

        `url` and `ca`: those of what stands between.
        """
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {"server": url or self.url, "certificate-authority": str(ca or self.ca_file)},
                }
            ],
            "users": [{"name": "test", "user": {"token": token or self.admin_token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        path.write_text(json.dumps(config))  # JSON is YAML
        path.chmod(0o600)
        return path

    def kubectl(self, *args: str | Path, stdin: str | None = None) -> str:
        """Run kubectl as the admin; return what it printed.

        Raises:
            KubectlError: It failed.

        """
        status, out, err = self.try_kubectl(*args, stdin=stdin)
        if status != 0:
            raise KubectlError(f"kubectl {' '.join(map(str, args))}: {err or out}")
        return out

    def install_crd(self, file: Path, name: str) -> None:
        """Apply a CustomResourceDefinition; wait until its objects can be written.

        Raises:
            KubectlError: It can't be applied, or is not established within half a minute.

        """
        self.kubectl("apply", "--server-side", "-f", file)
        deadline = time.monotonic() + _START_SECONDS
        # kubectl fails where there are no conditions at all yet.
        while self.try_kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{name}")[0] != 0:
            if time.monotonic() > deadline:
                raise KubectlError(f"{name} is not established")
            time.sleep(0.05)

    def try_kubectl(self, *args: str | Path, stdin: str | None = None) -> tuple[int, str, str]:
        """Run kubectl as the admin; return its exit status, standard output and standard error."""
        done = subprocess.run(
            (self._binaries / "kubectl", *args),
            # Its settings and caches are looked for in HOME.
            env=os.environ | {"HOME": str(self._directory), "KUBECONFIG": str(self.admin_kubeconfig)},
            input=stdin or "",
            capture_output=True,
            text=True,
            check=False,
            timeout=_KUBECTL_SECONDS,
        )
        return done.returncode, done.stdout, done.stderr

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[ApiClient]:
        """Return a client of the running event loop."""
        async with ApiClient.connected(self.url, self.tls, self.admin_token) as client:
            yield client

    def audit_mark(self) -> int:
        """Return what `audit` takes for "from now on"."""
        return self._audit_log.stat().st_size

    def audit(self, since: int = 0) -> list[AuditEntry]:
        """Return the requests since a mark, in the order in which they were answered."""
        return apiserver_audit.read(self._audit_log, since)

    @contextlib.asynccontextmanager
    async def controllers(self, *names: str) -> AsyncIterator[Daemon]:
        """Run these controllers of kube-controller-manager, such as "garbage-collector-controller".

        They are up when this is entered; what they do takes its time. Each acts as a service account of its own,
        "system:serviceaccount:kube-system:NAME", where NAME is the one in `kubectl -n kube-system get sa`.

        Raises:
            DaemonError: They do not start.

        """
        daemon = self.start_controllers(*names)
        try:
            yield daemon
        finally:
            daemon.stop()

    def start_controllers(self, *names: str, options: Sequence[str] = ()) -> Daemon:
        """Run them until somebody stops them, with further options. Raises DaemonError."""
        port = port_of(self._ports["controllers"])
        kubeconfig = self.kubeconfig(self._directory / "controllers.kubeconfig", self._tokens[_CONTROLLERS])
        return self._start(
            "kube-controller-manager",
            f"--controllers={','.join(names)}",
            # By default 20 requests a second, which objects of earlier tests would use up for most of a minute.
            "--kube-api-qps=1000",
            "--kube-api-burst=1000",
            *options,
            f"--kubeconfig={kubeconfig}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={self._directory}/serving.crt",
            f"--tls-private-key-file={self._directory}/serving.key",
        ).ready(lambda: self._says_ok(port, "/healthz"), within=_START_SECONDS)

    @property
    def _audit_log(self) -> Path:
        return self._directory / "audit.log"

    def _start_etcd(self) -> Daemon:
        port = port_of(self._ports["etcd"])
        address = f"http://127.0.0.1:{port}"
        return self._start(
            "etcd",
            f"--data-dir={self._directory}/etcd",
            f"--listen-client-urls={address}",
            f"--advertise-client-urls={address}",
            # There are no peers, so nobody needs to know the port.
            "--listen-peer-urls=http://127.0.0.1:0",
            # A crash of the machine ends the tests, too.
            "--unsafe-no-fsync",
        ).ready(lambda: self._says_ok(port, "/health", scheme="http"), within=_START_SECONDS)

    def _start(self, program: str, *options: str) -> Daemon:
        log = self._directory / f"{program}.log"
        return Daemon(self._binaries / program, *options, log=log, watchdog=self._watchdog)

    def _says_ok(self, port: int, path: str, *, scheme: str = "https") -> bool:
        request = urllib.request.Request(  # noqa: S310 - of our own daemons
            f"{scheme}://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {self.admin_token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=2, context=self.tls) as answer:  # noqa: S310 - as above
                return bool(answer.status == 200)
        except OSError:  # an HTTPError is one, too
            return False

    def _write_files(self) -> None:
        authority = Authority()
        self.ca_file.write_text(authority.pem)
        for name, host in (("serving", "127.0.0.1"), ("serviceaccounts", "serviceaccounts")):
            pair = authority.issue(host)
            (self._directory / f"{name}.crt").write_text(pair.certificate)
            (self._directory / f"{name}.key").write_text(pair.key)
        groups = {ADMIN: "system:masters", _CONTROLLERS: ""}
        lines = [f"{token},{user},{user},{groups[user]}\n" for user, token in self._tokens.items()]
        (self._directory / "tokens.csv").write_text("".join(lines))
        (self._directory / "audit-policy.json").write_text(json.dumps(apiserver_audit.POLICY))
