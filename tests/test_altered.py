"""The parts of the benchmark ``altered`` that can be tested without its pictures."""

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.altered import camera, originals, packages, strangers
from benchmarks.altered.kept import Kept
from benchmarks.altered.rows import ROWS
from benchmarks.altered.trials import Tally
from tests.corpus import pictures
from uploadfilter.signals.soft.family import soft_views


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


def test_the_slow_search_of_strangers_finds_the_picture_first() -> None:
    """It is the twin of the search for soft views."""
    plane = originals.plane_of(_photograph(6))
    others = [originals.plane_of(_photograph(seed)) for seed in range(10, 30)]
    values = originals.values_of(np.stack([*others, plane]))

    find = strangers.by_scan(values, 3)

    assert find(soft_views(plane.tobytes()))[0] == len(others)


def test_a_file_says_that_a_camera_made_it(tmp_path: Path) -> None:
    """The maker, the model or the exposure suffices; a program's name does not."""
    for tag, is_camera in ((0x010F, True), (0x0110, True), (0x0131, False)):
        exif = Image.Exif()
        exif[tag] = "It"
        _photograph(3).save(tmp_path / "it.jpg", exif=exif)
        assert camera.has_camera_data(tmp_path / "it.jpg") is is_camera
    exif = Image.Exif()
    exif.get_ifd(0x8769)[camera.EXPOSURE] = 0.01
    _photograph(3).save(tmp_path / "it.jpg", exif=exif)
    assert camera.has_camera_data(tmp_path / "it.jpg")
    (tmp_path / "it.jpg").write_bytes(b"no picture")
    assert not camera.has_camera_data(tmp_path / "it.jpg")


def test_a_row_states_its_parts() -> None:
    """Of all uploads, of detailed ones, and of those by a camera."""
    tally = Tally(
        "it",
        figures=[1e-12, 1.0, 1e-5, float("inf")],
        bits=[90, 31, 90, 90],
        is_detailed=[True, True, False, False],
        by_camera=[False, False, False, True],
    )

    found = tally.summary()

    assert (found["uploads"], found["found"]) == (4, 0.5)
    assert (found["detailed"], found["found_detailed"]) == (2, 1.0)
    assert (found["camera"], found["found_camera"]) == (1, 0.0)


def test_a_run_goes_on_where_it_was_ended(tmp_path: Path) -> None:
    """Kept results are not measured again."""
    Kept(tmp_path / "it.jsonl").add(7, {"E": 1e-12})

    again = Kept(tmp_path / "it.jsonl")
    again.add(2, {"E": None})

    assert again.missing([2, 5, 7]) == [5]
    assert list(Kept(tmp_path / "it.jsonl").of([7, 5, 2])) == [
        (7, {"E": 1e-12}),
        (2, {"E": None}),
    ]


def test_a_tally_is_kept_whole(tmp_path: Path) -> None:
    """Nothing is lost between the runs, not even an infinite E."""
    tally = strangers.Tally()
    tally.uploads["photograph"] += 1
    tally.compared["photograph"] += 400
    tally.figures["photograph"] = [1e-5, float("inf")]
    tally.near.append(
        strangers.Near(
            upload=3,
            sort="photograph",
            row=9,
            expected=1e-5,
            distance=50,
            outline="whole",
            variant="upright",
        )
    )
    Kept(tmp_path / "it.jsonl").add(3, tally.as_kept())

    whole = strangers.Tally()
    for _, found in Kept(tmp_path / "it.jsonl").of([3]):
        whole.take(found)

    assert whole == tally
