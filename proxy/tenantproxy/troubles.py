"""What is wrong for a while, in the log: one line when it begins, when its cause changes, and when it is over.

Each is named by the code of the problem (see `problems`) that callers get while it lasts.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from tenantproxy.logs import fields

LOGGER: Final = "tenantproxy.state"
_log = logging.getLogger(LOGGER)


class Trouble:
    """One that comes and goes; `of` says of what, such as the operation."""

    def __init__(
        self, code: str, begun: str, ended: str, *, clock: Callable[[], float] = time.monotonic, **of: str
    ) -> None:
        self._code = code
        self._begun = begun
        self._ended = ended
        self._clock = clock
        self._of = of
        self.lasts = False
        """Whether it is there; where all is well, that is all that is asked of it."""
        self._since = 0.0
        self._reason: str | None = None

    def begins(self, reason: str | None = None, **figures: Any) -> None:  # noqa: ANN401 - JSON values
        """Take note that it is there; that is told if it is new, or for a new reason."""
        if not self.lasts:
            self.lasts, self._since, state = True, self._clock(), "begun"
        elif reason != self._reason:
            state = "changed"
        else:
            return
        self._reason = reason
        known = {"reason": reason, **self._of, **figures}
        told = {name: value for name, value in known.items() if value is not None}
        _log.warning("%s", self._begun, extra=fields(code=self._code, state=state, **told))

    def ends(self) -> None:
        """Take note that all is well; that is told if it was not."""
        if not self.lasts:
            return
        seconds = round(self._clock() - self._since, 1)
        self.forget()
        _log.warning("%s", self._ended, extra=fields(code=self._code, state="ended", **self._of, seconds=seconds))

    def forget(self) -> None:
        """Know nothing of it any more: what it was about is gone."""
        self.lasts = False
