"""What is reported, to whom."""

import json

import pytest

from tenantproxy_operator.local.events import Reporter, format_table

_TENANT = {"tenant": "acme", "namespace": "tenants"}
_URLS = {"api": "http://127.0.0.1:1", "admin": "http://127.0.0.1:2"}


def test_events_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    """One line of JSON per event on stdout; problems also go to stderr, for whoever looks."""
    reporter = Reporter(as_json=True)
    reporter.emit("ready", **_TENANT, **_URLS)
    reporter.emit("invalid", problems=["f.yaml: bad"])
    reporter.table([("x",)])
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"event": "ready", **_TENANT, **_URLS},
        {"event": "invalid", "problems": ["f.yaml: bad"]},
    ]
    assert err == "error: f.yaml: bad\n"


def test_messages_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json stdout has only the table; every event is a sentence on stderr."""
    reporter = Reporter(as_json=False)
    reporter.emit("ready", **_TENANT, **_URLS)
    reporter.emit("exited", **_TENANT, status=-9, retryInSeconds=0.5)
    for event in ("reloaded", "rejected", "credentials", "certificates", "removed", "failed"):
        reporter.emit(event, **_TENANT, **_URLS, status=2, message="why")
    reporter.emit("valid")
    reporter.emit("stopped")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[:2] == [
        "tenants/acme: ready at http://127.0.0.1:1",
        "tenants/acme: the proxy exited (status -9); restarting in 0.5 s",
    ]
    assert len(err.splitlines()) == 10


def test_table() -> None:
    """Columns are as wide as their widest cell; lines end without blanks."""
    assert format_table([("A", "B"), ("long", "x")]) == "A     B\nlong  x"
