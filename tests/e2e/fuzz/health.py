"""Asks for a proxy's health from a thread, so that a campaign's own work is not counted as the proxy's."""

import threading
import time
import urllib.request
from typing import Self

_PAUSE = 0.1


class Health:
    """The slowest answer while the block runs; a failed one counts as infinitely slow."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.slowest = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._ended.wait(_PAUSE):
            start = time.monotonic()
            try:
                with urllib.request.urlopen(self._url, timeout=5) as answer:  # noqa: S310 - the loopback
                    answer.read()
                took = time.monotonic() - start
            except OSError:
                took = float("inf")
            self.slowest = max(self.slowest, took)
