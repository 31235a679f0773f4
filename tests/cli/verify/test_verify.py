"""What an overseer finds, whatever was done to a log, its tree or its report."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from os import truncate
from pathlib import Path
from shutil import copy, copytree, rmtree
from typing import Any

import pytest

from tests.cli.running import Terminal, json_lines
from tests.decisions.files.trees import end_of, tree_of
from tests.decisions.logs import (
    DAY_S,
    NOON,
    REFUSED,
    REJECTED,
    compress_segments,
    decision,
    segment_paths,
    write_log,
)
from uploadfilter.decisions.files.retention import prune
from uploadfilter.decisions.files.segments import segments
from uploadfilter.decisions.files.treefiles import TreeFiles
from uploadfilter.decisions.tree.notes import Note, Signer, TreeHead

TIME = ("--from", "2026-11-25", "--to", "2026-11-30")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A log that was copied to some folder, and what an overseer kept of it.

    Attributes:
        folder: A folder for everything.
        log: The log of six days with 42 uploads, and its tree.
        older: The tree as it was after two days.
        key: The key.
        witness: The checkpoint after four days.
        newest: The newest one.
    """

    folder: Path
    log: Path
    older: Path
    key: str
    witness: Path
    newest: Path


def write_days(log: Path, first: int, count: int) -> None:
    """Write some days of seven uploads each, and sign them."""
    days = [
        [decision(f"d{day}-{at}", REFUSED if at else REJECTED) for at in range(7)]
        for day in range(first, first + count)
    ]
    write_log(log, days, start=NOON + first * DAY_S)
    tree_of(log).grow(end_of(log))


def write_evidence(folder: Path) -> Evidence:
    """Write the log with the real writer, and copy it as an overseer does."""
    made = folder / "state" / "main" / "log"
    write_days(made, 0, 2)
    copytree(made / "tree", folder / "older")
    write_days(made, 2, 2)
    copy(made / "tree" / "checkpoint", folder / "witness")
    write_days(made, 4, 2)
    copy(made / "tree" / "checkpoint", folder / "newest")
    copytree(made, folder / "copied")
    return Evidence(
        folder=folder,
        log=folder / "copied",
        older=folder / "older",
        key=(made / "tree" / "key").read_text().strip(),
        witness=folder / "witness",
        newest=folder / "newest",
    )


@pytest.fixture
def evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evidence:
    """Return the log in a folder of another name, without a configuration."""
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "nowhere"))
    return write_evidence(tmp_path)


def replace_tree(evidence: Evidence) -> None:
    """Put the older genuine tree in the place of the tree."""
    rmtree(evidence.log / "tree")
    copytree(evidence.older, evidence.log / "tree")


def remove_tree(evidence: Evidence) -> None:
    """Remove the tree."""
    rmtree(evidence.log / "tree")


def removal(which: slice) -> Callable[[Evidence], None]:
    """Return an attack that removes some files."""

    def remove(evidence: Evidence) -> None:
        for path in segment_paths(evidence.log)[which]:
            path.unlink()

    return remove


def emptying(which: int) -> Callable[[Evidence], None]:
    """Return an attack that empties a file."""
    return lambda evidence: truncate(segment_paths(evidence.log)[which], 0)


remove_first, remove_middle = removal(slice(3)), removal(slice(4, 5))
remove_last, remove_all = removal(slice(-3, None)), removal(slice(None))
empty_middle, empty_last = emptying(4), emptying(-1)


def remove_last_compressed(evidence: Evidence) -> None:
    """Remove the last three files of a log that was compressed."""
    for path in compress_segments(evidence.log, segments(evidence.log))[-3:]:
        path.unlink()


def change_beside_compressed(evidence: Evidence) -> None:
    """Put a changed file beside its whole compressed form."""
    path = segment_paths(evidence.log)[2]
    data = path.read_bytes()
    compress_segments(evidence.log, segments(evidence.log)[2:3])
    path.write_bytes(data.replace(b'"REJECT"', b'"ACCEPT"'))


def cut_compressed(evidence: Evidence) -> None:
    """Cut a compressed file."""
    (path,) = compress_segments(evidence.log, segments(evidence.log)[2:3])
    path.write_bytes(path.read_bytes()[:-20])


def unsign_tree(evidence: Evidence) -> None:
    """Remove the checkpoint alone."""
    (evidence.log / "tree" / "checkpoint").unlink()


