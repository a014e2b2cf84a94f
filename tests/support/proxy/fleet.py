"""A tenant's replicas in virtual time: the real credential, manager and client; Secret and OMS in memory.

The OMS counts every request with a wrong password, and locks the account after the third within half an hour.
Reads come all the time: one that would be refused like the one before it is left out, as nothing comes of it.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from support.proxy.running import proxy_config
from tenantproxy.admission import Admission, Ticket
from tenantproxy.config import Tenant
from tenantproxy.credentials.active import ActiveCredential
from tenantproxy.credentials.base import Credential, CredentialError
from tenantproxy.credentials.basic import Basic, basic_authorization
from tenantproxy.credentials.formats import digest, merged, to_secret
from tenantproxy.credentials.manager import CredentialManager
from tenantproxy.credentials.oauth2.credential import OAuth2
from tenantproxy.credentials.proof import Tried
from tenantproxy.credentials.stores.base import NewNote, Stored, StoreError
from tenantproxy.metrics import Metrics
from tenantproxy.oms.client import OmsClient
from tenantproxy.oms.requests.request import OmsRequest
from tenantproxy.problems import Problem
from tenantproxy.transport.base import HttpTransport, UpstreamResponse

HALF_AN_HOUR: Final = 30 * 60.0
LOCKING: Final = 3
"""Wrong logins within half an hour."""
EPOCH: Final = 1.8e9
TIMEOUT: Final = 5.0
_REQUEST: Final = OmsRequest("getOrder", "GET", "/CO-1", {})
_METRICS: Final = Metrics(Tenant(id="T", name="acme"))


def now() -> float:
    return asyncio.get_running_loop().time()


def basic(password: str) -> Basic:
    return Basic(username="user", password=password)


def oauth2(secret: str) -> OAuth2:
    return OAuth2(client_id="id", client_secret=secret, auth_url="http://idp.example/token")


class Oms:
    """It knows one account; `accepts` are its passwords."""

    def __init__(self, chance: random.Random, *accepts: str) -> None:
        self._chance = chance
        self.accepts = set(accepts)
        self.fails_for: set[str] = set()
        """Passwords of which it can't tell whether they are right: it answers 500."""
        self.wrong: list[float] = []
        self.was_asked_wrongly = asyncio.Event()
        self.rejects_all_until = 0.0
        self.rejected_all = 0
        self.served: dict[str, int] = {}
        self.last_served: dict[str, float] = {}
        self.longest_answer = 0.2

    def answer(self, authorization: str) -> int:
        if now() < self.rejects_all_until:
            self.rejected_all += 1
            return 401  # it is out of order: that is no wrong login
        if any(authorization == basic_authorization("user", password) for password in self.fails_for):
            return 500
        for password in self.accepts:
            if authorization in (basic_authorization("user", password), f"Bearer {password}"):
                self.served[password] = self.served.get(password, 0) + 1
                self.last_served[password] = now()
                return 401 if self.is_locked else 200
        self.wrong.append(now())
        self.was_asked_wrongly.set()
        return 401

    @property
    def most_wrong(self) -> int:
        """How many wrong logins there were at most within half an hour."""
        return max((sum(at <= each < at + HALF_AN_HOUR for each in self.wrong) for at in self.wrong), default=0)

    @property
    def is_locked(self) -> bool:
        return sum(at > now() - HALF_AN_HOUR for at in self.wrong) >= LOCKING

    def latency(self) -> float:
        return self._chance.uniform(0.001, self.longest_answer)


class Connections:
    """A transport to the OMS: at most so many requests at once; one that is cancelled is drained."""

    def __init__(self, oms: Oms, limit: int) -> None:
        self._oms = oms
        self._places = asyncio.Semaphore(limit)

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
        del method, path, body, ticket, drain_seconds
        async with self._places:
            assert before is not None
            before()
            asking = asyncio.create_task(self._ask(headers["Authorization"]))
            try:
                return UpstreamResponse(await asyncio.shield(asking), {}, b"{}")
            except asyncio.CancelledError:
                if on_drained is not None:
                    drained = on_drained
                    asking.add_done_callback(lambda task: None if task.cancelled() else drained(task.result()))
                raise

    async def _ask(self, authorization: str) -> int:
        await asyncio.sleep(self._oms.latency())
        status = self._oms.answer(authorization)
        await asyncio.sleep(self._oms.latency())
        return status

    async def close(self) -> None:
        """Do nothing."""


