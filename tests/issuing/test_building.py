"""Entries out of scans: signals, ids, categories, refusals, and going on."""

import resource
from dataclasses import replace
from pathlib import Path, PurePath

import pytest
from PIL import Image

from tests.corpus import pictures
from tests.issuing.sources import PHOTO, SHA256, made
from tests.scanners.scans import scanned
from uploadfilter.errors import IssuerError
from uploadfilter.issuing.building import (
    MOST_FRAMES,
    BuildFile,
    FileResult,
    LeftOut,
    Naming,
)
from uploadfilter.issuing.tables import PictureRow, PictureTable
from uploadfilter.model import Entry, Geometry
from uploadfilter.unfinished import mark_of

FLAT = replace(
    scanned(pictures.png(Image.new("RGB", (90, 90), "white"))), exact=(SHA256,)
)


def table_of(place: str, entry_id: str, category: str) -> PictureTable:
    """Return a table of one row."""
    return PictureTable([(PictureRow(id=entry_id, category=category, line=2), [place])])


def test_entry_has_what_finds_the_picture_and_its_copies() -> None:
    """Digests, PDQ with its quality and geometry, and pHash."""
    entry = made(PHOTO)

    assert isinstance(entry, Entry)
    assert entry.id == SHA256.value.hex()[:32]
    assert [item.signal.type for item in entry.signals] == ["sha256", "pdq", "phash"]
    assert entry.signals[1].geometry is Geometry.FULL
    assert (entry.signals[1].quality or 0) > 50
    assert made(PHOTO, "p-1") == replace(entry, id="p-1")


def test_what_would_match_innocent_pictures_is_refused() -> None:
    """A flat picture is not an entry, and neither is a page of text."""
    assert made(FLAT) is LeftOut.DEGENERATE
    assert made(scanned(b"hello, world")) is LeftOut.NO_PICTURE


