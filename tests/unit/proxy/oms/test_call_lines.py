"""Debug lines of a proxy that runs: what they show, and that it is no value of anybody's."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from support.proxy import tokens
from support.proxy.idp import ON_LOOPBACK, Idp, oauth2
from support.proxy.log_lines import log_lines
from support.proxy.oms import ORDER_ANSWER, RawServer, answering, breaking, documented, http, raw_server
from support.proxy.running import BASIC, GET_PATH, proxy_config, running_proxy

DEBUG = "tenantproxy.debug"
TEMPLATE = "/business-units/{businessUnitId}/customer-orders/{customerOrderId}"


def bare(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in ("message", "upstreamMs", "correlationId")}


async def test_each_call_has_a_line(oms: RawServer, tmp_path: Path) -> None:
    """Also those that were repeated: how each went, by which connection, and how its credential stood."""
    with log_lines(logging.DEBUG) as lines:
        async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
            await proxy.get(headers={"Correlation-Id": "c-1"})
            await proxy.get()
            oms.play = breaking(b"")
            await proxy.get()
        told = lines.of(DEBUG)
    size = len(ORDER_ANSWER.partition(b"\r\n\r\n")[2])
    call = {"operation": "getOrder", "method": "GET", "path": TEMPLATE, "credential": "basic"}
    answered = call | {"call": 1, "upstreamStatus": 200, "bytes": size}
    del told[0]["connectionReused"]  # there may be a connection ahead of it
    assert [bare(line) for line in told] == [
        answered | {"credentialState": "tries"},
        answered | {"connectionReused": True, "credentialState": "proven"},
        call | {"call": 1, "reason": "disconnected", "connectionReused": True, "credentialState": "proven"},
        call | {"call": 2, "reason": "disconnected", "connectionReused": False, "credentialState": "proven"},
    ]
    assert told[0]["correlationId"] == "c-1"


@pytest.mark.parametrize("status", [200, 401, None])
async def test_a_trial_is_a_call(oms: RawServer, tmp_path: Path, status: int | None) -> None:
    """A credential that a PUT tries is one, of the PUT; that is counted in its line, too."""
    oms.play = breaking(b"") if status is None else answering(ORDER_ANSWER if status == 200 else http(status))
    body = {"type": "basic", "config": {"username": "user", "password": "MARKED"}}
    config = proxy_config(oms.url, access=tokens.access(tmp_path, mode="trusted"))
    with log_lines(logging.DEBUG) as lines:
        async with running_proxy(config, tmp_path, BASIC) as proxy:
            await proxy.put(body, query="?dryRun=true", headers=tokens.admin() | {"Correlation-Id": "c-1"})
        (call,), (request,) = lines.of(DEBUG), lines.of("tenantproxy.request")
    assert (call["credentialState"], call["correlationId"]) == ("trial", "c-1")
    assert (call["call"], request["upstreamCalls"]) == (1, 1)
    assert call.get("upstreamStatus") == request.get("upstreamStatus") == status
    assert call.get("reason") == ("disconnected" if status is None else None)


async def test_what_an_answer_breaks(oms: RawServer, tmp_path: Path) -> None:
    """Pointers and rules, some of them; and how many there are."""
    order = json.loads(ORDER_ANSWER.partition(b"\r\n\r\n")[2])
    order["customerOrder"]["items"] = [{"itemId": "MARKED", "quantityOrdered": "MARKED"}] * 30
    oms.play = answering(http(200, json.dumps(order).encode()))
    with log_lines(logging.DEBUG) as lines:
        async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
            answer = await proxy.get()
        _, told = lines.of(DEBUG)
    found = [{"pointer": error["pointer"], "rule": error["detail"]} for error in answer.json["errors"]]
    assert told["violations"] == found[:20]
    assert told["found"] == len(found) > 20
    assert "MARKED" not in lines.text


async def test_none_unless_they_are_wanted(oms: RawServer, tmp_path: Path) -> None:
    """At the usual level."""
    with log_lines() as lines:
        async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
            await proxy.get()
        assert lines.of(DEBUG) == []


@pytest.mark.parametrize("kind", ["basic", "oauth2"])
async def test_no_value_of_anybody(oms: RawServer, tmp_path: Path, kind: str) -> None:
    """Ids, criteria, queries, headers, bodies of caller and OMS, secrets, tokens: all marked, none is shown."""
    order = ORDER_ANSWER.replace(b"CO-1", b"MARKED-1")
    hostile = [
        answering(order),
        answering(http(200, b'{"customerOrder": {"customerId": "MARKED", "MARKED": "MARKED"}}')),
        answering(http(503, b"MARKED", retry_after="MARKED")),
        answering(http(302, b"MARKED", location="http://MARKED.example/MARKED")),
        answering(http(200, b"MARKED", content_type="MARKED/MARKED")),
        breaking(b"HTTP/1.1 200 MARKED\r\nMARKED: MARKED\r\n\r\nMARKED"),
        documented,
        answering(http(401, b"MARKED", www_authenticate="MARKED", x_marked="MARKED")),
    ]
    idp = Idp()
    with log_lines(logging.DEBUG) as lines:
        async with raw_server(idp.issue) as endpoint:
            keys = {
                "basic": {"username": "MARKED", "password": "MARKED"},
                "oauth2": oauth2(endpoint.url, clientId="MARKED", clientSecret="MARKED"),
            }[kind]
            config = proxy_config(oms.url, auth=ON_LOOPBACK)
            async with running_proxy(config, tmp_path, keys) as proxy:
                for play in hostile:
                    oms.play = play
                    headers = {"Authorization": "Bearer MARKED", "X-MARKED": "MARKED", "Cookie": "MARKED"}
                    await proxy.get(GET_PATH.replace("CO-1", "MARKED-1") + "?q=MARKED", headers=headers)
                    await proxy.search({"customerId": "MARKED"}, headers=headers)
                    await proxy.search({"MARKED": "MARKED"}, headers=headers)
        assert len(lines.of(DEBUG)) >= len(hostile)
        assert "token-1" not in lines.text
    assert "MARKED" not in lines.text
