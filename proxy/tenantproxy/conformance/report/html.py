"""A report as one page that can be mailed: nothing is fetched, run or sent, and what a server sent is text."""

from collections.abc import Iterator
from html import escape
from typing import Final

from tenantproxy.conformance.exchange import Exchange
from tenantproxy.conformance.report.model import COMPLETE, STATUSES, Report, Result, in_words

_HEADINGS: Final = {
    "failed": "Failed",
    "warning": "Warnings",
    "not tried": "Not tried",
    "passed": "Passed",
}
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } h3 { font-size: 1rem; margin: 0; }
dl { display: grid; gap: .25rem 1rem; grid-template-columns: max-content minmax(0, 1fr); margin: .5rem 0; }
dt { color: GrayText; } dd { margin: 0; overflow-wrap: anywhere; }
article { border: 1px solid GrayText; border-left-width: .4rem; border-radius: .3rem; margin: 1rem 0;
  padding: .75rem 1rem; }
article.failed { border-left-color: #c62828; } article.warning { border-left-color: #b26a00; }
pre { background: color-mix(in srgb, CanvasText 7%, Canvas); border-radius: .3rem; margin: .25rem 0;
  overflow: auto; padding: .5rem; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } td { border-top: 1px solid GrayText; overflow-wrap: anywhere;
  padding: .3rem .5rem .3rem 0; vertical-align: top; }
code { font-family: ui-monospace, monospace; white-space: nowrap; }
.summary { font-size: 1.1rem; font-weight: 600; }
@media print { article { break-inside: avoid; } }
"""


def to_html(report: Report) -> bytes:
    """Return a report as a page."""
    return "".join(_page(report)).encode("utf-8", "backslashreplace")


def _page(report: Report) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{_text(in_words(report.counts))}: {_text(report.url)}</title>\n"
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>Conformance of an order management system</h1>\n"
    yield f'<p class="summary">{_text(in_words(report.counts))}</p>\n'
    if report.ended != COMPLETE:
        yield f"<p>The run is not complete: {_text(report.ended)}.</p>\n"
    yield from _terms(
        {
            "URL": report.url,
            "Tenant": report.tenant_id,
            "Credential": report.credential,
            "Begun": report.started,
            "Took": f"{report.seconds:.1f} s",
            "Kit": f"TenantProxy {report.version}",
        }
    )
    for status in STATUSES:
        results = [result for result in report.results if result.status == status]
        if results:
            yield f"<h2>{_HEADINGS[status]} ({len(results)})</h2>\n"
            yield from _broken(results) if status in ("failed", "warning") else _listed(results)
    yield "</body>\n</html>\n"


def _broken(results: list[Result]) -> Iterator[str]:
    for result in results:
        yield f'<article class="{result.status}" id="{_text(result.id)}">\n'
        yield f"<h3><code>{_text(result.id)}</code></h3>\n"
        yield from _terms(
            {"Found": result.detail, "Rule": f"{result.rule} ({result.source})", "What to do": result.fix}
        )
        for exchange in result.exchanges:
            yield from _exchange(exchange)
        yield "</article>\n"


def _listed(results: list[Result]) -> Iterator[str]:
    yield "<table>\n"
    for result in results:
        cells = (f"<code>{_text(result.id)}</code>", _text(result.rule), _text(result.detail))
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n"
    yield "</table>\n"


def _exchange(exchange: Exchange) -> Iterator[str]:
    request = [f"{exchange.method} {exchange.url}", *_headers(exchange.request_headers)]
    yield f"<pre>{_message(request, exchange.request_body)}</pre>\n"
    if exchange.status is None:
        yield f"<pre>No answer: {_text(exchange.failure)}, after {exchange.seconds:.3f} s</pre>\n"
        return
    answer = [f"{exchange.status}, after {exchange.seconds:.3f} s", *_headers(exchange.response_headers)]
    yield f"<pre>{_message(answer, exchange.response_body)}</pre>\n"


def _message(head: list[str], body: str) -> str:
    return _text("\n".join(head) + (f"\n\n{body}" if body else ""))


def _headers(headers: dict[str, str]) -> list[str]:
    return [f"{name}: {value}" for name, value in headers.items()]


def _terms(terms: dict[str, str]) -> Iterator[str]:
    yield "<dl>\n"
    for term, text in terms.items():
        if text:
            yield f"<dt>{_text(term)}</dt><dd>{_text(text)}</dd>\n"
    yield "</dl>\n"


def _text(text: str) -> str:
    """Return a text as HTML shows it; a control character is none of HTML's."""
    return escape(
        "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
    )
