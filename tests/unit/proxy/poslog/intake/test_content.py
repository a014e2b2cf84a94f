"""What `data` holds: base64 of a zlib stream or a ZIP archive, decompressed within bounds."""

import base64
import contextlib
import random
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.proxy.zip_archives import zipped
from tenantproxy.poslog.intake.content import LIGHT_BYTES, MAX_RATIO, compressed, decompressed
from tenantproxy.poslog.intake.errors import EventError

LIMIT = 8 * 1024 * 1024
XML = b"<POSLog><Transaction/></POSLog>"


def _wrong(content: bytes, code: str = "malformed-event") -> str:
    with pytest.raises(EventError) as raised:
        decompressed(content, LIMIT)
    assert raised.value.code == code
    return raised.value.detail


def _random(size: int) -> bytes:
    return random.Random(1).randbytes(size)  # noqa: S311 - test data


@given(st.binary())
def test_base64(content: bytes) -> None:
    """Whatever is base64 is read."""
    assert compressed(base64.b64encode(content).decode()) == content


@pytest.mark.parametrize(
    "text", ["eA", "eA=", "eA==eA==", "e A=", "eA\n==", "=eA=", "eJ-_", "eÅ==", "e", "====", "eA==\0", "\ud800"]
)
def test_no_base64(text: str) -> None:
    """What is cut off, padded wrongly, of another alphabet or followed by something else is refused."""
    with pytest.raises(EventError, match="not base64"):
        compressed(text)


@given(content=st.binary(), level=st.integers(0, 9), window_bits=st.integers(9, 15))
def test_zlib(content: bytes, level: int, window_bits: int) -> None:
    """Each zlib stream is read, however it was made."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, window_bits)
    assert decompressed(compressor.compress(content) + compressor.flush(), LIMIT) == content


@given(content=st.binary(), method=st.sampled_from([0, 8]), descriptor=st.booleans())
def test_zip(content: bytes, method: int, *, descriptor: bool) -> None:
    """Each ZIP archive of one file is read: compressed or not, its sizes before or behind it."""
    assert decompressed(zipped(content, method=method, descriptor=descriptor), LIMIT) == content


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_limit(size: int) -> None:
    """A PosLog may have as many bytes as the limit says, and not one more."""
    for content in (zlib.compress(b"x" * size), zipped(b"x" * size), zipped(b"x" * size, method=0)):
        assert decompressed(content, size) == b"x" * size
        assert size == 0 or decompressed(content, size - 1) is None


def test_bomb() -> None:
    """Beyond what is decompressed in any case, nothing may have more than 500 times its compressed size."""
    zeros = bytes(LIGHT_BYTES)
    assert decompressed(zlib.compress(zeros), LIMIT) == zeros
    for bomb in (zlib.compress(bytes(LIMIT // 2)), zipped(bytes(LIMIT // 2))):
        tracemalloc.start()
        try:
            assert "times" in _wrong(bomb, "event-too-large")
            assert tracemalloc.get_traced_memory()[1] < 2.1 * MAX_RATIO * len(bomb)
        finally:
            tracemalloc.stop()
    mixed = _random(LIMIT // MAX_RATIO) + bytes(LIMIT - LIMIT // MAX_RATIO)
    assert decompressed(zlib.compress(mixed), LIMIT) == mixed


@pytest.mark.parametrize("make", [zlib.compress, zipped])
def test_memory(make: Callable[[bytes], bytes]) -> None:
    """What holds more than the limit takes at most twice the limit."""
    bomb = make(_random(LIMIT // MAX_RATIO) + bytes(3 * LIMIT))
    tracemalloc.start()
    try:
        with contextlib.suppress(EventError):
            decompressed(bomb, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 2.1 * LIMIT
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"x", b"P", b"\x1f\x8b\x08\0" + bytes(20), b"\x28\xb5\x2f\xfd"),
        *(XML, b"\xff\xfe<\0", _random(100), zlib.compress(XML)[1:]),
    ],
)
def test_neither(content: bytes) -> None:
    """What is neither compression is refused, and named so."""
    assert _wrong(content) == "`data` is neither a zlib stream nor a ZIP archive"


def test_damaged_stream() -> None:
    """A stream that is cut off anywhere, changed anywhere or followed by anything is refused."""
    stream = zlib.compress(XML)
    for size in range(2, len(stream)):
        assert "damaged" in _wrong(stream[:size])
    for behind in (b"\0", b"\n", stream, zipped(XML)):
        assert "damaged" in _wrong(stream + behind)
    for at in range(len(stream)):
        _wrong(stream[:at] + bytes([stream[at] ^ 1]) + stream[at + 1 :])


def test_preset_dictionary() -> None:
    """Four of the heads that are documented need a dictionary, which nobody has."""
    compressor = zlib.compressobj(zdict=XML)
    assert "damaged" in _wrong(compressor.compress(XML) + compressor.flush())