def damage_tree(evidence: Evidence) -> None:
    """Change the size in the checkpoint."""
    path = evidence.log / "tree" / "checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n58\n", b"\n59\n"))


def write_anew(evidence: Evidence) -> None:
    """Write another log with another key in the place of the log."""
    rmtree(evidence.log)
    other = evidence.folder / "other" / "main" / "log"
    write_days(other, 0, 6)
    copytree(other, evidence.log)


def set_back(evidence: Evidence) -> None:
    """Put the whole log as it was after two days in its place."""
    remove_last(evidence)
    for path in segment_paths(evidence.log)[3:]:
        path.unlink()
    replace_tree(evidence)


def swap_tree(evidence: Evidence) -> None:
    """Put the tree of another log in the place of the tree."""
    other = evidence.folder / "other" / "main" / "log"
    write_days(other, 0, 5)
    rmtree(evidence.log / "tree")
    copytree(other / "tree", evidence.log / "tree")


KEY, WITNESS = "--key", "--witness"


@pytest.mark.parametrize(
    ("attack", "kept", "problems", "words"),
    [
        (remove_last, "", {"records_missing"}, "ends before record 58"),
        (remove_last, "", {"records_missing"}, "of 2026-11-29 12:00"),
        (remove_last_compressed, "", {"records_missing"}, "20261129.jsonl"),
        (remove_last, KEY, {"records_missing"}, "copy its *.jsonl files once more"),
        (remove_all, "", {"empty", "records_missing"}, "there is no record"),
        (replace_tree, "", {"tree_behind"}, "40 records, until 2026-11-30 12:00 UTC"),
        (replace_tree, KEY, {"tree_behind"}, "leaves those records out"),
        (
            replace_tree,
            WITNESS,
            {"tree_behind", "rewound"},
            "a witness saw the records",
        ),
        (remove_tree, KEY, {"tree_missing"}, "though a key or checkpoint"),
        (remove_tree, WITNESS, {"tree_missing"}, "Ask the operator for the folder"),
        (unsign_tree, "", {"tree_missing"}, "a key and no checkpoint"),
        (damage_tree, "", {"tree_damaged"}, "did not sign its checkpoint"),
        (remove_first, "", {"missing"}, "files 1 to 3, "),
        (remove_middle, "", {"missing"}, "until 2026-11-27"),
        (empty_middle, "", {"missing", "record_differs"}, "20261127.jsonl"),
        (empty_last, "", {"records_missing"}, "ends before record 58"),
        (
            change_beside_compressed,
            "",
            {"changed", "record_differs", "root_differs", "tile_differs"},
            ".jsonl, line",
        ),
        (
            cut_compressed,
            "",
            {"unreadable", "missing", "record_differs"},
            "the file is damaged from",
        ),
        (set_back, WITNESS, {"rewound"}, "a witness saw the records up to 58, and"),
        (swap_tree, KEY, {"not_of_this_log"}, "and you kept others"),
        (write_anew, KEY, {"not_of_this_log"}, "and you kept others"),
        (write_anew, WITNESS, {"not_of_this_log"}, "Compare the file 'tree/key'"),
    ],
)
def test_attack_is_found_and_explained(
    evidence: Evidence,
    attack: Callable[[Evidence], None],
    kept: str,
    problems: set[str],
    words: str,
    terminal: Terminal,
) -> None:
    """Exit code 1, a kind for programs, and for people what happened and what to do."""
    attack(evidence)
    options = {KEY: (KEY, evidence.key), WITNESS: (WITNESS, str(evidence.newest))}
    verify = ("verify", str(evidence.log), *options.get(kept, ()))

    assert terminal.run(*verify) == 1
    shown = terminal.read().out
    assert words in shown
    assert "NOT VERIFIED" in shown
    assert terminal.run(*verify, "--json") == 1
    (found,) = json_lines(terminal.read().out)
    assert not found["ok"]
    assert problems_of(found) == problems


def problems_of(document: dict[str, Any]) -> set[str]:
    """Return the kinds of all findings; each has words and an advice."""
    findings = list(document["findings"])
    for log in document["logs"]:
        findings += log["findings"] + (log["tree"] or {"findings": []})["findings"]
    for report in document["reports"]:
        findings += report["findings"]
    assert all(it["words"] and it["todo"] for it in findings)
    return {it["problem"] for it in findings}


