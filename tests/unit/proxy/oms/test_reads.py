"""One read of the OMS, attempt by attempt: no network, and a clock that a test moves."""

import asyncio
import gzip
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from support.proxy.running import proxy_config
from tenantproxy.admission import Admission, Ticket
from tenantproxy.config import Tenant
from tenantproxy.credentials.active import ActiveCredential
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.proof import FIRST_PAUSE, LONG_PAUSE
from tenantproxy.metrics import Metrics
from tenantproxy.oms.circuit_breaker import FAILURES_TO_OPEN, FIRST_OPEN
from tenantproxy.oms.client import OmsClient
from tenantproxy.oms.pause import LONGEST
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
        self.turn = asyncio.Event()
        """Set where there is a connection for all."""
        self.turn.set()
        self.seconds = 0.0
        """How long each answer takes."""
        self.hang = False
        self.hanging = asyncio.Event()
        self.drained: list[Callable[[int | None], None]] = []
        """To be called with the status of what hung, when its caller has gone."""

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
        before: Callable[[], None] | None = None,
    ) -> UpstreamResponse:
        assert (method, path, body) == (REQUEST.method, REQUEST.path, REQUEST.body)
        assert headers["Tenant-Id"] == "T"
        assert None not in (ticket, drain_seconds)
        assert before is not None
        assert on_drained is not None
        await self.turn.wait()
        before()
        self.authorizations.append(headers["Authorization"])
        if self.hang:
            self.hanging.set()
            self.drained.append(on_drained)
            await asyncio.Event().wait()
        if self.seconds:
            await asyncio.sleep(self.seconds)
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

    token_timeout = 1.0

    def token_endpoint(self, url: str, *, trial: bool = False) -> HttpTransport:
        raise AssertionError(url, trial)


class Setting:
    """A client, its transport, its credential and its clock."""

    def __init__(self, *outcomes: dict[str, Any], timeout: float = 5.0, retries: int = 1) -> None:
        self.now = 0.0
        self.transport = Transport()
        metrics = Metrics(Tenant(id="T", name="acme"))
        self.metrics = metrics
        self.credential = ActiveCredential(NoTokens(), metrics, clock=lambda: self.now)
        operations = {"getOrder": {"outcomes": outcomes}}
        config = proxy_config(
            "http://oms.example", timeoutSeconds=timeout, retries=retries, operations=operations
        ).upstream
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
    setting.now = FIRST_PAUSE - 0.01
    assert await setting.read() == "upstream-rejected-credentials"
    assert setting.transport.authorizations == [BY_OLD]
    assert setting.metric("tenantproxy_credentials_accepted{} 0.0")
    setting.now = FIRST_PAUSE
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


async def test_a_retry_uses_what_is_in_use_then(setting: Setting) -> None:
    """What is in flight goes on with the credential that it began with; what is sent again is another request."""
    assert await setting.read(setting.replace, UpstreamError("disconnected"), OK) == OK
    assert setting.transport.authorizations == [BY_OLD, BY_NEW]


