"""Undo the filters with which streams of a PDF document are packed.

Rules this module keeps: no step gives more than ``UNPACKED_BYTES``; data for a library
without a separate limit are short.

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

from uploadfilter.contents.members import Shortfall, UnpackLimits, UnpackMeter
from uploadfilter.contents.pdf.values import (
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
"""Most bytes that are unpacked in one piece, if a decoder cannot do it: samples of
eight megapixels in four inks. Three copies fit into memory."""

_MOST_LZW_BYTES: Final = 64 * 1024
"""Longest LZW stream that is unpacked here: it may unpack to two thousand times as many
bytes, and qpdf has no limit for them."""

_MOST_ITEMS: Final = 200_000
"""Most items of one array or dictionary; qpdf takes some hundred bytes for each."""

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
"""The short names of filters."""

_PARAMETERS: Final = (
    "/Predictor",
    "/Colors",
    "/BitsPerComponent",
    "/Columns",
    "/EarlyChange",
)
"""The parameters that qpdf gets; other keys need not be text."""

_WITH_PARAMETERS: Final = frozenset({"/FlateDecode", "/LZWDecode"})
"""Filters with parameters; qpdf refuses parameters for others."""

_GENERAL: Final = frozenset(
    {"/ASCIIHexDecode", "/ASCII85Decode", "/RunLengthDecode", "/LZWDecode"}
)
"""Filters that qpdf undoes, with little memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One step of a stream's packing.

    Attributes:
        name: In full.
        parameters: Numbers and booleans, by key.
    """

    name: str
    parameters: dict[str, int] = field(default_factory=dict)

    @property
    def predictor(self) -> int:
        """Return the predictor: 1 for none, 2 as in TIFF, 10 or more as in PNG."""
        return self.parameters.get("/Predictor", 1)


def filters_of(dictionary: pikepdf.Object) -> tuple[Filter, ...]:
    """Read the filters of a stream.

    Args:
        dictionary: Its dictionary, or the stream itself.
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
        filters: Its filters, in the order of unpacking.

    Returns:
        The unpacked bytes, up to the first damage; or the reason why it is not
        unpacked.
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
        # Deflated again at the fastest level, so that qpdf can undo the predictor.
        return _by_qpdf(zlib.compress(inflated, 0), packed)
    if packed.name not in _GENERAL:
        return UNKNOWN
    if packed.name == "/LZWDecode" and len(data) > _MOST_LZW_BYTES:
        return TOO_BIG
    return _by_qpdf(data, packed)


def _inflated(data: bytes) -> bytes | Shortfall:
    """Inflate up to the first damage."""
    limits = UnpackLimits(max_ratio=len(data) + 1, max_output_bytes=UNPACKED_BYTES)
    inflated = bytearray()
    chunks = unpack(
        MemorySource(data), partial(Deflate, zlib.MAX_WBITS), UnpackMeter(limits)
    )
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
    """Undo one filter, in a new document that is dropped at once."""
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
