"""The key frames of every file are compared as they look, or a reason rejects.

This is the rule of ADR 0032, compared with a twin that composes animations pixel by
pixel.
"""

import io
import re
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpus.tricks.kit import png_chunk
from tests.pictures import moving
from tests.pictures.moving import CLEAR, KEEP, RESTORE, Piece, Pixels
from uploadfilter.decisions.policy import Policy
from uploadfilter.model import Action, Reason
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Frame

SIZE = (12, 10)
COST = 10_000
"""The lowest cost of a frame, in pixels: budgets are drawn in steps of it."""

STRAY = [value for value in range(256) if value not in b"!,;"]
"""Bytes that begin no block of a GIF."""

Writer = Callable[[tuple[int, int], list[Piece]], bytes]


def hidden_apng(size: tuple[int, int], pieces: list[Piece]) -> bytes:
    """Write an APNG whose default image is not one of its frames."""
    return moving.apng(size, pieces, hidden=True)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Draw a place on the canvas, with even corners; often all of it."""
    if draw(st.booleans()):
        return 0, 0, *SIZE
    left, top = (2 * draw(st.integers(0, side // 2 - 1)) for side in SIZE)
    width, height = draw(st.integers(1, SIZE[0])), draw(st.integers(1, SIZE[1]))
    return left, top, min(width, SIZE[0] - left), min(height, SIZE[1] - top)


def animations(
    *disposals: str, may_replace: bool = True, plain: bool = False
) -> st.SearchStrategy[list[Piece]]:
    """Return a strategy for animations whose first piece covers all."""
    pieces = st.builds(
        Piece,
        seed=st.integers(0, 9999),
        box=st.just((0, 0, *SIZE)) if plain else boxes(),
        duration_ms=st.sampled_from([0, 10, 20, 50, 100, 110, 1000]),
        disposal=st.sampled_from(disposals),
        is_pierced=st.just(value=False) if plain else st.booleans(),
        is_replacing=st.booleans() if may_replace else st.just(value=False),
    )

    def begun(drawn: list[Piece]) -> list[Piece]:
        first, *others = drawn
        covering = Piece(
            seed=first.seed,
            box=(0, 0, *SIZE),
            duration_ms=first.duration_ms,
            disposal=first.disposal if first.disposal != RESTORE else KEEP,
            is_pierced=first.is_pierced,
            is_replacing=first.is_replacing,
        )
        return [covering, *others]

    return st.lists(pieces, min_size=2, max_size=14).map(begun)


limits = st.builds(
    DecodeLimits,
    max_frames=st.integers(1, 10),
    max_total_pixels=st.one_of(
        st.integers(0, 16).map(lambda steps: steps * COST), st.just(64_000_000)
    ),
)


def keys(pieces: list[Piece]) -> set[int]:
    """Return the first, the last and the longest frame, by both ways to count."""
    said = [piece.duration_ms for piece in pieces]
    seen = [100 if duration <= 10 else duration for duration in said]
    return {0, len(said) - 1, said.index(max(said)), seen.index(max(seen))}


def found(content: bytes, within: DecodeLimits) -> tuple[dict[int, Pixels], bool]:
    """Return the shown frames, by number, and whether a reason rejects."""
    shown: dict[int, Pixels] = {}
    reasons: set[Reason] = set()
    for item in frames_of(io.BytesIO(content), formats=FORMATS, limits=within):
        if isinstance(item, Frame):
            shown[item.number] = np.asarray(item.image.convert("RGBA"))
        else:
            reasons.add(item.reason)
    rejects = any(Policy().action_for(each) is Action.REJECT for each in reasons)
    return shown, rejects


def alike(ours: Pixels, theirs: Pixels) -> bool:
    """Return whether two frames look the same, apart from transparent pixels."""
    visible = theirs[..., 3:] > 0
    return ours.shape == theirs.shape and np.array_equal(
        np.where(visible, ours, ours & [0, 0, 0, 255]),
        np.where(visible, theirs, theirs & [0, 0, 0, 255]),
    )


def check(content: bytes, pieces: list[Piece], within: DecodeLimits) -> None:
    """Compare the rule with the shown frames of a file."""
    expected = moving.composed(SIZE, pieces)

    shown, rejects = found(content, within)

    assert all(alike(shown[at], expected[at]) for at in shown if at < len(expected))
    assert rejects or keys(pieces) <= shown.keys()


@given(pieces=animations(KEEP, CLEAR, RESTORE, may_replace=False), within=limits)
def test_gif_shows_its_key_frames_or_is_rejected(
    pieces: list[Piece], within: DecodeLimits
) -> None:
    """Pieces that are transparent, that are cleared and that are restored."""
    check(moving.gif(SIZE, pieces), pieces, within)


@pytest.mark.parametrize("write", [moving.apng, hidden_apng])
@given(pieces=animations(KEEP, CLEAR, RESTORE), within=limits)
def test_apng_shows_its_key_frames_or_is_rejected(
    write: Writer, pieces: list[Piece], within: DecodeLimits
) -> None:
    """Drawn over the earlier picture or in its place, after a hidden image or not."""
    before = 1 if write is hidden_apng else 0
    expected = moving.composed(SIZE, pieces)

    shown, rejects = found(write(SIZE, pieces), within)

    parts = {at - before: pixels for at, pixels in shown.items() if at >= before}
    assert all(alike(parts[at], expected[at]) for at in parts)
    assert rejects or keys(pieces) - ({0} if before else set()) <= parts.keys()
    assert 0 in shown


@settings(max_examples=40)
@given(pieces=animations(KEEP, CLEAR), within=limits)
def test_webp_shows_its_key_frames_or_is_rejected(
    pieces: list[Piece], within: DecodeLimits
) -> None:
    """Drawn over the earlier picture or in its place."""
    check(moving.webp(SIZE, pieces), pieces, within)


@settings(max_examples=40)
@given(pieces=animations(KEEP, plain=True), within=limits)
def test_tiff_shows_its_key_pages_or_is_rejected(
    pieces: list[Piece], within: DecodeLimits
) -> None:
    """Pages are shown for as long as each other: the first and the last count."""
    shown, rejects = found(moving.tiff(SIZE, pieces), within)

    assert rejects or {0, len(pieces) - 1} <= shown.keys()
    assert all(alike(shown[at], pieces[at].pixels()) for at in shown)


@settings(max_examples=15)
@given(pieces=animations(KEEP, plain=True), within=limits)
def test_avif_shows_its_key_frames_or_is_rejected(
    pieces: list[Piece], within: DecodeLimits
) -> None:
    """Its frames are nearly equal to the originals."""
    content = moving.avif(SIZE, pieces)

    shown, rejects = found(content, within)

    assert rejects or keys(pieces) <= shown.keys()
    for at in keys(pieces) & shown.keys():
        difference = np.abs(shown[at].astype(int) - pieces[at].pixels())
        assert difference.mean() < 25


@given(
    pieces=animations(KEEP, CLEAR, RESTORE),
    claims=st.lists(st.integers(0, 16), max_size=2),
    is_late=st.booleans(),
)
def test_apng_that_claims_other_frames_is_rejected(
    pieces: list[Piece], claims: list[int], *, is_late: bool
) -> None:
    """One control that says how many there are, before the data: else it is unsure."""
    plain = moving.apng(SIZE, pieces)
    control = plain.index(b"acTL") - 4
    bare = plain[:control] + plain[control + 20 :]
    place = bare.index(b"IEND") - 4 if is_late else control
    content = bare[:place] + b"".join(map(claim, claims)) + bare[place:]

    shown, rejects = found(content, DecodeLimits())

    # Of two, decoders take the first.
    is_true = not is_late and claims[:1] == [len(pieces)]
    assert rejects or is_true
    assert shown


def claim(count: int) -> bytes:
    """Return a control chunk that states a number of frames."""
    body = b"acTL" + struct.pack(">II", count, 0)
    return struct.pack(">I", 8) + body + struct.pack(">I", zlib.crc32(body))


@given(
    pieces=animations(KEEP, CLEAR, RESTORE, may_replace=False),
    within=limits,
    stray=st.lists(st.sampled_from(STRAY), min_size=1, max_size=3).map(bytes),
    data=st.data(),
)
def test_frame_before_a_stray_byte_of_a_gif_stays(
    pieces: list[Piece], within: DecodeLimits, stray: bytes, data: st.DataObject
) -> None:
    """Browsers stop there, so that the frame before it is the last that is seen."""
    last = data.draw(st.integers(0, len(pieces) - 2))
    content = moving.gif(SIZE, pieces)
    head = moving.gif(SIZE, pieces[: last + 1])[:-1]

    shown, rejects = found(head + stray + content[len(head) :], within)

    assert rejects or last in shown


@given(
    pieces=animations(KEEP, CLEAR, RESTORE),
    within=limits,
    harm=st.sampled_from(["number", "disposal", "blend", "checksum", "twice", "bare"]),
    other=st.sampled_from([b"IHDR", b"PLTE", b"IDAT", b"ABCD", b"Zzzz", b"fdAT", None]),
    data=st.data(),
)
def test_frame_before_a_disorder_of_an_apng_stays(
    pieces: list[Piece],
    within: DecodeLimits,
    harm: str,
    other: bytes | None,
    data: st.DataObject,
) -> None:
    """Browsers stop there, so that the frame before it is the last that is seen."""
    content = moving.apng(SIZE, pieces)
    controls = [found.start() - 4 for found in re.finditer(b"fcTL", content)]
    number = data.draw(st.integers(1, len(pieces) - 1))
    at = controls[number]
    before, control, after = content[:at], content[at : at + 38], content[at + 38 :]
    between = control_harmed(control, harm) if other is None else png_chunk(other, b"x")
    rest = after if other is None else control + after

    shown, rejects = found(before + between + rest, within)

    assert rejects or number - 1 in shown


def control_harmed(control: bytes, harm: str) -> bytes:
    """Return a control that no browser takes, or none takes in this place."""
    body = bytearray(control[8:-4])
    if harm == "number":
        body[:4] = (int.from_bytes(body[:4]) + 1).to_bytes(4)
    elif harm == "disposal":
        body[24] = 3
    elif harm == "blend":
        body[25] = 2
    elif harm == "checksum":
        return control[:-1] + bytes((control[-1] ^ 1,))
    elif harm == "twice":
        return control * 2
    else:
        return b""
    return png_chunk(b"fcTL", bytes(body))


@given(
    pieces=animations(KEEP, CLEAR, may_replace=False),
    kept=st.floats(0.1, 1),
    write=st.sampled_from([moving.gif, moving.apng, moving.webp]),
)
def test_animation_that_broke_off_is_rejected(
    pieces: list[Piece], kept: float, write: Writer
) -> None:
    """The part that arrived is compared, and is the whole only if all pixels came.

    A GIF needs no end: one that breaks off between two frames is the whole of a shorter
    one to everybody.
    """
    content = write(SIZE, pieces)
    cut = content[: int(kept * len(content))]

    shown, rejects = found(cut, DecodeLimits())

    assert rejects or list(shown) == list(range(len(shown)))
    assert rejects or write is moving.gif or len(shown) == len(pieces)
    expected = moving.composed(SIZE, pieces)
    assert rejects or all(alike(shown[at], expected[at]) for at in shown)
