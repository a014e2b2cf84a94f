"""ZIP archives: one file, as its directory says, and nothing else."""

import io
import tracemalloc
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.proxy.zip_archives import Archive, Member, zipped
from tenantproxy.poslog.intake.content import decompressed
from tenantproxy.poslog.intake.errors import EventError

XML = b"<POSLog><Transaction/></POSLog>"
LIMIT = 1024 * 1024


def _wrong(archive: bytes) -> str:
    with pytest.raises(EventError) as raised:
        decompressed(archive, LIMIT)
    assert raised.value.code == "malformed-event"
    return raised.value.detail


class _Stream(io.BytesIO):
    """A file in which nothing can be written again, so that sizes come behind."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError


@pytest.mark.parametrize("file", [io.BytesIO, _Stream])
@given(content=st.binary(), name=st.sampled_from(["a.xml", "x/å.xml", "POSLog"]), stored=st.booleans())
def test_of_the_standard_library(file: type[io.BytesIO], content: bytes, name: str, *, stored: bool) -> None:
    """What another program writes is read, and ours are archives for it."""
    written = file()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    assert decompressed(written.getvalue(), LIMIT) == content
    with zipfile.ZipFile(io.BytesIO(zipped(content))) as read:
        assert read.read("transaction.xml") == content


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"flags": 1}, "encrypted"),
        ({"flags": 1, "local_flags": 0}, "encrypted"),
        ({"flags": 0x40}, "encrypted"),
        ({"flags": 0x2000}, "encrypted"),
        ({"local_flags": 1}, "encrypted"),
        ({"method": 12}, "another method"),
        ({"method": 0, "local_method": 8}, "another method"),
        ({"method": 8, "local_method": 0}, "another method"),
        ({"crc": 1}, "damaged"),
        ({"size": 0}, "damaged"),
        ({"size": 0, "crc": 0}, "damaged"),
        ({"size": len(XML) - 1}, "damaged"),
        ({"size": len(XML) + 1}, "damaged"),
        ({"method": 0, "size": len(XML) + 1}, "damaged"),
        ({"packed_size": 0}, "damaged"),
        ({"packed_size": 5}, "damaged"),
        ({"packed_size": 40}, "damaged"),
        ({"packed_size": 10_000}, "not where"),
        ({"packed_size": 0xFFFFFFFF, "extra": bytes(20)}, "not where"),
        ({"packed": b"\xff" * 40}, "damaged"),
        ({"packed": XML}, "damaged"),
        ({"begin": 1}, "not where"),
        ({"begin": 4, "signature": b"PK\3\4PK\3\5"}, "not where"),
        ({"begin": 10_000}, "cut off"),
        ({"begin": 0xFFFFFFFF}, "cut off"),
    ],
    ids=str,
)
def test_wrong_member(wrong: dict[str, Any], said: str) -> None:
    """A file that is not what the directory says is refused, and so is what is not read."""
    fields = {"content": XML, "descriptor": True, **wrong}
    assert said in _wrong(Archive(members=[Member(**fields)]).write())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"members": []}, "one file"),
        ({"members": [Member(content=XML), Member(content=XML, name=b"b")]}, "one file"),
        ({"files": 0}, "one file"),
        ({"files": 2}, "one file"),
        ({"files": 0xFFFF}, "one file"),
        ({"disk": 1}, "one file"),
        ({"comment": b"x"}, "cut off"),
        ({"directory_begin": 0}, "elsewhere"),
        ({"directory_begin": 0xFFFFFFFF, "directory_size": 0xFFFFFFFF}, "elsewhere"),
        ({"directory_size": 0}, "elsewhere"),
    ],
    ids=str,
)
def test_wrong_directory(wrong: dict[str, Any], said: str) -> None:
    """A directory of no file or of more than one, in another place or of another size, is refused."""
    fields = {"members": [Member(content=XML)], **wrong}
    assert said in _wrong(Archive(**fields).write())


@pytest.mark.parametrize(
    ("what", "instead", "said"),
    [
        (b"PK\5\6", b"PK\6\6", "cut off"),
        (b"PK\1\2", b"PK\1\3", "malformed directory"),
        (b"\1\0\1\0", b"\1\0\2\0", "one file"),
        (b"\1\0\1\0", b"\0\0\1\0", "one file"),
    ],
)
def test_wrong_number(what: bytes, instead: bytes, said: str) -> None:
    """Signatures must be right, and so must both counts of files."""
    archive = zipped(XML)
    assert archive.count(what) == 1
    assert said in _wrong(archive.replace(what, instead))
    assert "cut off" in _wrong(archive[:-2] + b"\5\0")  # a comment that is not there


def test_overlapping_files() -> None:
    """A bomb whose files overlap has more than one, and of one alone nothing but its own bytes is read."""
    both = Archive(members=[Member(content=XML), Member(content=XML, begin=0)])
    assert "one file" in _wrong(both.write())
    both.files = 1
    assert "malformed directory" in _wrong(both.write())


def test_nested() -> None:
    """An archive in an archive is no XML: it is not opened."""
    inner = zipped(XML)
    assert decompressed(zipped(inner), LIMIT) == inner


def test_damaged() -> None:
    """One that is cut off or followed by something is refused, one that is changed never holds something else."""
    archive = zipped(XML)
    for size in range(4, len(archive)):
        _wrong(archive[:size])
    for behind in (b"\0", b"\n", archive):
        _wrong(archive + behind)
    for at in range(len(archive)):
        changed = archive[:at] + bytes([archive[at] ^ 0xFF]) + archive[at + 1 :]
        try:
            assert decompressed(changed, LIMIT) in {XML, None}  # another date, or a size beyond the limit
        except EventError as error:
            assert error.code == "malformed-event"  # noqa: PT017 - or this


def test_many_files() -> None:
    """A directory of thousands of files takes nothing."""
    archive = Archive(members=[Member(content=b"", name=b"")] * 1000).write()
    _wrong(archive)
    tracemalloc.start()
    try:
        _wrong(archive)
        assert tracemalloc.get_traced_memory()[1] < 10_000
    finally:
        tracemalloc.stop()


@given(st.binary())
def test_garbage(content: bytes) -> None:
    """Whatever begins like an archive is one, or malformed."""
    _wrong(b"PK\3\4" + content)
    _wrong(b"PK\3\4" + content + zipped(XML)[-22:])


def test_size_is_checked_first() -> None:
    """What says that it is too large is not decompressed."""
    bomb = Archive(members=[Member(content=XML, size=LIMIT + 1, packed=zlib.compress(bytes(100)))])
    assert decompressed(bomb.write(), LIMIT) is None
