"""``uploadfilter issuer build``: a folder of pictures becomes lines of signals."""

import csv
import hashlib
import json
from pathlib import Path

import pytest

from hashsets.demo.make_demo import entry_of
from tests.cli.running import Terminal, json_lines
from tests.corpus import pictures
from uploadfilter.knowngood import corpus as corpora


def test_folder_becomes_entries(terminal: Terminal, tmp_path: Path) -> None:
    """Pictures become entries of their folder's category; names stay where they are."""
    png = b""
    for category, seed in (("A", 1), ("B", 2)):
        folder = tmp_path / "in" / category
        folder.mkdir(parents=True)
        photo = pictures.photograph(seed, width=120, height=90)
        png = pictures.png(photo)
        (folder / "secret-name.png").write_bytes(png)
    (tmp_path / "in" / "A" / "note.txt").write_text("hello")
    pdq = bytes.fromhex(str(entry_of(png, entry_id="x", category="x")["pdq"]))
    corpus = tmp_path / "corpus" / "kg"
    head = corpora.Head(format=corpora.FORMAT, pictures=1, each=1)
    corpora.write(corpus, head, values=pdq, qualities=b"\x5a", digests={})
    words = ("issuer", "build", str(tmp_path / "in"), str(tmp_path / "out.jsonl"))
    known = ("--known-good", str(corpus))

    assert terminal.run(*words, *known, "--jobs", "1", "--json") == 0
    (shape,) = json_lines(terminal.read().out)
    text = (tmp_path / "out.jsonl").read_text()
    entries = [json.loads(line) for line in text.splitlines()]
    assert shape["categories"] == {"A": 1, "B": 1}
    assert shape["refused"] == {"no_picture": 1}
    assert "secret" not in text
    assert [entry["category"] for entry in entries] == ["A", "B"]
    assert shape["generic"] == [entries[1]["id"]]
    types = [item["type"] for item in entries[0]["signals"]]
    assert sorted(types) == ["md5", "pdq", "phash", "sha1", "sha256"]


def test_windows_are_listed_if_they_are_asked_for(
    terminal: Terminal, tmp_path: Path
) -> None:
    """The centre of a picture has PDQ values of its own."""
    folder = tmp_path / "in" / "A"
    folder.mkdir(parents=True)
    image = pictures.photograph(3, width=240, height=180)
    (folder / "x.png").write_bytes(pictures.png(image))
    words = ("issuer", "build", str(tmp_path / "in"), str(tmp_path / "out.jsonl"))

    assert terminal.run(*words, "--jobs", "1", "--windows") == 0
    (entry,) = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    windows = [it.get("window") for it in entry["signals"] if it["type"] == "pdq"]
    assert sorted(windows, key=str) == [None, "c60", "c80"]


def test_source_is_a_folder(terminal: Terminal, tmp_path: Path) -> None:
    """A file is not a folder of pictures."""
    assert terminal.run("issuer", "build", str(tmp_path / "x"), "out") == 2
    assert "is not a folder" in terminal.read().err


