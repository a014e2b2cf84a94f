"""One read of the OMS, attempt by attempt: no network, and a clock that a test moves."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from support.proxy.running import proxy_config
from tenantproxy.admission import Admission, Ticket
from tenantproxy.config import Tenant
from tenantproxy.credentials.active import ActiveCredential
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.cooldown import COOLDOWN
from tenantproxy.metrics import Metrics
from tenantproxy.oms.circuit_breaker import FAILURES_TO_OPEN, PAUSE
from tenantproxy.oms.client import OmsClient
from tenantproxy.oms.requests.request import OmsRequest
from tenantproxy.problems import Problem
from tenantproxy.transport.base import HttpTransport, UpstreamError, UpstreamResponse

OK = UpstreamResponse(200, {}, b"{}")
UNAUTHORIZED = UpstreamResponse(401, {}, b"")
OLD, NEW = Basic(username="u", password="old"), Basic(username="u", password="new")
BY_OLD, BY_NEW = "Basic dTpvbGQ=", "Basic dTpuZXc="
REQUEST = OmsRequest("getOrder", "GET", "/CO-1", {"Tenant-Id": "T"})

Outcome = UpstreamResponse | UpstreamError | Callable[[], None]


class Transport:
    """An OMS that answers as it is told, in order; a callable happens before the outcome that follows it."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.authorizations: list[str] = []
        self.hang = False
        self.hanging = asyncio.Event()

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        ticket: Ticket | None = None,
        drain_seconds: float | None = None,
        on_drained: Callable[[int | None], None] | None = None,
    ) -> UpstreamResponse:
        assert (method, path, body) == (REQUEST.method, REQUEST.path, REQUEST.body)
        assert headers["Tenant-Id"] == "T"
        assert None not in (ticket, drain_seconds, on_drained)
        self.authorizations.append(headers["Authorization"])
        if self.hang:
            self.hanging.set()
            await asyncio.Event().wait()
        while True:
            outcome = self.outcomes.pop(0)
            if isinstance(outcome, UpstreamError):
                raise outcome
            if isinstance(outcome, UpstreamResponse):
                return outcome
            outcome()
            await asyncio.sleep(0)  # what was begun goes on

    async def close(self) -> None:
        """Do nothing."""


class NoTokens:
    """There is no token endpoint here."""

    def token_endpoint(self, url: str, *, trial: bool = False) -> HttpTransport:
        raise AssertionError(url, trial)


class Setting:
    """A client, its transport, its credential and its clock."""

    def __init__(self, *, timeout: float = 5.0, retries: int = 1) -> None:
        self.now = 0.0
        self.transport = Transport()
        metrics = Metrics(Tenant(id="T", name="acme"))
        self.metrics = metrics
        self.credential = ActiveCredential(NoTokens(), metrics, clock=lambda: self.now)
        config = proxy_config("http://oms.example", timeoutSeconds=timeout, retries=retries).upstream
        self.client = OmsClient(config, self.transport, self.credential, metrics, clock=lambda: self.now)
        self._admission = Admission(100, 0)
        self.replacing: list[asyncio.Task[bool]] = []

    async def read(self, *outcomes: Outcome) -> UpstreamResponse | str:
        """Make one read of an OMS that answers so; return its answer, or the code of the problem."""
        self.transport.outcomes += outcomes
        ticket = self._admission.admit(None)
        try:
            return await self.client.read(ticket, REQUEST)
        except Problem as problem:
            return problem.code
        finally:
            ticket.release()

    def replace(self) -> None:
        """Have another credential put into use."""
        self.replacing.append(asyncio.create_task(self.credential.use(NEW)))

    def metric(self, line: str) -> bool:
        return line.replace("{}", '{tenant="acme"}') in self.metrics.exposition().decode()


@pytest.fixture
async def setting() -> Setting:
    setting = Setting()
    await setting.credential.use(OLD)
    return setting


async def test_a_401_with_nothing_newer_begins_the_cooldown(setting: Setting) -> None:
    """The OMS is asked once; then nobody is until the cooldown is over, and one request goes first."""
    assert await setting.read(UNAUTHORIZED) == "upstream-rejected-credentials"
    setting.now = COOLDOWN - 0.01
    assert await setting.read() == "upstream-rejected-credentials"
    assert setting.transport.authorizations == [BY_OLD]
    assert setting.metric("tenantproxy_credentials_accepted{} 0.0")
    setting.now = COOLDOWN
    assert await setting.read(OK) == OK
    assert setting.metric("tenantproxy_credentials_accepted{} 1.0")
    assert await setting.read(OK) == OK


async def test_a_401_is_tried_again_with_a_credential_that_was_set_meanwhile(setting: Setting) -> None:
    """The caller sees nothing of it, and nothing is held."""
    assert await setting.read(setting.replace, UNAUTHORIZED, OK) == OK
    assert setting.transport.authorizations == [BY_OLD, BY_NEW]
    assert await setting.read(OK) == OK


