"""The demo's steps: what clients, a tenant's admin and the platform team do, one after the other."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from hack.demo.checks import StepError, counted, expect, expect_problem, expect_status
from hack.demo.exchange import Answer, Request, Token, token_command
from hack.demo.processes import Processes
from hack.demo.setup import TOKEN_LIFETIME, Environment, RunningProxy
from hack.demo.store_events import StoreEvents
from hack.demo.terminal import Terminal
from tenantproxy.credentials.basic import Basic

ORDERS_PATH: Final = "/api/v1/business-units/store-1/customer-orders"
SEARCH_PATH: Final = f"{ORDERS_PATH}:search"
ORDER_PATH: Final = f"{ORDERS_PATH}/CO-1001"
CONFIG_PATH: Final = "/api/v1/proxy-config"
CUSTOMER: Final = "111"

_READING_SECONDS: Final = 2 * TOKEN_LIFETIME
_READ_EVERY: Final = 0.15
_IN_THE_STORE: Final = ("login", "sale", "pickup", "drawer")
_PICKED_UP: Final = "CO-1001"
_REQUESTS: Final = "tenantproxy_requests_total"
_FETCHES: Final = "tenantproxy_token_fetch_total"


class Step(NamedTuple):
    """A step: its heading, and what runs it and returns what that has shown."""

    title: str
    run: Callable[[], str]


class Walkthrough:
    """The steps in order, shown to a reader at a terminal; a step that fails raises `StepError`."""

    def __init__(self, environment: Environment, terminal: Terminal, processes: Processes) -> None:
        self._processes = processes
        self._acme = environment.acme
        self._globex = environment.globex
        self._environment = environment
        self._terminal = terminal
        self._tokens: dict[str, Token] = {}
        self._answers: Counter[tuple[str, int]] = Counter()
        self.steps: Final = (
            Step("A client of acme reads an order; acme's OMS takes HTTP Basic.", self._read_order),
            Step("A client of globex searches; globex's OMS takes OAuth2.", self._search),
            Step("A client tries to change an order.", self._forbidden_write),
            Step("A client asks for an order that does not exist.", self._unknown_order),
            Step("A client of acme tries its token at globex.", self._foreign_token),
            Step("Somebody has no token.", self._no_token),
            Step("An admin of acme sets a wrong password for the OMS.", self._wrong_password),
            Step("The admin sets the right one.", self._right_password),
            Step(
                f"globex reads on while its OMS's tokens expire, every {TOKEN_LIFETIME} s.", self._expiring_tokens
            ),
            Step("In a store the order is picked up; ExternalEvents tells acme's relay.", self._pickup),
            Step("The platform team looks at metrics.", self._metrics),
        )

    def _read_order(self) -> str:
        token = self._obtain("TOKEN", self._acme)
        answer = self._ask(self._acme, "GET", ORDER_PATH, token)
        expect_status(answer, 200)
        expect(answer.json["customerOrder"]["customerOrderId"] == "CO-1001", "another order came back")
        leaked = [field for field in ("internalMargin", "assignedWorker", "costPrice") if field in answer.text]
        expect(not leaked, f"internal fields of the OMS were let out: {', '.join(leaked)}")
        expect('"unitPrice":1e3' in answer.text, "the amount 1e3 was rewritten")
        return (
            "The order as documented. The OMS also sent internalMargin, assignedWorker and costPrice: not in the "
            "contract, so not let out. Amounts are byte for byte as the OMS wrote them."
        )

    def _search(self) -> str:
        token = self._obtain("GLOBEX_TOKEN", self._globex)
        answer = self._ask(self._globex, "POST", SEARCH_PATH, token, body={"customerId": CUSTOMER})
        expect_status(answer, 200)
        orders = answer.json["customerOrders"]
        expect(orders, "no order was found")
        expect(all(order["customerId"] == CUSTOMER for order in orders), "another customer's order came back")
        return f"{len(orders)} orders. The proxy itself gets an access token of the OMS; no client ever sees it."

    def _forbidden_write(self) -> str:
        body = {"customerOrderId": "CO-1001"}
        answer = self._ask(self._acme, "POST", ORDERS_PATH, self._tokens["TOKEN"], body=body)
        expect_problem(answer, 405, "method-not-allowed")
        return "In proxy mode orders are read only. Errors are RFC 9457 problem documents with a stable code."

    def _unknown_order(self) -> str:
        answer = self._ask(self._acme, "GET", f"{ORDERS_PATH}/CO-9999", self._tokens["TOKEN"])
        expect_problem(answer, 404, "order-not-found")
        return "The OMS does not know it, and the answer says just that."

    def _foreign_token(self) -> str:
        answer = self._ask(self._globex, "GET", ORDER_PATH, self._tokens["TOKEN"])
        expect_problem(answer, 403, "wrong-tenant")
        return "The token is valid, but acme's: nobody reads another tenant's orders."

    def _no_token(self) -> str:
        answer = self._ask(self._acme, "GET", ORDER_PATH)
        expect_problem(answer, 401, "unauthenticated")
        expect("WWW-Authenticate" in answer.headers, "the header WWW-Authenticate is missing")
        return "The header WWW-Authenticate says what is needed."

    def _wrong_password(self) -> str:
        self._obtain("ADMIN", self._acme, email=self._acme.tenant.admin_email)
        self._set_password("wrong", shown="wrong")
        answer = self._ask(self._acme, "GET", ORDER_PATH, self._tokens["TOKEN"])
        expect_problem(answer, 502, "upstream-rejected-credentials")
        return "In effect at once. The code tells a rejected credential from an OMS that is down."

    def _right_password(self) -> str:
        self._set_password(_basic(self._acme).password, shown="...")
        answer = self._ask(self._acme, "GET", ORDER_PATH, self._tokens["TOKEN"], brief=True)
        expect_status(answer, 200)
        return "Orders are there again, without a restart and without the platform team."

    def _expiring_tokens(self) -> str:
        request = Request("GET", self._globex.api + ORDER_PATH, self._tokens["GLOBEX_TOKEN"])
        self._terminal.request(request)
        self._terminal.detail(
            f"for {_READING_SECONDS} s; each . is an answer 200, each T a new token that the OMS issued"
        )
        before = latest = self._oms_counts()
        with self._terminal.progress() as mark:
            end = time.monotonic() + _READING_SECONDS
            while time.monotonic() < end:
                expect_status(self._send(self._globex, request), 200)
                mark(".")
                issued, latest = latest["tokensIssued"], self._oms_counts()
                mark("T" * (latest["tokensIssued"] - issued))
                time.sleep(_READ_EVERY)
        renewed = latest["tokensIssued"] - before["tokensIssued"]
        expect(renewed > 0, "the OMS issued no new token, though the first has expired")
        refused = [counts["requests"]["getOrder"].get("401", 0) for counts in (before, latest)]
        expect(refused[0] == refused[1], "the OMS was sent an expired token")
        return f"No request noticed: the proxy fetched {renewed} new tokens, each before the old one expired."

    def _pickup(self) -> str:
        events = StoreEvents(self._environment.events, _PICKED_UP, _IN_THE_STORE, self._acme.tenant.keys)
        self._terminal.command(events.as_command())
        sent = events.send(self._processes)
        self._terminal.lines(sent.lines)
        expect(sent.all_acknowledged, "an event was not acknowledged")
        request = Request("GET", f"{self._environment.oms}/_control/events")
        self._terminal.detail("what the OMS has got:")
        self._terminal.request(request)
        answer = request.send()
        self._terminal.answer(answer)
        expect_status(answer, 200)
        told = [(order["orderId"], order["kind"]) for event in answer.json for order in event["body"]["orders"]]
        expect(told == [(_PICKED_UP, "picked-up")], f"the OMS was told {told}")
        return (
            f"Of {len(_IN_THE_STORE)} events the OMS got the one about an order, verified, decompressed, as JSON. "
            "The relay acknowledges an event only when the OMS has taken it: until then it comes again."
        )

    def _metrics(self) -> str:
        for proxy, metric in ((self._acme, _REQUESTS), (self._globex, _FETCHES)):
            request = Request("GET", f"{proxy.admin}/metrics")
            self._terminal.request(request, pipe=f"grep ^{metric}")
            answer = request.send()
            expect_status(answer, 200)
            self._terminal.lines(line for line in answer.text.splitlines() if line.startswith(metric))
            for status, count in self._answers_of(proxy).items():
                found = counted(answer.text, _REQUESTS, code=str(status))
                expect(found == count, f"{count} answers were {status}, but the metric says {found}")
        return "They count what has happened above, request by request; docs/metrics.md explains them all."

    def _obtain(self, variable: str, proxy: RunningProxy, *, email: str | None = None) -> Token:
        """Get a token of a machine client, or of a user if `email` is given."""
        query = f"tenant={proxy.tenant.tenant_id}" + (f"&kind=user&email={email}" if email else "")
        request = Request("GET", f"{self._environment.issuer}/token?{query}")
        url = f"{self._environment.issuer}/token"
        self._terminal.command(token_command(variable, url, proxy.tenant.tenant_id, email))
        answer = request.send()
        expect_status(answer, 200)
        token = self._tokens[variable] = Token(variable, answer.text)
        return token

    def _set_password(self, password: str, *, shown: str) -> None:
        username = _basic(self._acme).username
        body, shown_body = (
            {"type": "basic", "config": {"username": username, "password": each}} for each in (password, shown)
        )
        answer = self._ask(self._acme, "PUT", CONFIG_PATH, self._tokens["ADMIN"], body=body, shown_body=shown_body)
        expect_status(answer, 204)

    def _ask(
        self,
        proxy: RunningProxy,
        method: str,
        path: str,
        token: Token | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        shown_body: Mapping[str, Any] | None = None,
        brief: bool = False,
    ) -> Answer:
        request = Request(method, proxy.api + path, token, body, shown_body)
        self._terminal.request(request)
        answer = self._send(proxy, request)
        self._terminal.answer(answer, brief=brief)
        return answer

    def _send(self, proxy: RunningProxy, request: Request) -> Answer:
        answer = request.send()
        self._answers[proxy.tenant.name, answer.status] += 1
        return answer

    def _answers_of(self, proxy: RunningProxy) -> Mapping[int, int]:
        return {status: count for (name, status), count in self._answers.items() if name == proxy.tenant.name}

    def _oms_counts(self) -> Mapping[str, Any]:
        counts: Mapping[str, Any] = Request("GET", f"{self._environment.oms}/_control").send().json["counts"]
        return counts


def _basic(proxy: RunningProxy) -> Basic:
    credential = proxy.tenant.credential
    if not isinstance(credential, Basic):
        raise StepError(f"the Secret of {proxy.tenant.name} holds no username and password")
    return credential
