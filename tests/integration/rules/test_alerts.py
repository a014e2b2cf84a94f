"""The alerts, by Prometheus' own tool: each fires when it must, and not when it must not."""

import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from support.metrics_page import documented, metrics_in
from support.tools.programs import directory

ROOT: Final = Path(__file__).parents[3]
FILE: Final = ROOT / "charts/tenantproxy/files/alerts.yaml"
RUNBOOKS: Final = ROOT / "docs/runbooks"
CASES: Final = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())
_ALL: Final = [rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]
RULES: Final[dict[str, dict[str, Any]]] = {rule["alert"]: rule for rule in _ALL if "alert" in rule}
RECORDED: Final = [rule for rule in _ALL if "record" in rule]
BASE: Final = "https://github.com/OWNER/tenantproxy/blob/main/docs/runbooks/"
SEVERITIES: Final = {"page", "ticket", "info"}


def _times(value: str) -> str:
    """Return a series in promtool's notation: `10 per minute` grows for a day, anything else stays for a day."""
    if found := re.fullmatch(r"(\S+) per minute", value):
        return f"0+{found[1]}x1440"
    return value if "x" in value else f"{value}x1440"


def _test(alert: str, case: dict[str, Any]) -> dict[str, Any]:
    """Return one of promtool's tests."""
    expected = [
        {"exp_labels": {**RULES[alert]["labels"], **labels}, "exp_annotations": case["annotations"]}
        for labels in case.get("fires", [])
    ]
    series = [{"series": name, "values": _times(str(value))} for name, value in case["series"].items()]
    return {
        "interval": "1m",
        "input_series": series,
        "alert_rule_test": [{"eval_time": case.get("at", "8h"), "alertname": alert, "exp_alerts": expected}],
    }


@pytest.fixture(scope="module")
def promtool(request: pytest.FixtureRequest) -> Path:
    """Return the tool."""
    return directory("prometheus", request.config) / "promtool"


def _run(promtool: Path, *arguments: str | Path) -> None:
    done = subprocess.run((promtool, *arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def test_rules_are_well_formed(promtool: Path) -> None:
    """As Prometheus reads them."""
    _run(promtool, "check", "rules", FILE)


@pytest.mark.parametrize("alert", RULES)
@pytest.mark.parametrize("fires", [True, False], ids=["fires", "does not fire"])
def test_alert(promtool: Path, tmp_path: Path, alert: str, fires: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """It fires in each of its cases that say for what, and in none of the others; there are cases of both."""
    cases = [case for case in CASES[alert] if bool(case.get("fires")) is fires]
    assert cases, "there is no such case"
    for case in cases:
        case["annotations"] = _annotations(alert, case)
    # Without the other alerts, which would be evaluated as well, for hours each.
    rules = tmp_path / "rules.yaml"
    needed = [*(rule for rule in RECORDED if "tenantproxy:" in RULES[alert]["expr"]), RULES[alert]]
    rules.write_text(yaml.safe_dump({"groups": [{"name": "tenantproxy", "rules": needed}]}))
    tests = [_test(alert, case) for case in cases]
    document = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump(document))
    _run(promtool, "test", "rules", file)


def _annotations(alert: str, case: dict[str, Any]) -> dict[str, str]:
    """Return the annotations with the labels and the value of the case in them."""
    found = dict(RULES[alert]["annotations"])
    for labels in case.get("fires", []):
        for name, value in labels.items():
            found = {key: text.replace(f"{{{{ $labels.{name} }}}}", value) for key, text in found.items()}
    pattern = re.compile(r"\{\{ \$value[^}]*\}\}")
    return {key: pattern.sub(str(case.get("value", "")), text) for key, text in found.items()}


@pytest.mark.parametrize("alert", RULES)
def test_runbook(alert: str) -> None:
    """Each alert has a severity, says what is the matter, and leads to a page that is in the list."""
    rule = RULES[alert]
    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"{BASE}{alert}.md"
    page = (RUNBOOKS / f"{alert}.md").read_text()
    assert page.startswith(f"# {alert}\n")
    for heading in ("Meaning", "Impact", "Check", "Fix", "Escalate"):
        assert f"\n## {heading}\n" in page
    whose = "the tenant" if rule["labels"].get("audience") == "tenant" else "the platform team"
    assert f"## Escalate\n\nIt is {whose}'s" in page
    row = f"| [{alert}]({alert}.md) | {rule['labels']['severity']} | {whose} |"
    assert row in (RUNBOOKS / "README.md").read_text()


@pytest.mark.parametrize(
    "page", [RUNBOOKS.parent / "observability.md", *sorted(RUNBOOKS.glob("*.md"))], ids=lambda page: page.stem
)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file of the project, and where they name a heading, to one that is there."""
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in {_anchor(heading) for heading in headings}, link


def _anchor(heading: str) -> str:
    """Return a heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_no_other_cases_and_pages() -> None:
    """Nothing is left of an alert that was taken away."""
    assert CASES.keys() == RULES.keys()
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == RULES.keys()


@pytest.mark.parametrize("alert", RULES)
def test_metrics_are_documented(alert: str) -> None:
    """An alert asks for what docs/metrics.md names, and for what Prometheus itself has."""
    recorded = {rule["record"]: rule["expr"] for rule in RECORDED}
    used = [expr for name, expr in recorded.items() if name in RULES[alert]["expr"]]
    asked = {name for expr in (RULES[alert]["expr"], *used) for name in metrics_in(expr)}
    assert asked
    assert asked <= documented()


def test_tenants_of_one_name_are_told_apart() -> None:
    """Whatever names a tenant names its namespace: groups, joins, and what is said of it."""
    for rule in _ALL:
        said = str(rule.get("annotations", ""))
        assert said.count("$labels.tenant ") == said.count("$labels.namespace }}/{{ $labels.tenant ") + said.count(
            "tp/{{ $labels.tenant }} -n {{ $labels.namespace }}"
        ), rule
        for labels in re.findall(r"\b(?:by|on) \(([^)]*)\)", rule["expr"]):
            assert "tenant" not in labels.split(", ") or "namespace" in labels.split(", "), rule


def test_tenants_page_nobody_of_ours() -> None:
    """What a tenant's OMS or credential does wakes nobody up."""
    for alert, rule in RULES.items():
        assert not (rule["labels"].get("audience") == "tenant" and rule["labels"]["severity"] == "page"), alert
