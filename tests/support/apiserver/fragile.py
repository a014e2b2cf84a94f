"""An API server that breaks on demand: killed, or without an etcd that answers."""

import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator

from support.apiserver.server import ApiServer
from support.tools.daemons import Daemon


class FragileApiServer(ApiServer):
    """A real one."""

    @contextlib.contextmanager
    def killed(self) -> Iterator[None]:
        """Kill the API server (SIGKILL), as a node that dies does; be without it for a while."""
        assert self._apiserver is not None, "it is not running"
        os.kill(self._apiserver.pid, signal.SIGKILL)
        with self.down():
            yield

    @contextlib.asynccontextmanager
    async def etcd_frozen(self) -> AsyncIterator[None]:
        """Have etcd answer nobody for a while (SIGSTOP); connections to it stay open."""
        os.kill(self._etcd.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._etcd.pid, signal.SIGCONT)

    def _start_etcd(self) -> Daemon:
        self._etcd = super()._start_etcd()
        return self._etcd