def test_picture_of_which_too_little_is_left_is_damaged_and_not_plain() -> None:
    """Its analyst looks for the original, which is not plain at all."""
    content = pictures.jpeg(pictures.photograph(2, width=240, height=180))
    rest = replace(scanned(content[: len(content) // 8]), exact=(SHA256,))

    assert rest.views
    assert made(rest) is LeftOut.DAMAGED


def test_frames_are_bounded_and_other_showings_left_out() -> None:
    """Of many frames, some at even distances are listed, without their backgrounds."""
    view = PHOTO.views[0]
    names = [f"frame:{n}" for n in range(100)] + ["frame:3/white", "trim:1", "alpha"]
    rows = [
        replace(row, values=bytes([n]) + row.values[1:])
        for n, row in enumerate(view.rows[:1] * 100)
    ]
    views = [
        replace(view, name=name, rows=(rows[n % 100], *view.rows[1:]))
        for n, name in enumerate(names)
    ]
    entry = made(replace(PHOTO, views=tuple(views)))

    assert isinstance(entry, Entry)
    pdqs = [it.signal.value[0] for it in entry.signals if it.signal.type == "pdq"]
    assert len(pdqs) == MOST_FRAMES
    assert (pdqs[0], pdqs[-1]) == (0, 99)


def test_windows_are_listed_with_pdq_alone() -> None:
    """A window without detail is left out, and so is that of a flat picture."""
    content = pictures.png(pictures.photograph(5, width=240, height=180))
    scan = replace(scanned(content, windows=True), exact=(SHA256,))
    entry = made(scan)

    assert isinstance(entry, Entry)
    listed = [(it.signal.type, it.window) for it in entry.signals[1:]]
    assert listed == [
        ("pdq", "full"),
        ("phash", "full"),
        ("pdq", "c60"),
        ("pdq", "c80"),
    ]
    flat = [
        replace(view, plane=bytes(len(view.plane))) if ":60" in view.name else view
        for view in scan.views
    ]
    entry = made(replace(scan, views=tuple(flat)))
    assert isinstance(entry, Entry)
    assert [it.window for it in entry.signals[3:]] == ["c80"]


@pytest.mark.parametrize(
    ("naming", "path", "wanted"),
    [
        (Naming(), "A/x.png", ("", "A")),
        (Naming(), "A/B/x.png", ("", "A")),
        (Naming(), "x.png", LeftOut.NO_CATEGORY),
        (Naming(), "(x)/x.png", LeftOut.NO_CATEGORY),
        (Naming(category="1"), "x.png", ("", "1")),
        (Naming(category="1", by_name=True), "A/x.y.png", ("x.y", "1")),
        (Naming(by_name=True), "A/" + "x" * 129 + ".png", LeftOut.NO_ID),
        (Naming(by_name=True), "A/x\n.png", LeftOut.NO_ID),
        (Naming(table=table_of("a/x.png", "p-1", "2")), "a/x.png", ("p-1", "2")),
        (Naming(table=table_of("a/x.png", "p-1", "2")), "b/x.png", LeftOut.NO_ROW),
        (Naming(table=table_of("x.png", "", ""), category="3"), "x.png", ("", "3")),
        (Naming(table=table_of("x.png", "p-1", "")), "x.png", LeftOut.NO_CATEGORY),
    ],
)
def test_ids_and_categories_come_from_where_was_said(
    naming: Naming, path: str, wanted: object
) -> None:
    """They come from the first folder, an option, the name of the file, or a table."""
    assert naming.of(PurePath(path)) == wanted


def test_digests_are_asked_where_the_place_says_nothing() -> None:
    """A row may name a picture by its path or by any of its digests."""
    row = PictureRow(id="p-1", category="1", line=2)
    other = PictureRow(id="p-2", category="1", line=3)
    digest = PHOTO.exact[0]
    naming = Naming(table=PictureTable([(row, [digest.value]), (other, ["a.png"])]))

    assert naming.needs_digests(PurePath("x.png"))
    assert not naming.needs_digests(PurePath("a.png"))
    assert naming.of(PurePath("x.png"), PHOTO.exact) == ("p-1", "1")
    assert naming.of(PurePath("a.png"), PHOTO.exact) == ("p-2", "1")
    assert naming.of(PurePath("x.png")) == LeftOut.NO_ROW
    assert not Naming().needs_digests(PurePath("x.png"))


def test_interrupted_build_goes_on(tmp_path: Path) -> None:
    """Finished files are not read again, and an incomplete line is removed."""
    entry = made(PHOTO)
    assert isinstance(entry, Entry)
    to = tmp_path / "built.jsonl"
    first = BuildFile(to)
    first.add(FileResult(mark="m1", made=replace(entry, id="a")))
    first.add(FileResult(mark="m2", made=LeftOut.NO_PICTURE, row=7))
    first.close()
    with (tmp_path / "built.jsonl.part").open("ab") as file:
        file.write(b'{"id":"half')

    second = BuildFile(to)
    assert [second.is_done(mark) for mark in ("m1", "m2", "m3")] == [True, True, False]
    second.add(FileResult(mark="m3", made=replace(entry, id="b")))
    second.add(FileResult(mark="m4", made=replace(entry, id="a")))
    second.finish()

    lines = to.read_text().splitlines()
    assert [line[:9] for line in lines] == ['{"id":"a"', '{"id":"b"']
    assert second.built.entries == 2
    assert second.built.rows == {0, 7}
    assert second.built.refused == {LeftOut.NO_PICTURE: 1, LeftOut.SAME: 1}
    assert list(tmp_path.iterdir()) == [to]
    with pytest.raises(IssuerError, match="already"):
        BuildFile(to)


def test_full_disk_is_one_error_with_a_hint(tmp_path: Path) -> None:
    """No second error follows when the files are closed."""
    entry = made(PHOTO)
    out = BuildFile(tmp_path / "built.jsonl")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(IssuerError, match="cannot write"):
            out.add(FileResult(mark="m1", made=entry))
        out.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_notes_name_nothing(tmp_path: Path) -> None:
    """A finished file is known by a digest, which changes with the file."""
    path = tmp_path / "a name.png"
    path.write_bytes(b"x")
    before = mark_of("a name.png", path.stat())
    path.write_bytes(b"xy")

    assert "name" not in before
    assert mark_of("a name.png", path.stat()) != before
