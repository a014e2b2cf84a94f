"""A slow OMS, which finishes its work even if the client has gone away."""

import asyncio
import json
from random import Random
from typing import cast

_ITEM = {"itemId": "I-1", "quantityOrdered": 2, "unitPrice": 9.5}
_REST = {
    items: json.dumps({"customerId": "C-1", "status": "CREATED", "items": [_ITEM] * items})[1:].encode()
    for items in (1, 3000, 12_000)
}
"""Of an order, by its number of items: some 100 bytes, 200 KiB and 750 KiB."""


class WorkingOms:
    """Counts what it works on at once; some orders are large."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - reproducible on purpose
        self.at_once = 0
        self.most_at_once = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen on a port of the loopback; return the URL."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Listen no more."""
        assert self._server is not None
        self._server.close()

    def answer(self, name: str) -> bytes:
        """Return the answer to a read of an order, or to a search."""
        if name == "customer-orders:search":
            body = b'{"customerOrders":[]}'
        else:
            rest = _REST[self.random.choices((1, 3000, 12_000), (30, 3, 1))[0]]
            body = b'{"customerOrder":{"customerOrderId":"%s",%s}' % (name.encode(), rest)
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )


class _Connection(asyncio.Protocol):
    def __init__(self, oms: WorkingOms) -> None:
        self._oms = oms
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if b"\r\n\r\n" not in self._received:
            return
        name = self._received.split(b" ", 2)[1].rpartition(b"/")[2].decode()
        self._received = b""
        self._oms.at_once += 1
        self._oms.most_at_once = max(self._oms.most_at_once, self._oms.at_once)
        seconds = self._oms.random.choice((0.0, 0.0, 0.002, 0.002, 0.03))
        asyncio.get_running_loop().call_later(seconds, self._answer, name)

    def _answer(self, name: str) -> None:
        self._oms.at_once -= 1
        if not self._transport.is_closing():
            self._transport.write(self._oms.answer(name))