@pytest.mark.parametrize(
    "more", [(), pytest.param(("--json",), marks=pytest.mark.slow)]
)
def test_folder_without_a_picture_is_said(
    terminal: Terminal, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """Nothing was built: that is not a success, and no next step is named."""
    (tmp_path / "in").mkdir()
    words = ("issuer", "build", str(tmp_path / "in"), str(tmp_path / "out.jsonl"))

    assert terminal.run(*words, "--jobs", "1", *more) == 1
    said = terminal.read()
    assert "next" not in said.out + said.err
    assert more or "no picture was found" in " ".join(said.err.split())
    assert not (tmp_path / "out.jsonl").exists()
    (tmp_path / "in" / "note.txt").write_text("hello")
    assert terminal.run(*words, "--jobs", "1", *more) == 1


def test_table_names_pictures_and_what_does_not_fit_is_counted(
    terminal: Terminal, tmp_path: Path
) -> None:
    """VICS beside the pictures: a medium without a file, and the other way round."""
    folder, files = tmp_path / "in", []
    folder.mkdir()
    for seed in (1, 2):
        photo = pictures.photograph(seed, width=120, height=90)
        files.append(pictures.png(photo))
        (folder / f"{seed}.png").write_bytes(files[-1])
    md5 = hashlib.md5(files[0], usedforsecurity=False).hexdigest().upper()
    media = [
        {"MediaID": 4, "Category": 2, "MD5": "AB" * 16},
        {"MediaID": 5, "Category": 1, "MD5": md5},
    ]
    head = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/UK/$metadata"
    table = folder / "vics.json"
    table.write_text(json.dumps({"@odata.context": f"{head}#Media", "value": media}))
    out = tmp_path / "out.jsonl"
    words = ("issuer", "build", str(folder), str(out), "--table", str(table))

    assert terminal.run(*words, "--jobs", "1") == 0
    (entry,) = map(json.loads, out.read_text().splitlines())
    assert (entry["id"], entry["category"]) == ("5", "1")
    said = terminal.read().err
    assert "rows without a file: 1, the first in line 1" in said
    # The table lies in the folder as well.
    assert "left out: 2, in no row of the table" in said


def test_damaged_original_among_many_is_found(
    terminal: Terminal, tmp_path: Path
) -> None:
    """By name and reason: in a list, and on the terminal; nowhere else."""
    folder = tmp_path / "in" / "A"
    folder.mkdir(parents=True)
    photo = pictures.photograph(1, width=240, height=180)
    (folder / "good.png").write_bytes(pictures.png(photo))
    jpeg = pictures.jpeg(pictures.photograph(2, width=240, height=180))
    (folder / "half.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"broken" * 40)
    (folder / "zeros.jpg").write_bytes(bytes(4096))
    (folder / "again.png").write_bytes(pictures.png(photo))
    for number in range(40):
        (folder / f"note-{number}.txt").write_text("hello")
    out = tmp_path / "out.jsonl"
    words = ("issuer", "build", str(tmp_path / "in"), str(out), "--jobs", "1")

    assert terminal.run(*words) == 0
    said = " ".join(terminal.read().err.split())
    assert len(out.read_text().splitlines()) == 1
    assert "half.jpg (truncated)" in said
    assert "build with --damaged" in said
    with (tmp_path / "out.left-out.csv").open(newline="") as file:
        rows = {Path(row["path"]).name: row for row in csv.DictReader(file)}
    assert len(rows) == 44
    assert rows["half.jpg"]["outcome"] == "left out"
    damaged = "a picture that is damaged, or could not be decoded"
    assert (rows["broken.png"]["outcome"], rows["broken.png"]["reason"]) == (
        "left out",
        damaged,
    )
    assert rows["zeros.jpg"]["reason"] == damaged
    assert rows["half.jpg"]["reason"] == damaged
    assert rows["half.jpg"]["detail"] == "truncated"
    assert rows["good.png"]["reason"] == "the same file once more"
    assert rows["note-7.txt"]["reason"] == "not a picture"
    assert rows["broken.png"]["path"] == str(folder / "broken.png")
    assert "broken.png" in said
    assert "out.left-out.csv" in said
    assert "broken" not in out.read_text()
    assert (tmp_path / "out.left-out.csv").stat().st_mode & 0o077 == 0
    out.unlink()
    assert terminal.run(*words, "--damaged") == 0
    assert len(out.read_text().splitlines()) == 2
    assert "listed, but look at them: 1" in terminal.read().err


def test_known_good_pictures_are_left_out(terminal: Terminal, tmp_path: Path) -> None:
    """The list says which corpus has each of them."""
    folder = tmp_path / "in" / "A"
    folder.mkdir(parents=True)
    png = b""
    for seed in (1, 2):
        png = pictures.png(pictures.photograph(seed, width=120, height=90))
        (folder / f"{seed}.png").write_bytes(png)
    pdq = bytes.fromhex(str(entry_of(png, entry_id="x", category="x")["pdq"]))
    corpora_named = []
    for name, value in (("other", bytes(32)), ("stock", pdq)):
        path = tmp_path / name / "kg"
        head = corpora.Head(format=corpora.FORMAT, pictures=1, each=1)
        corpora.write(path, head, values=value, qualities=b"\x5a", digests={})
        corpora_named += ["--known-good", str(path)]
    out = tmp_path / "out.jsonl"
    words = ["issuer", "build", str(tmp_path / "in"), str(out), "--jobs", "1", "--json"]

    assert terminal.run(*words, *corpora_named, "--leave-out-known-good") == 0
    (shape,) = json_lines(terminal.read().out)
    assert (shape["entries"], shape["refused"]) == (1, {"known_good": 1})
    with Path(shape["files"]).open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["path"] == str(folder / "2.png")
    assert row["detail"] == str(tmp_path / "stock" / "kg")


def test_corpus_of_the_program_is_compared_without_a_name(
    terminal: Terminal, tmp_path: Path
) -> None:
    """The switch alone is enough."""
    folder = tmp_path / "in" / "A"
    folder.mkdir(parents=True)
    png = pictures.png(pictures.photograph(1, width=120, height=90))
    (folder / "1.png").write_bytes(png)
    words = ["issuer", "build", str(tmp_path / "in"), str(tmp_path / "out.jsonl")]

    assert terminal.run(*words, "--jobs", "1", "--leave-out-known-good") == 0
    assert "entries: 1" in terminal.read().err
