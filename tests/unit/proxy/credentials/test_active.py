"""The credential in use, and who may log in with it: in virtual time, before a token endpoint in memory."""

import asyncio
import json
from collections.abc import Callable, Mapping

import pytest

from support.proxy.log_lines import log_lines
from tenantproxy.admission import Ticket
from tenantproxy.config import Tenant
from tenantproxy.credentials.active import ActiveCredential
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.cooldown import COOLDOWN
from tenantproxy.credentials.grant import Way
from tenantproxy.credentials.oauth2.credential import OAuth2
from tenantproxy.credentials.proof import FIRST_PAUSE, LONG_PAUSE, Tried
from tenantproxy.credentials.stores.base import Stored
from tenantproxy.metrics import Metrics
from tenantproxy.problems import Problem
from tenantproxy.transport.base import HttpTransport, UpstreamResponse

pytestmark = pytest.mark.virtual_time

EPOCH = 1.8e9
SECONDS = 5.0
WRONG, RIGHT = Basic(username="u", password="wrong"), Basic(username="u", password="right")
ANOTHER = Basic(username="u", password="another")


class TokenServer:
    """A token endpoint, and what makes clients of it."""

    token_timeout = 1.0

    def __init__(self) -> None:
        self.logins = 0
        self.secret_is_right = True
        self.says: UpstreamResponse | None = None
        """What it answers to all; None: a token, if the secret is right."""
        self.seconds = 0.01

    def token_endpoint(self, url: str, *, trial: bool = False) -> HttpTransport:
        del url, trial
        return self

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
        del method, path, headers, body, ticket, drain_seconds, on_drained, before
        self.logins += 1
        await asyncio.sleep(self.seconds)
        if self.says is not None:
            return self.says
        if not self.secret_is_right:
            return UpstreamResponse(401, {}, b'{"error": "invalid_client"}')
        answer = {"access_token": f"t{self.logins}", "expires_in": 100, "token_type": "Bearer"}
        return UpstreamResponse(200, {}, json.dumps(answer).encode())

    async def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def server() -> TokenServer:
    return TokenServer()


@pytest.fixture
async def credential(server: TokenServer) -> ActiveCredential:
    loop = asyncio.get_running_loop()
    return ActiveCredential(server, Metrics(Tenant(id="T", name="acme")), clock=lambda: EPOCH + loop.time())


def oauth2(client_auth: str = "client_secret_basic") -> OAuth2:
    given = {"clientId": "id", "clientSecret": "s", "authUrl": "http://idp.example", "clientAuth": client_auth}
    return OAuth2.parse(given)


async def refused(credential: ActiveCredential) -> Problem:
    with pytest.raises(Problem) as caught:
        await credential.authorize(SECONDS)
    assert caught.value.code == "upstream-rejected-credentials"
    return caught.value


async def test_a_token_proves_the_secret(server: TokenServer, credential: ActiveCredential) -> None:
    """It is fetched before a request asks for it; then all requests go."""
    await credential.use(oauth2())
    await credential.first_attempt()
    grants = await asyncio.gather(*(credential.authorize(SECONDS) for _ in range(5)))
    assert {(grant.way, grant.authorization.headers["Authorization"]) for grant in grants} == {
        (Way.PROVEN, "Bearer t1")
    }
    assert server.logins == 1
    await credential.close()


async def test_a_rejected_refresh_is_the_last_one(server: TokenServer, credential: ActiveCredential) -> None:
    """The token serves until it expires; then nobody logs in until the pause is over, and one request tries."""
    await credential.use(oauth2())
    await credential.first_attempt()
    server.secret_is_right = False
    with log_lines() as log:
        await asyncio.sleep(95)
    told = [json.loads(line) for line in log.text.splitlines()]
    assert {line["reason"] for line in told if line.get("code") == "upstream-rejected-credentials"} == {
        "invalid_client"
    }
    assert server.logins == 2
    assert (await credential.authorize(SECONDS)).way is Way.HELD
    await asyncio.sleep(10)
    problem = await refused(credential)
    assert problem.detail == "The token endpoint rejected the request for a token (401 invalid_client)."
    assert 100 < float((problem.headers or {})["Retry-After"]) < FIRST_PAUSE
    await asyncio.sleep(FIRST_PAUSE)
    assert server.logins == 2, "nothing is tried without a request"
    assert len(await asyncio.gather(*(refused(credential) for _ in range(5)))) == 5
    assert server.logins == 3
    await asyncio.sleep(LONG_PAUSE - 1.0)
    await refused(credential)
    server.secret_is_right = True
    await asyncio.sleep(2.0)
    assert [(await credential.authorize(SECONDS)).way for _ in range(3)] == [Way.PROVEN] * 3
    assert server.logins == 4
    assert (await credential.authorize(SECONDS)).way is Way.PROVEN
    await credential.close()