async def test_a_request_that_waited_for_its_turn_goes_with_what_is_in_use_then(setting: Setting) -> None:
    """Nothing leaves with a credential that was rejected or replaced while the request waited for a connection."""
    await setting.read(OK)
    setting.transport.turn = asyncio.Event()
    reading = [asyncio.create_task(setting.read(OK)) for _ in range(3)]
    await asyncio.sleep(0)
    await setting.credential.use(NEW)
    setting.transport.turn.set()
    assert await asyncio.gather(*reading) == [OK] * 3
    assert setting.transport.authorizations == [BY_OLD, *[BY_NEW] * 3]
    setting.transport.turn.clear()
    reading = [asyncio.create_task(setting.read(UNAUTHORIZED)) for _ in range(3)]
    await asyncio.sleep(0)
    setting.transport.turn.set()
    assert await asyncio.gather(*reading) == ["upstream-rejected-credentials"] * 3
    assert setting.transport.authorizations == [BY_OLD, *[BY_NEW] * 4], "one was rejected before the others went"


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (UpstreamResponse(500, {}, b""), "upstream-error"),
        (UpstreamError("tls"), "upstream-unreachable"),
    ],
)
async def test_who_waits_in_vain_is_told_what_the_oms_said(outcome: Outcome, code: str) -> None:
    """To the requests that tried the credential meanwhile; not what it said long ago."""
    setting = Setting(timeout=2.0, retries=0)
    await setting.credential.use(OLD)
    setting.transport.seconds = 0.7
    setting.transport.outcomes += [outcome] * 3
    _, _, last, *waiting = await asyncio.gather(*(setting.read() for _ in range(5)))
    assert (last, waiting) == ("upstream-timeout", [code, code])
    await asyncio.sleep(10.0)
    setting.transport.seconds = 3.0
    assert await asyncio.gather(*(setting.read(OK) for _ in range(2))) == ["upstream-timeout"] * 2


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
    setting.now = FIRST_PAUSE
    setting.transport.outcomes = [lambda: None, end, OK, OK]
    others = await asyncio.gather(*(setting.read() for _ in range(3)))
    asked = len(setting.transport.authorizations)
    assert (others[1:], asked) == (
        (["upstream-rejected-credentials"] * 2, 2) if end is UNAUTHORIZED else ([OK, OK], 4)
    )


async def test_after_an_accepted_probe_nobody_waits(setting: Setting) -> None:
    """Requests go side by side again."""
    await setting.read(UNAUTHORIZED)
    setting.now = FIRST_PAUSE
    assert await setting.read(OK) == OK
    setting.transport.hang = True
    reading = [asyncio.create_task(setting.read()) for _ in range(3)]
    await setting.transport.hanging.wait()
    await asyncio.sleep(0)
    assert len(setting.transport.authorizations) == 2 + len(reading)
    for task in reading:
        task.cancel()
    await asyncio.wait(reading)


@pytest.mark.parametrize(
    ("status", "asked", "answer"),
    [(None, 3, OK), (503, 3, OK), (200, 3, OK), (401, 2, "upstream-rejected-credentials")],
)
async def test_a_probe_whose_caller_goes_away_ends_with_its_answer(
    setting: Setting, status: int | None, asked: int, answer: UpstreamResponse | str
) -> None:
    """Callers that come and go must not send one wrong login after the other."""
    await setting.read(UNAUTHORIZED)
    setting.now, setting.transport.hang = FIRST_PAUSE, True
    probe = asyncio.create_task(setting.read())
    waiting = asyncio.create_task(setting.read(OK))
    await setting.transport.hanging.wait()
    setting.transport.hang = False
    probe.cancel()
    await asyncio.wait([probe])
    assert probe.cancelled()
    assert not waiting.done()
    assert len(setting.transport.authorizations) == 2
    setting.transport.drained[0](status)
    assert await waiting == answer
    assert len(setting.transport.authorizations) == asked


async def test_a_rejection_counts_though_its_caller_has_gone(setting: Setting) -> None:
    """The OMS has counted it as well."""
    await setting.read(OK)
    setting.transport.hang = True
    reading = asyncio.create_task(setting.read())
    await setting.transport.hanging.wait()
    reading.cancel()
    await asyncio.wait([reading])
    setting.transport.drained[0](401)
    assert await setting.read() == "upstream-rejected-credentials"
    assert len(setting.transport.authorizations) == 2


async def test_pauses_grow(setting: Setting) -> None:
    """Minutes after the first rejection, half an hour after each further one; a right credential forgets them."""
    for now in (0.0, FIRST_PAUSE, FIRST_PAUSE + LONG_PAUSE, FIRST_PAUSE + 2 * LONG_PAUSE):
        if now:
            setting.now = now - 0.01
            assert await setting.read() == "upstream-rejected-credentials"
        setting.now = now
        assert await setting.read(UNAUTHORIZED) == "upstream-rejected-credentials"
    assert len(setting.transport.authorizations) == 4
    setting.now += LONG_PAUSE
    assert await setting.read(OK) == OK
    assert await setting.read(UNAUTHORIZED) == "upstream-rejected-credentials"
    setting.now += FIRST_PAUSE + 0.01
    assert await setting.read(OK) == OK


