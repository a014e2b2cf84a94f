"""Reports as text, JSON, JUnit XML and HTML: all that matters is in them, and what a server sent is only text."""

import json
import re
from html.parser import HTMLParser
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.conformance.reports import HOSTILE, report, result, sample
from tenantproxy.conformance.report.html import to_html
from tenantproxy.conformance.report.junit import to_junit
from tenantproxy.conformance.report.model import INTERRUPTED, in_words, to_json
from tenantproxy.conformance.report.terminal import to_text

TEXTS = st.text(st.characters(), max_size=200)


class _Page(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def _parsed(page: bytes) -> Element:
    return fromstring(page)  # noqa: S314 - we have written it


PLAIN = _Page(to_html(sample()))


def test_text() -> None:
    """A broken rule comes with what was found, the rule, its source, what to do, request and answer."""
    text = to_text(sample())
    for part in (
        "  passed     http.reachable          12 ms",
        "  FAILED     order.unknown",
        "found    The OMS answered plain.",
        "rule     The rule of order.unknown. (docs/oms.md#what-it-serves)",
        "do       What to do about order.unknown.",
        "request  GET https://oms.example/orders/1",
        "Authorization: Basic ***",
        "answer   200, after 0.100 s",
        "answer   none: timeout",
        "  WARNING    order.minor-units",
        "  not tried  tls.name, tls.trusted",
        "because  the URL is one of plain http",
        "1 failed, 1 warning, 2 not tried, 1 passed, in 1.5 s",
    ):
        assert part in text


def test_partial() -> None:
    """A report of a run that did not come to its end says so, in each form."""
    partial = report(result("http.reachable", "passed"), ended=INTERRUPTED)
    assert "(interrupted: the run is not complete)" in to_text(partial)
    assert "The run is not complete: interrupted." in _Page(to_html(partial)).text
    assert json.loads(to_json(partial))["ended"] == "interrupted"


def test_json() -> None:
    """JSON has all of it, and the counts."""
    document = json.loads(to_json(sample()))
    assert document["counts"] == {"failed": 1, "warning": 1, "not tried": 2, "passed": 1}
    assert document["tenantId"] == "T1"
    assert [each["id"] for each in document["results"]][:2] == ["http.reachable", "order.unknown"]
    assert document["results"][1]["exchanges"][0]["responseBody"] == "plain"


def test_junit() -> None:
    """JUnit XML has a suite per group and a case per check; a warning is no failure."""
    root = _parsed(to_junit(sample()))
    counted = {each.get("name"): (each.get("tests"), each.get("failures"), each.get("skipped")) for each in root}
    assert counted == {"http": ("1", "0", "0"), "order": ("2", "1", "0"), "tls": ("2", "0", "2")}
    failure = root.find(".//testcase[@name='order.unknown']/failure")
    assert failure is not None
    assert failure.get("message") == "The OMS answered plain."
    assert "What to do about order.unknown." in (failure.text or "")
    assert root.find(".//testcase[@name='order.minor-units']/failure") is None


def test_html_is_one_page() -> None:
    """The page fetches nothing, runs nothing and links nowhere."""
    assert "script" not in PLAIN.tags
    assert {name for name, _ in PLAIN.attributes} <= {
        "class",
        "content",
        "charset",
        "http-equiv",
        "id",
        "lang",
        "name",
    }
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in PLAIN.attributes
    assert not re.search(rb"url\(|@import|https?://(?!oms\.example)", to_html(sample()))


@pytest.mark.parametrize("text", [HOSTILE, "</pre><b>", "</style></title>", "&lt;"])
def test_html_of_a_hostile_server(text: str) -> None:
    """Whatever a server sent is shown as text: no element and no attribute comes of it."""
    page = _Page(to_html(sample(text)))
    assert page.tags == PLAIN.tags
    assert {name for name, _ in page.attributes} == {name for name, _ in PLAIN.attributes}
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", page.text)


@settings(max_examples=30)
@given(TEXTS)
@example(HOSTILE)
def test_nothing_breaks_a_report(text: str) -> None:
    """Whatever a server sent, each report can be written and read."""
    hostile = sample(text)
    assert _Page(to_html(hostile)).tags == PLAIN.tags
    assert len(_parsed(to_junit(hostile)).findall(".//testcase")) == 5
    json.loads(to_json(hostile))
    assert all(char.isprintable() or char == "\n" for char in to_text(hostile))


def test_counts_in_words() -> None:
    """Only what there is, in the order of what matters."""
    assert in_words({"failed": 0, "warning": 2, "not tried": 0, "passed": 3}) == "2 warnings, 3 passed"
    assert in_words({"failed": 0, "warning": 0, "not tried": 0, "passed": 0}) == "nothing was checked"
