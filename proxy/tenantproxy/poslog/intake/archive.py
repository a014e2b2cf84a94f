"""A ZIP archive of one file (APPNOTE.TXT 6.3), by its directory.

`zipfile` reads the whole directory before it says how many files there are: of 4 MiB that are 45,000 files.
Archives are made by a program, one for each event, so that whatever such a program has no reason for is refused:
more than one file, files in a file's place, comments, encryption, 64-bit sizes, and compressions other than
DEFLATE.
"""

import struct
import zlib
from typing import Final, NamedTuple

from tenantproxy.poslog.intake.errors import malformed

START: Final = b"PK"
"""Of any archive."""
_FILE: Final = b"PK\3\4"
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_DIRECTORY: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_ENCRYPTED: Final = 0x2041
"""Bits of a file's flags: encrypted, strongly encrypted, with a masked directory."""
_STORED, _DEFLATED = 0, 8


class Packed(NamedTuple):
    """The file in an archive, as its directory describes it."""

    content: memoryview
    is_compressed: bool
    size: int
    """Decompressed."""
    crc: int

    def checked(self, content: bytes | None) -> bytes:
        """Return the content, decompressed; None: it is larger than it should be.

        Raises:
            EventError: It is not what was packed.

        """
        if content is None or len(content) != self.size or zlib.crc32(content) != self.crc:
            raise malformed("the ZIP archive in `data` is damaged: its file's size or CRC is another one")
        return content


def packed(archive: bytes) -> Packed:
    """Return the file in an archive.

    Raises:
        EventError: It is malformed, or has something that is not read.

    """
    try:
        return _packed(memoryview(archive))
    except struct.error:
        raise malformed("the ZIP archive in `data` is cut off") from None


def _packed(archive: memoryview) -> Packed:
    end = len(archive) - _END.size
    signature, *files, size, offset, comment = _END.unpack_from(archive, max(end, 0))
    if signature != b"PK\5\6" or comment:
        raise malformed("the ZIP archive in `data` is cut off, or followed by something else")
    if files != [0, 0, 1, 1]:
        raise malformed("the ZIP archive in `data` must have one file, the PosLog")
    if offset + size != end:
        raise malformed("the ZIP archive in `data` has its directory elsewhere than it says")
    (signature, _, _, flags, method, _, _, crc, packed_size, plain_size, *lengths, _, _, _, begin) = (
        _DIRECTORY.unpack_from(archive, offset)
    )
    if signature != b"PK\1\2" or _DIRECTORY.size + sum(lengths) != size:
        raise malformed("the ZIP archive in `data` has a malformed directory")
    local, _, local_flags, local_method, *_, name, extra = _LOCAL.unpack_from(archive, begin)
    begin += _LOCAL.size + name + extra
    if local != _FILE or begin + packed_size > offset:
        raise malformed("the file in the ZIP archive in `data` is not where the directory says")
    if (flags | local_flags) & _ENCRYPTED:
        raise malformed("the ZIP archive in `data` is encrypted")
    if method not in {_STORED, _DEFLATED} or method != local_method:
        raise malformed("the ZIP archive in `data` is compressed by another method than DEFLATE")
    return Packed(archive[begin : begin + packed_size], method == _DEFLATED, plain_size, crc)
