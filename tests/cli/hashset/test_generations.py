"""Listing and checking generations, and going from one to another."""

import io
import json
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tests.cli.running import json_lines, run
from uploadfilter.cli.hashset.generations import generations_table, megabytes
from uploadfilter.cli.output import when
from uploadfilter.reference.entries.changes import ChangeKind
from uploadfilter.reference.files.layout import BASES, DATA_FILE, OVERLAYS
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory

MD5 = "568b72d9fa3101692a4928a5a1ef8d84"
OTHER_MD5 = "f7762cf42660a7bf59ee61c9520bc1ce"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a state directory with generation 2, in which hash set ``one`` came."""
    path = tmp_path / "state"
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(path))
    import_set(monkeypatch, tmp_path, "one", MD5)
    return path


def import_set(
    monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, md5: str
) -> None:
    """Import a hash set with one entry of the same name."""
    hash_set = folder / f"{name}.jsonl"
    hash_set.write_text(json.dumps({"id": name, "category": "1", "md5": md5}))
    arguments = (str(hash_set), "--name", name, "--category", "1")
    assert run(monkeypatch, "hashset", "import", *arguments) == 0


def matched(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], md5: str
) -> list[str]:
    """Return the entries that a look-up finds."""
    capfd.readouterr()
    run(monkeypatch, "lookup", "md5", md5, "--json")
    (answer,) = json_lines(capfd.readouterr().out)
    return [match["entry"] for match in answer["matches"]]


def test_generations_are_listed_newest_first(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each names the change that made it, and its size."""
    capfd.readouterr()
    code = run(monkeypatch, "hashset", "list", "--generations", "--json")
    (found,) = json_lines(capfd.readouterr().out)

    assert code == 0
    assert [
        (item["generation"], item["kind"], item["subject"], item["entries"])
        for item in found["generations"]
    ] == [(2, "import", "one", 1), (1, "init", None, 0)]
    assert all(item["base"]["bytes"] > 0 for item in found["generations"])


def test_generations_fit_on_a_terminal_of_80_columns(state: Path) -> None:
    """The origin of a generation is folded, and its time is not."""
    (current, *_) = ReferenceDirectory(state / REFERENCE_DIRECTORY).generations()
    made = msgspec.structs.replace(
        current, kind=ChangeKind.UNSUPPRESS, subject="unit7/1007", entries=90_000_000
    )
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(generations_table([made, msgspec.structs.replace(made, pinned=True)]))
    shown = console.export_text()

    assert shown.count(when(made.at)) == 2
    assert "90,000,000" in shown
    assert "kept, pinned" in shown


