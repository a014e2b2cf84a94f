"""What is wrong with an event."""

from typing import Literal

Code = Literal["event-too-large", "malformed-event", "unsupported-event-type"]
"""A row of `problems.PROBLEM_TYPES`."""


class EventError(Exception):
    """An event that can't be read; `detail` says what is wrong, and quotes nothing of the event but names."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(code, detail)
        self.code: Code = code
        self.detail = detail


def malformed(detail: str) -> EventError:
    """Return the error of an event that isn't what ExternalEvents sends."""
    return EventError("malformed-event", detail)
