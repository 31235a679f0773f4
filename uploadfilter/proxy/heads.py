"""Let heads of requests and answers through aiohttp byte for byte.

aiohttp has names and values as text. What is not UTF-8 (a file name in Latin-1, say)
becomes surrogates when it reads and is *dropped* when it writes: the other end would
get another value than the one that was looked at. So whatever we write that is not
ASCII is encoded here, and put in the place of what aiohttp has ready to be sent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_writer import StreamWriter

_LINE_END = b"\r\n"

RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]


def texts(headers: RawHeaders) -> Iterator[tuple[str, str]]:
    """Decode headers so that ``write_exactly`` encodes them back to the same bytes."""
    for name, value in headers:
        yield (
            name.decode("utf-8", "surrogateescape"),
            value.decode("utf-8", "surrogateescape"),
        )


def encode_head(first_line: str, headers: RawHeaders) -> bytes:
    """Return the head of a message, with the empty line behind it.

    Args:
        first_line: Request line or status line, as text that ``texts`` would decode.
        headers: As they are to be sent.

    Raises:
        ValueError: Something in it would end a line, and so begin another one.
    """
    pieces = [first_line.encode("utf-8", "surrogateescape"), _LINE_END]
    for name, value in headers:
        pieces += (name, b": ", value, _LINE_END)
    pieces.append(_LINE_END)
    head = b"".join(pieces)
    lines = len(headers) + 2
    if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
        raise ValueError("a head holds a line break or a NUL")
    return head


def is_plain(texts_to_write: Iterable[str]) -> bool:
    """Tell whether aiohttp writes these texts as they were read."""
    return all(text.isascii() for text in texts_to_write)


def write_exactly(
    writer: AbstractStreamWriter, first_line: str, headers: Mapping[str, str]
) -> None:
    """Replace a head that a writer holds ready by the same one with all its bytes.

    Call it after ``write_headers``, which refuses control characters, and before
    anything is written.

    Args:
        writer: Of the message.
        first_line: Request line or status line, as given to ``write_headers``.
        headers: As given to ``write_headers``.
    """
    if is_plain((first_line, *headers.values())):
        return
    lines = [first_line, *(f"{name}: {value}" for name, value in headers.items())]
    if not isinstance(writer, StreamWriter):
        raise TypeError("aiohttp writes heads in another way than we know")
    # There is no public way to write a head in bytes (aiohttp 3.14).
    head = "\r\n".join([*lines, "", ""])
    writer._headers_buf = head.encode("utf-8", "surrogateescape")  # noqa: SLF001
