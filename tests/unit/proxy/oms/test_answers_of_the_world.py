"""Answers as real servers send them, byte by byte: through the whole proxy, from a server on a socket."""

import gzip
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from support.proxy.oms import ORDER_ANSWER, RawServer, answering, http, raw_server
from support.proxy.running import BASIC, RunningProxy, proxy_config, running_proxy

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = ORDER_ANSWER.partition(b"\r\n\r\n")[2]
GZIP, ZLIB = gzip.compress(BODY), zlib.compress(BODY)
_RAW = zlib.compressobj(wbits=-15)
DEFLATE = _RAW.compress(BODY) + _RAW.flush()
ONE_MORE = BODY.replace(b'"status"', b'"note": "%s", "status"')
"""The order with a field that is not let out."""
MARK = b"\xef\xbb\xbf"


def answer(body: bytes = BODY, *lines: bytes, kind: bytes | None = b"application/json") -> bytes:
    """Return an answer with these header lines, its type before them and its length behind."""
    first = [] if kind is None else [b"Content-Type: " + kind]
    head = b"".join(line + b"\r\n" for line in (*first, *lines, b"Content-Length: %d" % len(body)))
    return b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body


def chunked(size: bytes = b"%x" % len(BODY), last: bytes = b"0") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + size + b"\r\n" + BODY + b"\r\n" + last + b"\r\n\r\n"


def coded(body: bytes, coding: bytes) -> bytes:
    return answer(body, b"Content-Encoding: " + coding)


READ = {
    # ---- the text
    "a byte order mark": answer(MARK + BODY),
    "space before and behind": answer(b"\r\n\t " + BODY + b" \r\n\t\n"),
    "half of a surrogate pair in a field that is not let out": answer(ONE_MORE % b"cut \\ud83d"),
    "half of a pair in the name of such a field": answer(BODY.replace(b'"status"', b'"\\ude00": 1, "status"')),
    # ---- compressed, though nobody asked for it
    "gzip": coded(GZIP, b"gzip"),
    "gzip, by its old name": coded(GZIP, b"x-gzip"),
    "gzip, in capital letters": coded(GZIP, b"GZIP"),
    "deflate": coded(ZLIB, b"deflate"),
    "deflate without its head": coded(DEFLATE, b"deflate"),
    "a byte order mark in gzip": coded(gzip.compress(MARK + BODY), b"gzip"),
    "gzip of two members": coded(gzip.compress(BODY[:20]) + gzip.compress(BODY[20:]), b"gzip"),
    "gzip padded with zeros": coded(GZIP + bytes(8), b"gzip"),
    "gzip with a line's end behind it": answer(GZIP + b"\r\n"),
    # ---- an untrue Content-Encoding
    "says br, is plain": coded(BODY, b"br"),
    "says zstd, is plain": coded(BODY, b"gzip, zstd"),
    "says gzip, is plain": coded(BODY, b"gzip"),
    "says deflate, is plain": coded(BODY, b"deflate"),
    "says identity, is gzip": coded(GZIP, b"identity"),
    "says nothing, is gzip": answer(GZIP),
    "says deflate, is gzip": coded(GZIP, b"deflate"),
    "identity twice": coded(BODY, b"identity, identity"),
    "two headers, of which one is untrue": answer(GZIP, b"Content-Encoding: gzip", b"Content-Encoding: identity"),
    "a charset": coded(BODY, b"UTF-8"),
    "nothing in it": coded(BODY, b""),
    # ---- the type
    "the type twice": answer(BODY, b"Content-Type: application/json"),
    "the type twice, by a gateway in one": answer(kind=b"application/json, application/json"),
    "the right type behind another one": answer(BODY, b"Content-Type: application/json", kind=b"text/html"),
    "a charset twice": answer(kind=b"application/json;charset=UTF-8;charset=UTF-8"),
    "a semicolon at the end": answer(kind=b"application/json;"),
    # ---- the head and the chunks
    "a folded header": answer(BODY, b"X-Note: a\r\n b"),
    "a folded header, by a tab": answer(BODY, b"X-Note: a\r\n\tb"),
    "a folded type": answer(kind=b"application/json;\r\n charset=utf-8"),
    "a chunk's size padded with spaces": chunked(b"%x   " % len(BODY)),
    "a chunk's size padded with zeros": chunked(b"0000%x" % len(BODY)),
    "the last chunk's size padded": chunked(last=b"0   "),
}
"""What is read as the order."""


