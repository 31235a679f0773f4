"""Signals that would match innocent files are known."""

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.conformance.matchers import flipped
from tests.corpus import pictures
from tests.pictures.sketches import decoded
from uploadfilter.hashsets.degenerate import problem_of, suspects
from uploadfilter.hashsets.tally import Problem
from uploadfilter.model import EXACT_TYPES, PERCEPTUAL_TYPES, SignalType, View
from uploadfilter.signals import pdq
from uploadfilter.signals.views import view_of

NARROW = [kind for kind in PERCEPTUAL_TYPES if kind is not SignalType.PDQ]

REFERENCE_FLAT_PDQ = [
    # The reference implementation's values of flat grey and coloured pictures.
    "000000002c4b11342c4b2c4b0000554b00002c4b113411342c4b585e2c4b017e",
    "00001134000000000000cc53000011340000554b000011341134cc53554b2c4b",
    "2c4b113400001134000011342c4b554b000011340000000011340000554b554b",
    "113482001134554b000000002c4b820011342c4b2c4b420b2c4b554b00002c4b",
    "ffff0000ffffffff0000ffffffff0000ffff000000000000ffff0000ffff0000",
    "0" * 64,
]


def view(picture: Image.Image) -> View:
    """Return the view of a picture with every perceptual signal."""
    shown = decoded(pictures.png(picture))
    return view_of(shown, name="stored", types=frozenset(PERCEPTUAL_TYPES))


@pytest.mark.parametrize("signal_type", EXACT_TYPES)
def test_digest_of_the_empty_file_is_refused(signal_type: SignalType) -> None:
    """Otherwise every empty upload would match."""
    empty = hashlib.new(signal_type.value, b"", usedforsecurity=False).digest()

    assert problem_of(signal_type, empty) is Problem.EMPTY_FILE
    assert problem_of(signal_type, flipped(empty, [0])) is None


@pytest.mark.parametrize("signal_type", list(SignalType))
@pytest.mark.parametrize("byte", [b"\0", b"\xff"])
def test_constant_values_are_refused(signal_type: SignalType, byte: bytes) -> None:
    """All zeros or all ones stand for a column that was never filled in."""
    value = byte * signal_type.width_bytes

    assert problem_of(signal_type, value) is Problem.DEGENERATE


@pytest.mark.parametrize("grey", range(0, 256, 15))
@pytest.mark.parametrize("signal_type", NARROW)
def test_64_bit_signals_of_flat_pictures_are_refused(
    signal_type: SignalType, grey: int
) -> None:
    """Whatever the shade."""
    value = view(Image.new("L", (120, 90), grey)).value(signal_type)

    assert value is not None
    assert problem_of(signal_type, value) is Problem.DEGENERATE


@pytest.mark.parametrize(
    ("signal_type", "flat", "threshold"),
    [
        (SignalType.PHASH, "8000000000000000", 8),
        (SignalType.PHASH, "0000000000000000", 8),
        (SignalType.DHASH, "0000000000000000", 4),
        (SignalType.AHASH, "ffffffffffffffff", 4),
        (SignalType.WHASH, "0000000000000000", 4),
    ],
)
def test_64_bit_signals_that_match_a_flat_picture_are_refused(
    signal_type: SignalType, flat: str, threshold: int
) -> None:
    """A value within the default threshold of a flat picture's is as bad as it."""
    value = bytes.fromhex(flat)
    near = flipped(value, range(8, 8 + threshold))
    beyond = flipped(value, range(8, 9 + threshold))

    assert problem_of(signal_type, near) is Problem.DEGENERATE
    assert problem_of(signal_type, beyond) is None


@pytest.mark.parametrize("digits", REFERENCE_FLAT_PDQ)
def test_pdq_of_flat_pictures_is_refused(digits: str) -> None:
    """Rounding noise of the reference implementation is known by its pattern."""
    assert problem_of(SignalType.PDQ, bytes.fromhex(digits)) is Problem.DEGENERATE


@pytest.mark.parametrize("grey", range(0, 256, 15))
def test_our_own_pdq_of_flat_pictures_is_refused_or_has_no_quality(grey: int) -> None:
    """The quality in the set shows a degenerate value whose bits look normal."""
    flat = view(Image.new("L", (200, 150), grey))
    value = flat.value(SignalType.PDQ)

    assert value is not None
    assert problem_of(SignalType.PDQ, value) or pdq.quality(flat.plane) == 0


BARS = ((192, 192, 192), (192, 192, 0), (0, 192, 192), (0, 192, 0), (192, 0, 192))


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_colour_bars_are_refused_or_have_no_quality(rows: int) -> None:
    """They stand before films, and in lists that were made of every second of one."""
    picture = Image.new("RGB", (640, 360))
    for row in range(rows):
        for column, colour in enumerate(BARS[row:] + BARS[:row]):
            corner = (column * 128, row * 360 // rows)
            picture.paste(colour, (*corner, corner[0] + 128, 360))
    shown = view(picture)
    value = shown.value(SignalType.PDQ) or b""

    assert (
        problem_of(SignalType.PDQ, value) is Problem.DEGENERATE
        or pdq.quality(shown.plane) < 50
    )


@pytest.mark.parametrize("seed", range(4))
def test_signals_of_photographs_are_taken(seed: int) -> None:
    """No signal of a photograph, in any variant and geometry, is refused."""
    picture = view(pictures.photograph(seed, width=320, height=240))
    refused = [
        item
        for item in picture.signals
        if problem_of(item.signal.type, item.signal.value)
    ]

    assert refused == []


def test_random_pdq_values_are_taken() -> None:
    """The rule does not refuse values that only look uneven."""
    rng = random.Random(1)  # noqa: S311 - a test needs a repeatable choice
    values = [rng.randbytes(32) for _ in range(2000)]

    assert sum(problem_of(SignalType.PDQ, value) is not None for value in values) <= 2


@pytest.mark.parametrize("signal_type", list(SignalType))
@given(data=st.data())
def test_many_signals_are_judged_like_one(
    signal_type: SignalType, data: st.DataObject
) -> None:
    """Columns of values are flagged where a single one would be refused."""
    width = signal_type.width_bytes
    flips = st.sets(st.integers(0, 8 * width - 1), max_size=10)
    special = [bytes(width), b"\xff" * width, b"\x80" + bytes(width - 1)]
    if signal_type.is_exact:
        special.append(hashlib.new(signal_type.value, b"").digest())
    if signal_type is SignalType.PDQ:
        special += [bytes.fromhex(digits) for digits in REFERENCE_FLAT_PDQ]
    near = st.builds(
        lambda value, bits: flipped(value, sorted(bits)),
        st.sampled_from(special),
        flips,
    )
    any_value = st.one_of(near, st.binary(min_size=width, max_size=width))
    values = data.draw(st.lists(any_value, min_size=1, max_size=8))

    assert suspects(signal_type, b"".join(values)).tolist() == [
        problem_of(signal_type, value) is not None for value in values
    ]
