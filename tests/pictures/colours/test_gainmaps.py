"""The parameters of a gain map are read from its numbers, and applied."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.corpus.tricks.gains import xmp_segment
from uploadfilter.pictures.colours.gainmaps import (
    BadGainMapError,
    Gain,
    gain_of_box,
    gain_of_packet,
)
from uploadfilter.pictures.headers.jpegscans import PACKET_START

CHANNEL = (-2, 1, 3, 1, 1, 1, 1, 64, 1, 32)


def packet(fields: dict[str, str], inner: str = "") -> bytes:
    """Return metadata with fields of a gain map."""
    return xmp_segment(fields, inner)[4:].removeprefix(PACKET_START)


def box(stored: int, other: int, *, flags: int = 0, channels: int = 1) -> bytes:
    """Return the numbers of a gain map."""
    head = struct.pack(">HHB", 0, 0, flags) + struct.pack(">4I", stored, 1, other, 1)
    return head + struct.pack(">iIiIIIiIiI", *CHANNEL) * channels


def gain(content: bytes) -> Gain:
    """Return the meaning of a valid gain map."""
    found = gain_of_packet(content)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("lowest", "highest", "is_bright", "weight"),
    [
        pytest.param(0.0, 3.0, "False", 0.0, id="of a phone"),
        pytest.param(1.0, 3.0, "False", 0.0, id="for better screens only"),
        pytest.param(-1.0, 3.0, "False", 0.25, id="a quarter on a usual screen"),
        pytest.param(-3.0, -1.0, "False", 1.0, id="for usual screens"),
        pytest.param(0.0, 3.0, "True", -1.0, id="of a bright picture"),
        pytest.param(-1.0, 3.0, "true", -0.75, id="of one that is bright in part"),
        pytest.param(-3.0, -1.0, "True", 0.0, id="bright, and for usual screens"),
    ],
)
def test_weight_on_a_usual_screen(
    lowest: float, highest: float, is_bright: str, weight: float
) -> None:
    """Chromium applies a map where the file says that the screen needs it."""
    fields = {
        "HDRCapacityMin": str(lowest),
        "HDRCapacityMax": str(highest),
        "BaseRenditionIsHDR": is_bright,
    }

    assert gain(packet(fields)).weight == pytest.approx(weight)


def test_numbers_may_be_elements_for_each_channel() -> None:
    """However metadata are written, they mean the same."""
    items = "".join(f"<rdf:li>{value}</rdf:li>" for value in (1, 2, 3))
    inner = f"<hdrgm:GainMapMax><rdf:Seq>{items}</rdf:Seq></hdrgm:GainMapMax>"

    np.testing.assert_array_equal(gain(packet({}, inner)).highest, (1, 2, 3))
    np.testing.assert_array_equal(
        gain(packet({"GainMapMax": "2.5"})).highest, (2.5, 2.5, 2.5)
    )


def test_offsets_belong_to_the_two_pictures() -> None:
    """The one of the stored picture comes before the gain."""
    fields = {"OffsetSDR": "0.25", "OffsetHDR": "0.5"}
    usual, bright = (
        gain(packet({**fields, "BaseRenditionIsHDR": word}))
        for word in ("False", "True")
    )

    assert usual.offset_before[0] == bright.offset_after[0] == 0.25
    assert usual.offset_after[0] == bright.offset_before[0] == 0.5


@pytest.mark.parametrize(
    "content", [b"", b"no metadata", b"<x/>", b"<x>", packet({})[:-9]]
)
def test_what_says_nothing_of_a_map_is_none(content: bytes) -> None:
    """Truncated metadata have no effect, either, as in Chromium."""
    assert gain_of_packet(content) is None


@pytest.mark.parametrize("value", ["much", "nan", "inf", ""])
def test_numbers_that_are_none_are_refused(value: str) -> None:
    """Their meaning in other programs is unknown."""
    with pytest.raises(BadGainMapError):
        gain_of_packet(packet({"GainMapMax": value}))


@pytest.mark.parametrize(
    ("stored", "other", "weight"), [(0, 2, 0.0), (2, 0, -1.0), (0, 0, -1.0)]
)
def test_numbers_of_the_standard_are_read(
    stored: int, other: int, weight: float
) -> None:
    """The picture that needs more light than the other is the bright one."""
    for flags, channels in ((0, 1), (0x80, 3)):
        found = gain_of_box(box(stored, other, flags=flags, channels=channels))
        assert found is not None
        assert found.weight == weight
        np.testing.assert_array_equal(found.lowest, (-2, -2, -2))
        np.testing.assert_array_equal(found.highest, (3, 3, 3))
        np.testing.assert_array_equal(found.offset_before, [1 / 64] * 3)
        np.testing.assert_array_equal(found.offset_after, [1 / 32] * 3)


@pytest.mark.parametrize("body", [b"", bytes(4), b"\0\1" + bytes(90)])
def test_versions_alone_are_no_map(body: bytes) -> None:
    """A stored picture says only that there is a map; later versions are unknown."""
    assert gain_of_box(body) is None


def test_numbers_that_are_cut_off_are_refused() -> None:
    """So are those that divide by zero."""
    for body in (box(0, 2)[:-1], box(0, 2, flags=0x80), bytes(90)):
        with pytest.raises(BadGainMapError):
            gain_of_box(body)


def linear(value: float) -> float:
    """Return the light of a sample of sRGB."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def encoded(light: float) -> float:
    """Return light as sRGB encodes it."""
    light = min(max(light, 0.0), 1.0)
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


@given(
    stored=st.integers(0, 255),
    sample=st.integers(0, 255),
    lowest=st.floats(-6, 6),
    highest=st.floats(-6, 6),
    gamma=st.floats(0.2, 4),
    offsets=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    weight=st.floats(-1, 1),
)
def test_map_is_applied_as_defined(
    *,
    stored: int,
    sample: int,
    lowest: float,
    highest: float,
    gamma: float,
    offsets: tuple[float, float],
    weight: float,
) -> None:
    """The fast way gives the values of the definition for each pixel."""
    three = np.ones(3)
    meant = Gain(
        lowest=lowest * three,
        highest=highest * three,
        gamma=gamma * three,
        offset_before=offsets[0] * three,
        offset_after=offsets[1] * three,
        weight=weight,
    )
    power = lowest + (highest - lowest) * (sample / 255) ** gamma
    light = (linear(stored / 255) + offsets[0]) * 2 ** (power * weight) - offsets[1]

    shown = meant.shown(
        Image.new("RGB", (1, 1), (stored,) * 3), Image.new("RGB", (1, 1), (sample,) * 3)
    )

    assert shown.getpixel((0, 0)) == pytest.approx((encoded(light) * 255,) * 3, abs=1)