def compress_all(evidence: Evidence) -> None:
    """Compress every file but the newest."""
    compress_segments(evidence.log, segments(evidence.log)[:-1])


def keep_both_forms(evidence: Evidence) -> None:
    """Keep the plain file beside its compressed form, as a crash does."""
    path = segment_paths(evidence.log)[2]
    data = path.read_bytes()
    compress_segments(evidence.log, segments(evidence.log)[2:3])
    path.write_bytes(data)


def let_days_pass(evidence: Evidence) -> None:
    """Let retention delete the first files, in time."""
    write_days(evidence.folder / "state" / "main" / "log", 50, 2)
    rmtree(evidence.log)
    copytree(evidence.folder / "state" / "main" / "log", evidence.log)
    prune(evidence.log, now=NOON + 51 * DAY_S)


@pytest.mark.parametrize(
    "change", [lambda _: None, compress_all, keep_both_forms, let_days_pass]
)
def test_whole_log_is_verified(
    evidence: Evidence, change: Callable[[Evidence], None], terminal: Terminal
) -> None:
    """Wherever it lies, in each of its forms, with all that was kept."""
    change(evidence)
    kept = (KEY, evidence.key, WITNESS, str(evidence.witness))

    assert terminal.run("verify", str(evidence.log), *kept) == 0
    shown = terminal.read().out
    assert f"verified: {evidence.log}: " in shown
    assert "by a key that you kept" in shown
    assert terminal.run("verify", str(evidence.log)) == 0
    assert "not one that you kept" in terminal.read().out


def test_log_without_a_tree_was_not_checked_whole(
    evidence: Evidence, terminal: Terminal
) -> None:
    """Without a key there is no finding, and no log of days is called verified."""
    remove_tree(evidence)
    log = str(evidence.log)

    assert terminal.run("verify", log) == 2
    shown = terminal.read().out
    assert f"chain verified, nothing signed: {log}" in shown
    assert f"NOT CHECKED: {log}: there is no tree" in shown
    assert terminal.run("verify", log, "--json") == 2
    (found,) = json_lines(terminal.read().out)
    assert (found["ok"], found["logs"][0]["ok"]) == (False, True)
    assert "ask the operator" in found["not_checked"][0]["todo"]


@pytest.mark.parametrize(("minutes", "code"), [(1, 0), (5, 2)])
def test_records_after_the_checkpoint_are_not_verified(
    evidence: Evidence, minutes: int, code: int, terminal: Terminal
) -> None:
    """They are counted; an older tree of some minutes ago does not pass."""
    made = evidence.folder / "state" / "main" / "log"
    for minute in range(minutes):
        write_log(made, [[decision("n")]], start=NOON + 5 * DAY_S + minute * 60)

    assert terminal.run("verify", str(made), KEY, evidence.key) == code
    shown = terminal.read().out
    assert f"verified up to record 58: {made}" in shown
    assert f"; {minutes} record" in shown
    assert ("can be removed or written anew" in shown) == (code == 2)


def test_what_was_kept_of_a_log_that_is_not_there(
    evidence: Evidence, terminal: Terminal
) -> None:
    """Of two logs one was taken away whole: its key and its checkpoint are left."""
    other = evidence.folder / "two" / "main" / "log"
    third = evidence.folder / "three" / "main" / "log"
    write_days(other, 0, 1)
    write_days(third, 0, 1)
    keys = [(it / "tree" / "key").read_text().strip() for it in (other, third)]
    copy(other / "tree" / "checkpoint", evidence.folder / "of-other")
    options = [WITNESS, str(evidence.folder / "of-other"), KEY, evidence.key]
    options += [KEY, keys[0], KEY, keys[1]]
    both = ("verify", "--json", str(evidence.log), str(third))

    assert terminal.run(*both, str(other), *options) == 0
    terminal.read()
    assert terminal.run(*both, *options) == 1
    (found,) = json_lines(terminal.read().out)
    assert [it["problem"] for it in found["findings"]] == [
        "witness_without_log",
        "key_without_log",
    ]


