"""The parts of the benchmark ``altered`` that can be tested without its pictures."""

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import originals, packages
from benchmarks.altered import strangers
from benchmarks.altered.rows import ROWS
from benchmarks.harness import Aim, Kept, Turns
from tests.corpus import pictures


def _photograph(seed: int) -> Image.Image:
    return pictures.photograph(seed, width=160, height=120)


def test_every_row_gives_the_same_picture_each_time() -> None:
    """An altered picture can be made anew for a contact sheet."""
    image = _photograph(3)

    for row in ROWS:
        one, other = (row.altered(image, 5, lambda: _photograph(4)) for _ in range(2))

        assert one.tobytes() == other.tobytes(), row.name
        assert min(one.size) > 40, row.name


def test_rows_have_different_names() -> None:
    """The name of a row is part of its seed."""
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_the_halves_keep_scenes_together_and_are_equally_large() -> None:
    """No photograph of half B has a part in half A."""
    known: list[dict[str, object]] = [
        {"scene": f"p:{number // 4}", "sort": "photograph"} for number in range(400)
    ]

    halves = originals.halves_of(known)

    sizes = [sum(halves[str(it["scene"])] == half for it in known) for half in "AB"]
    assert sizes == [200, 200]


def test_pictures_are_cut_out_of_resource_files(tmp_path: Path) -> None:
    """JPEG and WebP pictures are found in a Qt resource file."""
    jpeg = pictures.jpeg(_photograph(1), 80)
    buffer = io.BytesIO()
    _photograph(2).save(buffer, "WEBP")
    data = b"qres" + struct.pack(">I", len(jpeg)) + jpeg + b"\0" * 9 + buffer.getvalue()
    (tmp_path / "animals.rcc").write_bytes(data)

    packages.carve(tmp_path)

    found = sorted(path.suffix for path in (tmp_path / "carved").iterdir())
    assert found == [".jpg", ".webp"]


def test_a_run_goes_on_where_it_was_ended(tmp_path: Path) -> None:
    """Kept results are not measured again; the newest one counts."""
    Kept(tmp_path / "it.jsonl").add(7, {"E": 1e-12})

    again = Kept(tmp_path / "it.jsonl")
    again.add(2, {"E": float("inf")})
    again.add(7, {"E": 1e-9})

    known = Kept(tmp_path / "it.jsonl")
    assert [number in known for number in (2, 5, 7)] == [True, False, True]
    assert (known[2], known[7]) == ({"E": float("inf")}, {"E": 1e-9})


def test_pairs_that_show_the_same_thing_are_no_false_match(tmp_path: Path) -> None:
    """Only a pair that nobody has looked at counts as one."""
    upload, entry = min(strangers.same_things())
    near = [
        {"upload": upload, "entry": other, "E": 1e-12, "distance": 40}
        for other in (entry, "another")
    ]
    kept = Kept(tmp_path / "it.jsonl")
    kept.add(0, {"pairs": 10, "figures": [1e-12, 1e-12, float("inf")], "near": near})
    own = originals.Original(
        file="0.png", sort="drawing", package="p", scene=upload, half="B", quality=100
    )
    values, planes = np.empty(0, np.uint8), np.empty(0, np.float32)
    known = originals.Originals(tmp_path, (own,), values, planes)

    report = strangers.report(known, [0], kept, 10)

    assert [aim.measured for aim in report.aims] == [1]
    assert report.rows[0] == {"E": 100.0, "expected": 100.0, "drawing": 2}


def test_ratios_are_medians_over_rounds() -> None:
    """A round in which the machine was busy does not decide."""
    turns = Turns()
    for ours, theirs in ((2.0, 1.0), (3.0, 1.0), (90.0, 30.0)):
        turns.add("ours", ours)
        turns.add("theirs", theirs)

    assert turns.ratio("ours", "theirs") == 3.0
    assert turns.median("ours") == 3.0


def test_a_figure_that_is_no_number_misses_its_aim() -> None:
    """A measurement without any answer is no success."""
    assert not Aim(text="it", measured=float("nan"), most=1).met
    assert Aim(text="it", measured=1, most=1).met
