"""Find the text in a content, and cut it into pieces.

A text is searched as a whole. In binary content, only the stretches with long strings
without a space are searched; their characters may have two or four bytes, or be in the
code pages of mainframes.

Rules this module keeps: binary content is skipped at a GiB a second; a piece is cut
outside of strings, if possible.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from uploadfilter.contents.kinds.magic import STRINGS, Kind, is_picture
from uploadfilter.contents.source import Source

_SHORTEST = 80
"""Fewest characters of a string that counts in binary content."""

_STRETCH_BYTES = 1 << 20
_OVERLAP_BYTES = 2048
"""Overlap of the stretches in which binary content is tested: more than a short string.
"""

_SAMPLING = 4
"""Only every fourth byte of binary content is looked at. A string that counts has 80
characters, so that at least 20 of these bytes stand in a row."""

_WIDE_SAMPLING = 8
_WIDE_PHASES = (0, 1, 2, 3)
"""The phases for characters of two or four bytes: a string may begin at any byte."""

_LETTERS = (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    b"+/-_"  # the standard and the URL alphabet
)
_WRAPS = b"\r\n\t\f"
_ESCAPES = b"%\\&#;="
_MEMBER = b"\1"
_IN_ESCAPED = bytes(
    byte in _LETTERS or byte in _WRAPS or byte in _ESCAPES for byte in range(256)
)
_IS_ZERO = bytes(byte == 0 for byte in range(256))
_SAMPLED_STRING = _MEMBER * (_SHORTEST // _SAMPLING)
_WIDE_STRING = _MEMBER * (_SHORTEST // _WIDE_SAMPLING)

_BREAKS = (b'"', b"<", b"\n\n", b"\r\n\r\n", b"&", b",")
"""The best places to cut a text: hardly any string contains these."""


def texts(source: Source, kind: Kind, held_bytes: int) -> Iterator[bytes]:
    """Yield the bytes to search, in pieces of at most ``held_bytes``."""
    for start, end in _spans(source, kind):
        at = start
        while at < end:
            piece = source.read(at, min(held_bytes, end - at))
            if at + len(piece) < end:
                piece = piece[: _cut(piece)]
            yield from charsets(piece, is_text=kind in STRINGS)
            at += len(piece)


def _spans(source: Source, kind: Kind) -> Iterator[tuple[int, int]]:
    """Yield the spans to search."""
    if kind in STRINGS:
        yield 0, source.size
        return
    for start, end in _wordy(source, kind):
        yield from without_noise(source, start, end, kind)


def charsets(piece: bytes, *, is_text: bool) -> Iterator[bytes]:
    """Yield a piece as ASCII, as far as possible, for each charset that it may have.

    Args:
        piece: The piece.
        is_text: Whether it is text as a whole.
    """
    if not is_text or b"\0" not in piece:
        yield piece
    if b"\0" in piece and (is_text or _is_wide(piece)):
        # Without its zeros, UTF-16 is ASCII in all characters that count here.
        yield piece.translate(None, b"\0")
    letters = _IN_EBCDIC_TEXT if is_text else _IN_EBCDIC
    if not piece.isascii():
        mainframe = _around_runs(piece, piece.translate(letters))
        yield from dict.fromkeys(map(mainframe.translate, _FROM_EBCDIC))


def _around_runs(piece: bytes, flags: bytes) -> bytes:
    """Return the parts of a piece that are in or near a long row of flags.

    Args:
        piece: The piece.
        flags: One byte for each byte of the piece.
    """
    parts = list[bytes]()
    done = 0
    at = flags.find(_LONG_EBCDIC)
    while at >= 0:
        end = flags.find(b"\0", at)
        end = len(flags) if end < 0 else end
        parts.append(piece[max(at - _AROUND_RUN, done) : end])
        done, at = end, flags.find(_LONG_EBCDIC, end)
        behind = min(end + _AROUND_RUN, len(piece) if at < 0 else at)
        parts.append(piece[end:behind])
        done = behind
    return b"".join(parts)


_AROUND_RUN = 1024
"""Bytes around a row in which its string may go on after another sign."""


def _cut(piece: bytes) -> int:
    """Return the place to cut a piece that is not the last, in its second half."""
    half = len(piece) // 2
    return next(
        (at for mark in _BREAKS if (at := piece.rfind(mark, half)) > 0), len(piece)
    )


def _wordy(source: Source, kind: Kind) -> Iterator[tuple[int, int]]:
    """Yield the spans of binary content that may have strings."""
    start: int | None = None
    for at in range(0, source.size, _STRETCH_BYTES):
        piece = source.read(at, _STRETCH_BYTES + _OVERLAP_BYTES)
        # No reader looks for text in the code pages of mainframes inside a picture.
        if is_picture(kind):
            is_wordy = _is_wordy(piece, _STRINGS_IN[:1])
        else:
            is_wordy = _is_wordy(piece, _STRINGS_IN) or _is_wide(piece)
        if is_wordy:
            start = at if start is None else start
        elif start is not None:
            # The rest of a string may be too short to be found by itself.
            yield start, min(at + _OVERLAP_BYTES, source.size)
            start = None
    if start is not None:
        yield start, source.size


def _is_wordy(piece: bytes, strings_in: Sequence[tuple[bytes, bytes]]) -> bool:
    """Return whether there are long strings of the bytes of any of the tables.

    Half of the sampled bytes are looked at first, which rules out most compressed
    bytes.
    """
    rough = piece[:: 2 * _SAMPLING]
    return any(
        string[::2] in rough.translate(table)
        and string in piece[::_SAMPLING].translate(table)
        for table, string in strings_in
    )


def _is_wide(piece: bytes) -> bool:
    """Return whether there are strings with zeros between the characters."""
    return any(_WIDE_STRING in flags for flags in _wide_flags(piece))


def _wide_flags(piece: bytes) -> Iterator[bytes]:
    """Yield flags of the characters that have a zero beside them, for each phase.

    If every eighth byte is a letter, the bytes between may be letters as well.
    """
    for phase in _WIDE_PHASES:
        flags = piece[phase::_WIDE_SAMPLING].translate(_IN_ESCAPED)
        if _WIDE_STRING not in flags:
            continue
        for beside in (phase - 1, phase + 1):
            at = beside % _WIDE_SAMPLING
            zeros = piece[at::_WIDE_SAMPLING].translate(_IS_ZERO)
            # There is no byte before the first one.
            zeros = _MEMBER * (beside < 0) + zeros
            count = min(len(flags), len(zeros))
            both = int.from_bytes(flags[:count], "little") & int.from_bytes(
                zeros[:count], "little"
            )
            yield both.to_bytes(count, "little")


# --- Noise ---------------------------------------------------------------------------

_BLOCK_BYTES = 4096
_LEAST_CUT_BYTES = 4 * _BLOCK_BYTES
_IN_BLOCK = _BLOCK_BYTES // _SAMPLING

_PRINTED = bytes(range(32, 127)) + b"\t\n\r\x1b"
_IN_TEXT = bytes(byte in _PRINTED + b"\0" for byte in range(256))
_LEAST_TEXT = int(0.46 * _IN_BLOCK)
"""Fewest bytes of text in a block. Of random bytes, 39 in a hundred are printable,
white space or zeros; in a sample of a thousand, practically always fewer than 46 in a
hundred. A block has more if a sixth of it is text."""


def without_noise(
    source: Source, start: int, end: int, kind: Kind
) -> Iterator[tuple[int, int]]:
    """Yield a span without its blocks of noise.

    An archive has its names in one place, and packed bytes everywhere else. Packed
    bytes have every sign by chance, so that searching a megabyte of them takes longer
    than skipping a gigabyte.

    Args:
        source: The content.
        start: Offset of the span.
        end: Offset after the span.
        kind: The content's kind.
    """
    if end - start < _LEAST_CUT_BYTES:
        yield start, end
        return
    is_kept = np.zeros(-(-(end - start) // _BLOCK_BYTES), dtype=np.bool_)
    for at in range(start, end, _STRETCH_BYTES):
        piece = source.read(at, min(_STRETCH_BYTES + _OVERLAP_BYTES, end - at))
        here = is_kept[(at - start) // _BLOCK_BYTES :]
        for first, last in _strings_in(piece, kind):
            here[first // _BLOCK_BYTES] = True
            here[last // _BLOCK_BYTES] = True
        shares = _shares(piece[:_STRETCH_BYTES])
        here[: len(shares)] |= shares >= _LEAST_TEXT
    # Encoded bytes may begin and end in bytes that look like noise.
    is_kept[1:] |= is_kept[:-1].copy()
    is_kept[:-1] |= is_kept[1:].copy()
    edges = np.flatnonzero(np.diff(is_kept, prepend=False, append=False))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield start + first * _BLOCK_BYTES, min(start + last * _BLOCK_BYTES, end)


def _shares(piece: bytes) -> NDArray[np.intp]:
    """Count the bytes of text in each block; a short last block counts as all text."""
    flags = np.frombuffer(piece[::_SAMPLING].translate(_IN_TEXT), dtype=np.uint8)
    whole = len(flags) // _IN_BLOCK
    shares = np.full(-(-len(flags) // _IN_BLOCK), _IN_BLOCK, dtype=np.intp)
    shares[:whole] = flags[: whole * _IN_BLOCK].reshape(whole, _IN_BLOCK).sum(axis=1)
    return shares


def _strings_in(piece: bytes, kind: Kind) -> Iterator[tuple[int, int]]:
    """Yield the first and the last byte of a long string in each block."""
    looks = [
        (piece[::_SAMPLING].translate(table), string, _SAMPLING)
        for table, string in _STRINGS_IN[: 1 if is_picture(kind) else None]
    ]
    if not is_picture(kind):
        wide = _wide_flags(piece)
        looks += [(flags, _WIDE_STRING, _WIDE_SAMPLING) for flags in wide]
    for flags, string, sampling in looks:
        in_block = _BLOCK_BYTES // sampling
        at = flags.find(string)
        while at >= 0:
            last = at + len(string) - 1
            yield at * sampling, last * sampling
            # The next string that counts reaches into a later block.
            at = flags.find(string, (last // in_block + 1) * in_block - len(string) + 1)


# --- EBCDIC --------------------------------------------------------------------------

_EBCDIC = (
    *((0xC1, b"ABCDEFGHI"), (0xD1, b"JKLMNOPQR"), (0xE2, b"STUVWXYZ")),
    *((0x81, b"abcdefghi"), (0x91, b"jklmnopqr"), (0xA2, b"stuvwxyz")),
    *((0xF0, b"0123456789"), (0x4B, b".<(+"), (0x5C, b"*);"), (0x60, b"-/")),
    *((0x6B, b",%_>?"), (0x7A, b":#@'=\""), (0x50, b"&"), (0x40, b" "), (0x25, b"\n")),
    *((0x0D, b"\r"), (0x15, b"\n"), (0x05, b"\t"), (0xE0, b"\\")),
)
"""The places of characters in all code pages of Latin letters (037, 500, 1047, ...)."""

_BY_EBCDIC = {
    first + number: byte
    for first, characters in _EBCDIC
    for number, byte in enumerate(characters)
}


def _page(name: str) -> bytes:
    """Return the table from a code page to Latin-1, which has all of its characters."""
    page = bytearray(bytes(range(256)).decode(name).encode("latin-1"))
    page[_NEXT_LINE] = ord("\n")
    return bytes(page)


_NEXT_LINE = 0x15
_FROM_EBCDIC = (_page("cp037"), _page("cp500"))
"""Two code pages that differ only in brackets and the like; texts in other pages are
decoded as far as these agree."""

_IN_EBCDIC = bytes(_BY_EBCDIC.get(byte, 0) in _LETTERS for byte in range(256))
_IN_EBCDIC_TEXT = bytes(
    any(page[byte] in _PRINTED for page in _FROM_EBCDIC) for byte in range(256)
)
"""In texts, any printable characters in a row count, since digits may have separators.
"""

_LONG_EBCDIC = _MEMBER * 40

_STRINGS_IN = (
    (_IN_ESCAPED, _SAMPLED_STRING),
    (_IN_EBCDIC, _LONG_EBCDIC[:: _SAMPLING // 2]),
)
"""The bytes of strings, and the fewest of them in a sample."""
