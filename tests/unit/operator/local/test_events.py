"""What is reported, to whom."""

import json

import pytest

from tenantproxy_operator.fleet.figures import Figures
from tenantproxy_operator.fleet.table import row
from tenantproxy_operator.fleet.view import Replica, TenantView
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.local.events import Reporter

_TENANT = {"tenant": "acme", "namespace": "tenants"}
_URLS = {"api": "http://127.0.0.1:1", "admin": "http://127.0.0.1:2"}


def test_events_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    """One line of JSON per event on stdout; problems also go to stderr, for whoever looks."""
    reporter = Reporter(as_json=True)
    reporter.emit("ready", **_TENANT, **_URLS)
    reporter.emit("invalid", problems=["f.yaml: bad"])
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


def test_serves_but_no_read_can_succeed(capsys: pytest.CaptureFixture[str]) -> None:
    """Then nobody is told that it is ready, but what is missing."""
    Reporter(as_json=False).emit("ready", **_TENANT, **_URLS, problem="no credential is set")
    _, err = capsys.readouterr()
    assert err == (
        "tenants/acme: serves at http://127.0.0.1:1, but no read can succeed yet: no credential is set\n"
    )


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    """It goes to stdout, once, where it can't be renewed."""
    view = TenantView(
        key=Key("tenants", "acme"), tenant_id="T", api=":8600", replicas=(Replica(name="local", ready=True),)
    )
    reporter = Reporter(as_json=False)
    reporter.say("Scrape targets: x")
    reporter.show([row(view, Figures(credential="accepted"))])
    out, _ = capsys.readouterr()
    assert out.splitlines() == [
        "Scrape targets: x",
        "TENANT        API    READY  CREDENTIAL  CIRCUIT  READS/S  ERRORS  P99  OMS  TROUBLE",
        "tenants/acme  :8600    1/1  accepted    -              -       -    -    -",
    ]