@pytest.mark.virtual_time
async def test_a_timeout_before_the_oms_was_asked_is_not_its_failure() -> None:
    """Who waited for another request's probe is told of the credential; the circuit stays closed."""
    setting = Setting(timeout=5.0)
    await setting.credential.use(OLD)
    await setting.read(UNAUTHORIZED)
    setting.now, setting.transport.hang = FIRST_PAUSE, True
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
    setting.now = FIRST_OPEN
    both = [setting.read(lambda: None, OK), setting.read()]
    assert await asyncio.gather(*both) == [OK, "circuit-open"]
    assert setting.metric('tenantproxy_circuit_state{operation="getOrder",tenant="acme"} 0.0')


async def test_a_probe_of_the_circuit_that_never_asked_leaves_its_place(setting: Setting) -> None:
    """A request without a credential says nothing of the OMS."""
    for _ in range(FAILURES_TO_OPEN):
        await setting.read(UpstreamResponse(500, {}, b""))
    setting.now = FIRST_OPEN
    await setting.credential.use(None)
    assert await setting.read() == "credentials-not-configured"
    await setting.credential.use(OLD)
    assert await setting.read(OK) == OK


# ---- the pause that the OMS asks for

BUSY = UpstreamResponse(503, {"retry-after": "9"}, b"")


async def test_a_503_with_retry_after_pauses(setting: Setting) -> None:
    """Until the time that it names nobody asks the OMS; then everybody may."""
    assert await setting.read(BUSY) == BUSY
    setting.now = 8.9
    assert [await setting.read() for _ in range(3)] == ["circuit-open"] * 3
    assert len(setting.transport.authorizations) == 1
    setting.now = 9.0
    assert [await setting.read(OK) for _ in range(3)] == [OK] * 3


async def test_callers_are_told_how_long_it_lasts(setting: Setting) -> None:
    """The problem has the rest of the pause as `Retry-After`, in whole seconds."""
    await setting.read(BUSY)
    setting.now = 2.5
    with pytest.raises(Problem) as caught:
        await setting.client.read(Admission(1, 0).admit(None), REQUEST)
    assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "7"})
    assert caught.value.detail == "The OMS asked for a pause."


async def test_no_pause_is_longer_than_a_minute(setting: Setting) -> None:
    """An OMS that names a day is asked again after a minute."""
    await setting.read(UpstreamResponse(503, {"retry-after": "86400"}, b""))
    setting.now = LONGEST - 1
    assert await setting.read() == "circuit-open"
    setting.now = LONGEST
    assert await setting.read(OK) == OK


@pytest.mark.parametrize(
    "answer",
    [
        UpstreamResponse(503, {}, b""),
        UpstreamResponse(503, {"retry-after": "0"}, b""),
        UpstreamResponse(503, {"retry-after": "soon"}, b""),
        UpstreamResponse(503, {"x-rate-limit-time-reset-ms": "9000"}, b""),
        UpstreamResponse(429, {"retry-after": "9"}, b""),
        UpstreamResponse(500, {"retry-after": "9"}, b""),
    ],
)
async def test_no_other_answer_pauses(answer: UpstreamResponse) -> None:
    """A 429 may be about one caller or one kind of request; other answers ask for nothing."""
    setting = Setting(retries=0)
    await setting.credential.use(OLD)
    assert await setting.read(answer) == answer
    assert await setting.read(OK) == OK


# ---- what the configuration says that answers mean

HIDDEN: list[dict[str, Any]] = [
    {
        "status": [200, 403],
        "when": [{"from": "/error", "in": ["INVALID_KEY"]}],
        "means": "upstream-rejected-credentials",
    },
    {"status": [401], "means": "upstream-forbidden"},
    {"status": [400], "when": [{"from": "/error", "in": ["QUERY_TIMEOUT"]}], "means": "upstream-timeout"},
    {"status": [500, 503], "means": "order-not-found"},
]
INVALID = b'{"error": "INVALID_KEY"}'


