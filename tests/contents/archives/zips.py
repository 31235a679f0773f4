"""Make zip files, sound ones and such as no archiver would make."""

import io
import zipfile
import zlib
from dataclasses import dataclass, field

from typing_extensions import override

STORED, DEFLATED = 0, 8
ENCRYPTED, DESCRIPTOR, UTF8 = 1, 1 << 3, 1 << 11


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Make a zip file as Python does."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()


class Pipe(io.BytesIO):
    """A file that can only be written on and on."""

    @override
    def seekable(self) -> bool:
        return False

    @override
    def tell(self) -> int:
        raise OSError("a pipe has no position")


def streamed(members: dict[str, bytes]) -> bytes:
    """Make a zip file as Python does into a pipe: sizes after the data."""
    file = Pipe()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            with archive.open(name, "w") as member:
                member.write(data)
    return file.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The fields of a member in one header.

    Attributes:
        name: Its name.
        method: How it is packed.
        flags: General purpose flags.
        packed: Packed size; ``None`` is the true one.
        size: Unpacked size; ``None`` is the true one.
        extra: Extra field.
        crc: Checksum.
    """

    name: bytes = b"a"
    method: int = DEFLATED
    flags: int = 0
    packed: int | None = None
    size: int | None = None
    extra: bytes = b""
    crc: int = 0

    def fields(self, data: bytes, size: int) -> bytes:
        """Write the fields that both kinds of headers have in common."""
        packed = len(data) if self.packed is None else self.packed
        size = size if self.size is None else self.size
        numbers = [(20, 2), (self.flags, 2), (self.method, 2), (0, 4), (self.crc, 4)]
        numbers += [(packed, 4), (size, 4), (len(self.name), 2), (len(self.extra), 2)]
        return b"".join(number.to_bytes(width, "little") for number, width in numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One member in written form.

    Attributes:
        data: As packed.
        size: Its unpacked length.
        local: The header before it; ``None`` for no header.
        listed: Its header in the directory; ``None`` for no header.
        behind: Bytes after the data.
    """

    data: bytes
    size: int = 0
    local: Said | None = field(default_factory=Said)
    listed: Said | None = field(default_factory=Said)
    behind: bytes = b""


def deflated(data: bytes) -> bytes:
    """Compress without any wrapping."""
    return zlib.compress(data, wbits=-15)


def made(*members: Made, prefix: bytes = b"", comment: bytes = b"") -> bytes:
    """Write a zip file header by header; offsets are relative to ``prefix``'s end."""
    file, directory = b"", b""
    for member in members:
        offset = len(file)
        if member.local is not None:
            said = member.local
            file += b"PK\3\4" + said.fields(member.data, member.size)
            file += said.name + said.extra
        file += member.data + member.behind
        if member.listed is not None:
            said = member.listed
            directory += b"PK\1\2\x14\0" + said.fields(member.data, member.size)
            directory += bytes(10) + offset.to_bytes(4, "little")
            directory += said.name + said.extra
    return prefix + file + directory + end(len(directory), len(file), comment)


def end(directory_bytes: int, offset: int, comment: bytes = b"") -> bytes:
    """Write an end record."""
    places = directory_bytes.to_bytes(4, "little") + offset.to_bytes(4, "little")
    return b"PK\5\6" + bytes(8) + places + len(comment).to_bytes(2, "little") + comment
