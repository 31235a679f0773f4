"""Feedback from the command line: an operator's key, file, and the issuer's sum."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tests.cli.hashset.shells import Shell, shell
from tests.cli.running import Terminal, json_lines
from tests.decisions.logs import DAY_S, write_log
from tests.syncing.gated import Case
from tests.syncing.matched import matched

__all__ = ["shell"]


def yesterday(shell: Shell) -> str:
    """Return a day that is over."""
    moment = datetime.fromtimestamp(shell.office.epoch_s, UTC) - timedelta(days=1)
    return f"{moment:%Y-%m-%d}"


def prepared(shell: Shell) -> Path:
    """Have a set, two matches of yesterday, and a key that the issuer knows."""
    assert shell.trust() == 0
    assert shell.type("sync", "unit7", "--category", "1") == 0
    log = shell.path / "state" / "instances" / "main" / "log"
    days = [[matched("a", "p-1", of="unit7"), matched("b", "p-1", "p-3", of="unit7")]]
    write_log(log, days, start=shell.office.epoch_s - DAY_S)
    assert shell.type("feedback", "--key", "hoster-1") == 0
    public = shell.said()[0]
    operators = shell.office.folder.path / "operators"
    operators.mkdir()
    (operators / "hoster-1.pub").write_text(public)
    return shell.path / "feedback.jsonl"


def test_from_key_to_sum(shell: Shell, terminal: Terminal) -> None:
    """The operator writes a file, and the issuer adds it up by entry."""
    file, day = prepared(shell), yesterday(shell)
    words = ("--from", day, "--to", day, "-o", str(file), "--json")
    assert shell.type("feedback", "unit7", *words) == 0
    assert json.loads(shell.said()[0]) == {"set": "unit7", "entries": 2, "matches": 3}
    issuer = ("issuer", "feedback", str(file), str(file))
    folder = ("--folder", str(shell.office.folder.path))
    assert terminal.run(*issuer, *folder) == 0
    found = terminal.read()
    assert "p-1: 2 matches at 1 operators, 2 of them exact" in found.out
    assert "was given twice, and is counted once" in found.err
    assert terminal.run(*issuer, *folder, "--json") == 0
    *entries, total = json_lines(terminal.read().out)
    assert [it["id"] for it in entries] == ["p-1", "p-3"]
    assert entries[0]["days"] == {day: 2}
    assert (total["operators"], total["matches"]) == (["hoster-1"], 3)


def test_feedback_before_the_first_sync(shell: Shell) -> None:
    """Nothing matched, and nothing is in quarantine."""
    assert shell.trust() == 0
    assert shell.type("feedback", "--key", "hoster-1") == 0
    (shell.path / "state" / "instances").mkdir(exist_ok=True)
    file, day = shell.path / "f", yesterday(shell)
    words = ("--from", day, "--to", day, "-o", str(file), "--json")

    assert shell.type("feedback", "unit7", *words) == 0
    assert json.loads(shell.said()[0])["entries"] == 0


def test_file_that_is_there_is_kept(shell: Shell) -> None:
    """The old file may not be sent yet; and a full disk leaves no partial file."""
    file, day = prepared(shell), yesterday(shell)
    words = ("--from", day, "--to", day, "-o", str(file))
    file.write_text("of last month")
    assert shell.type("feedback", "unit7", *words) == 2
    assert "exists already" in shell.said()[1]
    assert file.read_text() == "of last month"

    file.unlink()
    part = file.with_name(f"{file.name}.tmp")
    part.symlink_to("/dev/full")
    assert shell.type("feedback", "unit7", *words) == 2
    assert "No space left" in shell.said()[1]
    assert not file.exists()
    assert not part.is_symlink()


@pytest.mark.parametrize("to", ["/dev/full", "/proc/sys/nowhere"])
def test_key_that_cannot_be_written(shell: Shell, to: str) -> None:
    """A full disk, a folder that is read-only even for root: which file, and why."""
    assert shell.trust() == 0
    part = shell.path / "state" / "feedback.key.tmp"
    part.symlink_to(to)
    assert shell.type("feedback", "--key", "hoster-1") == 2
    out, said = shell.said()

    assert out == ""
    assert "cannot write" in said
    assert "feedback.key'" in said
    assert not part.with_name("feedback.key").exists()
    part.unlink(missing_ok=True)
    assert shell.type("feedback", "--key", "hoster-1") == 0


def test_file_says_nothing_of_an_upload(shell: Shell) -> None:
    """No id of a decision, no client, no time but days."""
    file, day = prepared(shell), yesterday(shell)
    words = ("--from", day, "--to", day, "-o", str(file))
    assert shell.type("feedback", "unit7", *words) == 0

    head, *entries, _ = map(msgspec.json.decode, file.read_text().splitlines())

    assert {*head} == {
        *("feedback", "set", "root", "operator", "public", "from", "to"),
        *("entries", "numbers", "gaps", "omitted"),
    }
    assert {key for it in entries for key in it} <= {"id", "days", "exact", "rejected"}
    assert ":" not in "".join(it for entry in entries for it in entry["days"])


def test_key_is_made_once(shell: Shell) -> None:
    """A second one would be unknown to the issuer; the first is shown again."""
    assert shell.type("feedback", "--key", "a b") == 2
    assert shell.type("feedback", "--key", "hoster-1") == 0
    first = shell.said()[0]
    assert shell.type("feedback", "--key", "hoster-1") == 0
    assert shell.said()[0] == first
    assert shell.type("feedback", "--key", "hoster-2") == 2
    assert "'--key hoster-1' prints its public part" in shell.said()[1]
    key = shell.path / "state" / "feedback.key"
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("unit7",), "needs the NAME"),
        (("--from", "2026-11-01", "--to", "2026-11-02", "-o", "f"), "needs the NAME"),
        (("unit7", "--key", "hoster-1"), "--key writes no feedback"),
        (("--key", "hoster-1", "-o", "f"), "--key writes no feedback"),
    ],
)
def test_key_and_file_are_two_acts(
    shell: Shell, words: tuple[str, ...], said: str
) -> None:
    """Neither is done by half when the words name both, or none as a whole."""
    assert shell.type("feedback", *words) == 2
    assert said in shell.said()[1]
    assert not (shell.path / "state" / "feedback.key").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2026-11-01", "--to", "2999-01-01"), "is not over yet"),
        (("--from", "soon", "--to", "2026-11-01"), "is not a day"),
        (("--from", "2020-01-01", "--to", "2024-01-01"), "the period is not 1 to"),
        (("--from", "2020-01-02", "--to", "2020-01-01"), "the period is not 1 to"),
    ],
)
def test_days_are_whole_and_over(
    shell: Shell, words: tuple[str, ...], said: str
) -> None:
    """Else the next file would count the rest of a day, or count it twice."""
    file = prepared(shell)

    assert shell.type("feedback", "unit7", *words, "-o", str(file)) == 2
    assert said in shell.said()[1]
    assert not file.exists()


def test_what_is_missing_is_said(shell: Shell, terminal: Terminal) -> None:
    """The key, the root, the folder to write into, the key at the issuer's."""
    day = yesterday(shell)
    words = ("--from", day, "--to", day, "-o", str(shell.path / "f"))
    assert shell.type("feedback", "unit7", *words) == 2
    assert "feedback --key OPERATOR" in shell.said()[1]
    file = prepared(shell)
    assert shell.type("feedback", "unit8", *words) == 2
    nowhere = ("--from", day, "--to", day, "-o", str(shell.path / "no" / "f"))
    assert shell.type("feedback", "unit7", *nowhere) == 2
    assert shell.type("feedback", "unit7", *words[:-1], str(file)) == 0
    (shell.office.folder.path / "operators" / "hoster-1.pub").unlink()
    folder = ("--folder", str(shell.office.folder.path))
    assert terminal.run("issuer", "feedback", str(file), *folder) == 2
    assert "no operator has the key" in shell.said()[1]


def test_what_the_gate_holds_back_is_told(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a match, since it cannot match; and without a log of any proxy."""
    case = Case(tmp_path)
    case.site.sync()
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(case.site.state))
    assert terminal.run("hashset", "feedback", "--key", "hoster-1") == 0
    file = tmp_path / "f.jsonl"
    days = ("--from", "2026-01-01", "--to", "2026-01-02", "-o", str(file))
    assert terminal.run("hashset", "feedback", "unit7", *days) == 0
    terminal.read()

    (line,) = [json.loads(it) for it in file.read_text().splitlines()[1:-1]]
    assert line == {"id": "p-7", "quarantined": True}
