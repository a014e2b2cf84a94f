"""A closed-loop load generator: each connection sends its next request when the last answer was whole and right.

Prints one JSON object: how many answers, in how many seconds, and percentiles of the latency.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Final, cast

import uvloop

_GRACE: Final = 15.0
"""Seconds beyond the given ones after which a hanging proxy fails the run."""


class Run:
    """What all connections share: the request, what its answer must be, when to stop, what was measured."""

    def __init__(self, request: bytes, *, length: int, seconds: float, count: int) -> None:
        self.request = request
        self.length = length
        self.latencies: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._running = 0
        self._left = count
        self._end = time.perf_counter() + seconds

    def begins(self) -> None:
        """Count a connection in."""
        self._running += 1

    def take(self, now: float) -> bool:
        """Return whether another request is to be sent."""
        self._left -= 1
        return self._left >= 0 and now < self._end

    def ends(self) -> None:
        """Count a connection out; the last one ends the run."""
        self._running -= 1
        if self._running == 0 and not self.ended.done():
            self.ended.set_result(None)

    def fail(self, why: str) -> None:
        """End the run as failed."""
        if not self.ended.done():
            self.ended.set_exception(RuntimeError(why))


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._transport: asyncio.Transport | None = None
        self._sent_at = 0.0
        self._head = b""
        self._missing: int | None = None
        self._done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast("asyncio.Transport", transport)
        self._run.begins()
        self._send(time.perf_counter())

    def _send(self, now: float) -> None:
        assert self._transport is not None  # noqa: S101 - asyncio's order of calls
        if self._run.take(now):
            self._head, self._missing, self._sent_at = b"", None, now
            self._transport.write(self._run.request)
        else:
            self._done = True
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Check what came; when it is whole, go on."""
        if self._missing is None:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = f"\r\ncontent-length: {self._run.length}\r\n".encode()
            if not self._head.startswith(b"HTTP/1.1 200 ") or length not in self._head[: end + 2].lower():
                self._run.fail(f"unexpected answer: {self._head[:end].decode('latin-1')!r}")
                return
            self._missing = self._run.length - (len(self._head) - end - 4)
        else:
            self._missing -= len(data)
        if self._missing == 0:
            now = time.perf_counter()
            self._run.latencies.append(now - self._sent_at)
            self._send(now)
        elif self._missing < 0:
            self._run.fail("an answer is longer than it says")

    def connection_lost(self, exc: BaseException | None) -> None:
        """Fail the run unless the connection was done."""
        if self._done:
            self._run.ends()
        else:
            self._run.fail(f"connection lost: {exc!r}")


async def generate(
    port: int, request: bytes, *, length: int, connections: int, seconds: float, count: int
) -> dict[str, float]:
    """Run the load and return what was measured.

    Raises:
        RuntimeError: An answer was wrong, or a connection was lost.
        TimeoutError: The answers ceased.

    """
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    run = Run(request, length=length, seconds=seconds, count=count)
    for _ in range(connections):
        await loop.create_connection(lambda: Connection(run), "127.0.0.1", port)
    async with asyncio.timeout(seconds + _GRACE):
        await run.ended
    elapsed = time.perf_counter() - start
    latencies = sorted(run.latencies)
    return {
        "count": len(latencies),
        "seconds": elapsed,
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[len(latencies) * 99 // 100],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--request", type=Path, required=True, help="file with the request, byte for byte")
    parser.add_argument("--length", type=int, required=True, help="of each answer's body")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--count", type=int, default=10_000_000)
    args = parser.parse_args()
    sys.stdout.write(
        json.dumps(
            uvloop.run(
                generate(
                    args.port,
                    args.request.read_bytes(),
                    length=args.length,
                    connections=args.connections,
                    seconds=args.seconds,
                    count=args.count,
                )
            )
        )
    )
