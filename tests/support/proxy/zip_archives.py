"""ZIP archives in which each field can be another one than it should be (APPNOTE.TXT 6.3)."""

import struct
import zlib
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Member:
    """A file's entry in the directory, and what stands before its content."""

    content: bytes
    method: int = 8
    flags: int = 0
    descriptor: bool = False
    name: bytes = b"transaction.xml"
    extra: bytes = b""
    comment: bytes = b""
    packed: bytes | None = None
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    begin: int | None = None
    signature: bytes = b"PK\3\4"
    local_method: int | None = None
    local_flags: int | None = None

    def local(self) -> bytes:
        """Return its head, its content, and the sizes behind it where that is so."""
        crc, packed_size, size = self._numbers()
        flags = self._flags() if self.local_flags is None else self.local_flags
        method = self.method if self.local_method is None else self.local_method
        numbers = (0, 0, 0) if self.descriptor else (crc, packed_size, size)
        head = self.signature + struct.pack(
            "<5H3I2H", 20, flags, method, 0, 0, *numbers, len(self.name), len(self.extra)
        )
        behind = struct.pack("<4s3I", b"PK\7\x08", crc, packed_size, size) if self.descriptor else b""
        return head + self.name + self.extra + self._packed() + behind

    def entry(self, begin: int) -> bytes:
        """Return its entry in the directory; `begin` is where its head is."""
        lengths = (len(self.name), len(self.extra), len(self.comment), 0, 0)
        return (
            struct.pack(
                "<4s6H3I5H2I",
                b"PK\1\2",
                *(20, 20, self._flags(), self.method, 0, 0),
                *self._numbers(),
                *lengths,
                *(0, begin if self.begin is None else self.begin),
            )
            + self.name
            + self.extra
            + self.comment
        )

    def _flags(self) -> int:
        return self.flags | (8 if self.descriptor else 0)

    def _numbers(self) -> tuple[int, int, int]:
        packed = self._packed()
        return (
            zlib.crc32(self.content) if self.crc is None else self.crc,
            len(packed) if self.packed_size is None else self.packed_size,
            len(self.content) if self.size is None else self.size,
        )

    def _packed(self) -> bytes:
        if self.packed is not None:
            return self.packed
        if self.method != 8:
            return self.content
        compressor = zlib.compressobj(wbits=-15)
        return compressor.compress(self.content) + compressor.flush()


@dataclass(kw_only=True)
class Archive:
    """An archive, usually of one file."""

    members: list[Member] = field(default_factory=list)
    before_directory: bytes = b""
    files: int | None = None
    disk: int = 0
    directory_begin: int | None = None
    directory_size: int | None = None
    comment: bytes = b""

    def write(self) -> bytes:
        """Return its bytes."""
        body, directory = b"", b""
        for member in self.members:
            directory += member.entry(len(body))
            body += member.local()
        body += self.before_directory
        files = len(self.members) if self.files is None else self.files
        begin = len(body) if self.directory_begin is None else self.directory_begin
        size = len(directory) if self.directory_size is None else self.directory_size
        end = struct.pack(
            "<4s4H2IH", b"PK\5\6", self.disk, self.disk, files, files, size, begin, len(self.comment)
        )
        return body + directory + end + self.comment


def zipped(content: bytes, *, method: int = 8, descriptor: bool = False) -> bytes:
    """Return an archive of one file."""
    return Archive(members=[Member(content=content, method=method, descriptor=descriptor)]).write()
