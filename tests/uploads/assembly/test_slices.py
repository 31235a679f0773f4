"""Pictures that come in slices which say nothing about each other."""

import struct
from collections.abc import Sequence
from functools import cache
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from uploadfilter.contents.kinds import proposals
from uploadfilter.contents.source import MemorySource
from uploadfilter.uploads.assembly import slices as tested
from uploadfilter.uploads.assembly.slices import (
    ENOUGH,
    LOOKED_AT_BYTES,
    MOST_KEYS,
    TAIL_BYTES,
    WITHIN_S,
    Look,
    SliceAlarm,
    SliceWatch,
    is_of_interest,
    look_at,
)

PHOTO = Image.fromarray(
    np.random.default_rng(7).integers(0, 256, (150, 200, 3), dtype=np.uint8)
)
ENCODINGS = {
    "jpeg": {"format": "JPEG", "quality": 85},
    "progressive": {"format": "JPEG", "progressive": True},
    "png": {"format": "PNG"},
    "gif": {"format": "GIF"},
    "webp": {"format": "WEBP", "quality": 95},
    "bmp": {"format": "BMP"},
    "avif": {"format": "AVIF", "quality": 95},
}


@cache
def encoded(name: str) -> bytes:
    """Return a picture in a format."""
    made = BytesIO()
    PHOTO.save(made, **ENCODINGS[name])  # type: ignore[arg-type] # of several types
    return made.getvalue()


def looked(data: bytes, *, is_broken: bool = False) -> Look | None:
    """Look at a content as the proxy does."""
    kind = proposals.kind_of(MemorySource(data)).value
    if not is_of_interest(kind, len(data), is_broken=is_broken):
        return None
    return look_at(kind, len(data), data[:LOOKED_AT_BYTES], data[-TAIL_BYTES:])


def watched(
    pieces: Sequence[bytes], watch: SliceWatch | None = None, *, broken: int = 0
) -> list[SliceAlarm]:
    """Upload pieces; ``broken`` is the place of the truncated picture."""
    watch = SliceWatch() if watch is None else watch
    found = []
    for number, piece in enumerate(pieces):
        look = looked(piece, is_broken=number == broken)
        if look is None:
            continue
        alarm = watch.saw(
            "client", look, decision=str(number), is_accepted=True, now_s=0
        )
        found += [alarm] if alarm else []
    return found


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("name", ENCODINGS)
def test_picture_in_slices_is_noticed_once(name: str, count: int) -> None:
    """In every format that is told apart."""
    data = encoded(name)
    size = -(-len(data) // count)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    (alarm,) = watched(pieces)
    assert alarm.format == {"progressive": "jpeg"}.get(name, name)
    assert (alarm.earlier, alarm.is_accepted) == ("0", True)


@pytest.mark.parametrize("name", ["jpeg", "png", "gif", "bmp"])
def test_order_of_slices_does_not_matter(name: str) -> None:
    """Pages send several at once."""
    data = encoded(name)
    half = len(data) // 2
    pieces = [data[:half], data[half:]]
    backwards = watched(pieces[::-1], broken=1)
    # A length that is stated later cannot be added up.
    assert len(backwards) == (0 if name == "bmp" else 1)


def test_uploads_between_slices_hide_nothing() -> None:
    """Texts, whole pictures and other data."""
    data = encoded("jpeg")
    half = len(data) // 2
    noise = np.random.default_rng(1).bytes(5000)
    between = [b"a text " * 300, encoded("png"), b"\0" + noise]
    assert len(watched([data[:half], *between, data[half:]])) == 1


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_shortest_beginnings_are_beginnings(length: int) -> None:
    """A first slice of some bytes is no picture yet for any decoder."""
    for name in ("jpeg", "png"):
        look = looked(encoded(name)[:length])
        assert look is not None
        assert look.begins == name


@pytest.mark.parametrize("seed", range(4))
def test_data_by_chance_continues_nothing(seed: int) -> None:
    """Behind a truncated picture of every format that states no length."""
    chance = np.random.default_rng(seed)
    pieces = [chance.bytes(size) for size in (1024, 3000, 9, 70_000)]
    for name in ("jpeg", "png", "gif"):
        assert watched([encoded(name)[:5000], *pieces]) == []


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\0" * 4000,
        b"\xff" * 8000,
        b"\0" * 8000,
        struct.pack("<4000h", *([0, -1, 1, -256] * 1000)),
        np.random.default_rng(3).bytes(LOOKED_AT_BYTES),
    ],
    ids=["mask", "white", "black", "silence", "random"],
)
def test_even_data_has_no_structure_of_a_picture(data: bytes) -> None:
    """Rows of equal pixels, masks and silence are no entropy-coded data."""
    look = look_at("data", len(data), data, data[-TAIL_BYTES:])
    assert look is not None
    assert sum(look.continues.values()) < ENOUGH


@given(st.binary(max_size=3000), st.sampled_from(["data", "webp", "avif", "jpeg"]))
def test_any_bytes_can_be_looked_at(data: bytes, kind: str) -> None:
    """Headers that lie are no error."""
    look = look_at(kind, len(data), data, data[-TAIL_BYTES:])
    assert look is None or look.left is None or look.left > 0


def test_slices_are_forgotten() -> None:
    """After some minutes, and when others come; memory is bounded."""
    watch, look = SliceWatch(), Look(size=9, begins="png")
    rest = Look(size=2000, continues={"png": ENOUGH})
    watch.saw("a", look, decision="1", is_accepted=True, now_s=0)
    late = WITHIN_S + 1
    assert not watch.saw("a", rest, decision="2", is_accepted=True, now_s=late)
    for number in range(MOST_KEYS + 5):
        watch.saw(f"{number}", look, decision="3", is_accepted=True, now_s=late)
    assert len(watch) == MOST_KEYS


def test_marks_add_up_and_decisions_are_told() -> None:
    """Short slices count together; one that was rejected is told."""
    watch = SliceWatch()
    begun = Look(size=2000, begins="jpeg")
    watch.saw("a", begun, decision="1", is_accepted=False, now_s=0)
    few = Look(size=2000, continues={"jpeg": ENOUGH - 1})
    assert not watch.saw("a", few, decision="2", is_accepted=True, now_s=1)
    assert not watch.saw("b", few, decision="3", is_accepted=True, now_s=1)
    alarm = watch.saw("a", few, decision="4", is_accepted=True, now_s=2)
    assert alarm == SliceAlarm(earlier="1", format="jpeg", is_accepted=False)


def test_ordinary_uploads_leave_no_memory() -> None:
    """Data, texts and whole pictures of any number of clients."""
    watch = SliceWatch()
    for number in range(50):
        data = np.random.default_rng(number).bytes(4000)
        look = tested.look_at("data", len(data), data, data[-TAIL_BYTES:])
        assert look is not None
        key = str(number)
        watch.saw(key, look, decision="1", is_accepted=True, now_s=number)
    assert len(watch) == 0
