"""The operator as its users run it: a process of its own, with a service account's rights."""

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from support.commands import BIN, free_ports
from support.tools.daemons import Watchdog
from support.waiting import eventually, until

_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 20.0
_SAMPLE: Final = re.compile(r"^tenantproxy_operator_(\w+(?:\{.*\})?) (\S+)$", re.MULTILINE)


class OperatorProcess:
    """`tenantproxy-operator run`; may be started and stopped again and again, its log goes on."""

    def __init__(
        self,
        *options: str | Path,
        directory: Path,
        kubeconfig: Path,
        environ: Mapping[str, str] | None = None,
        program: Sequence[str | Path] = (BIN / "tenantproxy-operator",),
    ) -> None:
        """Prepare it; nothing runs yet. `program` is another version's."""
        self._program = program
        self._options = options
        self._log = directory / "operator.log"
        self._kubeconfig = kubeconfig
        # Nothing of the machine's own settings may play a part.
        own = {key: value for key, value in os.environ.items() if not key.startswith(("KUBE", "TENANTPROXY"))}
        self._environ = own | dict(environ or {})
        self._port = free_ports(1)[0]
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: Watchdog | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "it does not run"
        return self._process.pid

    @property
    def admin_port(self) -> int:
        """Where metrics and probes are, also after it was started anew."""
        return self._port

    @property
    def credential(self) -> str:
        """Its own token's id, as the audit log has it."""
        token = json.loads(self._kubeconfig.read_text())["users"][0]["user"]["token"].split(".")[1]
        return f"JTI={json.loads(base64.urlsafe_b64decode(token + '==='))['jti']}"

    @property
    def leads(self) -> bool:
        """Whether it acts in all that it watches."""
        return all(value for name, value in self.metrics().items() if name.startswith("leader"))

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def start(self, *, without: Collection[str] = ()) -> None:
        """Start it, `without` some of its options; it is not ready yet."""
        assert self._process is None, "it runs already"
        self._watchdog = Watchdog()
        self._process = self._watchdog.start(
            *self._command(kubeconfig=self._kubeconfig, admin=f"127.0.0.1:{self._port}"),
            *(option for option in self._options if option not in without),
            log=self._log,
            environ=self._environ,
        )

    def _command(self, *, kubeconfig: Path, admin: str) -> Sequence[str | Path]:
        """Return what is run, without the options."""
        return (*self._program, "run", "--kubeconfig", kubeconfig, "--admin", admin)

    def start_ready(self, *, without: Collection[str] = ()) -> None:
        """Start it and wait until it is ready."""
        self.start(without=without)
        until(self.ready, within=_START_SECONDS, what=lambda: f"the operator is not ready:\n{self.log}")

    def stop(self) -> int:
        """End it with SIGTERM; return its exit status."""
        process = self._process
        assert process is not None, "it does not run"
        process.terminate()
        try:
            return self.ended()
        finally:
            if self._process is not None:
                process.kill()
                self._forget()

    def kill(self) -> None:
        """End it with SIGKILL, as a node that dies does."""
        assert self._process is not None, "it does not run"
        self._process.kill()
        self.ended()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let it do nothing for a while: what it is told meanwhile, it works on afterwards."""
        assert self._process is not None, "it does not run"
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def ended(self) -> int:
        """Wait until it has ended by itself; return its exit status."""
        assert self._process is not None, "it does not run"
        status = self._process.wait(_STOP_SECONDS)
        self._forget()
        return status

    def stop_if_running(self) -> None:
        if self._process is not None:
            self.stop()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ready(self) -> bool:
        """Tell whether it is ready; fail if it has ended."""
        assert self.running, f"the operator has ended:\n{self.log}"
        return self.probe("/readyz") == 200

    def probe(self, path: str) -> int | None:
        """Return the status of an answer on the admin port; None where there is none."""
        try:
            return self._get(path)[0]
        except OSError:
            return None

    def metrics(self) -> dict[str, float]:
        """Return its own metrics without the prefix `tenantproxy_operator_`, such as `tenants{ready="True"}`."""
        return {name: float(value) for name, value in _SAMPLE.findall(self.exposition())}

    async def becomes(self, metric: str, value: float) -> None:
        """Wait until a metric has a value.

        It follows a status, or an Event, by a moment; and a page that is asked for too often is an earlier one.
        """
        await eventually(
            lambda: self.metrics().get(metric, 0.0), lambda found: found == value, log=lambda: self.log
        )

    def exposition(self) -> str:
        """Return all that /metrics says."""
        return self._get("/metrics")[1]

    def known(self) -> int:
        """Return how many TenantProxies it has looked at since its start."""
        return int(sum(value for name, value in self.metrics().items() if name.startswith("tenants{")))

    def _get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def _forget(self) -> None:
        assert self._process is not None
        assert self._watchdog is not None
        self._watchdog.remove(self._process.pid)
        self._watchdog.close()
        self._process = None
        self._watchdog = None
