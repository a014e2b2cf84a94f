"""A fake OMS that is fast enough never to be the bottleneck: canned responses, one port, keep-alive."""

import argparse
import asyncio
import ssl
from pathlib import Path
from typing import Final, cast

import uvloop

from bench import payloads


def _answer(body: bytes) -> bytes:
    head = (
        "HTTP/1.1 200 OK\r\n"
        "Date: Sat, 14 Mar 2026 09:26:53 GMT\r\n"
        "Server: oms\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


_ANSWERS: Final = {
    f"GET {payloads.GET_PATH}".encode(): _answer(payloads.encoded(payloads.order())),
    f"POST {payloads.SEARCH_PATH}".encode(): _answer(payloads.encoded(payloads.search())),
    f"GET {payloads.MAPPED_GET_PATH}".encode(): _answer(payloads.encoded(payloads.mapped_order())),
    f"POST {payloads.MAPPED_SEARCH_PATH}".encode(): _answer(payloads.encoded(payloads.mapped_search())),
}
_CLOSES: Final = b"\r\nConnection: close\r\n"
_REFUSED: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_NEEDED: Final = (b"\r\nauthorization: basic ", b"\r\ntenant-id: " + payloads.TENANT.lower().encode() + b"\r\n")


class Oms(asyncio.Protocol):
    """One connection; what is not a request that a proxy should make is refused."""

    def __init__(self, *, closes: bool = False) -> None:
        self._closes = closes
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole; proxies don't pipeline."""
        assert self._transport is not None  # noqa: S101 - asyncio's order of calls
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[: end + 2].lower()
        if len(self._buffer) < end + 4 + _content_length(head):
            return
        answer = _ANSWERS.get(self._buffer[: self._buffer.find(b" HTTP/1.1\r\n")])
        self._buffer = b""
        if answer is None or not all(needed in head for needed in _NEEDED):
            self._transport.write(_REFUSED)
            self._transport.close()
        else:
            self._transport.write(answer.replace(b"\r\n", _CLOSES, 1) if self._closes else answer)
            if self._closes:
                self._transport.close()


def _content_length(head: bytes) -> int:
    _, found, rest = head.partition(b"\r\ncontent-length:")
    return int(rest[: rest.index(b"\r\n")]) if found else 0


def _context(pair: Path, *, tickets: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    if not tickets:
        context.num_tickets = 0
    return context


async def _serve(port: int, context: ssl.SSLContext | None, *, closes: bool) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Oms(closes=closes), "127.0.0.1", port, ssl=context)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls", type=Path, help="file with a certificate and its key")
    parser.add_argument("--no-tickets", action="store_true", help="let no TLS session be resumed")
    parser.add_argument("--closes", action="store_true", help="end each connection after an answer")
    args = parser.parse_args()
    tls = None if args.tls is None else _context(args.tls, tickets=not args.no_tickets)
    uvloop.run(_serve(args.port, tls, closes=args.closes))