async def test_two_styles_are_two_logins(server: TokenServer, credential: ActiveCredential) -> None:
    """So that the next attempt is half an hour away."""
    server.secret_is_right = False
    await credential.use(oauth2("auto"))
    await credential.first_attempt()
    assert server.logins == 2
    assert float(((await refused(credential)).headers or {})["Retry-After"]) == pytest.approx(LONG_PAUSE, abs=2)
    await credential.close()


async def test_a_token_that_the_oms_rejects_has_a_short_cooldown(
    server: TokenServer, credential: ActiveCredential
) -> None:
    """After one that was fetched anew; it grows as long as none is taken. No login was wrong, none is counted."""
    await credential.use(oauth2())
    await credential.first_attempt()
    grant = await credential.authorize(SECONDS)
    newer = await credential.reauthenticate(grant, SECONDS)
    assert newer is not None
    assert (newer.authorization != grant.authorization, server.logins) == (True, 2)
    for pause in (2.0, 4.0, 8.0):
        credential.rejected(newer)
        credential.ended(newer)
        problem = await refused(credential)
        assert (problem.detail, problem.headers) == (
            "The OMS rejected the access token.",
            {"Retry-After": str(int(pause))},
        )
        await asyncio.sleep(pause)
        reading = [asyncio.create_task(credential.authorize(SECONDS)) for _ in range(3)]
        done, waiting = await asyncio.wait(reading, timeout=0.1)
        assert (len(done), len(waiting)) == (1, 2)
        newer = done.pop().result()
        assert newer.way is Way.TRIES_TOKEN
        for task in waiting:
            task.cancel()
    credential.accepted(newer)
    assert (await credential.authorize(SECONDS)).way is Way.PROVEN
    assert (server.logins, credential.known().state) == (2, "accepted")
    await credential.close()
    assert COOLDOWN == (2.0, 60.0)


async def test_a_wrong_secret_is_told_of_rather_than_the_token_before(
    server: TokenServer, credential: ActiveCredential
) -> None:
    """Where both are rejected: the secret is what somebody has to set."""
    await credential.use(oauth2())
    await credential.first_attempt()
    server.secret_is_right = False
    grant = await credential.authorize(SECONDS)
    assert await credential.reauthenticate(grant, SECONDS) is None
    said = "The token endpoint rejected the request for a token (401 invalid_client)."
    assert credential.rejected(grant).detail == said
    assert (await refused(credential)).detail == said
    assert server.logins == 2
    await credential.close()


async def test_a_read_that_was_rejected_waits_for_the_proof_of_the_newer_credential(
    credential: ActiveCredential,
) -> None:
    """Else all that was in flight would try the newer one at once."""
    await credential.use(WRONG)
    first = await credential.authorize(SECONDS)
    credential.accepted(first)
    grants = [await credential.authorize(SECONDS) for _ in range(3)]
    await credential.use(RIGHT)
    again = [asyncio.create_task(credential.reauthenticate(grant, SECONDS)) for grant in grants]
    done, waiting = await asyncio.wait(again, timeout=1.0)
    assert (len(done), len(waiting)) == (1, 2)
    (tries,) = [task.result() for task in done]
    assert tries is not None
    assert tries.way is Way.TRIES
    credential.accepted(tries)
    assert {grant.way for grant in await asyncio.gather(*waiting) if grant} == {Way.PROVEN}


