"""No response of an OMS that is compressed, or would be huge when it is not, delays other callers."""

import asyncio
import gzip
import zlib

import pytest

from support.bounds.attacks.answers import ask_for
from support.bounds.observation import back_to_rest, observe
from support.commands import ServeProcess
from support.proxy import hostile_answers, tokens
from support.proxy.oms import RawServer, Received, http

AT_ONCE = 12
"""Of the attacker's requests."""
BODIES = {
    "bomb": gzip.compress(bytes(20 * 1024 * 1024)),
    "deflated-bomb": zlib.compress(bytes(20 * 1024 * 1024)),
    "spaces": gzip.compress(b" " * hostile_answers.SIZE),
    "numbers": gzip.compress(hostile_answers.order("dense-numbers", "numbers")),
    "right": gzip.compress(hostile_answers.order("right", "right")),
    "halves": gzip.compress(b'{"a":"%s"}' % (rb"\ud83d" * (hostile_answers.SIZE // 6 - 2))),
    "escapes": gzip.compress(b'{"a":"%s\\ud83d"}' % (rb"\n" * (hostile_answers.SIZE // 2 - 20))),
}
"""What an OMS answers to a GET, by the order's id."""


@pytest.fixture
def oms(oms: RawServer) -> RawServer:
    """Return an OMS that compresses what nobody asked it to, and answers a small order to any other GET."""
    small = http(200, hostile_answers.order("right", "CO-1", size=2000))

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        body = BODIES.get(request.target.rpartition("/")[2])
        writer.write(small if body is None else http(200, body, content_encoding="gzip"))

    oms.play = play
    return oms


async def test_compressed_answers(proxy: ServeProcess) -> None:
    """Whatever is in what an OMS compresses, orders of other clients are served."""
    token = tokens.machine_token(sub="attacker")
    seen = await observe(proxy, ask_for, token, AT_ONCE, [*BODIES], [])
    seen.assert_bounded()
    await back_to_rest(proxy)
