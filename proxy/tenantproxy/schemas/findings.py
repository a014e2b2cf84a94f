"""What is found where a mapping meets the schema of an OMS."""

from typing import NamedTuple

from tenantproxy.schemas.places import Missing, shown


class Finding(NamedTuple):
    """What is wrong, or may be, with a rule; `location` is the schema that says so."""

    rule: str
    detail: str
    location: str = ""
    is_error: bool = True

    def __str__(self) -> str:
        severity = "error" if self.is_error else "warning"
        return f"{severity}: {self.rule} {self.detail}" + (f" (see {self.location})" if self.location else "")


class Findings:
    """All findings, in the order of the rules."""

    def __init__(self) -> None:
        self.all: list[Finding] = []

    def error(self, rule: str, detail: str, location: str) -> None:
        """Add what can't work."""
        self._add(Finding(rule, detail, location))

    def warning(self, rule: str, detail: str, location: str) -> None:
        """Add what may not work."""
        self._add(Finding(rule, detail, location, is_error=False))

    def missing(self, rule: str, pointer: str, missing: Missing) -> None:
        """Add a pointer that leads to nothing."""
        fix = f"; is {shown(missing.nearest)} meant?" if missing.nearest else ""
        self._add(
            Finding(rule, f"{shown(pointer)} {missing.detail}{fix}", missing.location, is_error=missing.is_certain)
        )

    def _add(self, finding: Finding) -> None:
        if finding not in self.all:
            self.all.append(finding)
