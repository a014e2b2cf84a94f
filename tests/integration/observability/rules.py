"""The chart's rules, as Helm renders them, made quick enough for a test."""

from pathlib import Path
from typing import Any, Final

import yaml

from support.tools.helm import Helm

from .queries import shortened

_FOR: Final = "2s"
"""In place of minutes: two scrapes, so that none comes of one that was late."""


def quick_rules(helm: Helm, folder: Path) -> Path:
    """Write the rules of the chart's PrometheusRule to a file; return its path.

    Windows and `for` are shortened; nothing else is changed, and no rule is left out.
    """
    groups = _rendered(helm)
    for rule in (rule for group in groups for rule in group["rules"]):
        rule["expr"] = shortened(rule["expr"])
        if "for" in rule:
            rule["for"] = _FOR
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": groups}))
    return path


def alert_queries(rules: Path) -> dict[str, str]:
    """Return the alerts of a rule file, with their queries."""
    found = (rule for group in yaml.safe_load(rules.read_text())["groups"] for rule in group["rules"])
    return {rule["alert"]: rule["expr"] for rule in found if "alert" in rule}


def _rendered(helm: Helm) -> list[dict[str, Any]]:
    found = helm.manifests("--set", "prometheusRule.enabled=true")
    (rule,) = (each for each in found if each["kind"] == "PrometheusRule")
    return list(rule["spec"]["groups"])
