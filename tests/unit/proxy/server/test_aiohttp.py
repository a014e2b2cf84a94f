"""What our server relies on in aiohttp's parser: an upgrade that changes it fails here, by its name."""

import asyncio
from typing import Any, cast

import pytest
from aiohttp import http_parser
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
READ_THIS = "server/request_reader.py relies on it; read aiohttp's changes of _http_parser.pyx"


class Asked:
    """A protocol with no more than what ours has for aiohttp."""

    connected = True

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - aiohttp's signature
        self.calls.append("resume")


def parser_for(asked: Asked) -> HttpRequestParser:
    loop = asyncio.get_running_loop()
    return HttpRequestParser(cast("BaseProtocol", asked), loop, 10, auto_decompress=False, max_msg_queue_size=1)


def test_the_parser_in_c_can_be_told() -> None:
    """Whether aiohttp parses by its C extension is seen by which parser it has chosen."""
    assert http_parser.HttpRequestParser is not http_parser.HttpRequestParserPy, READ_THIS


async def test_it_stops_behind_a_request() -> None:
    """And keeps what it was fed beyond, until it is told that the request was taken, and fed again."""
    parser = parser_for(Asked())
    data = (HEAD + b"Content-Length: 2\r\n\r\n{}") * 3
    found: list[Any] = []
    for piece in (data, b"", b"", b""):
        messages, _, _ = parser.feed_data(piece)
        found.append(len(messages))
        parser.message_consumed()
    assert found == [1, 1, 1, 0], READ_THIS


async def test_what_follows_the_last_request_is_an_error() -> None:
    """Where a request says that it is the last one."""
    parser = parser_for(Asked())
    ((head, _),), _, _ = parser.feed_data(HEAD + b"Connection: close\r\n\r\n" + HEAD)
    assert head.should_close
    with pytest.raises(HttpProcessingError):
        parser.feed_data(b"")


async def test_a_body_asks_for_pauses() -> None:
    """Where more of it has come than is to be kept, and for each piece that is taken, and when it ends."""
    asked = Asked()
    parser = parser_for(asked)
    ((_, body),), _, _ = parser.feed_data(HEAD + b"Content-Length: 30\r\n\r\n" + b"x" * 25)
    assert (asked.calls, body.total_bytes, body.is_eof()) == (["pause"], 25, False), READ_THIS
    assert await body.readany() == b"x" * 25
    assert asked.calls == ["pause", "resume"], READ_THIS
    parser.feed_data(b"x" * 5)
    assert (asked.calls, body.is_eof()) == (["pause", "resume", "resume"], True), READ_THIS
    assert body.read_nowait() == b"x" * 5
