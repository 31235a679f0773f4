"""Tables of profiles are worked out as one colour at a time would be."""

import itertools
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.pictures.colours.icccurves import BadProfileError, Floats
from uploadfilter.pictures.colours.icctables import ColourTable, Grid, read_table


def between(grid: Grid, sample: tuple[float, ...]) -> list[float]:
    """Return the colour of one sample, from all corners around it."""
    places = [part * (side - 1) for part, side in zip(sample, grid.sides, strict=True)]
    lows = [
        min(int(place), side - 2)
        for place, side in zip(places, grid.sides, strict=True)
    ]
    values = grid.values.reshape(*grid.sides, 3)
    colour = np.zeros(3)
    for corner in itertools.product((0, 1), repeat=len(places)):
        share = 1.0
        for is_up, place, low in zip(corner, places, lows, strict=True):
            share *= place - low if is_up else 1 - (place - low)
        at = tuple(low + is_up for low, is_up in zip(lows, corner, strict=True))
        colour += share * values[at]
    return list(colour / grid.largest)


@given(data=st.data())
def test_grid_is_worked_out_from_all_corners(data: st.DataObject) -> None:
    """With one to four samples, a colour is mixed from all places around it."""
    sides = tuple(data.draw(st.lists(st.integers(2, 4), min_size=1, max_size=4)))
    seed = data.draw(st.integers(0, 2**32 - 1))
    values = np.random.default_rng(seed).integers(0, 65536, (*sides, 3))
    grid = Grid(
        sides=sides, values=values.reshape(-1, 3).astype(np.uint16), largest=65535
    )
    sample = tuple(data.draw(st.floats(0, 1)) for _ in sides)

    found = grid.colours([np.array([part]) for part in sample])

    assert found[0] == pytest.approx(between(grid, sample), abs=1e-4)


def old_table(
    *, length: int, inputs: int = 3, entries: int = 256, side: int = 2
) -> bytes:
    """Return a table of version 2 that passes its first three samples on."""
    largest, kind = {1: (255, ">u1"), 2: (65535, ">u2")}[length]
    head = b"mft%d" % length + bytes(4) + bytes((inputs, 3, side, 0)) + bytes(36)
    if length == 2:
        head += struct.pack(">HH", entries, entries)
    ramp = np.round(np.linspace(0, largest, entries)).astype(kind).tobytes()
    places = itertools.product(np.linspace(0, largest, side), repeat=inputs)
    grid = np.array([place[:3] for place in places]).round().astype(kind).tobytes()
    return head + ramp * inputs + grid + ramp * 3


def new_table(*, matrix: bool = False, grid: bool = True, inputs: int = 3) -> bytes:
    """Return a table of version 4 that passes its first three samples on."""
    line = b"curv" + bytes(8)
    head, body = b"mAB " + bytes(4) + bytes((inputs, 3, 0, 0)), b""
    places = []
    parts = [line * 3]
    unit = (1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
    numbers = b"".join(struct.pack(">i", number * 65536) for number in unit)
    parts += [numbers, line * 3] if matrix else [b"", b""]
    corners = itertools.product((0, 65535), repeat=inputs)
    values = np.array([corner[:3] for corner in corners]).astype(">u2").tobytes()
    sides = bytes((2,) * inputs).ljust(16, b"\0")
    parts += [sides + b"\2\0\0\0" + values, line * inputs] if grid else [b"", b""]
    for part in parts:
        places.append(32 + len(body) if part else 0)
        body += part
    return head + struct.pack(">5I", *places) + body


def shown(table: ColourTable, *sample: int) -> Floats:
    """Return the colour of one sample of 8 bits a channel."""
    ramps = zip(table.lights(), sample, strict=True)
    found: Floats = table.connected([ramp[at : at + 1] for ramp, at in ramps])[0]
    return found


@pytest.mark.parametrize(
    ("tag", "inputs"),
    [
        pytest.param(old_table(length=1), 3, id="8 bits"),
        pytest.param(old_table(length=2), 3, id="16 bits"),
        pytest.param(old_table(length=2, entries=2, side=5), 3, id="few values"),
        pytest.param(old_table(length=2, inputs=4), 4, id="four colours"),
        pytest.param(new_table(), 3, id="steps"),
        pytest.param(new_table(matrix=True), 3, id="steps with a matrix"),
        pytest.param(new_table(matrix=True, grid=False), 3, id="no grid"),
        pytest.param(new_table(grid=False), 3, id="curves alone"),
        pytest.param(new_table(inputs=4), 4, id="steps of four colours"),
    ],
)
def test_table_that_changes_nothing_passes_samples_on(tag: bytes, inputs: int) -> None:
    """However a table is written, its steps are worked out one after the other."""
    table = read_table(memoryview(tag), is_xyz=False)
    sample = (200, 30, 120, 77)[:inputs]

    assert table.inputs == inputs
    assert shown(table, *sample) == pytest.approx(np.array(sample[:3]) / 255, abs=1e-4)


def test_matrix_gives_colours_as_xyz() -> None:
    """In a table whose colours are XYZ, 1 in a matrix means nearly 2."""
    table = read_table(memoryview(new_table(matrix=True, grid=False)), is_xyz=True)

    assert shown(table, 51, 51, 51) == pytest.approx([0.2 * 65535 / 32768] * 3)


@pytest.mark.parametrize(
    "tag",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"mpet" + bytes(60), id="real numbers"),
        pytest.param(b"mft1" + bytes(60), id="no samples"),
        pytest.param(b"mft2" + bytes(4) + bytes((3, 3, 2, 0)), id="head cut off"),
        pytest.param(old_table(length=2, side=1), id="no room"),
        pytest.param(old_table(length=2, inputs=5), id="five samples"),
        pytest.param(old_table(length=2)[:-1], id="cut off"),
        pytest.param(old_table(length=1)[:-1], id="8 bits cut off"),
        pytest.param(b"mAB " + bytes(4) + b"\3\3" + bytes(60), id="no last curves"),
        pytest.param(new_table(inputs=4, grid=False), id="four samples, no grid"),
        pytest.param(new_table()[:-13], id="curves cut off"),
        pytest.param(new_table(grid=False)[:-40], id="last curves cut off"),
    ],
)
def test_what_is_no_table_is_refused(tag: bytes) -> None:
    """Nothing else than a whole table is one."""
    with pytest.raises(BadProfileError):
        read_table(memoryview(tag), is_xyz=False)


@given(content=st.binary(max_size=120), at=st.integers(0, 200))
def test_no_bytes_raise_anything_else(content: bytes, at: int) -> None:
    """Whatever is put into a table, it is one or it is refused."""
    for whole in (old_table(length=2), new_table(matrix=True)):
        damaged = whole[:at] + content + whole[at + len(content) :]
        try:
            table = read_table(memoryview(damaged), is_xyz=True)
        except BadProfileError:
            continue
        assert np.isfinite(shown(table, *((9,) * table.inputs))).all()


def test_curves_come_before_the_grid() -> None:
    """A table of version 2 bends its samples first."""
    falling = old_table(length=1)
    ramp = bytes(range(256))
    inverted = falling.replace(ramp * 3, ramp[::-1] * 3, 1)

    table = read_table(memoryview(inverted), is_xyz=False)

    assert shown(table, 0, 255, 255) == pytest.approx([1, 0, 0], abs=1e-6)
