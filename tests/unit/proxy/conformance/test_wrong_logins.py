"""However a run is selected, it makes two wrong logins at most: an order system locks an account after three."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from support.conformance.runs import CLIENT, SECRET, USER, basic, kit_for, mock_oms, oauth2, run_all, with_status
from tenantproxy import config
from tenantproxy.conformance.check import Check
from tenantproxy.conformance.checks.table import CHECKS, GROUPS
from tenantproxy.conformance.report.model import Report
from tenantproxy.conformance.session import announce
from tenantproxy.devtools.oms import API_PATH

WRONG: Final = {"username": USER, "password": "not-the-password"}
SELECTIONS: Final = [
    *({check.id} for check in CHECKS if check.group not in ("tls", "poslog")),
    *({check.id for check in group.checks} for group in GROUPS if group.name not in ("tls", "poslog")),
    {check.id for check in CHECKS},
    {check.id for check in CHECKS if not check.needs},
    {"http.parallel", "latency.steady", "auth.wrong", "token.wrong-secret"},
]


async def _counted(
    keys: Mapping[str, str], only: set[str], *, status: int = 401, page: str | None = None
) -> tuple[Report, Counter[str]]:
    """Run checks on a server that takes no login; count those that it got, by where they came."""
    logins: Counter[str] = Counter()

    async def refuse(request: web.Request) -> web.Response:
        if request.path == "/token":
            logins["token"] += 1
            return web.json_response({"error": "invalid_client"}, status=401)
        logins["oms"] += "Authorization" in request.headers
        return web.json_response(None, status=status) if page is None else web.Response(text=page)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    async with TestServer(app) as server:
        url = str(server.make_url("/"))
        given = dict(keys) | ({"authUrl": f"{url}token"} if "clientId" in keys else {})
        report = await run_all(kit_for(f"{url}api", given), only=only)
    return report, logins


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_password(status: int) -> None:
    """It is sent once, whatever is selected; nothing that needs it passes, and one check at most fails by it."""
    for only in SELECTIONS:
        report, logins = await _counted(WRONG, only, status=status)
        assert logins["oms"] <= 1, only
        assert with_status(report, "passed") <= {"http.reachable", "auth.missing", "auth.missing-search"} | (
            {"auth.challenge"} if status == 401 else set()
        ), only
        assert with_status(report, "failed") <= {"auth.accepted"}, only


@pytest.mark.parametrize(("style", "most"), [("auto", 2), ("client_secret_basic", 1)])
async def test_a_wrong_client_secret(style: str, most: int) -> None:
    """It is sent once, or once in each style; no read is made without a token."""
    keys = {"clientId": CLIENT, "clientSecret": "not-the-secret", "clientAuth": style}
    for only in SELECTIONS:
        _, logins = await _counted(keys, only)
        assert (logins["token"] <= most, logins["oms"]) == (True, 0), only


@pytest.mark.parametrize("only", [{"http.parallel"}, {"latency.steady", "latency.p95"}, {"auth.wrong"}])
@pytest.mark.parametrize(("status", "page"), [(404, None), (302, None), (503, None), (200, "<html>")])
async def test_a_rejection_that_is_not_told(only: set[str], status: int, page: str | None) -> None:
    """What is asked in parallel, at a rate, or with a wrong password waits for an answer that is JSON with 200."""
    report, logins = await _counted(WRONG, only, status=status, page=page)
    assert logins["oms"] <= len(only)
    assert with_status(report, "not tried") == only


async def test_a_path_that_is_not_there() -> None:
    """A 404 to everything accepts no credential."""
    report, _ = await _counted(WRONG, {"auth.accepted"}, status=404)
    assert with_status(report, "not tried") == {"auth.accepted"}


@pytest.mark.parametrize("only", ["auth.wrong", "http.parallel", "latency.steady", "http.keep-alive"])
async def test_the_right_password(only: str) -> None:
    """With the right one a check by itself passes, after a read of its own."""
    async with mock_oms() as base:
        report = await run_all(kit_for(base + API_PATH, basic()), only={only})
    assert with_status(report, "passed") == {only}


@pytest.mark.parametrize("only", ["auth.foreign-token", "token.errors", "token.parallel", "token.wrong-secret"])
async def test_the_right_client_secret(only: str) -> None:
    """The same with tokens."""
    async with mock_oms() as base:
        report = await run_all(kit_for(base + API_PATH, oauth2(base)), only={only})
    assert with_status(report, "passed") == {only}


async def test_rejected_later() -> None:
    """A credential that is rejected once it was accepted is told by the check that sees it, and not used again."""
    reads = 0

    async def once(request: web.Request) -> web.Response:
        nonlocal reads
        reads += "Authorization" in request.headers
        if reads > 1 or "Authorization" not in request.headers:
            return web.Response(status=401)
        return web.Response(text=json.dumps({"customerOrderId": "CO-1001"}), content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", once)
    async with TestServer(app) as server:
        kit = kit_for(str(server.make_url("/api")), basic())
        report = await run_all(kit, only={"auth.accepted", "search.read", "headers.traceparent", "latency.steady"})
    assert with_status(report, "passed") == {"auth.accepted"}
    assert with_status(report, "failed") == {"search.read"}
    assert reads == 2
    assert kit.rejection is not None


async def test_no_server() -> None:
    """Who is not there refuses no old version of TLS."""
    report = await run_all(kit_for("https://127.0.0.1:9/api", basic()), only={"tls.old-versions"})
    assert with_status(report, "not tried") == {"tls.old-versions"}


@pytest.mark.parametrize(
    ("keys", "only", "said"),
    [
        (basic(), {"http.parallel"}, f"At most one wrong login of the user {USER}: "),
        (basic(), {"auth.wrong"}, f"At most two wrong logins of the user {USER}: "),
        (oauth2("http://127.0.0.1:9"), {"ids.odd"}, "in both styles, as clientAuth is auto"),
        ({"bearerToken": "a-token"}, {"http.parallel"}, "At most one wrong login: "),
        (basic(), {"tls.https"}, None),
    ],
)
def test_announced(keys: dict[str, str], only: set[str], said: str | None) -> None:
    """How many there are at most, and of whom, is said before."""
    checks: list[Check] = [check for check in CHECKS if check.id in only]
    text = announce(kit_for("http://127.0.0.1:9", keys), checks)
    assert "wrong login" not in text if said is None else said in text
    assert SECRET not in text


@pytest.mark.parametrize(("means", "accepted"), [("order-not-found", True), ("upstream-error", False)])
async def test_an_outcome(means: Literal["order-not-found", "upstream-error"], *, accepted: bool) -> None:
    """That an order is not there says who has looked for it; that something failed does not."""
    outcomes = (config.Outcome(status=(404,), means=means),)
    operations = config.Operations(get_order=config.OrderEndpoint(outcomes=outcomes))

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        kit = kit_for(str(server.make_url("/api")), basic(), upstream={"operations": operations})
        report = await run_all(kit, only={"auth.accepted"})
    assert with_status(report, "passed" if accepted else "not tried") == {"auth.accepted"}
