"""What servers compress: told by its first bytes, and decompressed within bounds."""

import contextlib
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.transport.content_coding import (
    LIGHT_BYTES,
    MAX_MEMBERS,
    MAX_RATIO,
    coding_of,
    decompressed,
    unreadable,
)

MIB = 1024 * 1024


def _deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


CODINGS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zlib": zlib.compress, "deflate": _deflate}
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("coding", CODINGS)
@given(
    document=st.lists(documents, max_size=3) | st.dictionaries(st.text(), documents, max_size=3),
    ascii=st.booleans(),
)
def test_any_document(coding: str, document: object, ascii: bool) -> None:  # noqa: A002, FBT001 - json's word
    """Whatever is compressed is found and read; what is not is left as it is, whatever the header says."""
    body = json.dumps(document, ensure_ascii=ascii).encode("utf-8", "replace")
    compressed = CODINGS[coding](body)
    header = "deflate" if coding == "deflate" else ""
    assert coding_of(compressed, header) == coding
    assert decompressed(compressed, coding, MIB) == body
    assert coding_of(body, header) is None


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("limit", [0, 1, 1000])
def test_limit(coding: str, limit: int) -> None:
    """A body may have as many bytes as the limit says, and not one more."""
    assert decompressed(CODINGS[coding](b"x" * limit), coding, limit) == b"x" * limit
    assert decompressed(CODINGS[coding](b"x" * (limit + 1)), coding, limit) is None


def test_ratio() -> None:
    """What is out of all proportion is not decompressed, though it would not be too large."""
    small, large = (gzip.compress(bytes(size)) for size in (LIGHT_BYTES, 2 * LIGHT_BYTES))
    assert len(large) * MAX_RATIO < 2 * LIGHT_BYTES
    assert decompressed(small, "gzip", MIB) == bytes(LIGHT_BYTES)
    assert decompressed(large, "gzip", MIB) is None


def test_a_bomb_takes_no_memory() -> None:
    """Of a body that would be huge no more is ever made than the limit."""
    bomb = gzip.compress(bytes(40 * MIB))
    tracemalloc.start()
    try:
        assert decompressed(bomb, "gzip", MIB) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * MIB


def test_members() -> None:
    """Gzip may be several files on end, as many as a bound says; their sizes count together."""
    one = gzip.compress(b"x" * 10)
    assert decompressed(one * MAX_MEMBERS, "gzip", 10 * MAX_MEMBERS) == b"x" * 10 * MAX_MEMBERS
    assert decompressed(one * 2, "gzip", 19) is None
    for broken in (one * (MAX_MEMBERS + 1), one + one[:-1], one + one[:2], one + b"\n" + one):
        with pytest.raises(ValueError, match=r"malformed|cut off"):
            decompressed(broken, "gzip", MIB)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("padding", [bytes(600), b"\n", b" \r\n\0"])
def test_padding(coding: str, padding: bytes) -> None:
    """Zeros and space behind it are dropped."""
    assert decompressed(CODINGS[coding](b"{}") + padding, coding, MIB) == b"{}"


@pytest.mark.parametrize(
    ("header", "coding"), [("br", "br"), ("gzip,ZSTD", "zstd"), ("gzip", None), ("utf-8", None), ("", None)]
)
def test_unreadable(header: str, coding: str | None) -> None:
    """It is told by its name alone: nothing else tells it."""
    assert unreadable(header) == coding


@pytest.mark.parametrize("coding", CODINGS)
@given(cut=st.integers(1, 40), byte=st.integers(1, 255))
def test_damaged(coding: str, cut: int, byte: int) -> None:
    """What was cut off, or has something behind it, is malformed; what was changed is that or something else."""
    body = json.dumps({"customerOrder": {"customerOrderId": "CO-1"}}).encode()
    whole = CODINGS[coding](body)
    for damaged in (whole[:-cut], whole + b"x"):
        with pytest.raises(ValueError, match=r"malformed|cut off"):
            decompressed(damaged, coding, MIB)
    changed = bytearray(whole)
    changed[cut % len(whole)] ^= byte
    with contextlib.suppress(ValueError):
        assert decompressed(bytes(changed), coding, MIB) is not None
