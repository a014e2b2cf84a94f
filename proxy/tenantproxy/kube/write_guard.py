"""What a client needs whose writes must not leave, nor be under way, beyond a time: that of an elected leader."""

import socket
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import SimpleNamespace

import aiohttp

SecondsLeft = Callable[[], float]
"""Returns for how many seconds a write may be under way; raises KubeError where it must not be sent."""
WriteGuard = Callable[[str], AbstractContextManager[SecondsLeft]]
"""Is entered around each write, with its path."""


def last_look() -> aiohttp.TraceConfig:
    """Return what asks a request's `SecondsLeft`, in its `trace_request_ctx`, right before it leaves.

    A connection may have been waited for, or the whole process have been stopped, since that was asked first.
    """

    async def look(
        _: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceRequestHeadersSentParams
    ) -> None:
        if context.trace_request_ctx is not None:
            context.trace_request_ctx()

    trace = aiohttp.TraceConfig()
    # In spite of its name it comes before the headers are sent, which leave with the body.
    trace.on_request_headers_sent.append(look)
    return trace


def open_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """Return a socket whose end discards what has not left yet.

    Else the system would go on to send a write that was given up, for minutes, until the network is back.
    """
    family, kind, protocol, _, _ = address
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return opened