def test_log_that_a_witness_does_not_know(
    evidence: Evidence, terminal: Terminal
) -> None:
    """Another log of the same key, whose own chain and tree are whole."""
    made = evidence.folder / "state" / "main" / "log"
    for path in segment_paths(made):
        path.unlink()
    rmtree(made / "tree" / "tile")
    (made / "tree" / "checkpoint").unlink()
    write_log(made, [[decision(f"f{at}")] for at in range(30)])
    tree_of(made).grow(end_of(made))

    assert terminal.run("verify", str(made), KEY, evidence.key) == 0
    assert terminal.run("verify", str(made), WITNESS, str(evidence.witness)) == 1
    assert "are not those that the witness saw" in terminal.read().out


def test_checkpoint_with_several_signatures_is_read(
    evidence: Evidence, terminal: Terminal
) -> None:
    """A witness adds its own signature to that of the log."""
    note = Note.parse(evidence.witness.read_bytes())
    added = Signer("w.example", bytes(32)).sign(note.text)
    evidence.witness.write_bytes(Note(note.text, (added, *note.signatures)).data)
    verify = ("verify", str(evidence.log), WITNESS, str(evidence.witness))

    assert terminal.run(*verify) == 0
    evidence.witness.write_bytes(Note(note.text, (added,)).data)
    assert terminal.run(*verify) == 1


@pytest.mark.parametrize("name", ["q.html", "q.csv"])
def test_report_on_an_older_tree_is_found(
    evidence: Evidence, name: str, terminal: Terminal
) -> None:
    """The page says what it leaves out; it never verifies beside the real log."""
    whole, report = evidence.folder / "whole", evidence.folder / name
    copytree(evidence.log, whole)
    replace_tree(evidence)
    made = terminal.run("report", *TIME, "-o", str(report), str(evidence.log))
    said = terminal.read().err
    verify = ("verify", "--json", str(report), KEY, evidence.key)

    assert made == 1
    assert "40 records after the checkpoint were not counted" in said
    assert "28 uploads, 2026-11-27 - 2026-11-30" in said
    if name == "q.html":
        assert "28 uploads, 2026-11-27 - 2026-11-30" in report.read_text()
    assert terminal.run(*verify, str(whole)) == 1
    (found,) = json_lines(terminal.read().out)
    assert problems_of(found) == {"left_out"}
    assert terminal.run(*verify, str(evidence.log)) == 1
    (found,) = json_lines(terminal.read().out)
    assert problems_of(found) == {"tree_behind"}
    assert sum(found["reports"][0]["left_out"].values()) == 28
    assert terminal.run(*verify, str(evidence.log), WITNESS, str(evidence.newest))
    assert "rewound" in terminal.read().out


def test_folder_with_log_and_report_is_checked_whole(
    evidence: Evidence, terminal: Terminal
) -> None:
    """One path for both; one changed number of the report is named."""
    folder = evidence.folder / "sent"
    copytree(evidence.log, folder / "machines" / "north")
    report = folder / "q4.html"
    terminal.run("report", *TIME, "-o", str(report), str(evidence.log))

    assert terminal.run("verify", str(folder), KEY, evidence.key) == 0
    shown = terminal.read().out
    assert f"verified: {folder}/machines/north: " in shown
    assert f"verified: {report}: " in shown
    right = '<td class="number">42</td>'
    text = report.read_text()
    assert right in text
    report.write_text(text.replace(right, '<td class="number">41</td>', 1))
    assert terminal.run("verify", str(folder)) == 1
    assert "uploads with a decision: 41 in the report, 42 from" in (
        terminal.read().out.replace("Uploads, ", "")
    )


def test_report_of_another_log_is_found(evidence: Evidence, terminal: Terminal) -> None:
    """Its log is not among those named, and that one it does not count."""
    other = evidence.folder / "two" / "main" / "log"
    write_days(other, 0, 6)
    report = evidence.folder / "q.csv"
    terminal.run("report", *TIME, "-o", str(report), str(other))

    assert terminal.run("verify", "--json", str(report), str(evidence.log)) == 1
    (found,) = json_lines(terminal.read().out)
    assert problems_of(found) == {"log_missing", "log_unknown"}


