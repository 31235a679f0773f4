"""Apply gain maps: a second picture in a file that tells how bright the first one is.

Phones store a map of how much brighter each pixel is on better screens. On a usual
screen such a map has no effect, unless the file says that the stored picture is the
bright one, or that a usual screen counts as a better one. Then browsers change the
stored picture by the map, and the result can be any other picture.

Source:
    Adobe, "Gain map specification", 1.0; ISO 21496-1, annex C; where they leave a
    choice, Chromium 156 (Skia's ``SkGainmapInfo`` and ``SkGainmapShader``).
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from uploadfilter.pictures.colours.profiles import linear_of, srgb_of

Floats = NDArray[np.float64]

NAMESPACE: Final = "http://ns.adobe.com/hdr-gain-map/1.0/"
_SEQUENCE: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
_CHANNELS: Final = 3
_MOST_POWER: Final = 64.0
"""Largest power of two; beyond it everything is black or white."""

_ISO_HEAD = struct.Struct(">HHB")
_ISO_HEADROOMS = struct.Struct(">IIII")
_ISO_CHANNEL = struct.Struct(">iIiIIIiIiI")
_EACH_CHANNEL: Final = 0x80
_STEPS: Final = np.arange(256) / 255


class BadGainMapError(ValueError):
    """The numbers of a gain map are not valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """The parameters of a gain map, each for three channels.

    Attributes:
        lowest: Power of two for black in the map.
        highest: Power of two for white in the map.
        gamma: Power that was applied to the map's samples.
        offset_before: Light that is added first.
        offset_after: Light that is subtracted afterwards.
        weight: Share of the map that counts on a usual screen, -1 to 1.
    """

    lowest: Floats
    highest: Floats
    gamma: Floats
    offset_before: Floats
    offset_after: Floats
    weight: float

    def shown(self, stored: Image.Image, gain_map: Image.Image) -> Image.Image:
        """Return the shown colours.

        Args:
            stored: RGB, the stored picture.
            gain_map: RGB, of the same size.
        """
        light = linear_of(_STEPS)[np.asarray(stored)]
        with np.errstate(all="ignore"):
            samples = np.power(_STEPS[:, None], self.gamma)
            powers = self.lowest + (self.highest - self.lowest) * samples
            factors = np.exp2(np.clip(powers * self.weight, -_MOST_POWER, _MOST_POWER))
            table = np.nan_to_num(factors)
        lit = np.empty_like(light)
        map_ = np.asarray(gain_map)
        for channel in range(_CHANNELS):
            factor = table[:, channel][map_[:, :, channel]]
            before, after = self.offset_before[channel], self.offset_after[channel]
            lit[:, :, channel] = (light[:, :, channel] + before) * factor - after
        encoded = srgb_of(np.clip(np.nan_to_num(lit), 0, 1))
        return Image.fromarray(np.round(encoded * 255).astype(np.uint8))


def _weight(*, lowest: float, highest: float, is_bright: bool) -> float:
    """Return the share of a map that counts on a usual screen.

    Args:
        lowest: Power of two of the brightness up to which the usual picture is shown.
        highest: The same, from which on the bright picture is shown.
        is_bright: Whether the stored picture is the bright one.
    """
    weight = 0.0
    if lowest < 0:
        weight = min(1.0, -lowest / (highest - lowest)) if highest > 0 else 1.0
    return weight - 1.0 if is_bright else weight


def gain_of_packet(packet: bytes) -> Gain | None:
    """Read the parameters of a gain map from the metadata (XMP) of its picture.

    Args:
        packet: An untrusted text in XML.

    Returns:
        ``None`` if it does not describe a gain map.

    Raises:
        BadGainMapError: Its numbers are not valid.
    """
    try:
        # expat itself bounds the size of entities.
        fields = _fields(ET.fromstring(packet.strip(b"\0 \n\r\t")))  # noqa: S314
    except (ET.ParseError, ValueError, LookupError):
        # Chromium does the same, and then shows the stored picture.
        return None
    if not fields:
        return None
    is_bright = fields.get("BaseRenditionIsHDR", ["False"])[0].lower() == "true"
    offsets = (
        _numbers(fields, "OffsetSDR", 1 / 64),
        _numbers(fields, "OffsetHDR", 1 / 64),
    )
    before, after = offsets[::-1] if is_bright else offsets
    return Gain(
        lowest=_numbers(fields, "GainMapMin", 0.0),
        highest=_numbers(fields, "GainMapMax", 1.0),
        gamma=1 / np.maximum(_numbers(fields, "Gamma", 1.0), 1e-9),
        offset_before=before,
        offset_after=after,
        weight=_weight(
            lowest=float(_numbers(fields, "HDRCapacityMin", 0.0)[0]),
            highest=float(_numbers(fields, "HDRCapacityMax", 1.0)[0]),
            is_bright=is_bright,
        ),
    )


def _fields(root: ET.Element) -> Mapping[str, list[str]]:
    """Return the values of each field, in either way of writing."""
    start = f"{{{NAMESPACE}}}"
    fields: dict[str, list[str]] = {}
    for element in root.iter():
        for name, value in element.attrib.items():
            if name.startswith(start):
                fields[name.removeprefix(start)] = [value]
        if element.tag.startswith(start):
            several = [item.text or "" for item in element.iter(_SEQUENCE)]
            fields[element.tag.removeprefix(start)] = several or [element.text or ""]
    return fields


def _numbers(fields: Mapping[str, list[str]], name: str, default: float) -> Floats:
    """Return the numbers of a field, one for each channel."""
    try:
        stated = [float(value) for value in fields.get(name, [str(default)])]
    except ValueError as exc:
        raise BadGainMapError("no number") from exc
    if not all(map(math.isfinite, stated)) or len(stated) not in {1, _CHANNELS}:
        raise BadGainMapError("no finite numbers")
    return np.broadcast_to(np.array(stated), (_CHANNELS,))


def gain_of_box(body: bytes) -> Gain | None:
    """Read the parameters of a gain map from the binary form of ISO 21496-1.

    Args:
        body: The bytes from the two version numbers on.

    Returns:
        ``None`` if they are of a later version, or if nothing follows the versions, as
        in a picture with a map elsewhere.

    Raises:
        BadGainMapError: They are cut off or not valid.
    """
    if len(body) < _ISO_HEAD.size or body[:2] != b"\0\0":
        return None
    flags = body[_ISO_HEAD.size - 1]
    count = _CHANNELS if flags & _EACH_CHANNEL else 1
    at = _ISO_HEAD.size + _ISO_HEADROOMS.size
    if len(body) < at + count * _ISO_CHANNEL.size:
        raise BadGainMapError("numbers that are cut off")
    stored, other = _shares(_ISO_HEADROOMS.unpack_from(body, _ISO_HEAD.size))
    channels = [
        _shares(_ISO_CHANNEL.unpack_from(body, at + number * _ISO_CHANNEL.size))
        for number in range(count)
    ]
    columns = np.broadcast_to(np.array(channels), (_CHANNELS, 5)).T
    return Gain(
        lowest=columns[0],
        highest=columns[1],
        gamma=1 / np.maximum(columns[2], 1e-9),
        offset_before=columns[3],
        offset_after=columns[4],
        weight=_weight(
            lowest=min(stored, other),
            highest=max(stored, other),
            is_bright=stored >= other,
        ),
    )


def _shares(numbers: Sequence[int]) -> list[float]:
    """Return the quotients of pairs of numbers."""
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    if not all(below for _, below in pairs):
        raise BadGainMapError("a division by zero")
    return [above / below for above, below in pairs]
