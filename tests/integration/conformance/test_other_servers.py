"""The kit on servers that nobody here wrote: WireMock with data of ours, and Prism with docs/oms-openapi.yaml."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from support.conformance.runs import basic, kit_for, run_all, with_status
from support.tools import programs
from support.tools.daemons import Daemon, Watchdog, port_of, reserve_port
from tenantproxy.conformance.checks.table import CHECKS
from tenantproxy.conformance.samples import Samples

ROOT: Final = Path(__file__).parents[3]
DOCUMENT: Final = ROOT / "docs" / "oms-openapi.yaml"
STUBS: Final = Path(__file__).parent / "wiremock"
SAMPLES: Final = Samples("store-1", "CO-1001", "111", other_order="CO-1002")
START_SECONDS: Final = 60.0
NOT_HERE: Final = {check.id for check in CHECKS if check.group in ("token", "tls", "poslog")} | {
    "auth.foreign-token",
    "auth.expired-token",
}
"""Which need tokens, TLS, or a callback URL."""


@pytest.fixture(scope="module")
def watchdog() -> Iterator[Watchdog]:
    watchdog = Watchdog()
    yield watchdog
    watchdog.close()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - loopback
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def wiremock(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, watchdog: Watchdog
) -> Iterator[str]:
    """Run WireMock with our stubs; its base URL."""
    jar = programs.directory("wiremock", request.config) / "wiremock-standalone.jar"
    with reserve_port() as reserved:
        url = f"http://127.0.0.1:{port_of(reserved)}"
        options = ("--root-dir", STUBS, "--bind-address", "127.0.0.1", "--no-request-journal", "--disable-banner")
        log = tmp_path_factory.mktemp("wiremock") / "log"
        command = ("java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", jar, "--port", str(port_of(reserved)))
        server = Daemon(*command, *options, log=log, watchdog=watchdog)
        server.ready(lambda: _answers(f"{url}/__admin/mappings"), within=START_SECONDS)
        yield f"{url}/oms"
        server.stop()


@pytest.fixture(scope="module")
def prism(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, watchdog: Watchdog
) -> Iterator[str]:
    """Run Prism with the document of the OMS's side; its base URL."""
    program = programs.directory("prism", request.config) / "prism"
    with reserve_port() as reserved:
        url = f"http://127.0.0.1:{port_of(reserved)}"
        log = tmp_path_factory.mktemp("prism") / "log"
        options = ("--host", "127.0.0.1", "--port", str(port_of(reserved)), DOCUMENT)
        server = Daemon(program, "mock", *options, log=log, watchdog=watchdog)
        server.ready(lambda: _answers(f"{url}/"), within=START_SECONDS)
        yield url
        server.stop()


async def test_wiremock(wiremock: str) -> None:
    """A server of stubs that serves the contract passes all that can be tried; they are for GET, not for HEAD."""
    report = await run_all(kit_for(wiremock, basic(), samples=SAMPLES))
    broken = [result for result in report.results if result.status in ("failed", "warning")]
    assert [(result.id, result.detail) for result in broken] == [("http.head", "HEAD is answered 404, GET 200.")]
    assert with_status(report, "not tried") == NOT_HERE


async def test_prism(prism: str) -> None:
    """A mock of the document has one order, takes any password, and never answers a search that is no JSON."""
    report = await run_all(kit_for(prism, basic(), samples=SAMPLES))
    assert with_status(report, "failed") == {
        "auth.wrong",
        "http.parallel",  # of two orders
        "order.other",
        "order.unknown",
        "search.empty",
    }
    assert with_status(report, "warning") == {"search.malformed", "search.unsupported"}
    assert with_status(report, "not tried") == NOT_HERE | {"ids.odd", "ids.long", "ids.case"}
