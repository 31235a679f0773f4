"""Signals of harmless pictures, on their way into a corpus."""

import resource
from pathlib import Path

import pytest

from tests.knowngood.corpora import md5_of, value
from uploadfilter.errors import HashSetKnownGoodError
from uploadfilter.knowngood.corpus import read
from uploadfilter.knowngood.gathering import FileSignals, Gathering, gather
from uploadfilter.model import (
    VARIANTS,
    Geometry,
    Scan,
    Signal,
    SignalRow,
    SignalType,
    View,
)
from uploadfilter.unfinished import mark_of


def made_of(*seeds: int) -> FileSignals:
    """Return the signals of one file of some pictures."""
    return FileSignals(
        values=b"".join(value(seed * 4 + n) for seed in seeds for n in range(4)),
        qualities=bytes([90]) * len(seeds),
        digests={"md5": b"".join(md5_of(str(seed)) for seed in seeds)},
    )


def view(name: str, plane: bytes, first: int = 0) -> View:
    """Return a view of eight values."""
    values = b"".join(value(first + n) for n in range(len(VARIANTS)))
    row = SignalRow(type=SignalType.PDQ, values=values, geometry=Geometry.FULL)
    return View(name=name, rows=(row,), plane=plane)


def scan_of(*views: View, nested: tuple[Scan, ...] = ()) -> Scan:
    """Return a scan with a digest."""
    exact = (Signal(type=SignalType.MD5, value=md5_of("x")),)
    return Scan(path="0", kind="png", size=1, exact=exact, views=views, contents=nested)


def test_values_are_those_that_the_others_follow_from() -> None:
    """They are upright, mirrored, flipped, turned, of views that browsers show."""
    scan = scan_of(
        view("stored", b"good"),
        view("trim:1", b"good", 10),
        view("frame:3/white", b"good", 20),
        view("black", b"flat", 30),
    )

    found = gather(scan, quality_of=lambda plane: 80 if plane == b"good" else 10)

    assert found is not None
    wanted = [value(n) for n in (0, 4, 5, 2)] + [value(n) for n in (20, 24, 25, 22)]
    assert found.values == b"".join(wanted)
    assert found.qualities == bytes([80, 80])
    assert found.digests["md5"] == md5_of("x")


def test_frames_of_videos_are_harmless_pictures_too() -> None:
    """The logo before a film is in many films, so that no set may list it."""
    names = ("ms:0", "ms:40/trim:1", "track:1/ms:80")
    scan = scan_of(*(view(name, b"good", 10 * n) for n, name in enumerate(names)))
    found = gather(scan, quality_of=lambda _: 80)

    assert found is not None
    wanted = [value(n) for n in (0, 4, 5, 2)] + [value(n) for n in (20, 24, 25, 22)]
    assert found.values == b"".join(wanted)


def test_what_is_no_picture_gives_nothing() -> None:
    """A file without a view does not count; a picture inside one counts."""
    inner = scan_of(view("stored", b"good"))

    assert gather(scan_of(), quality_of=lambda _: 80) is None
    found = gather(scan_of(nested=(inner,)), quality_of=lambda _: 80)
    assert found is not None
    assert found.digests["md5"] == md5_of("x")


def test_corpus_has_each_value_once(tmp_path: Path) -> None:
    """Equal pictures and digests are kept once, sorted; helper files are removed."""
    out = Gathering(tmp_path / "x")
    for mark, made in (("a", made_of(1)), ("b", made_of(2, 1)), ("c", None)):
        out.add(mark, made)
    out.finish(["package 1.0"])

    corpus = read(tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert corpus.values.shape == (2, 4, 4)
    assert corpus.head.digests["md5"] == 2
    assert corpus.head.sources == ("package 1.0",)
    assert (out.numbers.files, out.numbers.no_picture) == (2, 1)


def test_upright_values_alone_are_a_quarter(tmp_path: Path) -> None:
    """A small corpus has one value of each picture."""
    out = Gathering(tmp_path / "x")
    out.add("a", made_of(1))
    out.finish(each=1)

    assert read(tmp_path / "x").values.tobytes() == value(4)


@pytest.mark.parametrize("lost", [0, 1, 30])
def test_interrupted_build_goes_on(tmp_path: Path, lost: int) -> None:
    """Any part of the last note may be lost: the result is that of one run."""
    out = Gathering(tmp_path / "x")
    out.add("a" * 32, made_of(1))
    out.add("b" * 32, made_of(2))
    out.close()
    log = tmp_path / "x.done"
    log.write_bytes(log.read_bytes()[: -lost or None])

    again = Gathering(tmp_path / "x")
    assert again.is_done("a" * 32)
    if not again.is_done("b" * 32):
        again.add("b" * 32, made_of(2))
    again.add("c" * 32, made_of(3))
    again.finish()

    assert read(tmp_path / "x").values.shape == (3, 4, 4)
    assert again.numbers.files == 3


def test_full_disk_is_one_error_with_a_hint(tmp_path: Path) -> None:
    """No second error follows when the files are closed."""
    out = Gathering(tmp_path / "own.corpus")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(HashSetKnownGoodError, match="cannot write"):
            out.add("m1", made_of(1))
        out.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_nothing_gives_no_corpus(tmp_path: Path) -> None:
    """Without a picture there is no corpus, and an existing one is not replaced."""
    out = Gathering(tmp_path / "x")
    out.add("a", None)
    with pytest.raises(HashSetKnownGoodError, match="no pictures"):
        out.finish()
    (tmp_path / "y").touch()
    with pytest.raises(HashSetKnownGoodError, match="exists already"):
        Gathering(tmp_path / "y")


def test_marks_name_nothing(tmp_path: Path) -> None:
    """The mark of a finished file does not disclose its name."""
    path = tmp_path / "secret"
    path.touch()

    assert mark_of(str(path), path.stat()) == mark_of(str(path), path.stat())
    assert "secret" not in mark_of(str(path), path.stat())
