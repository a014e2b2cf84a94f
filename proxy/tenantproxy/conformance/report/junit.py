"""A report as JUnit XML, which continuous integration shows: a suite per group, a case per check."""

import re
from typing import Final
from xml.etree import ElementTree as ET

from tenantproxy.conformance.exchange import Exchange
from tenantproxy.conformance.report.model import Report, Result

_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(report: Report) -> bytes:
    """Return a report; a warning is a case that passed, with the warning in its output."""
    root = ET.Element("testsuites", name="tenantproxy conformance", time=f"{report.seconds:.3f}")
    for group in dict.fromkeys(result.group for result in report.results):
        results = [result for result in report.results if result.group == group]
        suite = ET.SubElement(
            root,
            "testsuite",
            name=group,
            tests=str(len(results)),
            failures=str(sum(result.status == "failed" for result in results)),
            errors="0",
            skipped=str(sum(result.status == "not tried" for result in results)),
            time=f"{sum(result.seconds for result in results):.3f}",
            timestamp=report.started.removesuffix("Z"),
        )
        for result in results:
            _case(suite, result)
    ET.indent(root)
    page: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return page + b"\n"


def _case(suite: ET.Element, result: Result) -> None:
    case = ET.SubElement(suite, "testcase", classname=result.group, name=result.id, time=f"{result.seconds:.3f}")
    match result.status:
        case "failed":
            failure = ET.SubElement(case, "failure", message=_text(result.detail), type=result.id)
            failure.text = _text(_explanation(result))
        case "not tried":
            ET.SubElement(case, "skipped", message=_text(result.detail))
        case "warning":
            ET.SubElement(case, "system-out").text = _text(f"warning: {result.detail}\n{_explanation(result)}")
        case _:
            if result.detail:
                ET.SubElement(case, "system-out").text = _text(result.detail)


def _explanation(result: Result) -> str:
    return "\n\n".join(
        [f"rule: {result.rule} ({result.source})\ndo: {result.fix}", *map(_exchange, result.exchanges)]
    )


def _exchange(exchange: Exchange) -> str:
    request = [f"{exchange.method} {exchange.url}", *_headers(exchange.request_headers), exchange.request_body]
    if exchange.status is None:
        return "\n".join([*request, f"no answer: {exchange.failure}"])
    return "\n".join(
        [*request, f"{exchange.status}", *_headers(exchange.response_headers), exchange.response_body]
    )


def _headers(headers: dict[str, str]) -> list[str]:
    return [f"{name}: {value}" for name, value in headers.items()]


def _text(text: str) -> str:
    """Return a text without what no XML can hold."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
