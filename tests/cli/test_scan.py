"""Scanning files from the command line, with real scanner processes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import Terminal, json_lines
from tests.corpus import pictures
from uploadfilter.model import Entry, EntrySignal
from uploadfilter.reference.entries.sets import LOCAL_ISSUER, SetInfo
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.signals.exact import Digests


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder for files to scan."""
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


def list_file(state: Path, content: bytes) -> None:
    """Make a reference set that lists one file by its digests."""
    digests = Digests()
    digests.update(content)
    signals = tuple(EntrySignal(signal=signal) for signal in digests.signals())
    info = SetInfo(
        name="unit7",
        issuer=LOCAL_ISSUER,
        categories=("1",),
        enforced=True,
        imported_at=0,
    )
    with ReferenceDirectory(state / REFERENCE_DIRECTORY).writer() as writer:
        collected = writer.collect()
        collected.add(Entry(id="e1", category="1", signals=signals))
        writer.replace_set(collected, info)


def picture(seed: int = 1) -> bytes:
    """Return a small picture."""
    return pictures.jpeg(pictures.photograph(seed, width=160, height=120))


def test_listed_file_matches_and_ends_with_1(
    terminal: Terminal, state: Path, folder: Path
) -> None:
    """A match is an object with its entry, and the exit code says so."""
    (folder / "a.jpg").write_bytes(picture())
    (folder / "b.jpg").write_bytes(picture(2))
    list_file(state, picture())
    code = terminal.run("scan", "--json", "--jobs", "1", str(folder))
    first, second = json_lines(terminal.read().out)

    assert code == 1
    assert (first["verdict"], second["verdict"]) == ("MATCH", "NO_MATCH")
    assert first["path"] == str(folder / "a.jpg")
    assert {match["signal_type"] for match in first["matches"]} == {
        "md5",
        "sha1",
        "sha256",
    }
    assert first["matches"][0]["entry"] == "e1"
    assert second["views"][0]["name"] == "stored"


def test_all_checked_and_nothing_matched_ends_with_0(
    terminal: Terminal, state: Path, folder: Path
) -> None:
    """Pictures, texts and empty files that no set lists are a success."""
    (folder / "a.jpg").write_bytes(picture())
    (folder / "b.txt").write_bytes(b"text")
    (folder / "empty").touch()
    ReferenceDirectory(state / REFERENCE_DIRECTORY).init()
    code = terminal.run("scan", str(folder))
    said = terminal.read()

    assert code == 0
    assert said.out.count("NO_MATCH") == 3
    assert "3 files: 0 matched" in said.err


def test_without_a_reference_set_nothing_counts_as_checked(
    terminal: Terminal, state: Path, folder: Path
) -> None:
    """A mistyped state directory must not look like a clean result."""
    (folder / "a.jpg").write_bytes(picture())
    code = terminal.run("scan", "--json", str(folder))
    said = terminal.read()
    (line,) = json_lines(said.out)

    assert code == 1
    assert (line["verdict"], line["reason"]) == ("INCONCLUSIVE", "no_reference_set")
    assert len(line["views"][0]["pdq"]) == 64
    assert "no reference set" in said.err
    assert not state.exists()


def test_file_that_cannot_be_read_is_a_line(
    terminal: Terminal, state: Path, folder: Path
) -> None:
    """The scan goes on after a path that is not there."""
    (folder / "a.txt").write_bytes(b"text")
    ReferenceDirectory(state / REFERENCE_DIRECTORY).init()
    paths = (str(folder / "missing"), str(folder / "a.txt"))
    code = terminal.run("scan", "--json", *paths)
    first, second = json_lines(terminal.read().out)

    assert code == 1
    assert (first["verdict"], first["reason"]) == ("INCONCLUSIVE", "unreadable")
    assert second["verdict"] == "NO_MATCH"


def test_file_that_claims_to_be_a_picture_is_not_checked(
    terminal: Terminal, state: Path, folder: Path
) -> None:
    """The suffix declares a picture, so an undecodable content is inconclusive."""
    (folder / "a.jpg").write_bytes(b"this is a text")
    ReferenceDirectory(state / REFERENCE_DIRECTORY).init()
    terminal.run("scan", "--json", str(folder))
    (line,) = json_lines(terminal.read().out)

    assert (line["verdict"], line["reason"]) == ("INCONCLUSIVE", "undecodable")


def test_name_that_is_not_utf8_can_be_printed(
    terminal: Terminal, state: Path, folder: Path
) -> None:
    """JSON carries any file name; bytes that are not text become escapes."""
    (folder / "a\udcff.txt").write_bytes(b"text")
    ReferenceDirectory(state / REFERENCE_DIRECTORY).init()
    code = terminal.run("scan", "--json", str(folder))
    (line,) = json_lines(terminal.read().out)

    assert code == 0
    assert line["path"].endswith(r"a\xff.txt")


def empty_current(reference: Path) -> None:
    """Truncate the file that names the generation."""
    (reference / "current").write_bytes(b"")


def garble_current(reference: Path) -> None:
    """Fill the file that names the generation with other bytes."""
    (reference / "current").write_bytes(b"\xff" * 200)


def lose_base(reference: Path) -> None:
    """Delete the data that ``current`` names."""
    shutil.rmtree(reference / "bases")


def lose_key(reference: Path) -> None:
    """Delete the key of the exact signals."""
    (reference / "key").unlink()


@pytest.mark.parametrize("damage", [empty_current, garble_current, lose_base, lose_key])
def test_damaged_reference_set_ends_the_scan(
    terminal: Terminal, state: Path, folder: Path, damage: Callable[[Path], None]
) -> None:
    """A reference set that cannot be used is an error, never "nothing matched"."""
    (folder / "a.jpg").write_bytes(picture())
    list_file(state, picture())
    damage(state / REFERENCE_DIRECTORY)
    code = terminal.run("scan", "--json", str(folder))
    said = terminal.read()

    assert code == 2
    assert said.out == ""
    assert said.err.startswith("uploadfilter: ")
    assert "Traceback" not in said.err


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((), id="no-path"),
        pytest.param(("x", "--jobs", "0"), id="no-jobs"),
        pytest.param(("x", "--frobnicate"), id="unknown-option"),
    ],
)
def test_wrong_usage_ends_with_2(
    terminal: Terminal, arguments: tuple[str, ...]
) -> None:
    """A mistake on the command line is told on stderr, and nothing is scanned."""
    code = terminal.run("scan", *arguments)
    said = terminal.read()

    assert (code, said.out) == (2, "")
