"""docs/troubleshooting.md and `doctor` name the same troubles, and each has a test that causes it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import click

from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.cli.doctor import doctor
from tenantproxy_operator.doctor import codes, conditions, events, operators, pods
from tenantproxy_operator.doctor.commands import filled
from tenantproxy_operator.doctor.credential import UNTRIED
from tenantproxy_operator.doctor.finding import Row
from tenantproxy_operator.doctor.view import TenantView
from tenantproxy_operator.fleet.objects import Metadata, TenantProxy

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs/troubleshooting.md").read_text()
TABLES: Final = (
    *(conditions.ROWS, conditions.OWN, pods.ROWS, operators.ROWS, events.ROWS),
    *(codes.CODES, codes.WAY, codes.TOKENS, codes.FINER, {"untried": UNTRIED}),
)
DIAGNOSES: Final[dict[str, Row]] = {name: row for table in TABLES for name, row in table.items()}
BY_FINER_ONES: Final = {
    "upstream-unreachable": codes.WAY,
    "forward-proxy-error": codes.WAY,
    "token-unavailable": codes.TOKENS,
    "any other": codes.WAY,
}
"""Rows that only lead to others, which doctor names at once."""
BY_METRIC: Final = {
    "tenantproxy_operator_queue_depth": "queue-depth",
    "tenantproxy_operator_retrying": "retrying",
    "tenantproxy_operator_watch_interruptions_total": "watch-interruptions",
    "tenantproxy_operator_missed_events_total": "missed-events",
    "tenantproxy_operator_apply_total": "writes-at-rest",
}
NO_TROUBLE: Final = {"CredentialsSet", "PoslogKeysSet"}
"""What is told of such a tenant are its reads."""
_OPERATOR: Final = "tests/integration/apiserver/operator"
CAUSED_IN: Final = (
    "tests/integration/doctor/test_events.py",
    "tests/integration/doctor/test_reads.py",
    "tests/e2e/processes/test_doctor_reads.py",
    "tests/e2e/cluster/test_doctor.py",
    "tests/e2e/processes/test_doctor.py",
    *(f"{_OPERATOR}/test_{name}.py" for name in ("doctor", "run", "status", "kept_secret")),
    *(f"{_OPERATOR}/test_{name}.py" for name in ("refused", "rollout", "unique", "unreadable_secret")),
)
_HEADS: Final = ("code", "metric", "reason")


class TableRow(NamedTuple):
    """One row of the page."""

    section: str
    names: tuple[str, ...]


def table_rows() -> Iterator[TableRow]:
    """Yield the rows of all tables but those of the first section, which only lead to the others."""
    section, column = "", 0
    names: tuple[str, ...] = ()
    for line in map(str.strip, PAGE.splitlines()):
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("#"):
            section = line.lstrip("# ")
        if not line.startswith("| ") or "---" in line or section == "Start here":
            continue
        head = [place for place, cell in enumerate(cells[:2]) if cell in _HEADS]
        if head:
            column = head[0]
            continue
        cell = cells[column]
        names = tuple(re.findall(r"`([^`]+)`", cell)) or ((cell,) if cell else names)
        yield TableRow(section, names)


ROWS: Final = tuple(table_rows())


def test_the_page_has_rows() -> None:
    """Those of all sections are found."""
    assert len(ROWS) > 90
    assert {row.section for row in ROWS} == {
        *("A tenant is not Ready", "The credential", "Ready, but reads fail", "No access token"),
        *("401 or 403 for a client", "A PUT is refused", "Other 4xx", "A rollout is stuck"),
        *("The operator does not react", "Store events"),
    }


def test_each_row_has_a_diagnosis() -> None:
    """Whatever stands on the page, doctor can name."""
    known = DIAGNOSES.keys() | BY_FINER_ONES.keys() | NO_TROUBLE
    names = {BY_METRIC.get(name, name) for row in ROWS for name in row.names}
    assert names <= known, names - known


def test_each_diagnosis_is_on_the_page() -> None:
    """Whoever reads it finds the section, and it is named there."""
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert {row.anchor for row in DIAGNOSES.values()} <= anchors
    assert [name for name in DIAGNOSES if f"`{name}`" not in PAGE] == []


def test_each_diagnosis_is_caused() -> None:
    """A test gets a tenant, or an operator, into that trouble, and finds it named."""
    text = "".join((ROOT / each).read_text() for each in CAUSED_IN)
    constants = {value: f"Reason.{name}:" for name, value in vars(Reason).items() if name.isupper()}
    assert [name for name in DIAGNOSES if f'"{name}"' not in text and constants.get(name, "\0") not in text] == []


PROGRAMS: Final = {
    *("curl", "helm", "kubectl", "openssl", "printf", "python3"),
    *("tenantproxy", "tenantproxy-operator"),
}
WITHOUT_COMMAND: Final = {
    # What answered the caller has said it all.
    *("invalid-request", "credential-rejected", "validation-inconclusive", "too-many-validations"),
    *("method-not-allowed", "invalid-id", "search-rejected", "unsupported-media-type", "payload-too-large"),
    *("target-too-long", "headers-too-large", "request-timeout", "malformed-request"),
    # It is a matter of the OMS's, or of the token endpoint's.
    *("upstream-forbidden", "unauthorized_client", "unusable-token", "content-encoding"),
    # `local` has said it.
    "not-serving",
}


def test_the_next_step_is_a_command() -> None:
    """It can be copied as it stands, wherever there is one."""
    tenant = TenantView(proxy=TenantProxy(metadata=Metadata(name="acme", namespace="tenants")))
    commands = {name: filled(tenant, row.next) for name, row in DIAGNOSES.items() if name not in operators.ROWS}
    commands |= {name: row.next for name, row in operators.ROWS.items()}
    without = {name for name, text in commands.items() if text.split(" ")[0] not in PROGRAMS}
    assert without == WITHOUT_COMMAND
    assert [text for text in commands.values() if "{{" in text and "}}" not in text] == []


def test_the_command_is_documented() -> None:
    """docs/operator.md names every option."""
    page = (ROOT / "docs/operator.md").read_text()
    section = page.partition("## What is wrong, in one command")[2].partition("\n## ")[0]
    options = {parameter.opts[-1] for parameter in doctor.params if isinstance(parameter, click.Option)}
    assert {option for option in options if option not in section} == set()