async def test_a_second_401_is_final(setting: Setting) -> None:
    """It is the newer credential that has its cooldown."""
    assert await setting.read(setting.replace, UNAUTHORIZED, UNAUTHORIZED) == "upstream-rejected-credentials"
    assert setting.transport.authorizations == [BY_OLD, BY_NEW]
    assert await setting.read() == "upstream-rejected-credentials"
    await setting.credential.use(OLD)
    assert await setting.read(OK) == OK


async def test_a_retry_uses_the_same_authorization(setting: Setting) -> None:
    """What is in flight goes on with the credential that it began with."""
    assert await setting.read(setting.replace, UpstreamError("disconnected"), OK) == OK
    assert setting.transport.authorizations == [BY_OLD, BY_OLD]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (UpstreamError("tls"), "upstream-unreachable"),
        (UpstreamError("incomplete"), "upstream-error"),
        (UpstreamError("overloaded"), "overloaded"),
    ],
)
async def test_no_answer_is_a_problem(setting: Setting, outcome: UpstreamError, code: str) -> None:
    """By the cause that people can do something about."""
    assert await setting.read(outcome) == code


@pytest.mark.parametrize("end", [OK, UNAUTHORIZED, UpstreamResponse(500, {}, b""), UpstreamError("incomplete")])
async def test_a_probe_lets_the_others_go_on(setting: Setting, end: UpstreamResponse | UpstreamError) -> None:
    """However it ends: accepted, all go; rejected, all are refused; else the next one tries."""
    await setting.read(UNAUTHORIZED)
    setting.now = COOLDOWN
    setting.transport.outcomes = [lambda: None, end, OK, OK]
    others = await asyncio.gather(*(setting.read() for _ in range(3)))
    asked = len(setting.transport.authorizations)
    assert (others[1:], asked) == (
        (["upstream-rejected-credentials"] * 2, 2) if end is UNAUTHORIZED else ([OK, OK], 4)
    )


async def test_after_an_accepted_probe_nobody_waits(setting: Setting) -> None:
    """Requests go side by side again."""
    await setting.read(UNAUTHORIZED)
    setting.now = COOLDOWN
    assert await setting.read(OK) == OK
    setting.transport.hang = True
    reading = [asyncio.create_task(setting.read()) for _ in range(3)]
    await setting.transport.hanging.wait()
    await asyncio.sleep(0)
    assert len(setting.transport.authorizations) == 2 + len(reading)
    for task in reading:
        task.cancel()
    await asyncio.wait(reading)


async def test_a_probe_that_is_cancelled_leaves_its_place(setting: Setting) -> None:
    """A caller that goes away decides nothing."""
    await setting.read(UNAUTHORIZED)
    setting.now, setting.transport.hang = COOLDOWN, True
    probe = asyncio.create_task(setting.read())
    waiting = asyncio.create_task(setting.read(OK))
    await setting.transport.hanging.wait()
    setting.transport.hang = False
    probe.cancel()
    assert await waiting == OK
    assert probe.cancelled()


@pytest.mark.virtual_time
async def test_a_timeout_before_the_oms_was_asked_is_not_its_failure() -> None:
    """Who waited for another request's probe is told of the credential; the circuit stays closed."""
    setting = Setting(timeout=5.0)
    await setting.credential.use(OLD)
    await setting.read(UNAUTHORIZED)
    setting.now, setting.transport.hang = COOLDOWN, True
    codes = await asyncio.gather(*(setting.read() for _ in range(FAILURES_TO_OPEN + 2)))
    assert (codes[0], set(codes[1:])) == ("upstream-timeout", {"upstream-rejected-credentials"})
    assert len(setting.transport.authorizations) == 2
    assert setting.metric('tenantproxy_circuit_state{operation="getOrder",tenant="acme"} 0.0')


async def test_the_circuit_opens_and_one_probe_closes_it(setting: Setting) -> None:
    """After a row of failures the OMS has a pause; then one request at a time decides."""
    for _ in range(FAILURES_TO_OPEN):
        assert isinstance(await setting.read(UpstreamResponse(500, {}, b"")), UpstreamResponse)
    assert setting.metric('tenantproxy_circuit_state{operation="getOrder",tenant="acme"} 2.0')
    assert await setting.read() == "circuit-open"
    setting.now = PAUSE[0]
    both = [setting.read(lambda: None, OK), setting.read()]
    assert await asyncio.gather(*both) == [OK, "circuit-open"]
    assert setting.metric('tenantproxy_circuit_state{operation="getOrder",tenant="acme"} 0.0')


async def test_a_probe_of_the_circuit_that_never_asked_leaves_its_place(setting: Setting) -> None:
    """A request without a credential says nothing of the OMS."""
    for _ in range(FAILURES_TO_OPEN):
        await setting.read(UpstreamResponse(500, {}, b""))
    setting.now = PAUSE[0]
    await setting.credential.use(None)
    assert await setting.read() == "credentials-not-configured"
    await setting.credential.use(OLD)
    assert await setting.read(OK) == OK
