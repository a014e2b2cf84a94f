"""Through a forward proxy of others: Tinyproxy, as Debian has it."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.certificates import Authority
from support.proxy.forward_proxy import ForwardProxyServer
from support.proxy.oms import documented
from support.proxy.running import BASIC, proxy_config, running_proxy
from support.proxy.tls_server import TlsServer
from support.tools.daemons import Daemon, Watchdog, port_of, reserve_port
from support.tools.programs import directory
from tenantproxy.credentials.stores.files import write_keys

CA = Authority("the OMS's own CA")
_START_SECONDS = 30.0


@pytest.fixture(name="programs", scope="session")
def program(request: pytest.FixtureRequest) -> Path:
    return directory("tinyproxy", request.config)


class Tinyproxy:
    """It demands a password and connects to port 443 and one other; names are resolved by the one behind it."""

    def __init__(self, program: Path, folder: Path, behind: ForwardProxyServer, oms: int, dog: Watchdog) -> None:
        self._reserved = reserve_port()
        self.port = port_of(self._reserved)
        file = folder / "tinyproxy.conf"
        file.write_text(
            f"Listen 127.0.0.1\nPort {self.port}\nAllow 127.0.0.1\nTimeout 10\nBasicAuth squid right\n"
            f"ConnectPort 443\nConnectPort {oms}\nUpstream http 127.0.0.1:{behind.port}\n"
        )
        self._daemon = Daemon(program, "-d", "-c", file, log=folder / "tinyproxy.log", watchdog=dog)
        self._daemon.ready(self._accepts, within=_START_SECONDS)

    def _accepts(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self._daemon.stop()
        self._reserved.close()


@pytest.fixture(name="watchdog")
def watching() -> Iterator[Watchdog]:
    dog = Watchdog()
    yield dog
    dog.close()


async def test_tinyproxy(programs: Path, tmp_path: Path, watchdog: Watchdog) -> None:
    """Orders come through it; a wrong credential, and a port that it denies, are told apart."""
    write_keys(tmp_path / "tls" / "ca", {"ca.crt": CA.pem})
    credential = tmp_path / "forward-proxy"
    pair = CA.issue("oms.example")
    async with (
        TlsServer(documented, pair) as oms,
        TlsServer(documented, pair) as other,
        ForwardProxyServer() as behind,
    ):
        tinyproxy = Tinyproxy(programs / "tinyproxy", tmp_path, behind, oms.port, watchdog)
        way = {"url": f"http://127.0.0.1:{tinyproxy.port}", "credentials": True}

        def config(port: int) -> Any:
            url = f"https://oms.example:{port}"
            return proxy_config(url, forwardProxy=way, tls={"ca": True}, allowInsecure=False)

        try:
            write_keys(credential, {"username": "squid", "password": "wrong"})
            async with running_proxy(config(oms.port), tmp_path, BASIC) as proxy:
                assert "forward-proxy-auth" in (await proxy.get()).json["detail"]
                write_keys(credential, {"username": "squid", "password": "right"})
                assert [(await proxy.get()).status for _ in range(3)] == [200] * 3
            async with running_proxy(config(other.port), tmp_path, BASIC) as proxy:
                assert "forward-proxy-denied" in (await proxy.get()).json["detail"]
        finally:
            tinyproxy.stop()
        assert behind.targets == [f"CONNECT oms.example:{oms.port}"]
        assert "squid" not in str(behind.received[0].headers)
        assert (oms.connections, other.connections) == (1, 0)
