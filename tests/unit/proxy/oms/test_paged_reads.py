"""A search whose pages are followed, over a transport that answers as it is told: ends, bounds and failures."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from support.proxy.running import proxy_config
from tenantproxy.admission import Admission, Ticket
from tenantproxy.config import Tenant
from tenantproxy.credentials.active import ActiveCredential
from tenantproxy.credentials.basic import Basic
from tenantproxy.deadlines import TICK
from tenantproxy.metrics import Metrics
from tenantproxy.oms.client import OmsClient
from tenantproxy.oms.conversion import Converter
from tenantproxy.oms.reads import Answer, Reader
from tenantproxy.oms.requests.plan import compile_requests
from tenantproxy.operations import SEARCH_ORDERS
from tenantproxy.problems import Problem
from tenantproxy.transport.base import HttpTransport, UpstreamError, UpstreamResponse
from tenantproxy.validation import validate_config

pytestmark = pytest.mark.virtual_time

JSON = {"content-type": "application/json"}
MAX_BYTES = 10_000
TIMEOUT = 5.0
BY_NUMBER = {"query": {"c": "{criteria.customerId}", "p": "{page.number}"}, "pages": {"size": 2}}
BY_OFFSET = {"query": {"c": "{criteria.customerId}", "o": "{page.offset}"}, "pages": {"total": "/total"}}
BY_CURSOR = {"query": {"c": "{criteria.customerId}", "p": "{page.cursor}"}, "pages": {"cursor": "/next"}}
BY_LINK = {"query": {"c": "{criteria.customerId}"}, "pages": {"link": True}}

Reply = UpstreamResponse | UpstreamError


class NoTokens:
    """There is no token endpoint here."""

    token_timeout = 1.0

    def token_endpoint(self, url: str, *, trial: bool = False) -> HttpTransport:
        raise AssertionError(url, trial)


class Oms:
    """Answers each request by a function of its path, after `seconds`, and counts what comes on the ticket."""

    def __init__(self, reply: Callable[[str], Reply], seconds: float) -> None:
        self._reply = reply
        self._seconds = seconds
        self.paths: list[str] = []

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
        assert (method, body, headers["Authorization"][:6]) == ("GET", None, "Basic ")
        assert ticket is not None
        assert None not in (drain_seconds, on_drained)
        assert before is not None
        before()
        self.paths.append(path)
        await asyncio.sleep(self._seconds)
        reply = self._reply(path)
        if isinstance(reply, UpstreamError):
            raise reply
        if not ticket.grow(len(reply.body)):
            raise UpstreamError("overloaded")
        return reply

    async def close(self) -> None:
        """Do nothing."""


class Setting:
    """A reader of an OMS, and what it is admitted to."""

    def __init__(
        self, endpoint: dict[str, Any], reply: Callable[[str], Reply], *, seconds: float = 0.0, room: int = 10**6
    ) -> None:
        search = {"method": "GET", "path": "/orders", "timeoutSeconds": TIMEOUT, **endpoint}
        config = proxy_config(
            "http://oms.example/api", maxResponseBytes=MAX_BYTES, retries=0, operations={"searchOrders": search}
        )
        self.oms = Oms(reply, seconds)
        self.metrics = Metrics(Tenant(id="T", name="acme"))
        self._credential = ActiveCredential(NoTokens(), self.metrics)
        client = OmsClient(config.upstream, self.oms, self._credential, self.metrics)
        self._reader = Reader(
            config.upstream, Converter(config.upstream, validate_config(config)), client, self.metrics
        )
        self._plan = compile_requests(config.upstream)["searchOrders"]
        self._admission = Admission(10, 0, room)

    async def search(self) -> tuple[list[str], str | None]:
        """Return the ids that a search finds, and by what it was cut."""
        answer = await self.answer()
        return [order["customerOrderId"] for order in json.loads(answer.body)["customerOrders"]], answer.cut_by

    async def answer(self) -> Answer:
        await self._credential.use(Basic(username="u", password="p"))
        requests = self._plan.requests({"businessUnitId": "B"}, {"customerId": "C"}, {"Correlation-Id": "c"})
        ticket = self._admission.admit(None)
        self.observation = ticket.observation
        try:
            answer = await self._reader.read(SEARCH_ORDERS, requests, None, ticket, self._plan.paging)
            assert ticket.held == len(answer.body)
            return answer
        finally:
            ticket.release()

    @property
    def counted(self) -> dict[str, float]:
        """Searches that were cut, by the reason."""
        lines = self.metrics.exposition().decode().splitlines()
        name = "tenantproxy_incomplete_searches_total{"
        found = [line.rpartition(" ") for line in lines if line.startswith(name)]
        counts = {line.split('"')[1]: float(value) for line, _, value in found}
        assert counts.keys() == {"bytes", "oms", "pages", "time"}, "a panel has data before the first one"
        return {reason: count for reason, count in counts.items() if count}


def orders(*ids: Any, **beside: Any) -> UpstreamResponse:
    """Return a page of orders with these ids; of one that is no id it is wrong."""
    texts = [str(order_id) if isinstance(order_id, int) else order_id for order_id in ids]
    each = [{"customerOrderId": order_id, "customerId": "C", "status": "CREATED"} for order_id in texts]
    return UpstreamResponse(200, JSON, json.dumps({"customerOrders": each, **beside}).encode())


def asked(path: str, name: str) -> str | None:
    values = parse_qs(urlsplit(path).query)
    assert values["c"] == ["C"]
    return values[name][0] if name in values else None


def numbered(*pages: Reply) -> Callable[[str], Reply]:
    """Return an OMS with these pages, behind which it has nothing."""
    return lambda path: dict(enumerate(pages, 1)).get(int(asked(path, "p") or 1), orders())


def endless(path: str) -> UpstreamResponse:
    """Answer as an OMS that always has two more orders."""
    page = int(asked(path, "p") or 1)
    return orders(2 * page, 2 * page + 1)


# ---- ends


@pytest.mark.parametrize("count", range(6))
async def test_by_number(count: int) -> None:
    """The last page is the first one with fewer elements than a page has, maybe none."""
    ids = [str(order_id) for order_id in range(count)]
    setting = Setting(BY_NUMBER, numbered(*(orders(*ids[begin : begin + 2]) for begin in range(0, count, 2))))
    assert await setting.search() == (ids, None)
    assert [asked(path, "p") for path in setting.oms.paths] == [str(page + 1) for page in range(count // 2 + 1)]
    assert setting.counted == {}


@pytest.mark.parametrize("most", [1, 2, 3, 5])
async def test_by_offset(most: int) -> None:
    """The next page begins behind what came, however much the OMS gives; no more is asked than there is."""

    def reply(path: str) -> UpstreamResponse:
        begin = int(asked(path, "o") or 0)
        return orders(*range(5)[begin : begin + most], total=5)

    setting = Setting(BY_OFFSET, reply)
    assert await setting.search() == (list("01234"), None)
    assert [asked(path, "o") for path in setting.oms.paths] == [str(begin) for begin in range(0, 5, most)]


async def test_by_offset_with_a_total_that_is_too_large() -> None:
    """An OMS that counts orders that it does not show: an empty page ends it, and the caller is told."""
    setting = Setting(BY_OFFSET, lambda path: orders(*([1] if asked(path, "o") == "0" else []), total=7))
    assert await setting.search() == (["1"], "oms")
    assert setting.counted == {"oms": 1.0}
    assert await Setting(BY_OFFSET, lambda _: orders(total=7)).search() == ([], "oms")
    assert await Setting(BY_OFFSET, lambda _: orders(total=0)).search() == ([], None)


async def test_by_cursor() -> None:
    """Cursors are the OMS's, and may lead over an empty page."""
    after = {None: orders(1, next="a&b"), "a&b": orders(next=7), "7": orders(2)}
    setting = Setting(BY_CURSOR, lambda path: after[asked(path, "p")])
    assert await setting.search() == (["1", "2"], None)


