"""The audit log: one line for each PUT of a credential, whoever sent it. It never holds a secret."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from tenantproxy.api.put_options import PutOptions
from tenantproxy.auth.claims import Caller
from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.kinds import KINDS
from tenantproxy.logs import fields
from tenantproxy.problems import Problem
from tenantproxy.transport.egress import is_host

_log = logging.getLogger("tenantproxy.audit")

_OUTCOMES: Final = {
    "credential-rejected": "validation-failed",
    "store-unavailable": "not-stored",
    "validation-inconclusive": "validation-failed",
}
"""Of a PUT that ended with these codes; with any other one it was `refused`."""


class Record:
    """What is known of a PUT; it is filled in on the way."""

    def __init__(self, correlation_id: str, oms_host: str | None, options: PutOptions) -> None:
        self._correlation_id = correlation_id
        self._oms_host = oms_host
        self._options = options
        self._type: str | None = None
        self._token_host: str | None = None
        self.caller: Caller | None = None
        """None as long as there was no valid token."""
        self.test: str | None = None
        """What came of a trial of the credential, if there was one."""
        self.reason: str | None = None
        """Why the credential did not work, in finer words than the caller is told."""
        self.storing = False
        """Whether it may have been stored, though the PUT did not come to its end."""

    @property
    def set_by(self) -> str:
        """Who sends it, in a word for people; empty: nobody knows."""
        return "" if self.caller is None else self.caller.email or self.caller.subject

    def is_given(self, body: Any) -> None:  # noqa: ANN401 - parsed JSON
        """Take note of the type that a body names, whatever else is wrong with it."""
        named = body.get("type") if isinstance(body, dict) else None
        if isinstance(named, str) and named in KINDS:
            self._type = named

    def is_about(self, credential: Credential) -> None:
        """Take note of the credential that is to be set, or tried."""
        self._type = credential.type
        self._token_host = None if credential.token_url is None else host_of(credential.token_url)

    def write(self, outcome: str, code: str | None = None) -> None:
        """Write the line; what is not known is left out."""
        caller = self.caller
        known = {
            "outcome": outcome,
            "code": code,
            "validate": self._options.validate or None,
            "dryRun": self._options.dry_run or None,
            "test": self.test,
            "reason": self.reason,
            "subject": caller and caller.subject,
            "email": caller and caller.email,
            "type": self._type,
            "omsHost": self._oms_host,
            "tokenHost": self._token_host,
            "correlationId": self._correlation_id,
        }
        message = "the credential was replaced" if outcome == "stored" else "the credential was not replaced"
        if outcome == "unknown":
            message = "the credential may have been replaced"
        extra = fields(**{name: value for name, value in known.items() if value is not None})
        _log.warning(message, extra=extra)


@contextlib.contextmanager
def audited(correlation_id: str, oms_host: str | None, options: PutOptions) -> Iterator[Record]:
    """Write down what comes of the PUT that is handled in the block."""
    record = Record(correlation_id, oms_host, options)
    try:
        yield record
    except Problem as problem:
        record.write(_OUTCOMES.get(problem.code, "refused"), problem.code)
        raise
    except BaseException:
        record.write("unknown" if record.storing else "aborted")  # the caller has gone, or a mistake of ours
        raise
    record.write("tested" if options.dry_run else "stored")


def host_of(url: str) -> str | None:
    """Return a URL's host, also of one that is refused; None where it may be something else, as a password."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return host if host and "@" not in url and is_host(host) else None
