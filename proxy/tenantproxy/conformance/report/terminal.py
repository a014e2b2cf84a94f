"""A report as text, for people."""

import textwrap
from collections.abc import Iterator
from typing import Final

from tenantproxy.conformance.exchange import Exchange
from tenantproxy.conformance.report.model import COMPLETE, Report, Result, in_words

_WIDTH: Final = 110
_INDENT: Final = " " * 13
_MAX_BODY_LINES: Final = 12


def to_text(report: Report) -> str:
    """Return a report as text that ends in a line break; what a server sent moves no cursor."""
    return "\n".join(_printable(line) for line in _lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"TenantProxy conformance {report.version}"
    yield f"{report.url}, tenant {report.tenant_id}, credential {report.credential}, {report.started}"
    for group in dict.fromkeys(result.group for result in report.results):
        yield ""
        yield group
        results = [result for result in report.results if result.group == group]
        for result in results:
            yield from _tried(result)
        yield from _not_tried([result for result in results if result.status == "not tried"])
    yield ""
    ended = "" if report.ended == COMPLETE else f" ({report.ended}: the run is not complete)"
    yield f"{in_words(report.counts)}, in {report.seconds:.1f} s{ended}"


def _tried(result: Result) -> Iterator[str]:
    if result.status == "passed":
        yield f"  {'passed':<10} {result.id:<24}{result.detail}".rstrip()
    elif result.status != "not tried":
        yield f"  {result.status.upper():<10} {result.id}"
        yield from _wrapped("found", result.detail)
        yield from _wrapped("rule", f"{result.rule} ({result.source})")
        yield from _wrapped("do", result.fix)
        for exchange in result.exchanges:
            yield from _exchange(exchange)


def _not_tried(results: list[Result]) -> Iterator[str]:
    """Say it once where several were not tried for one reason."""
    for reason in dict.fromkeys(result.detail for result in results):
        names = ", ".join(result.id for result in results if result.detail == reason)
        first, *others = textwrap.wrap(names, _WIDTH - len(_INDENT))
        yield f"  {'not tried':<10} {first}"
        for line in others:
            yield f"{_INDENT}{line}"
        yield from _wrapped("because", reason)


def _exchange(exchange: Exchange) -> Iterator[str]:
    yield f"{_INDENT}request  {exchange.method} {exchange.url}"
    yield from _headers(exchange.request_headers)
    yield from _body(exchange.request_body)
    if exchange.status is None:
        yield f"{_INDENT}answer   none: {exchange.failure}, after {exchange.seconds:.3f} s"
        return
    yield f"{_INDENT}answer   {exchange.status}, after {exchange.seconds:.3f} s"
    yield from _headers(exchange.response_headers)
    yield from _body(exchange.response_body)


def _headers(headers: dict[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        yield f"{_INDENT}         {name}: {value}"


def _body(body: str) -> Iterator[str]:
    lines = [part for line in body.splitlines() for part in textwrap.wrap(line, _WIDTH) or [""]]
    for line in lines[:_MAX_BODY_LINES]:
        yield f"{_INDENT}         {line}"
    if len(lines) > _MAX_BODY_LINES:
        yield f"{_INDENT}         …"


def _wrapped(label: str, text: str) -> Iterator[str]:
    first, *others = textwrap.wrap(text, _WIDTH - len(_INDENT)) or [""]
    yield f"{_INDENT}{label:<8} {first}"
    for line in others:
        yield f"{_INDENT}         {line}"


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() else "�" for char in line)