async def test_by_link() -> None:
    """The address is the OMS's, below the base URL."""
    link = {"link": "<http://oms.example/api/more?c=C&x=2>; rel=next"}
    pages = {"/orders?c=C": orders(1)._replace(headers=JSON | link), "/more?c=C&x=2": orders(2)}
    setting = Setting(BY_LINK, pages.__getitem__)
    assert await setting.search() == (["1", "2"], None)
    assert setting.oms.paths == list(pages)


async def test_an_outcome_ends_them() -> None:
    """An OMS says in its own way that there are no more, such as by 204."""
    endpoint = {**BY_NUMBER, "outcomes": [{"status": [204], "means": "no-orders-found"}]}
    none = UpstreamResponse(204, {}, b"")
    assert await Setting(endpoint, numbered(orders(1, 2), none)).search() == (["1", "2"], None)
    assert await Setting(endpoint, numbered(none)).search() == ([], None)


async def test_an_order_that_comes_twice() -> None:
    """It came in front while the pages were read: the till sees each order once."""
    assert await Setting(BY_NUMBER, numbered(orders(1, 2), orders(2, 3))).search() == (["1", "2", "3"], None)


# ---- bounds


async def test_a_bound_of_pages() -> None:
    """Where another page may follow the last one that is read, the answer says so."""
    endpoint = {**BY_NUMBER, "pages": {"size": 2, "max": 3}}
    setting = Setting(endpoint, endless)
    assert await setting.search() == ([str(order_id) for order_id in range(2, 8)], "pages")
    assert len(setting.oms.paths) == 3
    assert setting.counted == {"pages": 1.0}
    seen = setting.observation
    assert (seen.cut_by, seen.pages, seen.calls, seen.upstream_status) == ("pages", 3, 3, 200)
    assert await Setting(endpoint, numbered(orders(1, 2), orders(3, 4), orders(5))).search() == (
        list("12345"),
        None,
    )


