"""Header lines that go on in the next line (`obs-fold`), as some old servers send them (RFC 9112 section 5.2).

The parser refuses them unless it is told to take much that it must not, such as a head that ends in CR CR LF.
"""

import re
from typing import Final

_FOLD: Final = re.compile(rb"\r\n[ \t]+")
_UNDECIDED: Final = re.compile(rb"\r(?:\n\r?)?\Z")
"""What may begin a fold, or the end of the head."""


class Unfolder:
    """Puts each header of a head into one line, piece by piece as it comes."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def __call__(self, piece: bytes | memoryview) -> bytes:
        """Return what is for the parser; what can't be told yet is held back until the next piece."""
        data = self._held + piece
        self._held = b""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if undecided := _UNDECIDED.search(data, max(0, len(data) - 3)):
                self._held = undecided[0]
                data = data[: undecided.start()]
            end = len(data)
        if data.find(b"\r\n ", 0, end) < 0 and data.find(b"\r\n\t", 0, end) < 0:
            return data
        return _FOLD.sub(b" ", data[:end]) + data[end:]
