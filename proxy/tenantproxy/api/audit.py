"""The audit log: one line for each PUT of a credential by an authenticated caller. It never holds a secret."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from tenantproxy.auth.claims import Caller
from tenantproxy.credentials.base import Credential
from tenantproxy.logs import fields
from tenantproxy.problems import Problem
from tenantproxy.transport.egress import is_host

_log = logging.getLogger("tenantproxy.audit")

_OUTCOMES: Final = {"credential-rejected": "validation-failed", "store-unavailable": "not-stored"}
"""Of a PUT that ended with these codes; with any other one it was `refused`."""


class Record:
    """What is known of a PUT; it is filled in on the way."""

    def __init__(self, caller: Caller, correlation_id: str) -> None:
        self._caller = caller
        self._correlation_id = correlation_id
        self._type: str | None = None
        self._token_host: str | None = None
        self.reason: str | None = None
        """Why the credential did not work, in finer words than the caller is told."""

    def is_about(self, credential: Credential) -> None:
        """Take note of the credential that is to be set."""
        self._type = credential.type
        self._token_host = None if credential.token_url is None else _host(credential.token_url)

    def write(self, outcome: str, code: str | None = None) -> None:
        """Write the line; what is not known is left out."""
        known = {
            "outcome": outcome,
            "code": code,
            "reason": self.reason,
            "subject": self._caller.subject,
            "email": self._caller.email,
            "type": self._type,
            "tokenHost": self._token_host,
            "correlationId": self._correlation_id,
        }
        message = "the credential was replaced" if outcome == "stored" else "the credential was not replaced"
        extra = fields(**{name: value for name, value in known.items() if value is not None})
        _log.warning(message, extra=extra)


@contextlib.contextmanager
def audited(caller: Caller, correlation_id: str) -> Iterator[Record]:
    """Write down what comes of the PUT that is handled in the block."""
    record = Record(caller, correlation_id)
    try:
        yield record
    except Problem as problem:
        record.write(_OUTCOMES.get(problem.code, "refused"), problem.code)
        raise
    except BaseException:
        record.write("unknown")  # cancelled, or a mistake of ours: it may have been stored
        raise
    record.write("stored")


def _host(url: str) -> str | None:
    """Return a URL's host, also of one that is refused; None where it may be something else, as a password."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return host if host and "@" not in url and is_host(host) else None
