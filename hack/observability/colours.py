"""Colours by what they mean, the same in every panel; the names are Grafana's."""

from typing import Final

GOOD: Final = "semi-dark-green"
CALLER: Final = "semi-dark-orange"
"""The caller's to mend: 4xx; and what is neither good nor bad yet."""
BAD: Final = "semi-dark-red"
OTHER: Final = "semi-dark-blue"

BY_MEANING: Final = (
    (r"/\b2\d\d\b|^(True|success|changed)$/", GOOD),
    (r"/\b3\d\d\b/", OTHER),
    (r"/\b4\d\d\b|^Unknown$/", CALLER),
    (r"/\b5\d\d\b|^(False|error|failed|stopped)$/", BAD),
)
"""For which legends, as Grafana writes regular expressions, and in which colour."""

States = dict[int, tuple[str, str]]
"""A value's word and colour."""

CONDITION: Final[States] = {1: ("True", GOOD), 0: ("False", BAD), -1: ("Unknown", CALLER)}
ACCEPTED: Final[States] = {1: ("accepted", GOOD), 0: ("rejected", BAD)}
CIRCUIT: Final[States] = {0: ("closed", GOOD), 1: ("half-open", CALLER), 2: ("open", BAD)}
YES: Final[States] = {0: ("no", GOOD), 1: ("yes", BAD)}
TROUBLE: Final[States] = {1: ("trouble", BAD)}
