"""Undo the filters that streams of a PDF document are packed with.

Rules this module keeps: no step gives more than ``UNPACKED_BYTES``; what is left to a
library that has no bound of its own is short.

Source:
    ISO 32000-2:2020, 7.4 "Filters".
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import pikepdf
from pikepdf import settings

from uploadfilter.contents.members import Meter, Shortfall, UnpackLimits
from uploadfilter.contents.pdfvalues import (
    QPDF_ERRORS,
    items_of,
    numbers_of,
    text_of,
    value_of,
)
from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.streams import unpack
from uploadfilter.contents.unpackers import DAMAGED, TOO_BIG, UNKNOWN, Deflate
from uploadfilter.model import Reason

UNPACKED_BYTES: Final = 32 * 1024 * 1024
"""Most that is unpacked in one piece, where that cannot be left to a decoder: samples
of eight megapixels in four inks. Three copies of it fit beside each other."""

_MOST_LZW_BYTES: Final = 64 * 1024
"""Longest LZW stream that is unpacked here: qpdf has no limit for what it gives, which
is up to two thousand times as much."""

_MOST_ITEMS: Final = 200_000
"""Items of one array or dictionary; qpdf takes some hundred bytes for each."""

_MOST_FILTERS: Final = 8

_LONG_NAMES: Final = {
    "/AHx": "/ASCIIHexDecode",
    "/A85": "/ASCII85Decode",
    "/LZW": "/LZWDecode",
    "/Fl": "/FlateDecode",
    "/RL": "/RunLengthDecode",
    "/CCF": "/CCITTFaxDecode",
    "/DCT": "/DCTDecode",
}
"""What names of filters may be shortened to."""

_PARAMETERS: Final = (
    "/Predictor",
    "/Colors",
    "/BitsPerComponent",
    "/Columns",
    "/EarlyChange",
)
"""What qpdf is told of a filter; other keys may be no text."""

_WITH_PARAMETERS: Final = frozenset({"/FlateDecode", "/LZWDecode"})
"""Filters that have any; qpdf refuses the others if they are given some."""

_GENERAL: Final = frozenset(
    {"/ASCIIHexDecode", "/ASCII85Decode", "/RunLengthDecode", "/LZWDecode"}
)
"""Filters that are left to qpdf, which takes little memory for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One step of how a stream is packed.

    Attributes:
        name: In full.
        parameters: Numbers and truths by key.
    """

    name: str
    parameters: dict[str, int] = field(default_factory=dict)

    @property
    def predictor(self) -> int:
        """1 if none, 2 as in TIFF, 10 or more as in PNG."""
        return self.parameters.get("/Predictor", 1)


def filters_of(dictionary: pikepdf.Object) -> tuple[Filter, ...]:
    """Read how a stream is packed.

    Args:
        dictionary: Its dictionary, or itself.
    """
    filters = items_of(value_of(dictionary, "/Filter"))
    names = [text_of(each) for each in filters[: _MOST_FILTERS + 1]]
    parameters = items_of(value_of(dictionary, "/DecodeParms"))[: len(names)]
    parameters += [None] * (len(names) - len(parameters))
    return tuple(
        Filter(name=_LONG_NAMES.get(name, name), parameters=numbers_of(each))
        for name, each in zip(names, parameters, strict=True)
        if name != "/Crypt"
    )


def unfiltered(raw: bytes, filters: Sequence[Filter]) -> bytes | Shortfall:
    """Unpack a whole stream, up to ``UNPACKED_BYTES`` at each step.

    Args:
        raw: The stream, as packed.
        filters: How, in the order of unpacking.

    Returns:
        What it holds, as far as it can be unpacked; or why it is not unpacked.
    """
    if len(filters) > _MOST_FILTERS:
        return UNKNOWN
    data: bytes | Shortfall = raw
    for each in filters:
        if isinstance(data, Shortfall):
            break
        data = _step(data, each)
    return data


def _step(data: bytes, packed: Filter) -> bytes | Shortfall:
    """Undo one filter."""
    if packed.name == "/FlateDecode":
        inflated = _inflated(data)
        if isinstance(inflated, Shortfall) or packed.predictor == 1:
            return inflated
        # Deflated again, without effort, for qpdf to undo the predictor.
        return _by_qpdf(zlib.compress(inflated, 0), packed)
    if packed.name not in _GENERAL:
        return UNKNOWN
    if packed.name == "/LZWDecode" and len(data) > _MOST_LZW_BYTES:
        return TOO_BIG
    return _by_qpdf(data, packed)


def _inflated(data: bytes) -> bytes | Shortfall:
    """Inflate as far as it goes."""
    limits = UnpackLimits(max_ratio=len(data) + 1, max_output_bytes=UNPACKED_BYTES)
    inflated = bytearray()
    chunks = unpack(MemorySource(data), partial(Deflate, zlib.MAX_WBITS), Meter(limits))
    for chunk in chunks:
        if isinstance(chunk, Shortfall):
            is_too_big = chunk.reason is Reason.TOO_MANY_BYTES
            return TOO_BIG if is_too_big else bytes(inflated)
        inflated += chunk
    return bytes(inflated)


def bound_qpdf() -> None:
    """Let qpdf unpack no more than ``UNPACKED_BYTES`` at a time, in this process."""
    settings.set_qpdf_limits(
        flate_max_memory=UNPACKED_BYTES,
        png_max_memory=UNPACKED_BYTES,
        tiff_max_memory=UNPACKED_BYTES,
        run_length_max_memory=UNPACKED_BYTES,
        parser_max_container_size=_MOST_ITEMS,
    )


def _by_qpdf(data: bytes, packed: Filter) -> bytes | Shortfall:
    """Undo one filter in a document of its own, which is forgotten at once."""
    bound_qpdf()
    with pikepdf.new() as scratch:
        stream = pikepdf.Stream(scratch, data)
        stream.Filter = pikepdf.Name(packed.name)
        known = {key: packed.parameters.get(key) for key in _PARAMETERS}
        given = {key: value for key, value in known.items() if value is not None}
        if given and packed.name in _WITH_PARAMETERS:
            stream.DecodeParms = pikepdf.Dictionary(given)
        try:
            return stream.read_bytes(pikepdf.StreamDecodeLevel.specialized)
        except QPDF_ERRORS:  # damaged, or over one of the limits of qpdf
            return DAMAGED