def test_report_of_a_changed_log_is_found(
    evidence: Evidence, terminal: Terminal
) -> None:
    """Beside the real log its figures differ; beside the changed one all is damaged."""
    whole, report = evidence.folder / "whole", evidence.folder / "q.html"
    copytree(evidence.log, whole)
    for path in segment_paths(evidence.log):
        data = path.read_bytes()
        path.write_bytes(data.replace(b'"verdict":"MATCH"', b'"verdict":"NO_MATCH"'))
    assert terminal.run("report", *TIME, "-o", str(report), str(evidence.log)) == 1
    terminal.read()

    assert terminal.run("verify", "--json", str(report), str(whole)) == 1
    (found,) = json_lines(terminal.read().out)
    assert "figure_differs" in problems_of(found)
    assert terminal.run("verify", "--json", str(report), str(evidence.log)) == 1
    (found,) = json_lines(terminal.read().out)
    assert problems_of(found) >= {"log_damaged", "changed", "record_differs"}


def test_one_path_that_cannot_be_checked_hides_no_other(
    evidence: Evidence, terminal: Terminal
) -> None:
    """Exit code 2 beside verified ones; a finding outweighs it."""
    page = evidence.log.parent / "folder" / "page.html"
    copytree(evidence.log, page.parent / "log")
    page.write_text("<p>Not a report.</p>")

    assert terminal.run("verify", str(page.parent)) == 2
    shown = terminal.read().out
    assert "verified: " in shown
    assert f"NOT CHECKED: {page}: the file is no report" in shown
    remove_last(evidence)
    assert terminal.run("verify", str(page), str(evidence.log)) == 1
    assert terminal.run("verify", "--json", str(page), str(evidence.log)) == 1
    (found,) = json_lines(terminal.read().out.splitlines()[-1])
    assert found["not_checked"][0]["path"] == str(page)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{log}", WITNESS, "{log}/end-of-nothing"), "cannot read"),
        (("{log}", WITNESS, "{log}/tree/key"), "tree/checkpoint"),
        (("{log}", KEY, "a"), "tree/key"),
        (("{log}", "--checkpoint", "12"), "not a checkpoint"),
        (("{log}", "{log}/tree/../../older", "--checkpoint", "1:aa"), "no decision"),
        (("{log}/nowhere",), "No such file"),
        (("{log}/tree/tile",), "no decision log, report or proof"),
        ((), "no path names what to check"),
    ],
)
def test_wrong_usage_is_refused(
    evidence: Evidence, arguments: tuple[str, ...], message: str, terminal: Terminal
) -> None:
    """Exit code 2, and the message names the right argument."""
    given = [it.format(log=evidence.log) for it in arguments]

    assert terminal.run("verify", *given) == 2
    assert message in terminal.read().err


def test_checkpoint_of_the_chain_is_of_one_log(
    evidence: Evidence, terminal: Terminal
) -> None:
    """The operational log names the end; with two logs it could be of either."""
    end = end_of(evidence.log).text()
    verify = ("verify", str(evidence.log), "--checkpoint", end)

    assert terminal.run(*verify) == 0
    assert "checkpoint: confirmed" in terminal.read().out
    remove_tree(evidence)
    remove_last(evidence)
    assert terminal.run(*verify) == 1
    assert "the end was cut off: records 41 to 58" in terminal.read().out
    both = (*verify, str(evidence.folder / "state"))
    assert terminal.run(*both) == 2
    assert "--checkpoint is of one log, and there are 2" in terminal.read().err


def test_log_beside_another_witness_checkpoint_of_its_name(
    evidence: Evidence, terminal: Terminal
) -> None:
    """A checkpoint that another key signed under the log's name proves nothing."""
    tree = TreeFiles(evidence.log).signed()
    assert tree is not None
    text = TreeHead(tree.head.origin, 3, bytes(32)).text
    forged = Signer(tree.key.name, bytes(32)).sign(text)
    evidence.witness.write_bytes(Note(text, (forged,)).data)

    verify = ("verify", str(evidence.log), WITNESS, str(evidence.witness))
    assert terminal.run(*verify) == 1


def test_path_that_is_no_text_is_printed(
    evidence: Evidence, terminal: Terminal
) -> None:
    """A folder may have any name; JSON is always UTF-8."""
    folder = evidence.folder / os.fsdecode(b"caf\xe9")
    evidence.log.rename(folder)

    assert terminal.run("verify", str(folder)) == 0
    assert terminal.run("verify", "--json", str(folder)) == 0
    *_, line = terminal.read().out.splitlines()
    assert json_lines(line)[0]["logs"][0]["log"].endswith(r"caf\xe9")
