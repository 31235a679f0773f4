"""Importing, listing, showing and removing hash sets from the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import Terminal, json_lines
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader

MD5 = "568b72d9fa3101692a4928a5a1ef8d84"
OTHER_MD5 = "f7762cf42660a7bf59ee61c9520bc1ce"
IMPORT = ("hashset", "import")
NAMED = ("--name", "unit7", "--category", "1")


@pytest.fixture
def hash_set(tmp_path: Path) -> Path:
    """Return a file of three entries, one of which has another category."""
    entries = [
        {"id": "a", "category": "1", "md5": MD5},
        {"id": "b", "category": "1", "md5": OTHER_MD5},
        {"id": "c", "category": "2", "md5": MD5},
    ]
    path = tmp_path / "unit7.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def generation_number(state: Path) -> int:
    """Return the number of the generation in force."""
    with ReferenceReader.open(state / REFERENCE_DIRECTORY) as reader:
        return reader.current().number


@pytest.mark.usefixtures("state")
def test_import_takes_allowed_categories_only(
    terminal: Terminal, hash_set: Path
) -> None:
    """Entries of another category are left out, counted and shown."""
    code = terminal.run(*IMPORT, str(hash_set), *NAMED, "--json")
    (report,) = json_lines(terminal.read().out)

    assert code == 0
    assert report["set"]["entries"] == 2
    assert report["refused"] == [{"reason": "category", "count": 1, "first_line": 3}]
    assert report["categories"] == {"1": 2, "2": 1}


@pytest.mark.usefixtures("state")
def test_import_report_for_people(terminal: Terminal, hash_set: Path) -> None:
    """People read the numbers of taken and left-out records, why, and the mode."""
    terminal.run(*IMPORT, str(hash_set), *NAMED)
    said = terminal.read()

    assert "imported 'unit7': 2 entries (monitored) from 3 lines" in said.out
    assert "left out" in said.out
    assert "hashset enforce" in said.err


@pytest.mark.usefixtures("state")
def test_enforced_import_says_so(terminal: Terminal, hash_set: Path) -> None:
    """The entries of a set that was enforced are active, and it needs no warning."""
    terminal.run(*IMPORT, str(hash_set), *NAMED)
    terminal.run("hashset", "enforce", NAMED[1])
    terminal.read()
    terminal.run(*IMPORT, str(hash_set), *NAMED)
    said = terminal.read()

    assert "(active)" in said.out
    assert said.err == "its matches reject uploads, as the replaced set's matches did\n"


def test_broken_file_changes_nothing(
    terminal: Terminal, state: Path, hash_set: Path
) -> None:
    """A malformed line refuses the whole file, and the earlier set stays in force."""
    terminal.run(*IMPORT, str(hash_set), *NAMED)
    before = generation_number(state)
    hash_set.write_text(hash_set.read_text() + "{not json\n")
    code = terminal.run(*IMPORT, str(hash_set), *NAMED)
    said = terminal.read()

    assert code == 2
    assert generation_number(state) == before
    assert "1 not_json (first in line 4)" in said.err


@pytest.mark.usefixtures("state")
def test_bad_lines_can_be_skipped(terminal: Terminal, hash_set: Path) -> None:
    """With an option the good lines are imported, and the bad ones counted."""
    hash_set.write_text(hash_set.read_text() + "{not json\n")
    arguments = (str(hash_set), *NAMED, "--skip-bad-lines", "--json")
    code = terminal.run(*IMPORT, *arguments)
    (report,) = json_lines(terminal.read().out)

    assert code == 0
    assert report["set"]["entries"] == 2


@pytest.mark.usefixtures("state")
def test_report_names_the_types_that_were_read(
    terminal: Terminal, tmp_path: Path
) -> None:
    """An operator who meant PDQ sees that 64 digits were read as SHA-256."""
    path = tmp_path / "list.txt"
    path.write_text("ab" * 32 + "\n" + "cd" * 16 + "\n")
    terminal.run(*IMPORT, str(path), *NAMED)

    assert "signals: 1 md5, 1 sha256\n" in terminal.read().out


@pytest.mark.usefixtures("state")
def test_list_of_another_type_is_told(terminal: Terminal, tmp_path: Path) -> None:
    """64 hex digits are SHA-256 unless --type says that they are PDQ."""
    path = tmp_path / "list.txt"
    path.write_text(
        "87c450280c3a89932b1d2f7f6ac07f09e87e9f82dbfea8be763020edf0cc07f0\n"
    )
    terminal.run(*IMPORT, str(path), *NAMED, "--type", "pdq", "--json")
    (report,) = json_lines(terminal.read().out)

    assert report["set"]["counts"]["1"] == {"entries": 1, "pdq": 1}


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("--category", "1"), "--name", id="no-name"),
        pytest.param(("--name", "x"), "--category", id="no-category"),
        pytest.param(("--name", "A/B", "--category", "1"), "'A/B'", id="bad-name"),
    ],
)
def test_import_needs_name_and_category(
    terminal: Terminal, hash_set: Path, arguments: tuple[str, ...], said: str
) -> None:
    """There is no default for a choice that decides which uploads are stopped."""
    code = terminal.run(*IMPORT, str(hash_set), *arguments)

    assert code == 2
    assert said in terminal.read().err


@pytest.mark.usefixtures("state")
def test_import_of_a_missing_file_is_refused(terminal: Terminal) -> None:
    """The message names the file."""
    code = terminal.run(*IMPORT, "missing.jsonl", *NAMED)

    assert code == 2
    assert "missing.jsonl" in terminal.read().err


@pytest.mark.usefixtures("state")
def test_list_and_show(terminal: Terminal, hash_set: Path) -> None:
    """An imported set is listed, and shown without any of its signals."""
    terminal.run(*IMPORT, str(hash_set), *NAMED)
    terminal.read()
    terminal.run("hashset", "list", "--json")
    terminal.run("hashset", "list", "unit7", "--json")
    out = terminal.read().out
    listed, details = json_lines(out)

    assert [info["name"] for info in listed["sets"]] == ["unit7"]
    assert details["first_ids"] == ["a", "b"]
    assert details["source"]["refused"] == {"category": 1}
    assert MD5 not in out


@pytest.mark.usefixtures("state")
def test_list_and_show_for_people(terminal: Terminal, hash_set: Path) -> None:
    """Tables off a terminal are not cut, and have no colours."""
    terminal.run(*IMPORT, str(hash_set), *NAMED)
    terminal.read()
    codes = [terminal.run("hashset", "list"), terminal.run("hashset", "list", "unit7")]
    said = terminal.read()

    assert codes == [0, 0]
    assert "source refused category" in said.out
    assert "generation 2, 2 entries" in said.err
    assert "\x1b" not in said.out


def test_remove_with_yes(terminal: Terminal, state: Path, hash_set: Path) -> None:
    """A removed set is gone from the next generation on."""
    terminal.run(*IMPORT, str(hash_set), *NAMED)
    before = generation_number(state)
    code = terminal.run("hashset", "remove", "unit7", "--yes")
    with ReferenceReader.open(state / REFERENCE_DIRECTORY) as reader:
        left = reader.current().sets

    assert code == 0
    assert left == ()
    assert generation_number(state) == before + 1
    assert "removed 'unit7' with 2 entries" in terminal.read().err


def test_remove_without_a_terminal_needs_yes(
    terminal: Terminal, state: Path, hash_set: Path
) -> None:
    """Without a terminal nothing is removed without an option."""
    terminal.run(*IMPORT, str(hash_set), *NAMED)
    before = generation_number(state)
    code = terminal.run("hashset", "remove", "unit7")

    assert code == 2
    assert generation_number(state) == before
    assert "--yes" in terminal.read().err


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("command", [("list", "x"), ("remove", "x", "--yes")])
def test_unknown_set_is_refused(
    terminal: Terminal, hash_set: Path, command: tuple[str, ...]
) -> None:
    """The message says which sets there are."""
    terminal.run(*IMPORT, str(hash_set), *NAMED)
    code = terminal.run("hashset", *command)

    assert code == 2
    assert "'unit7'" in terminal.read().err


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a CSV file with names in it."""
    path = tmp_path / "export.csv"
    path.write_text(
        f"Media;Category;Hash;Name\na;1;{MD5};Anna\nb;2;{OTHER_MD5};Bob\nc;1;;Eve\n"
    )
    return path


