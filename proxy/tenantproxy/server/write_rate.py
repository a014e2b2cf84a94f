"""How fast a client has to receive its response: protection against slow readers."""

import asyncio
import fcntl
import socket
import struct
import termios
from typing import Final

MIN_WRITE_RATE: Final = 16 * 1024
"""Bytes per second that a client has to receive of a response, once the sockets' buffers are full."""
WRITE_RATE_WINDOW: Final = 5.0
"""Seconds over which that is averaged."""


class MinimumWriteRate:
    """Aborts a connection whose client receives what was written more slowly than `MIN_WRITE_RATE`."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._unsent = _unsent(transport)
        self._timer = loop.call_later(WRITE_RATE_WINDOW, self._check)

    def stop(self) -> None:
        """Stop watching."""
        self._timer.cancel()

    def _check(self) -> None:
        before, self._unsent = self._unsent, _unsent(self._transport)
        if before - self._unsent < MIN_WRITE_RATE * WRITE_RATE_WINDOW:
            _reset(self._transport)
        else:
            self._timer = self._loop.call_later(WRITE_RATE_WINDOW, self._check)


def _unsent(transport: asyncio.Transport) -> int:
    """Return how many bytes of what was written have not reached the client's kernel."""
    try:
        queued = fcntl.ioctl(transport.get_extra_info("socket"), termios.TIOCOUTQ, b"\0" * 4)
    except OSError:  # not Linux: without the kernel's part
        queued = b"\0" * 4
    return transport.get_write_buffer_size() + int(struct.unpack("i", queued)[0])


def _reset(transport: asyncio.Transport) -> None:
    """Reset a connection, so that the kernel discards unsent data as well."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