async def test_others_go_on_with_the_former_credential(credential: ActiveCredential) -> None:
    """Until it is known whether the OMS takes the new one; nothing goes with the former one then."""
    await credential.use(RIGHT)
    credential.accepted(await credential.authorize(SECONDS))
    await credential.use(WRONG)
    tries, *others = [await credential.authorize(SECONDS) for _ in range(3)]
    assert [tries.way, *(other.way for other in others)] == [Way.TRIES, Way.FORMER, Way.FORMER]
    assert others[0].authorization.headers == RIGHT.headers
    assert credential.may_be_sent(others[0])
    await credential.use(ANOTHER)
    assert [(await credential.authorize(SECONDS)).way for _ in range(2)] == [Way.TRIES, Way.FORMER]
    credential.ended(tries)
    await credential.use(WRONG)
    credential.rejected(await credential.authorize(SECONDS))
    assert not credential.may_be_sent(others[0])
    await refused(credential)
    await credential.use(RIGHT)
    tries = await credential.authorize(SECONDS)
    waiting = asyncio.create_task(credential.authorize(SECONDS))
    await asyncio.sleep(1.0)
    assert not waiting.done(), "what was rejected is nothing to go on with"
    credential.accepted(tries)
    assert (await waiting).way is Way.PROVEN
    await credential.use(None)
    await credential.use(WRONG)
    assert (await credential.authorize(SECONDS)).way is Way.TRIES
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(credential.authorize(SECONDS), 1.0)


async def test_an_attempt_that_told_nothing_is_repeated_after_a_growing_pause(
    credential: ActiveCredential,
) -> None:
    """One read meets what the OMS answers to the new credential; all others go on with the former one."""
    await credential.use(RIGHT)
    credential.accepted(await credential.authorize(SECONDS))
    for new in (WRONG, ANOTHER):
        await credential.use(new)  # at once, whatever the pause
        for pause in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0):
            tries = await credential.authorize(SECONDS)
            assert tries.way is Way.TRIES
            credential.failed(tries, Problem("upstream-error", "The OMS answered 500."))
            credential.ended(tries)
            for _ in range(9):
                assert (await credential.authorize(SECONDS)).way is Way.FORMER
                await asyncio.sleep(pause / 10)
            assert (await credential.authorize(SECONDS)).way is Way.FORMER
            await asyncio.sleep(pause / 10 + 1e-6)
    credential.accepted(await credential.authorize(SECONDS))
    assert (await credential.authorize(SECONDS)).authorization.headers == ANOTHER.headers


async def test_without_a_former_credential_nothing_is_put_off(credential: ActiveCredential) -> None:
    """There is nothing to go on with: each read tells what the OMS answers, until one is taken."""
    await credential.use(RIGHT)
    for _ in range(5):
        tries = await credential.authorize(SECONDS)
        assert tries.way is Way.TRIES
        credential.failed(tries, Problem("upstream-error", "The OMS answered 500."))
        credential.ended(tries)


async def test_a_caller_that_goes_away_puts_nothing_off(credential: ActiveCredential) -> None:
    """Its request was never sent, so the OMS has had nothing to answer."""
    await credential.use(RIGHT)
    credential.accepted(await credential.authorize(SECONDS))
    await credential.use(ANOTHER)
    for _ in range(5):
        tries = await credential.authorize(SECONDS)
        assert tries.way is Way.TRIES
        credential.ended(tries)


@pytest.mark.parametrize(
    ("says", "seconds"),
    [
        (UpstreamResponse(500, {}, b""), 0.01),
        (UpstreamResponse(200, {}, b"<html>"), 0.01),
        (UpstreamResponse(200, {}, b"{}"), 300.0),
    ],
    ids=["it fails", "no JSON", "it hangs"],
)
@pytest.mark.parametrize(
    "former", [RIGHT, OAuth2(client_id="i", client_secret="s", auth_url="http://other.example")]
)
async def test_a_token_endpoint_that_says_nothing_fails_no_read(
    server: TokenServer,
    credential: ActiveCredential,
    says: UpstreamResponse,
    seconds: float,
    former: Basic | OAuth2,
) -> None:
    """None waits for a token either; it is asked for beside them, less and less often, until there is one."""
    await credential.use(former)
    await credential.first_attempt()
    credential.accepted(await credential.authorize(SECONDS))
    server.says, server.seconds = says, seconds
    asked = server.logins
    await credential.use(oauth2())
    clock = asyncio.get_running_loop().time
    for _ in range(100):
        begun = clock()
        assert (await credential.authorize(SECONDS)).way is Way.FORMER
        assert clock() == begun
        await asyncio.sleep(0.6)
    assert 4 <= server.logins - asked <= 6
    server.says, server.seconds = None, 0.01
    await credential.use(oauth2("client_secret_post"))
    await asyncio.sleep(0.1)
    assert (await credential.authorize(SECONDS)).way is Way.PROVEN, "a PUT tries at once"
    await credential.close()


