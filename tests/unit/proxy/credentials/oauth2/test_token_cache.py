"""When tokens are fetched and used: each clause with a fake clock, and what no sequence may bring about."""

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tenantproxy.credentials.authorizer import Failure
from tenantproxy.credentials.oauth2.token_cache import (
    BACKOFF,
    MIN_PROACTIVE_LIFETIME,
    REFRESH_SHARE,
    REJECTION_PAUSE,
    Fetch,
    Token,
    TokenCache,
    Unavailable,
    Use,
    Wait,
)

DOWN = Failure(rejected=False, reason="connect")
REJECTED = Failure(rejected=True, reason="rejected")


def source(jitter: float = 0.0) -> TokenCache:
    return TokenCache(jitter=lambda: jitter)


def with_token(lifetime: float | None = 3600.0, *, value: str = "t1", jitter: float = 0.0) -> TokenCache:
    """Return a source that got a token at 0."""
    tokens = source(jitter)
    assert tokens.acquire(0.0) == Fetch()
    tokens.succeeded(0.0, Token(value, lifetime))
    return tokens


def test_nothing_is_at_hand_before_the_first_fetch() -> None:
    """Without a token there is none to refresh, and none that ends."""
    tokens = source()
    assert not tokens.fetching
    assert (tokens.refresh_at(), tokens.expires_at()) == (None, None)
    assert not tokens.begin_refresh(1e9)


def test_single_flight() -> None:
    """While a fetch is under way, everybody waits for it."""
    tokens = source()
    assert tokens.acquire(0.0) == Fetch()
    assert tokens.acquire(0.1) == Wait()
    assert tokens.reauthenticate(0.1, "old") == Wait()
    assert not tokens.begin_refresh(0.1)


def test_a_refresh_that_may_not_be_is_put_off() -> None:
    """Nobody logs in while the secret is taken for wrong; the token serves until it expires."""
    tokens = with_token(3600.0)
    due = tokens.refresh_at()
    assert due is not None
    tokens.put_off(due)
    assert not tokens.begin_refresh(due)
    assert tokens.held(due) == "t1"
    assert tokens.begin_refresh(due + BACKOFF[1])
    assert tokens.held(3599.9) == "t1"
    assert tokens.held(3600.0) is None
    assert source().held(0.0) is None


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_refresh_is_proactive_with_jitter(jitter: float) -> None:
    """A token is refreshed well before it expires, not at the same point in every replica."""
    tokens = with_token(100.0, jitter=jitter)
    first, last = REFRESH_SHARE
    due = 100.0 * (first + (last - first) * jitter)
    assert tokens.refresh_at() == pytest.approx(due)
    assert not tokens.begin_refresh(due - 0.01)
    assert tokens.begin_refresh(due)
    assert tokens.refresh_at() is None, "it is under way"
    assert tokens.acquire(due) == Use("t1"), "the old token serves while the new one is fetched"


def test_last_good_token_serves_until_its_expiry_and_never_after() -> None:
    """With the token endpoint down, the token at hand is used to its end, and not one moment longer."""
    tokens = with_token(100.0)
    assert tokens.begin_refresh(80.0)
    tokens.failed(81.0, DOWN)
    assert tokens.acquire(99.999) == Use("t1")
    assert not isinstance(tokens.acquire(100.0), Use)


def test_lifetime_counts_from_the_request() -> None:
    """A slow token endpoint does not lengthen a token's life."""
    tokens = source()
    assert tokens.acquire(0.0) == Fetch()
    tokens.succeeded(2.5, Token("t1", 10.0))
    assert tokens.expires_at() == 10.0


def test_lifetime_of_a_token_that_was_not_asked_for() -> None:
    """It counts from when it came."""
    tokens = source()
    tokens.succeeded(2.5, Token("t1", 10.0))
    assert tokens.expires_at() == 12.5


def test_failures_back_off_to_a_cap() -> None:
    """Failures double the pause from half a second to half a minute."""
    tokens = source()
    now, pauses = 0.0, []
    for _ in range(9):
        assert tokens.acquire(now) == Fetch()
        tokens.failed(now, DOWN)
        waiting = tokens.acquire(now)
        assert isinstance(waiting, Unavailable)
        pauses.append(waiting.retry_after)
        now += waiting.retry_after
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30, 30])


def test_backoff_has_jitter() -> None:
    """A pause is up to a fifth longer, so that replicas don't come together."""
    tokens = source(jitter=0.5)
    for now, pause in ((0.0, 0.55), (10.0, 1.1)):
        assert tokens.acquire(now) == Fetch()
        tokens.failed(now, DOWN)
        waiting = tokens.acquire(now)
        assert isinstance(waiting, Unavailable)
        assert waiting.retry_after == pytest.approx(pause)