MAPPED = ("--map", "id=Media", "--map", "category=Category", "--map", "md5=Hash")


def test_preview_imports_nothing(terminal: Terminal, state: Path, table: Path) -> None:
    """It needs neither a name nor a category, and shows no cell."""
    code = terminal.run(*IMPORT, str(table), *MAPPED, "--preview")
    said = terminal.read()
    terminal.run(*IMPORT, str(table), *MAPPED, "--preview", "--json")
    (document,) = json_lines(terminal.read().out)

    assert code == 0
    assert not state.exists()
    assert "no_signals" in said.out
    assert document["categories"] == {"1": 1, "2": 1}
    assert document["accepted"] == 2
    for secret in ("Anna", MD5):
        assert secret not in f"{said} {document}"


@pytest.mark.usefixtures("state")
def test_table_is_imported_by_its_mapping(
    terminal: Terminal, tmp_path: Path, table: Path
) -> None:
    """By options or by a saved mapping; without a terminal nobody is asked."""
    mapping = tmp_path / "export.toml"
    mapping.write_text(
        '[map]\nid = "Media"\nmd5 = "Hash"\ncategory = "Category"\n'
        '[where]\nname = ["anna", "bob"]\n'
    )
    chosen = (*NAMED, "--json", "--skip-bad-lines")
    terminal.run(*IMPORT, str(table), *MAPPED, *chosen)
    terminal.run(*IMPORT, str(table), "--mapping", str(mapping), *chosen)
    first, second = json_lines(terminal.read().out)

    assert first["set"]["entries"] == second["set"]["entries"] == 1
    assert [item["reason"] for item in first["refused"]] == ["category", "no_signals"]
    assert [item["reason"] for item in second["refused"]] == ["category", "not_wanted"]


