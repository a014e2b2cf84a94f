"""What a diagnosis says."""

from datetime import UTC, datetime
from enum import IntEnum
from typing import Final, Literal, NamedTuple

PAGE: Final = "docs/troubleshooting.md"

Turn = Literal[
    "platform team",
    "tenant admin",
    "OMS developers",
    "caller (Hii Retail)",
    "who fills the Secret",
    "who sets up ExternalEvents",
    "who wrote the manifest",
    "TenantProxy's developers",
    "nobody, it passes by itself",
]
"""Who has to act."""


class Severity(IntEnum):
    """How bad it is, the worst first."""

    DOWN = 0
    """No read can succeed."""
    FAILING = 1
    """Reads fail, or a change of the spec does not take effect."""
    WARNING = 2
    """Most reads succeed, but it will not stay so, or somebody's are refused."""
    NOTE = 3
    """Nothing is wrong with the tenant now."""


class Row(NamedTuple):
    """What is always said of a diagnosis."""

    severity: Severity
    turn: Turn
    next: str
    """The next command, or where there is none, what to do; see `commands`."""
    anchor: str
    """The section of the page."""
    says: str = ""
    """What it means, where nothing that was read says so itself."""


class Finding(NamedTuple):
    """One thing that is wrong."""

    severity: Severity
    subject: str
    """`namespace/name` of a TenantProxy; or `operator`, `cluster`."""
    id: str
    """A condition's reason, an error code, a reason of the metrics; or the name of a diagnosis of doctor's own."""
    says: str
    """What is wrong, in a sentence."""
    turn: Turn
    next: str
    anchor: str
    since: str = ""
    """RFC 3339; empty: that is not known."""

    @property
    def link(self) -> str:
        """Where it is explained."""
        return f"{PAGE}#{self.anchor}"


def seconds(time: str | None) -> float | None:
    """Return an RFC 3339 time in Unix seconds; None where it is none."""
    try:
        return datetime.fromisoformat(time).timestamp() if time else None
    except ValueError:
        return None


def rfc3339(time: float | None) -> str:
    """Return a Unix time as people and programs read it; empty where it is none that there can be."""
    try:
        return "" if time is None else f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return ""
