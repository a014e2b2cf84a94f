"""A lock that is handed on caller by caller, so that one who asks a thousand times delays the others once."""

import asyncio
from collections import deque


class FairLock:
    """One at a time has it. Callers take turns; the requests of one are served in the order in which they came."""

    def __init__(self) -> None:
        self._held = False
        self._waiting: dict[str | None, deque[asyncio.Future[None]]] = {}

    async def acquire(self, caller: str | None) -> None:
        """Wait until it is free for this caller's next request; it must be released."""
        if not self._held:
            self._held = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.release()  # it was given to the one that is cancelled
            raise

    def release(self) -> None:
        """Hand it on."""
        while self._waiting:
            caller = next(iter(self._waiting))
            turns = self._waiting.pop(caller)
            turn = turns.popleft()
            if turns:
                self._waiting[caller] = turns  # behind the other callers
            if not turn.done():
                turn.set_result(None)
                return
        self._held = False
