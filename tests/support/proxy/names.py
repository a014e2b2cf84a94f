"""Fake resolver results for some names, in the threads that query the system's resolver."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

HANGING = ".hangs.example"


class Names:
    """Answers of `getaddrinfo`; names that end in `HANGING` are looked up until `release`."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses
        self._real = socket.getaddrinfo
        self._released = threading.Event()
        self.hang = True
        """False: those names have the loopback's address from now on."""
        self.hanging = 0
        self.most_hanging = 0

    def release(self) -> None:
        self._released.set()

    async def count(self) -> int:
        """Return the number of lookups that hang now."""
        return self.hanging

    def look_up(self, host: str, port: int | None, *arguments: Any, **options: Any) -> list[Any]:
        if host.endswith(HANGING) and self.hang:
            self.hanging += 1
            self.most_hanging = max(self.most_hanging, self.hanging)
            self._released.wait(30)
            self.hanging -= 1
            raise socket.gaierror(socket.EAI_AGAIN, "no answer in time")
        if host.endswith(HANGING):
            return self._real("127.0.0.1", port, *arguments, **options)
        if host.endswith(".example") and host not in self._addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return self._real(self._addresses.get(host, host), port, *arguments, **options)


@contextlib.contextmanager
def names(monkeypatch: pytest.MonkeyPatch, addresses: Mapping[str, str] | None = None) -> Iterator[Names]:
    """Let the system's resolver give these addresses, know no other name below `example`, and hang for some."""
    answers = Names(addresses or {})
    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", answers.look_up)
        try:
            yield answers
        finally:
            answers.release()
