"""Reports to be written: one of each status, with what a hostile server may have sent."""

from typing import Final

from tenantproxy.conformance.exchange import Exchange
from tenantproxy.conformance.report.model import COMPLETE, Report, Result

HOSTILE: Final = "<script>alert(1)</script>\"'&]]>\x1b[2J\x00\ud800\u202e<img src=x onerror=alert(1)>"
"""Markup, quotes, the end of CDATA, a terminal's command, what no XML and no UTF-8 can hold, and reversed text."""


def result(check: str, status: str, detail: str = "", exchanges: tuple[Exchange, ...] = ()) -> Result:
    return Result(
        id=check,
        status=status,  # type: ignore[arg-type] # one of the words
        detail=detail,
        rule=f"The rule of {check}.",
        source="docs/oms.md#what-it-serves",
        fix=f"What to do about {check}.",
        seconds=0.25,
        exchanges=exchanges,
    )


def exchange(body: str = "", *, status: int | None = 200) -> Exchange:
    return Exchange(
        method="GET",
        url="https://oms.example/orders/1",
        request_headers={"Tenant-Id": "T1", "Authorization": "Basic ***"},
        request_body="",
        status=status,
        failure="" if status is not None else "timeout",
        response_headers={"x-odd": body} if status is not None else {},
        response_body=body if status is not None else "",
        seconds=0.1,
    )


def report(*results: Result, ended: str = COMPLETE, url: str = "https://oms.example/api") -> Report:
    return Report(
        version="1.2.3",
        url=url,
        tenant_id="T1",
        credential="basic",
        started="2026-11-30T12:00:00Z",
        seconds=1.5,
        ended=ended,
        results=results,
    )


def sample(text: str = "plain") -> Report:
    """Return a report with each status, in which servers have sent `text` wherever they can."""
    return report(
        result("http.reachable", "passed", "12 ms"),
        result("order.unknown", "failed", f"The OMS answered {text}.", (exchange(text), exchange(status=None))),
        result("order.minor-units", "warning", text, (exchange(text),)),
        result("tls.name", "not tried", "the URL is one of plain http"),
        result("tls.trusted", "not tried", "the URL is one of plain http"),
        url=f"https://oms.example/{text}",
    )