async def test_a_bound_of_bytes() -> None:
    """All pages together have no more bytes than one answer may have; one too many is left out."""
    text = "x" * (MAX_BYTES // 3)
    pages = [orders(page, f"{page}b", text=text) for page in range(5)]
    setting = Setting(BY_NUMBER, numbered(*pages))
    assert await setting.search() == (["0", "0b", "1", "1b"], "bytes")
    assert setting.counted == {"bytes": 1.0}


async def test_a_page_that_is_too_large_by_itself() -> None:
    """A further one is cut off; the first one fails, as without pages."""
    too_large = UpstreamError("too-large")
    assert await Setting(BY_NUMBER, numbered(orders(1, 2), too_large)).search() == (["1", "2"], "bytes")
    with pytest.raises(Problem, match="too-large"):
        await Setting(BY_NUMBER, numbered(too_large)).search()


@pytest.mark.parametrize(("seconds", "pages"), [(2.0, 2), (1.5, 3), (4.0, 1)])
async def test_a_bound_of_time(seconds: float, pages: int) -> None:
    """All pages together have the one timeout of the search; what came within it is the answer."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    setting = Setting(BY_NUMBER, endless, seconds=seconds)
    ids, cut_by = await setting.search()
    assert (len(ids), cut_by) == (2 * pages, "time")
    assert TIMEOUT <= loop.time() - begun < TIMEOUT + TICK + 0.001
    assert setting.counted == {"time": 1.0}


async def test_no_page_in_time() -> None:
    """Then there is no answer, as without pages."""
    with pytest.raises(Problem) as caught:
        await Setting(BY_NUMBER, endless, seconds=6.0).search()
    assert caught.value.code == "upstream-timeout"


async def test_memory_for_all_pages() -> None:
    """What came of earlier pages is counted while the next one comes; without room there is no answer."""
    setting = Setting(BY_NUMBER, endless, room=1000)
    with pytest.raises(Problem) as caught:
        await setting.search()
    assert caught.value.code == "overloaded"
    assert len(setting.oms.paths) == 3
    await Setting({**BY_NUMBER, "pages": {"size": 2, "max": 2}}, endless, room=1000).search()


# ---- failures


@pytest.mark.parametrize(
    ("page", "code", "detail"),
    [
        (UpstreamResponse(500, JSON, b""), "upstream-error", "The OMS answered 500."),
        (UpstreamResponse(429, JSON, b""), "upstream-rate-limited", "The OMS answered 429."),
        (UpstreamError("disconnected"), "upstream-error", "The OMS sent no complete response (disconnected)."),
        (orders({}), "upstream-contract", "Fields of the OMS's answer are missing or have the wrong type."),
        (orders(1)._replace(body=b"<"), "upstream-error", "The OMS's answer is not valid JSON."),
    ],
)
async def test_a_page_that_fails(page: Reply, code: str, detail: str) -> None:
    """A part that looks whole would be worse than none; the problem names the page, if it is a further one."""
    with pytest.raises(Problem) as caught:
        await Setting(BY_NUMBER, numbered(page)).search()
    assert (caught.value.code, caught.value.detail) == (code, detail)
    with pytest.raises(Problem) as caught:
        await Setting(BY_NUMBER, numbered(orders(1, 2), page)).search()
    assert (caught.value.code, caught.value.detail) == (code, f"{detail} It was page 2 of the search.")


@pytest.mark.parametrize(
    ("endpoint", "reply"),
    [
        (BY_CURSOR, orders(1, next="x")),
        (BY_CURSOR, orders(next="x")),
        (BY_LINK, orders(1)._replace(headers=JSON | {"link": "<?c=C>; rel=next"})),
        (BY_LINK, orders()._replace(headers=JSON | {"link": "<?c=C>; rel=next"})),
        (BY_OFFSET, orders(1, total=100)),
        (BY_NUMBER, orders(1, 2)),
    ],
)
async def test_a_circle(endpoint: dict[str, Any], reply: UpstreamResponse) -> None:
    """An OMS that sends the same again, or the same way on, is told of at once."""
    setting = Setting(endpoint, lambda _: reply)
    with pytest.raises(Problem) as caught:
        await setting.search()
    assert (caught.value.code, caught.value.reason) == ("upstream-contract", "pages")
    assert len(setting.oms.paths) == 2


async def test_a_larger_circle_of_empty_pages() -> None:
    """It ends at the bound of pages."""
    other = {None: "a", "a": "b", "b": "a"}
    setting = Setting(BY_CURSOR, lambda path: orders(next=other[asked(path, "p")]))
    assert await setting.search() == ([], "pages")
    assert len(setting.oms.paths) == 5


async def test_a_link_that_leads_away() -> None:
    """Nothing is asked of it, and the credential stays here."""
    link = {"link": "<http://evil.example/api/orders>; rel=next"}
    setting = Setting(BY_LINK, lambda _: orders(1)._replace(headers=JSON | link))
    with pytest.raises(Problem, match="is at another origin than the base URL") as caught:
        await setting.search()
    assert caught.value.status == 502
    assert setting.oms.paths == ["/orders?c=C"]
