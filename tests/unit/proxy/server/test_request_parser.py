"""How much of a request its parser was fed: all of it and nothing else, less, or more."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantproxy.server.request_parser import OTHERS, RequestParser, missing, parser_for


class _Asked:
    connected = True

    def pause_reading(self) -> None: ...
    def resume_reading(self, resume_parser: bool = True) -> None: ...  # noqa: FBT001, FBT002 - aiohttp's signature


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Return one that does not run: it is only kept by the parser."""
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        yield loop


def a_parser(loop: asyncio.AbstractEventLoop) -> RequestParser:
    return parser_for(_Asked(), loop)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return a request without a body, or with one of a stated length, which may look like another request."""
    target = draw(st.sampled_from(("/", "/api/v1?x=1")))
    more = draw(st.sampled_from(("", "X: y\r\n", "Authorization: Bearer a.b.c\r\n")))
    body = draw(st.sampled_from((None, b"", b"{}", b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")))
    length = "" if body is None else f"Content-Length: {len(body)}\r\n"
    before = draw(st.sampled_from((b"", b"\r\n")))
    head = f"{'GET' if body is None else 'POST'} {target} HTTP/1.1\r\nHost: x\r\n{more}{length}\r\n"
    return before + head.encode() + (body or b"")


@given(
    request=requests(),
    behind=st.sampled_from((b"", b"G", b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
    data=st.data(),
)
@settings(max_examples=200)
def test_what_is_missing(
    loop: asyncio.AbstractEventLoop, request: bytes, behind: bytes, data: st.DataObject
) -> None:
    """It is nothing only where the request is whole, and nothing came behind it."""
    end_of_head = request.index(b"\r\n\r\n") + 4
    cut = data.draw(st.integers(end_of_head, len(request + behind)))
    fed = (request + behind)[:cut]
    ((head, _),), _, _ = a_parser(loop).feed_data(fed)
    assert missing(head, fed) == len(request) - cut


@pytest.mark.parametrize("body", [b"", b"0\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n"])
def test_where_chunks_end_is_not_asked(loop: asyncio.AbstractEventLoop, body: bytes) -> None:
    """There may be more than the last one."""
    fed = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    ((head, _),), _, _ = a_parser(loop).feed_data(fed)
    assert missing(head, fed) == OTHERS


def test_empty_lines_before_a_request_are_taken_for_others(loop: asyncio.AbstractEventLoop) -> None:
    """Two of them look like the end of a head: what is fed stays."""
    fed = b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"
    ((head, _),), _, _ = a_parser(loop).feed_data(fed)
    assert missing(head, fed) < 0
