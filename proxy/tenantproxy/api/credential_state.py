"""What a tenant's admin may see of a credential, and of what came of trying it: never a secret."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tenantproxy.api.audit import host_of
from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.proof import Known
from tenantproxy.oms.verdict import Verdict

_END_OF_TIME: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
"""Seconds: somebody may have written what he likes into the note that the times are from."""


def document(credential: Credential, known: Known | None, verdict: Verdict) -> bytes:
    """Return the body of the 200 to a dry run; what is not known is left out.

    `known` is what is known of the stored one; None: it is another one.
    """
    test: dict[str, Any] = {"outcome": verdict.outcome, "detail": verdict.detail}
    if verdict.errors:
        test["errors"] = [{"pointer": error.field, "detail": error.detail} for error in verdict.errors]
    times = (None, None, None) if known is None else (known.set_at, known.accepted_at, known.rejected_at)
    set_at, accepted_at, rejected_at = map(_rfc3339, times)
    shown = {
        "type": credential.type,
        **credential.identity,
        "headerNames": [*credential.header_names.values()] or None,
        "tokenHost": None if credential.token_url is None else host_of(credential.token_url),
        "setAt": set_at,
        "setBy": (known and known.set_by) or None,
        "acceptedAt": accepted_at,
        "rejectedAt": rejected_at,
        "test": test,
    }
    return msgspec.json.encode({name: value for name, value in shown.items() if value is not None})


def _rfc3339(seconds: float | None) -> str | None:
    """Return a Unix time as people and programs read it; None where it is none that there can be."""
    if seconds is None or seconds >= _END_OF_TIME:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