async def test_a_token_endpoint_that_is_up_again_is_asked_by_a_read(
    server: TokenServer, credential: ActiveCredential
) -> None:
    """Within the pause, and nothing is asked without a read."""
    await credential.use(RIGHT)
    credential.accepted(await credential.authorize(SECONDS))
    server.says = UpstreamResponse(503, {}, b"")
    await credential.use(oauth2())
    await asyncio.sleep(600.0)
    assert server.logins == 1
    server.says = None
    assert (await credential.authorize(SECONDS)).way is Way.FORMER
    await asyncio.sleep(0.1)
    assert (await credential.authorize(SECONDS)).authorization.headers["Authorization"] == "Bearer t2"
    await credential.close()


async def test_a_former_credential_that_is_rejected_is_left_at_once(credential: ActiveCredential) -> None:
    """The OMS takes only the new one: that was one wrong login, and the others wait for the one that tries."""
    await credential.use(RIGHT)
    credential.accepted(await credential.authorize(SECONDS))
    await credential.use(ANOTHER)
    tries, former, queued = [await credential.authorize(SECONDS) for _ in range(3)]
    again = asyncio.create_task(credential.reauthenticate(former, SECONDS))
    await asyncio.sleep(1.0)
    assert not again.done()
    assert not credential.may_be_sent(queued)
    credential.rejected(tries)
    with pytest.raises(Problem, match="rejected"):
        await again
    assert credential.known().next_try_seconds == pytest.approx(LONG_PAUSE, abs=2.0), "that were two"


async def test_a_former_token_is_used_without_a_login(server: TokenServer, credential: ActiveCredential) -> None:
    """While the new credential waits for its first one; that the OMS rejects it is no wrong login."""
    await credential.use(oauth2())
    await credential.first_attempt()
    await credential.use(oauth2("client_secret_post"))
    await asyncio.sleep(0)  # its first token is asked for
    former = await credential.authorize(SECONDS)
    assert (former.way, former.authorization.headers["Authorization"]) == (Way.FORMER, "Bearer t1")
    newer = await credential.reauthenticate(former, SECONDS)
    assert newer is not None
    assert (newer.way, newer.authorization.headers["Authorization"]) == (Way.PROVEN, "Bearer t2")
    assert server.logins == 2
    await credential.use(RIGHT)
    credential.rejected(await credential.authorize(SECONDS))
    assert credential.known().next_try_seconds == pytest.approx(FIRST_PAUSE, abs=0.1)
    await credential.close()


async def test_a_success_ends_the_count_of_wrong_logins_with_others(credential: ActiveCredential) -> None:
    """As at an order system: what was tried beside the requests before it is forgotten."""
    await credential.use(RIGHT)
    credential.accepted(await credential.authorize(SECONDS))
    credential.tried(WRONG, Tried(accepted=False))
    credential.accepted(await credential.authorize(SECONDS))
    credential.rejected(await credential.authorize(SECONDS))
    assert credential.known().next_try_seconds == pytest.approx(FIRST_PAUSE, abs=0.1)


async def test_the_log_tells_of_verdicts_once(server: TokenServer, credential: ActiveCredential) -> None:
    """A rejection when it begins, not while it lasts, and when it is over; another credential begins anew."""
    with log_lines() as lines:
        await credential.use(oauth2())
        await credential.first_attempt()
        assert lines.of("tenantproxy.state") == []
        server.secret_is_right = False
        await asyncio.sleep(101)
        await refused(credential)
        await asyncio.sleep(FIRST_PAUSE)
        await refused(credential)
        server.secret_is_right = True
        await asyncio.sleep(LONG_PAUSE)
        await credential.authorize(SECONDS)
        told = lines.of("tenantproxy.state")
        states = [(line["code"], line["state"]) for line in told]
        assert sorted(states) == [
            ("token-unavailable", "begun"),
            ("token-unavailable", "ended"),
            ("upstream-rejected-credentials", "begun"),
            ("upstream-rejected-credentials", "ended"),
        ]
        assert states.index(("upstream-rejected-credentials", "begun")) < 2
        await credential.use(WRONG)
        credential.rejected(await credential.authorize(SECONDS))
        await credential.use(RIGHT)
        credential.accepted(await credential.authorize(SECONDS))
        assert [line["state"] for line in lines.of("tenantproxy.state")[4:]] == ["begun"]
        assert len(lines.of("tenantproxy.credentials.verdicts")) == 3
        await credential.close()