def test_backoff_starts_anew_after_a_success() -> None:
    """One success forgets the failures before it."""
    tokens = source()
    for now in (0.0, 10.0, 20.0):
        assert tokens.acquire(now) == Fetch()
        tokens.failed(now, DOWN)
    assert tokens.acquire(60.0) == Fetch()
    tokens.succeeded(60.0, Token("t1", 1.0))
    assert tokens.acquire(61.0) == Fetch()
    tokens.failed(61.0, DOWN)
    waits = tokens.acquire(61.0)
    assert isinstance(waits, Unavailable)
    assert waits.failure == DOWN
    assert waits.retry_after == pytest.approx(0.5)


def test_retry_after_is_honoured_up_to_the_cap() -> None:
    """The token endpoint may ask for a longer pause, within the cap."""
    for asked, pause in ((7.0, 7.0), (3600.0, BACKOFF[1])):
        tokens = source()
        assert tokens.acquire(0.0) == Fetch()
        tokens.failed(0.0, Failure(rejected=False, reason="server-error", retry_after=asked))
        waiting = tokens.acquire(0.0)
        assert isinstance(waiting, Unavailable)
        assert waiting.retry_after == pause


def test_rejection_of_the_client_stands_for_five_seconds() -> None:
    """A 4xx is not asked about again for five seconds, and then only when a request needs a token."""
    tokens = source()
    assert tokens.acquire(0.0) == Fetch()
    tokens.failed(1.0, REJECTED)
    assert tokens.acquire(1.0) == Unavailable(REJECTED, REJECTION_PAUSE)
    assert tokens.refresh_at() is None
    assert tokens.acquire(1.0 + REJECTION_PAUSE) == Fetch()


def test_failed_refresh_is_tried_again_while_the_token_lives() -> None:
    """A refresh that failed comes back after the backoff, with no request asking."""
    tokens = with_token(100.0)
    assert tokens.begin_refresh(75.0)
    tokens.failed(76.0, DOWN)
    assert tokens.refresh_at() == pytest.approx(76.5)
    assert tokens.begin_refresh(76.5)


def test_no_refresh_is_planned_for_when_the_token_is_over() -> None:
    """A refresh that could be tried again only when the token has ended waits for a request."""
    for lifetime, refresh_at in ((100.0, None), (100.5, 100.0)):
        tokens = with_token(lifetime)
        assert tokens.begin_refresh(95.0)
        tokens.failed(95.0, REJECTED)
        assert tokens.refresh_at() == refresh_at


def test_failed_fetch_of_a_token_without_expiry() -> None:
    """It plans no refresh: the token has no end."""
    tokens = with_token(None)
    assert tokens.reauthenticate(1.0, "t1") == Fetch()
    tokens.failed(1.0, DOWN)
    assert tokens.refresh_at() is None
    assert tokens.acquire(1.0) == Use("t1")


def test_token_without_expiry_is_kept_until_a_401() -> None:
    """Without `expires_in` there is no refresh; the OMS's 401 causes the next fetch."""
    tokens = with_token(None)
    assert tokens.refresh_at() is None
    assert tokens.acquire(1e9) == Use("t1")
    assert tokens.reauthenticate(1e9, "t1") == Fetch()


def test_tiny_lifetimes_are_fetched_on_demand_only() -> None:
    """A token that lives under two seconds is not refreshed in an endless loop."""
    tokens = with_token(MIN_PROACTIVE_LIFETIME - 0.5)
    assert tokens.refresh_at() is None
    assert tokens.acquire(1.4) == Use("t1")
    assert tokens.acquire(1.5) == Fetch()
    assert with_token(MIN_PROACTIVE_LIFETIME).refresh_at() == MIN_PROACTIVE_LIFETIME * REFRESH_SHARE[0]


def test_a_401_uses_a_newer_token_without_a_fetch() -> None:
    """Who was rejected with an old token gets the newer one that is at hand."""
    tokens = with_token(value="t2")
    assert tokens.reauthenticate(1.0, "t1") == Use("t2")
    assert not tokens.fetching


def test_a_401_fetches_at_most_once_per_five_seconds() -> None:
    """Rejections can't be used to hammer the token endpoint."""
    tokens = with_token()
    assert tokens.reauthenticate(1.0, "t1") == Fetch()
    tokens.succeeded(1.1, Token("t2", 3600.0))
    assert tokens.reauthenticate(2.0, "t2") is None
    assert tokens.reauthenticate(1.0 + REJECTION_PAUSE, "t2") == Fetch()


