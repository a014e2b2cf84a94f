"""Until when a tenant's proxies write debug lines, as an annotation of its TenantProxy says. Pure."""

import re
from typing import Final

from tenantproxy.debugging import LONGEST, parse_end
from tenantproxy.errors import FieldProblem
from tenantproxy_operator.api.names import DEBUG_UNTIL

_SKEW: Final = 60.0
"""Seconds by which clocks may differ."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_FIELD: Final = f"metadata.annotations[{DEBUG_UNTIL}]"
_FIX: Final = "write a time in UTC within the next hour, as `date -u -d '+30 minutes' +%FT%TZ` prints it"


def debug_end(text: str, now: float) -> float | FieldProblem | None:
    """Return the Unix time at which debug lines end, by the annotation's text; None: there are none."""
    if not text:
        return None
    try:
        end = parse_end(text) if _TIME.fullmatch(text) else None
    except ValueError:
        end = None
    if end is None:
        return FieldProblem(_FIELD, f"is no time such as 2026-11-30T15:00:00Z; {_FIX}")
    if end > now + LONGEST + _SKEW:
        return FieldProblem(_FIELD, f"is more than an hour ahead; {_FIX}")
    return end if end > now else None