@pytest.fixture
async def hidden() -> Setting:
    """Return the setting of an OMS that hides what it means."""
    setting = Setting(*HIDDEN)
    await setting.credential.use(OLD)
    return setting


@pytest.mark.parametrize("status", [200, 403])
async def test_a_hidden_rejection_is_one(hidden: Setting, status: int) -> None:
    """The OMS is asked once; then nobody is until the cooldown is over, as after a 401."""
    rejected = UpstreamResponse(status, {}, INVALID)
    assert await hidden.read(rejected) == "upstream-rejected-credentials"
    hidden.now = FIRST_PAUSE - 0.01
    assert [await hidden.read() for _ in range(10)] == ["upstream-rejected-credentials"] * 10
    assert hidden.transport.authorizations == [BY_OLD]
    assert hidden.metric("tenantproxy_credentials_accepted{} 0.0")
    hidden.now = FIRST_PAUSE
    assert await hidden.read(OK) == OK


async def test_a_hidden_rejection_is_tried_again_with_a_newer_credential(hidden: Setting) -> None:
    """The caller sees nothing of it, as of a 401."""
    assert await hidden.read(hidden.replace, UpstreamResponse(403, {}, INVALID), OK) == OK
    assert hidden.transport.authorizations == [BY_OLD, BY_NEW]


@pytest.mark.parametrize("body", [b"\x1f\x8bMARKED", gzip.compress(b"x" * 2_000_000), b"\xff", b""])
async def test_a_401_is_one_whatever_its_body(body: bytes) -> None:
    """Nothing in a body keeps a wrong credential in use."""
    setting = Setting({"status": [401], "when": [{"from": "/a", "in": ["b"]}], "means": "upstream-forbidden"})
    await setting.credential.use(OLD)
    assert await setting.read(UpstreamResponse(401, {}, body)) == "upstream-rejected-credentials"
    assert await setting.read() == "upstream-rejected-credentials"


async def test_a_401_that_is_none(hidden: Setting) -> None:
    """A 401 that is not about the credential has no cooldown, and shows that the credential is accepted."""
    answer = UpstreamResponse(401, {}, b"")
    assert await hidden.read(answer) == answer._replace(meaning="upstream-forbidden")
    assert hidden.metric("tenantproxy_credentials_accepted{} 1.0")
    assert await hidden.read(OK) == OK


async def test_hidden_timeouts_open_the_circuit(hidden: Setting) -> None:
    """A timeout is a sign of a failing OMS, whatever its status; it is not tried again at once."""
    late = UpstreamResponse(400, {}, b'{"error": "QUERY_TIMEOUT"}')
    for _ in range(FAILURES_TO_OPEN):
        assert await hidden.read(late) == late._replace(meaning="upstream-timeout")
    assert await hidden.read() == "circuit-open"
    assert len(hidden.transport.authorizations) == FAILURES_TO_OPEN


@pytest.mark.parametrize("status", [500, 503])
async def test_what_looks_like_a_failure_is_none(hidden: Setting, status: int) -> None:
    """Orders that don't exist open no circuit, are not asked for again, and pause nothing."""
    unknown = UpstreamResponse(status, {"retry-after": "9"}, b"")
    for _ in range(FAILURES_TO_OPEN + 1):
        assert await hidden.read(unknown) == unknown._replace(meaning="order-not-found")
    assert len(hidden.transport.authorizations) == FAILURES_TO_OPEN + 1


async def test_an_oms_that_is_held(setting: Setting) -> None:
    """Nothing connects to one that has asked for a pause, or fails all the time."""
    assert not setting.client.is_held
    await setting.read(UpstreamResponse(503, {"retry-after": "3"}, b""))
    assert setting.client.is_held
    setting.now = 3.0
    assert not setting.client.is_held
    for _ in range(FAILURES_TO_OPEN):
        await setting.read(UpstreamResponse(500, {}, b""))
    assert setting.client.is_held