async def test_the_log_tells_of_rejected_tokens_once(credential: ActiveCredential) -> None:
    """However many requests were rejected with them."""
    with log_lines() as lines:
        await credential.use(oauth2())
        await credential.first_attempt()
        for grant in [await credential.authorize(SECONDS) for _ in range(3)]:
            credential.rejected(grant)
        await asyncio.sleep(COOLDOWN[0])
        credential.accepted(await credential.authorize(SECONDS))
        told = lines.of("tenantproxy.state")
        assert [(line["state"], line.get("reason")) for line in told] == [("begun", "token"), ("ended", None)]
        assert {line["code"] for line in told} == {"upstream-rejected-credentials"}
        await credential.close()


async def test_an_attempt_beside_the_requests_counts(credential: ActiveCredential) -> None:
    """With the credential in use it ends a pause or begins one; with another one it is a login of that account."""
    await credential.use(WRONG)
    assert credential.known().state == "untried"
    credential.tried(WRONG, Tried(accepted=False))
    await refused(credential)
    known = credential.known()
    assert known.state == "rejected"
    assert known.rejected_at == pytest.approx(EPOCH, abs=0.01)
    assert known.next_try_seconds == pytest.approx(FIRST_PAUSE, abs=0.01)
    credential.tried(WRONG, Tried(accepted=True))
    assert (await credential.authorize(SECONDS)).way is Way.PROVEN
    assert credential.known().state == "accepted"
    credential.tried(RIGHT, Tried(accepted=True))
    credential.tried(RIGHT, Tried(accepted=False))
    assert credential.known().state == "accepted"
    credential.tried(WRONG, Tried(accepted=False))
    assert credential.known().next_try_seconds == pytest.approx(LONG_PAUSE, abs=0.01)


async def test_a_put_of_the_same_credential_tries_at_once(credential: ActiveCredential) -> None:
    """Somebody has mended the OMS, and says so; who it was is kept."""
    await credential.use(WRONG)
    credential.rejected(await credential.authorize(SECONDS))
    await refused(credential)
    stored = Stored({}, None)
    note = await credential.note(WRONG, stored, "jane@example.com")
    assert not await credential.use(WRONG, stored._replace(note=note(None))), "it is no other one"
    grant = await credential.authorize(SECONDS)
    assert (grant.way, credential.known().set_by) == (Way.TRIES, "jane@example.com")
    credential.rejected(grant)
    assert credential.known().next_try_seconds == pytest.approx(LONG_PAUSE, abs=0.01)
    proven = await credential.note(WRONG, stored, "joe@example.com", Tried(accepted=True))
    await asyncio.sleep(1.0)
    await credential.use(WRONG, stored._replace(note=proven(note(None))))
    assert (await credential.authorize(SECONDS)).way is Way.PROVEN


async def test_what_the_token_endpoint_said_is_known_to_others(
    server: TokenServer, credential: ActiveCredential
) -> None:
    """A process that has not asked it says and logs it, too: after a restart, or in another replica."""
    said = f'{{"revision": 1, "state": "rejected", "rejectedAt": {EPOCH}, "rejection": "invalid_client"}}'
    with log_lines() as log:
        await credential.use(oauth2(), Stored({}, None, note=said))
        problem = await refused(credential)
    assert problem.detail == "The token endpoint rejected the request for a token (invalid_client)."
    assert problem.reason == "token-rejected"
    assert [line.get("reason") for line in map(json.loads, log.text.splitlines()) if "code" in line] == [
        "invalid_client"
    ]
    assert server.logins == 0
    await credential.close()