def test_generations_for_people(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first row of the table is the generation in force."""
    capfd.readouterr()
    run(monkeypatch, "hashset", "list", "--generations")
    heading, first, second = capfd.readouterr().out.splitlines()

    assert heading.startswith("number")
    assert first.startswith("2       in force")
    assert "import one" in first
    assert second.startswith("1       kept")


def test_check_of_a_sound_reference_set(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """All is verified, and the exit code says that nothing is wrong."""
    capfd.readouterr()
    codes = [
        run(monkeypatch, "verify", "--reference"),
        run(monkeypatch, "verify", "--reference", "--json"),
    ]
    people, programs = capfd.readouterr().out.splitlines()

    assert codes == [0, 0]
    assert people.startswith("sound: ")
    assert json.loads(programs)["problems"] == []


@pytest.mark.parametrize(
    ("kind", "number", "whose"), [(OVERLAYS, 2, "in force"), (OVERLAYS, 1, "kept")]
)
def test_check_finds_a_flipped_bit(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    state: Path,
    kind: str,
    number: int,
    whose: str,
) -> None:
    """Damage ends with 1, and the report says whether it matters now."""
    flip_a_bit(state / REFERENCE_DIRECTORY / kind / str(number) / DATA_FILE)
    capfd.readouterr()
    code = run(monkeypatch, "verify", "--reference")
    out = capfd.readouterr().out
    run(monkeypatch, "verify", "--reference", "--json")
    (report,) = json_lines(capfd.readouterr().out)

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
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    state: Path,
    tmp_path: Path,
) -> None:
    """Removed entries do not stay on the disk until some large import."""
    import_set(monkeypatch, tmp_path, "two", OTHER_MD5)
    with ReferenceDirectory(state / REFERENCE_DIRECTORY).writer() as writer:
        assert writer.compact()
    capfd.readouterr()
    run(monkeypatch, "hashset", "remove", "two", "--yes")
    half = capfd.readouterr().err
    import_set(monkeypatch, tmp_path, "one", OTHER_MD5)
    said = capfd.readouterr().err

    assert "new base" not in half
    assert "wrote a new base, as most of it was hidden; generation 7" in said
    assert (state / REFERENCE_DIRECTORY / BASES / "7").is_dir()
    assert matched(monkeypatch, capfd, OTHER_MD5) == ["one"]
    assert matched(monkeypatch, capfd, MD5) == []


def test_rollback_pins_until_released(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """After a rollback nothing can be imported before somebody releases it."""
    import_set(monkeypatch, tmp_path, "two", OTHER_MD5)
    capfd.readouterr()
    run(monkeypatch, "hashset", "rollback", "--yes", "--json")
    (done,) = json_lines(capfd.readouterr().out)
    arguments = (str(tmp_path / "two.jsonl"), "--name", "two", "--category", "1")
    refused = run(monkeypatch, "hashset", "import", *arguments)
    hint = capfd.readouterr().err
    run(monkeypatch, "hashset", "list", "--generations")
    run(monkeypatch, "hashset", "list")
    listed = capfd.readouterr()
    run(monkeypatch, "hashset", "rollback", "--release", "--json")
    (released,) = json_lines(capfd.readouterr().out)
    code = run(monkeypatch, "hashset", "import", *arguments)

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


def test_rollback_to_a_number_for_people(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The message names the generation, and the remaining step."""
    run(monkeypatch, "hashset", "rollback", "1", "--yes")
    run(monkeypatch, "hashset", "rollback", "--release")
    said = capfd.readouterr().err

    assert "returned to generation 1, as generation 3" in said
    assert "hashset rollback --release" in said
    assert "released; generation 4" in said


@pytest.mark.parametrize("command", [("rollback",)])
def test_changes_without_a_terminal_need_yes(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    command: tuple[str, ...],
) -> None:
    """Without a terminal nothing is changed without an option."""
    capfd.readouterr()
    code = run(monkeypatch, "hashset", *command)

    assert code == 2
    assert "--yes" in capfd.readouterr().err
    assert matched(monkeypatch, capfd, MD5) == ["one"]


@pytest.mark.parametrize("command", ["rollback"])
def test_nobody_is_asked_about_a_generation_that_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    state: Path,
    command: str,
) -> None:
    """The number is wrong, and not the missing confirmation."""
    assert (state / REFERENCE_DIRECTORY).is_dir()
    capfd.readouterr()

    assert run(monkeypatch, "hashset", command, "77") == 2
    assert "generation 77 is not kept" in capfd.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("rollback", "77", "--yes"), id="rollback"),
        pytest.param(("rollback", "--release"), id="release"),
        pytest.param(("rollback", "--release", "1"), id="release-of-a-number"),
    ],
)
def test_what_cannot_be_done_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    state: Path,
    command: tuple[str, ...],
) -> None:
    """A generation that is not kept, or not pinned, changes nothing."""
    before = ReferenceDirectory(state / REFERENCE_DIRECTORY).generations()[0]
    capfd.readouterr()
    code = run(monkeypatch, "hashset", *command)

    assert code == 2
    assert capfd.readouterr().err
    after = ReferenceDirectory(state / REFERENCE_DIRECTORY).generations()[0]
    assert after == before


@pytest.mark.parametrize(
    "command",
    [
        ("hashset", "list"),
        ("hashset", "list", "--generations"),
        ("hashset", "list", "--stats"),
        ("verify", "--reference"),
        ("hashset", "rollback", "--yes"),
        ("hashset", "rollback", "--release"),
    ],
)
def test_missing_reference_set_is_not_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """No command makes a missing reference set."""
    none = tmp_path / "none"
    code = run(monkeypatch, *command, "--state", str(none))

    assert code == 2
    assert not none.exists()


def test_unknown_time_is_a_dash(state: Path) -> None:
    """Generations of the first format do not say when they were made."""
    current = ReferenceDirectory(state / REFERENCE_DIRECTORY).generations()[0]

    assert when(0) == "-"
    assert megabytes(1_234_567_890) == "1,234.6"
    assert generations_table([current]).row_count == 1
