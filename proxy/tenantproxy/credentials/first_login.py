"""The first login of a credential that needs tokens: beside the requests, before one needs a token."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from tenantproxy.credentials.grant import Use, Way
from tenantproxy.credentials.login_gate import LoginGate
from tenantproxy.credentials.proof import Admission
from tenantproxy.problems import Problem

_AT_START: Final = 3.0
"""Seconds for which a proxy that starts waits for it."""


class FirstLogin:
    """One attempt at a time, of the credential in use."""

    def __init__(
        self, gate: LoginGate, log_in: Callable[[Use, Way], Awaitable[object]], token_timeout: float
    ) -> None:
        """Prepare; `log_in` gets a token and tells the gate how that ended, or raises Problem."""
        self._gate = gate
        self._log_in = log_in
        self._token_timeout = token_timeout
        self._task: asyncio.Task[None] | None = None

    def start(self, use: Use) -> None:
        """Begin an attempt, unless one is under way."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._attempt(use), name="first token")

    def cancel(self) -> None:
        """Give it up: the credential is replaced."""
        if self._task is not None:
            self._task.cancel()
        self._task = None

    async def attempted(self) -> None:
        """Wait until an attempt has ended, if there is one; but not long."""
        while (task := self._task) is not None:
            await asyncio.wait([task], timeout=_AT_START)
            if task is self._task:
                return

    async def _attempt(self, use: Use) -> None:
        """Get a token as soon as it is our turn, unless the secret is rejected; that proves it."""
        with contextlib.suppress(Problem):
            while not self._gate.is_closed:
                admission = self._gate.admit(self._token_timeout)
                if admission in (Admission.GO, Admission.TRY):
                    await self._log_in(use, Way.PROVEN if admission is Admission.GO else Way.TRIES)
                    return
                await self._gate.changed()