def test_a_401_fetches_nothing_during_the_backoff() -> None:
    """A token endpoint that has just failed is not asked because of a 401."""
    tokens = with_token()
    assert tokens.begin_refresh(3000.0)
    tokens.failed(3000.0, DOWN)
    assert tokens.reauthenticate(3000.1, "t1") is None


def test_same_token_again_is_not_newer() -> None:
    """A token endpoint that answers with the rejected token again ends the matter."""
    tokens = with_token()
    assert tokens.reauthenticate(1.0, "t1") == Fetch()
    tokens.succeeded(1.1, Token("t1", 3600.0))
    assert tokens.reauthenticate(1.1, "t1") is None


def test_nothing_prints_a_token() -> None:
    """Whatever is logged of a source or a decision shows no secret."""
    tokens = with_token(value="MARKED")
    shown = repr((tokens, tokens.acquire(0.0), Token("MARKED", None)))
    assert shown == "(TokenCache(***), Use(***), Token(***))"


class AnySequence(RuleBasedStateMachine):
    """Any sequence of requests, 401s, wake-ups, answers and waits."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.tokens = TokenCache()
        self.in_flight = 0
        self.issued: dict[str, float | None] = {}
        self.asked_at = 0.0
        self.not_before = 0.0
        self.last_reauthentication = -REJECTION_PAUSE
        self.fetches = 0
        self.budget = 1
        self.number = 0

    def begin(self) -> None:
        assert self.in_flight == 0, "fetches must not overlap"
        assert self.now >= self.not_before, "a fetch came before the pause after a failure had ended"
        assert self.fetches < self.budget, "more fetches than the budget allows"
        self.in_flight += 1
        self.fetches += 1
        self.asked_at = self.now

    def check(self, decision: object) -> None:
        match decision:
            case Fetch():
                self.begin()
            case Use(value):
                expires_at = self.issued[value]
                assert expires_at is None or self.now < expires_at, "an expired token was injected"
            case Wait():
                assert self.in_flight == 1, "nothing to wait for"

    @rule(seconds=st.one_of(st.floats(0, 0.4), st.floats(0, 10), st.floats(0, 4000)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def request(self) -> None:
        if self.token_is_over():
            self.budget = max(self.budget, self.fetches + 1)
        self.check(self.tokens.acquire(self.now))

    @rule()
    def wake(self) -> None:
        refresh_at = self.tokens.refresh_at()
        if refresh_at is not None and self.now >= refresh_at:
            self.budget = max(self.budget, self.fetches + 1)
        if self.tokens.begin_refresh(self.now):
            self.begin()

    @precondition(lambda self: self.issued)
    @rule(data=st.data())
    def oms_answers_401(self, data: st.DataObject) -> None:
        rejected = data.draw(st.sampled_from(sorted(self.issued)))
        if self.now >= self.last_reauthentication + REJECTION_PAUSE:
            self.budget = max(self.budget, self.fetches + 1)
        before = self.fetches
        decision = self.tokens.reauthenticate(self.now, rejected)
        assert decision != Use(rejected)
        self.check(decision)
        if self.fetches > before:
            self.last_reauthentication = self.now

    @precondition(lambda self: self.in_flight)
    @rule(lifetime=st.one_of(st.none(), st.floats(0.001, 5), st.floats(1, 4000)))
    def fetch_succeeds(self, lifetime: float | None) -> None:
        self.in_flight -= 1
        self.number += 1
        value = f"t{self.number}"
        self.issued[value] = None if lifetime is None else self.asked_at + lifetime
        self.not_before = self.now
        self.tokens.succeeded(self.now, Token(value, lifetime))

    @precondition(lambda self: self.in_flight)
    @rule(rejected=st.booleans())
    def fetch_fails(self, *, rejected: bool) -> None:
        self.in_flight -= 1
        self.not_before = self.now + (REJECTION_PAUSE if rejected else BACKOFF[0])
        self.budget = max(self.budget, self.fetches + 1)
        self.tokens.failed(self.now, Failure(rejected, "x"))

    def token_is_over(self) -> bool:
        last = self.issued.get(f"t{self.number}") if self.number else None
        return self.number > 0 and last is not None and self.now >= last

    @invariant()
    def one_fetch_at_most(self) -> None:
        assert self.tokens.fetching == (self.in_flight == 1)


TestAnySequence = AnySequence.TestCase