def test_columns_that_nobody_named_need_a_yes(
    terminal: Terminal, state: Path, tmp_path: Path
) -> None:
    """Without a terminal there is no preview, so nothing is recognised in silence."""
    path = tmp_path / "export.csv"
    path.write_text(f"id,category,md5\na,1,{MD5}\n")
    arguments = (*IMPORT, str(path), "--format", "csv", *NAMED)
    refused = terminal.run(*arguments)
    said = terminal.read().err
    existed = state.exists()
    accepted = terminal.run(*arguments, "--yes")

    assert (refused, accepted) == (2, 0)
    assert "--map FIELD=COLUMN" in said
    assert not existed


TERMINAL = """
import sys
sys.stdin.isatty = lambda: True
from uploadfilter.cli import main
main()
"""


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
def test_terminal_shows_the_preview_and_asks(
    state: Path, table: Path, answer: str, code: int
) -> None:
    """A person reads the contents of the file, and then decides."""
    arguments = (*IMPORT, str(table), *MAPPED, *NAMED, "--skip-bad-lines")
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", TERMINAL, *arguments],
        input=answer,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "1 entries of 4 lines can be taken" in done.stdout
    assert "Import this?" in done.stderr
    assert state.exists() == (code == 0)
    assert "Anna" not in done.stdout + done.stderr


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("more", [(), ("--preview",), ("--yes",)])
def test_list_of_known_files_is_named_before_its_columns(
    terminal: Terminal, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """There is no question about the columns of NSRL, which must not be imported."""
    path = tmp_path / "NSRLFile.txt"
    heading = "SHA-1,MD5,CRC32,FileName,FileSize,ProductCode,OpSystemCode,SpecialCode"
    path.write_text(f"{heading}\n{'0' * 40},{MD5},FFFFFFFF,a,1,1,1,\n")

    assert terminal.run(*IMPORT, str(path), *NAMED, *more) == 2
    assert "this is NSRL" in terminal.read().err