class Secret:
    """The tenant's Secret, with optimistic locking."""

    def __init__(self, chance: random.Random, keys: Mapping[str, str]) -> None:
        self.chance = chance
        self.keys = dict(keys)
        self.note: str | None = None
        self.version = 1
        self.notes = 0
        self.refuses_writes = False
        self.is_mounted = False
        """Whether replicas see it as files, without its annotations."""
        self.slowest_watch = 0.5
        self._changed = asyncio.Event()

    def set(self, keys: Mapping[str, str], note: str | None) -> None:
        self.keys, self.note = dict(keys), note
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def stored(self) -> Stored:
        if self.is_mounted:
            return Stored(dict(self.keys), self.version)
        return Stored(dict(self.keys), self.version, "uid", self.note)

    async def changed(self) -> None:
        await self._changed.wait()

    async def call(self) -> None:
        await asyncio.sleep(self.chance.uniform(0.001, 0.05))


class Store:
    """One replica's way to the Secret."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self.is_cut_off = False
        """Whether its replica is dead."""

    async def read(self) -> Stored:
        await self._secret.call()
        stored = self._secret.stored()
        await self._secret.call()
        return stored

    async def replace(self, stored: Stored, credential: Credential, note: NewNote | None = None) -> Stored:
        del stored
        assert note is not None
        await self._secret.call()
        self._secret.set(merged(self._secret.keys, credential), note(self._secret.note))
        found = self._secret.stored()
        await self._secret.call()
        return found

    async def annotate(self, note: Callable[[Stored], str | None]) -> Stored:
        while True:
            stored = await self.read()
            text = note(stored)
            if text is None:
                return stored
            await self._secret.call()
            if self._secret.refuses_writes or self.is_cut_off:
                raise StoreError("it is refused")
            if stored.version == self._secret.version:
                self._secret.set(stored.keys, text)
                self._secret.notes += 1
                stored = self._secret.stored()
                await self._secret.call()
                return stored

    async def watch(self) -> AsyncGenerator[None, None]:
        seen = None
        while True:
            if seen != self._secret.version:
                seen = self._secret.version
                yield
            else:
                await self._secret.changed()
                await asyncio.sleep(self._secret.chance.uniform(0.001, self._secret.slowest_watch))

    async def close(self) -> None:
        """Do nothing."""


class TokenEndpoint:
    """It takes the secret in the body only, and counts any other request as a wrong login; tokens are secrets."""

    token_timeout = 1.0

    def __init__(self, oms: Oms) -> None:
        self._oms = oms

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
        del method, path, headers, ticket, drain_seconds, on_drained, before
        await asyncio.sleep(self._oms.latency())
        (secret,) = parse_qs((body or b"").decode()).get("client_secret", [""])
        if secret not in self._oms.accepts:
            self._oms.wrong.append(now())
            return UpstreamResponse(401, {}, b'{"error": "invalid_client"}')
        token = {"access_token": secret, "token_type": "Bearer", "expires_in": 100}
        return UpstreamResponse(200, {}, json.dumps(token).encode())

    async def close(self) -> None:
        """Do nothing."""


class _Told:
    """Tells the readers that something has changed; they would have read at that moment, as at any other."""

    def __init__(self, user: ActiveCredential, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._user = user
        self.note = user.note
        self.known_of = user.known_of
        self.tried = user.tried

    @property
    def is_usable(self) -> bool:
        return self._user.is_usable

    async def use(self, credential: Credential | CredentialError | None, stored: Stored | None = None) -> bool:
        is_other = await self._user.use(credential, stored)
        self._tell()
        return is_other


async def _fingerprint(credential: Credential, salt: str) -> str:
    return digest(credential)[:4] + salt[:0]


class Replica:
    """One proxy, with its readers."""

    def __init__(self, fleet: "Fleet", readers: int, connections: int) -> None:
        self._fleet = fleet
        store = self._store = Store(fleet.secret)
        self.credential = ActiveCredential(
            TokenEndpoint(fleet.oms), _METRICS, store, clock=lambda: EPOCH + now(), fingerprint=_fingerprint
        )
        self._news = asyncio.Event()
        user = _Told(self.credential, self.tell)
        self.manager = CredentialManager(fleet.config, store, user, _METRICS)
        self._client = OmsClient(
            fleet.config.upstream, Connections(fleet.oms, connections), self.credential, _METRICS, clock=now
        )
        self._admission = Admission(1000, 0)
        self._running = [asyncio.create_task(self.manager.follow())]
        self._running += [asyncio.create_task(self._read()) for _ in range(readers)]

    def tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def read(self) -> str:
        """Make one read; return the code of its problem, if it has one."""
        ticket = self._admission.admit(None)
        try:
            status = (await self._client.read(ticket, _REQUEST)).status
            self._fleet.answered.append((now(), status))
        except Problem as problem:
            pause = float((problem.headers or {}).get("Retry-After", 0))
            self._fleet.answered.append((now(), problem.status))
            self._pause = pause
            return problem.code
        finally:
            ticket.release()
        return ""

    async def _read(self) -> None:
        while True:
            news = self._news
            pause: float | None = None
            if await self.read():
                pause = self._pause or self._fleet.chance.uniform(0.05, 0.2)
            elif self._fleet.is_busy:
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await news.wait()

    async def end(self, *, killed: bool) -> None:
        """Stop as on SIGTERM, after what is in flight; or at once, as when the node is lost."""
        self._store.is_cut_off = killed
        if not killed:
            for task in self._running[1:]:
                task.cancel()
            await asyncio.sleep(2 * TIMEOUT)
            await self.credential.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


class Fleet:
    """All replicas of a tenant."""

    def __init__(
        self,
        seed: int,
        *,
        password: str,
        accepts: str = "right",
        kind: Callable[[str], Credential] = basic,
    ) -> None:
        self.kind = kind
        self.chance = random.Random(seed)  # noqa: S311 - reproducible, no secret
        self.oms = Oms(self.chance, accepts)
        self.secret = Secret(self.chance, to_secret(kind(password)))
        self.config: Any = _CONFIG
        self.replicas: list[Replica] = []
        self.answered: list[tuple[float, int]] = []
        self.is_busy = False
        """Whether one read follows the other, so that many are in flight; otherwise only when there is news."""
        self.size = 0
        self.readers = 2
        self.connections = 2

    async def start(self, size: int) -> None:
        """Start so many replicas, each a little after the other."""
        self.size = size
        for _ in range(size):
            self.add()
            await asyncio.sleep(self.chance.uniform(0, 0.3))

    def add(self) -> None:
        self.replicas.append(Replica(self, self.readers, self.connections))

    async def settle(self) -> None:
        """Wait until whoever may try has tried."""
        await asyncio.sleep(5 * TIMEOUT)

    async def get_busy(self) -> None:
        """Have requests in flight all the time from now on."""
        self.is_busy = True
        self.tell()
        await asyncio.sleep(self.chance.uniform(0.5, 1.0))

    def tell(self) -> None:
        """Have all read now, since something has changed that they can't know of."""
        for replica in self.replicas:
            replica.tell()

    def who_tries(self) -> Replica | None:
        """Return a replica that knows of one that tries the credential, itself or another one."""
        trying = (replica for replica in self.replicas if replica.credential.known().state == "trying")
        return next(trying, None)

    async def restart(self, *, killed: bool) -> None:
        """End one replica, and start another one in its place."""
        replica = self.replicas.pop(self.chance.randrange(len(self.replicas)))
        await replica.end(killed=killed)
        await asyncio.sleep(self.chance.uniform(0.1, 5.0))
        self.add()

    async def roll_out(self) -> None:
        """Replace all, one after the other."""
        for _ in range(self.size):
            self.add()
            await asyncio.sleep(self.chance.uniform(0.5, 3.0))
            await self.replicas.pop(0).end(killed=False)

    def set_secret(self, password: str) -> None:
        """Change the Secret as `kubectl apply` does: what others have annotated stays."""
        self.secret.set(merged(self.secret.keys, self.kind(password)), self.secret.note)

    async def put(self, password: str, tried: Tried | None = None) -> None:
        """Set the credential by a PUT to one of the replicas."""
        manager = self.chance.choice(self.replicas).manager
        candidate = await manager.candidate(self.kind(password))
        await manager.replace(candidate, set_by="an admin", tried=tried)

    async def end(self) -> None:
        await asyncio.gather(*(replica.end(killed=True) for replica in self.replicas))


@contextlib.asynccontextmanager
async def fleet(
    seed: int, size: int | None = None, *, connections: int = 2, waiting: int = 1, **given: Any
) -> AsyncIterator[Fleet]:
    """Run a fleet of one to ten replicas, each with so many connections, and more readers that wait for one."""
    made = Fleet(seed, **given)
    made.connections, made.readers = connections, connections + waiting
    await made.start(size or made.chance.randint(1, 10))
    try:
        yield made
    finally:
        await made.end()


_CONFIG: Final = proxy_config("http://oms.example", timeoutSeconds=TIMEOUT, retries=1)