class Refused(NamedTuple):
    """An answer that is not taken, and what the caller is told."""

    answer: bytes
    detail: str
    code: str = "upstream-error"


BOMB = gzip.compress(bytes(50_000_000))
REFUSED = {
    "half of a surrogate pair in a field that is let out": Refused(
        answer(BODY.replace(b'"C-1"', b'"C\\ud83d"')), "Fields of the OMS's answer", "upstream-contract"
    ),
    "NUL behind the text": Refused(answer(BODY + b"\0"), "not valid JSON"),
    "UTF-16": Refused(answer(BODY.decode().encode("utf-16")), "not valid JSON"),
    "two byte order marks": Refused(answer(MARK * 2 + BODY), "not valid JSON"),
    "a compression that can't be read": Refused(coded(b"[\x0f" + GZIP[2:], b"br"), "compressed (br)"),
    "gzip in gzip": Refused(coded(gzip.compress(GZIP), b"gzip, gzip"), "not valid JSON"),
    "gzip that is cut off": Refused(coded(GZIP[:-9], b"gzip"), "can't be decompressed"),
    "gzip without its last byte": Refused(coded(GZIP[:-1], b"gzip"), "can't be decompressed"),
    "gzip of something else": Refused(coded(GZIP[:-8] + bytes(8), b"gzip"), "can't be decompressed"),
    "gzip and something behind it": Refused(coded(GZIP + b"x", b"gzip"), "can't be decompressed"),
    "a bomb": Refused(coded(BOMB, b"gzip"), "too-large"),
    "a bomb that says nothing": Refused(answer(BOMB), "too-large"),
    "text/html": Refused(answer(kind=b"text/html; charset=utf-8"), "is text/html; charset=utf-8, not app"),
    "text/json": Refused(answer(kind=b"text/json"), "is text/json, not application/json"),
    "no type": Refused(answer(kind=None), "is of no type, not application/json"),
    "a type that is not shown": Refused(answer(kind=b"text/<b>"), "is of another type, not application/json"),
    "a long type": Refused(answer(kind=b"text/" + b"x" * 100), "is of another type, not application/json"),
    "another type behind the right one": Refused(answer(BODY, b"Content-Type: text/html"), "is text/html, not"),
    "spaces before a chunk's size": Refused(chunked(b"  %x" % len(BODY)), "(http)"),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def oms() -> AsyncIterator[RawServer]:
    async with raw_server(answering(b"")) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def proxy(oms: RawServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningProxy]:
    """Run a proxy that takes no other type."""
    async with running_proxy(proxy_config(oms.url), tmp_path_factory.mktemp("json"), BASIC) as running:
        yield running


@pytest.mark.parametrize("name", READ)
async def test_read(oms: RawServer, proxy: RunningProxy, name: str) -> None:
    """Each of these is the order, and its connection is used again."""
    oms.play = answering(READ[name])
    assert (await proxy.get()).body == BODY.replace(b" ", b"")
    connections = oms.connections
    assert (await proxy.get()).status == 200
    assert oms.connections == connections


@pytest.mark.parametrize("name", REFUSED)
async def test_refused(oms: RawServer, proxy: RunningProxy, name: str) -> None:
    """Each of these is an error that says what is wrong."""
    refused = REFUSED[name]
    oms.play = answering(refused.answer)
    given = await proxy.get()
    assert (given.status, given.code) == (502, refused.code)
    assert refused.detail in given.json["detail"]
    oms.play = answering(ORDER_ANSWER)
    assert (await proxy.get()).status == 200


async def test_half_of_a_pair_is_pointed_at(oms: RawServer, proxy: RunningProxy) -> None:
    """A text that can't be let out is a violation of the contract, named by its pointer."""
    oms.play = answering(REFUSED["half of a surrogate pair in a field that is let out"].answer)
    assert [error["pointer"] for error in (await proxy.get()).json["errors"]] == ["/customerOrder/customerId"]


async def test_any_type(oms: RawServer, tmp_path: Path) -> None:
    """With `contentType: any` the type is not looked at; that it is JSON still is."""
    async with running_proxy(proxy_config(oms.url, contentType="any"), tmp_path, BASIC) as proxy:
        for kind in (b"text/json", b"text/plain", b"text/html; charset=utf-8", b"application/x-json", b"", None):
            oms.play = answering(answer(kind=kind))
            assert (await proxy.get()).status == 200, kind
        oms.play = answering(http(200, b"<html>", content_type="text/html"))
        assert (await proxy.get()).json["detail"] == "The OMS's answer is not valid JSON."
