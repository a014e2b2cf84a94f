"""The way from a line of the log to its trace."""

import logging
from collections.abc import Callable
from typing import Final

from tenantproxy.logs import fields

_LOGGERS: Final = ("tenantproxy.request", "tenantproxy.audit")
[_FIELDS] = fields()
"""The attribute of a record that holds what goes into the line."""


class TraceIds(logging.Filter):
    """Puts the trace's id into the lines about a request that is recorded."""

    def __init__(self, exemplar: Callable[[], dict[str, str] | None]) -> None:
        super().__init__()
        self._exemplar = exemplar

    def begin(self) -> None:
        """Do so from now on."""
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    def end(self) -> None:
        """Do so no more."""
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Add it; let every line through."""
        if (found := self._exemplar()) is not None:
            given = getattr(record, _FIELDS, {})
            setattr(record, _FIELDS, {**given, "traceId": found["trace_id"]})
        return True
