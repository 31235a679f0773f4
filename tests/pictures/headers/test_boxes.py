"""The items and frames of files of boxes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import seeds
from uploadfilter.pictures.headers.boxes import has_box, is_deep, item_count, track_of


def box(name: bytes, *parts: bytes) -> bytes:
    """Return a box."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def track(
    *runs: tuple[int, int],
    syncs: tuple[int, ...] | None = None,
    handler: bytes = b"pict",
    scale: int = 1000,
) -> bytes:
    """Return a track with these runs of durations."""
    times = [struct.pack(">II", *run) for run in runs]
    tables = [box(b"stts", bytes(4), struct.pack(">I", len(runs)), *times)]
    if syncs is not None:
        numbers = [struct.pack(">I", number) for number in syncs]
        tables.append(box(b"stss", bytes(4), struct.pack(">I", len(syncs)), *numbers))
    return box(
        b"trak",
        box(
            b"mdia",
            box(b"mdhd", bytes(12), struct.pack(">II", scale, 0), bytes(4)),
            box(b"hdlr", bytes(8), handler, bytes(13)),
            box(b"minf", box(b"stbl", *tables)),
        ),
    )


def test_box_is_found_at_the_top_only() -> None:
    """The name of a box inside another, or in its content, does not count."""
    assert has_box(box(b"moov"), b"moov")
    assert not has_box(box(b"free", box(b"moov")), b"moov")


def test_items_are_those_of_their_list() -> None:
    """The stated or the listed number counts, whichever is larger."""
    entries = [box(b"infe", bytes(13))] * 3
    said = box(b"iinf", bytes(4), b"\0\2", *entries)
    boasting = box(b"iinf", b"\1\0\0\0", b"\0\1\0\0", *entries)

    assert item_count(box(b"meta", bytes(4), said)) == 3
    assert item_count(box(b"meta", bytes(4), boasting)) == 65_536
    assert item_count(box(b"free", b"infe" * 3000) + said) == 0


def test_durations_come_from_the_table_of_the_track() -> None:
    """Each run stands for as many frames as it says, in the track's own unit."""
    found = track_of(box(b"moov", track((1, 5), (2, 90), syncs=(1, 3), scale=10)), 3)

    assert found.durations == (500, 9000, 9000)
    assert found.syncs == (0, 2)
    assert found.is_sure


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="no track"),
        pytest.param(box(b"moov", track((2, 1)), track((2, 9))), id="two tracks"),
        pytest.param(box(b"moov", track((1, 1))), id="too few durations"),
        pytest.param(box(b"moov", track((2, 1), scale=0)), id="no unit"),
        pytest.param(
            box(b"moov", track((2, 1)).replace(b"stss", b"stts"), track((2, 1))),
            id="two tables",
        ),
        pytest.param(box(b"free", track((2, 1))), id="elsewhere"),
    ],
)
def test_track_that_can_be_read_in_two_ways_is_not_sure(content: bytes) -> None:
    """Then the longest frame is unknown."""
    found = track_of(content, 2)

    assert len(found.durations) == 2
    assert not found.is_sure


def test_track_of_the_transparency_is_another() -> None:
    """Its durations do not say for how long a frame is shown."""
    alpha = track((2, 9), handler=b"auxv")

    found = track_of(box(b"moov", alpha, track((2, 7))), 2)

    assert (found.durations, found.is_sure) == ((7, 7), True)


def test_sequence_of_a_writer_is_read() -> None:
    """The second frame is shown longest, and the track is sure."""
    found = track_of(seeds.seed("avif/moving"), 4)

    assert found.durations.index(max(found.durations)) == 1
    assert found.is_sure


def test_avif_with_ten_bits_is_seen() -> None:
    """One part with deep samples is enough."""
    content = bytearray(seeds.seed("avif"))
    assert not is_deep(bytes(content))

    content[content.index(b"av1C") + 6] |= 0x40

    assert is_deep(b"av1C" + bytes(content))


@given(content=st.binary(max_size=300), kept=st.floats(0, 1))
def test_any_bytes_can_be_asked(content: bytes, kept: float) -> None:
    """Nothing raises, and the number of frames is always the requested one."""
    seed = seeds.seed("avif/moving")
    for data in (content, seed[: int(kept * len(seed))] + content):
        assert item_count(data) >= 0
        assert len(track_of(data, 9).durations) == 9
