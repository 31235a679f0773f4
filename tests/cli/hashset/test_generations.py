"""Listing and checking generations, and going from one to another."""

import io
import json
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tests.cli.running import Terminal, json_lines
from uploadfilter.cli.hashset.generations import GenerationJSON, generations_table
from uploadfilter.cli.output import document_of, when
from uploadfilter.reference.entries.changes import ChangeKind
from uploadfilter.reference.files.layout import BASES, DATA_FILE, OVERLAYS
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory

MD5 = "568b72d9fa3101692a4928a5a1ef8d84"
OTHER_MD5 = "f7762cf42660a7bf59ee61c9520bc1ce"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a state directory with generation 2, in which hash set ``one`` came."""
    path = tmp_path / "state"
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(path))
    import_set(terminal, tmp_path, "one", MD5)
    return path


def import_set(terminal: Terminal, folder: Path, name: str, md5: str) -> None:
    """Import a hash set with one entry of the same name."""
    hash_set = folder / f"{name}.jsonl"
    hash_set.write_text(json.dumps({"id": name, "category": "1", "md5": md5}))
    arguments = (str(hash_set), "--name", name, "--category", "1")
    assert terminal.run("hashset", "import", *arguments) == 0


def matched(terminal: Terminal, md5: str) -> list[str]:
    """Return the entries that a look-up finds."""
    terminal.read()
    terminal.run("lookup", "md5", md5, "--json")
    (answer,) = json_lines(terminal.read().out)
    return [match["entry"] for match in answer["matches"]]


def test_generations_are_listed_newest_first(terminal: Terminal) -> None:
    """Each names the change that made it, and its size."""
    terminal.read()
    code = terminal.run("hashset", "list", "--generations", "--json")
    (found,) = json_lines(terminal.read().out)

    assert code == 0
    assert [
        (item["generation"], item["kind"], item["subject"], item["entries"])
        for item in found["generations"]
    ] == [(2, "import", "one", 1), (1, "init", None, 0)]
    assert all(item["base"]["bytes"] > 0 for item in found["generations"])


def test_generations_fit_on_a_terminal_of_80_columns(state: Path) -> None:
    """The origin of a generation is folded, and its time is not."""
    (current, *_) = ReferenceDirectory(state / REFERENCE_DIRECTORY).generations()
    words: dict[str, object] = {"subject": "unit7/1007", "entries": 90_000_000}
    made = document_of(GenerationJSON, current, kind=ChangeKind.UNSUPPRESS, **words)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(generations_table([made, msgspec.structs.replace(made, pinned=True)]))
    shown = console.export_text()

    assert shown.count(when(current.at)) == 2
    assert "90,000,000" in shown
    assert "kept, pinned" in shown


def test_check_of_a_sound_reference_set(terminal: Terminal) -> None:
    """All is verified, and the exit code says that nothing is wrong."""
    terminal.read()
    codes = [
        terminal.run("verify", "--reference"),
        terminal.run("verify", "--reference", "--json"),
    ]
    people, programs = terminal.read().out.splitlines()

    assert codes == [0, 0]
    assert people.startswith("sound: ")
    assert json.loads(programs)["problems"] == []


@pytest.mark.parametrize(
    ("kind", "number", "whose"), [(OVERLAYS, 2, "in force"), (OVERLAYS, 1, "kept")]
)
def test_check_finds_a_flipped_bit(
    terminal: Terminal, state: Path, kind: str, number: int, whose: str
) -> None:
    """Damage ends with 1, and the report says whether it matters now."""
    flip_a_bit(state / REFERENCE_DIRECTORY / kind / str(number) / DATA_FILE)
    terminal.read()
    code = terminal.run("verify", "--reference")
    out = terminal.read().out
    terminal.run("verify", "--reference", "--json")
    (report,) = json_lines(terminal.read().out)

    assert code == 1
    assert out.startswith("damaged: ")
    assert f"{kind}/{number}/{DATA_FILE}" in out
    assert f"({whose})" in out
    assert [item["in_force"] for item in report["problems"]] == [whose == "in force"]
    assert report["sound"] is False


def flip_a_bit(path: Path) -> None:
    """Damage a file in its last page."""
    data = bytearray(path.read_bytes())
    data[-8] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def test_base_that_is_mostly_hidden_is_written_anew(
    terminal: Terminal, state: Path, tmp_path: Path
) -> None:
    """Removed entries do not stay on the disk until some large import."""
    import_set(terminal, tmp_path, "two", OTHER_MD5)
    with ReferenceDirectory(state / REFERENCE_DIRECTORY).writer() as writer:
        assert writer.compact()
    terminal.read()
    terminal.run("hashset", "remove", "two", "--yes")
    half = terminal.read().err
    import_set(terminal, tmp_path, "one", OTHER_MD5)
    said = terminal.read().err

    assert "new base" not in half
    assert "wrote a new base, as most of it was hidden; generation 7" in said
    assert (state / REFERENCE_DIRECTORY / BASES / "7").is_dir()
    assert matched(terminal, OTHER_MD5) == ["one"]
    assert matched(terminal, MD5) == []


def test_rollback_pins_until_released(terminal: Terminal, tmp_path: Path) -> None:
    """After a rollback nothing can be imported before somebody releases it."""
    import_set(terminal, tmp_path, "two", OTHER_MD5)
    terminal.read()
    terminal.run("hashset", "rollback", "--yes", "--json")
    (done,) = json_lines(terminal.read().out)
    arguments = (str(tmp_path / "two.jsonl"), "--name", "two", "--category", "1")
    refused = terminal.run("hashset", "import", *arguments)
    hint = terminal.read().err
    terminal.run("hashset", "list", "--generations")
    terminal.run("hashset", "list")
    listed = terminal.read()
    terminal.run("hashset", "rollback", "--release", "--json")
    (released,) = json_lines(terminal.read().out)
    code = terminal.run("hashset", "import", *arguments)

    assert done == {
        "returned_to": 2,
        "generation": 4,
        "pinned": True,
        "kept_out": {},
        "monitored": [],
    }
    assert refused == 2
    assert "hashset rollback --release" in hint
    assert "in force, pinned" in listed.out
    assert listed.err.count("generation 4 is pinned") == 2
    assert released == {"generation": 5, "pinned": False}
    assert code == 0


def test_rollback_to_a_number_for_people(terminal: Terminal) -> None:
    """The message names the generation, and the remaining step."""
    terminal.run("hashset", "rollback", "1", "--yes")
    terminal.run("hashset", "rollback", "--release")
    said = terminal.read().err

    assert "returned to generation 1, as generation 3" in said
    assert "hashset rollback --release" in said
    assert "released; generation 4" in said


@pytest.mark.parametrize(
    ("command", "message"),
    [
        # The number is wrong, and not the missing confirmation.
        (("77",), "generation 77 is not kept"),
        (("77", "--yes"), "generation 77 is not kept"),
        (("--release",), "not pinned"),
        (("--release", "1"), "takes no number"),
        ((), "--yes"),
    ],
)
def test_rollback_that_cannot_be_done_is_refused(
    terminal: Terminal, state: Path, command: tuple[str, ...], message: str
) -> None:
    """It changes nothing, as without a confirmation."""
    before = ReferenceDirectory(state / REFERENCE_DIRECTORY).generations()[0]

    assert terminal.run("hashset", "rollback", *command) == 2
    assert message in terminal.read().err
    after = ReferenceDirectory(state / REFERENCE_DIRECTORY).generations()[0]
    assert after == before


@pytest.mark.parametrize(
    "command",
    [
        ("hashset", "list"),
        ("hashset", "list", "x"),
        ("hashset", "remove", "x", "--yes"),
        ("hashset", "list", "--generations"),
        ("hashset", "list", "--stats"),
        ("verify", "--reference"),
        ("hashset", "rollback", "--yes"),
        ("hashset", "rollback", "--release"),
    ],
)
def test_missing_reference_set_is_not_made(
    terminal: Terminal, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """No command makes a missing reference set."""
    none = tmp_path / "none"
    code = terminal.run(*command, "--state", str(none))

    assert code == 2
    assert not none.exists()
