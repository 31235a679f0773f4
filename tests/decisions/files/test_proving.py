"""Proofs from a real log, and what a witness with an earlier checkpoint finds."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from tests.decisions.files.trees import compare, end_of, lines_of, more, tree_of
from tests.decisions.logs import (
    DAY_S,
    NOON,
    decision,
    segment_paths,
    write_log,
)
from uploadfilter.decisions.files.proving import TreeFault, prove
from uploadfilter.decisions.files.proving import compare as compare_tree
from uploadfilter.decisions.files.retention import prune
from uploadfilter.decisions.files.treefiles import TreeFiles
from uploadfilter.decisions.records.records import Checkpoint, line_hash
from uploadfilter.decisions.tree.notes import Note, Signer, TreeHead
from uploadfilter.decisions.tree.proofs import Proof
from uploadfilter.errors import LogCorruptError, LogError


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a log with a tree of more than one full tile."""
    made = tmp_path / "main" / "log"
    write_log(made, [[decision(f"d{at}") for at in range(300)]])
    tree_of(made).grow(end_of(made))
    return made


def note_of(directory: Path) -> Note:
    """Return the checkpoint, as a witness fetches it."""
    tree = TreeFiles(directory).signed()
    assert tree is not None
    return tree.note


def test_every_decision_has_a_proof(directory: Path) -> None:
    """The proof holds the line, and is checked with the key alone."""
    key = TreeFiles(directory).public_key()
    assert key is not None
    for at in (0, 100, 254, 255, 299):
        proof = Proof.parse(prove(directory, f"d{at}").text)
        assert proof.proves(key)
        assert json.loads(proof.record)["id"] == f"d{at}"
        assert proof.record in lines_of(directory)


def test_what_has_no_proof(directory: Path) -> None:
    """Unknown decisions, those after the checkpoint, and those of no tree."""
    with pytest.raises(LogError, match="no decision 'x'"):
        prove(directory, "x")
    more(directory, 1)
    with pytest.raises(LogError, match="not in the tree"):
        prove(directory, "m0")
    rmtree(directory / "tree")
    with pytest.raises(LogError, match="no tree yet"):
        prove(directory, "d0")


def test_changed_record_has_no_proof(directory: Path) -> None:
    """The line of today is not the leaf."""
    edit(directory)
    with pytest.raises(LogCorruptError, match="another record"):
        prove(directory, "x100")


def test_intact_log_continues_what_was_seen(directory: Path) -> None:
    """Each earlier checkpoint, the newest one, and none."""
    seen = [note_of(directory)]
    for count in (1, 30, 300):
        tree_of(directory).grow(more(directory, count))
        seen.append(note_of(directory))
    # New records that are in no tree yet are no fault.
    more(directory, 2)

    report = compare(directory, witnessed=seen)

    assert report.ok
    assert len(report.witnessed) == len(seen)
    assert report.size == report.checked == report.witnessed[-1]
    assert compare(directory).witnessed == ()


def test_retention_is_no_fault(directory: Path) -> None:
    """The leaves of deleted records stand in the tiles."""
    seen = note_of(directory)
    now = NOON + 60 * DAY_S
    for at in (now - DAY_S, now):
        tree_of(directory).grow(more(directory, 3, now=at))
    assert prune(directory, now=now)

    report = compare(directory, witnessed=[seen])

    assert report.ok
    assert 0 < report.checked < report.size


def edit(directory: Path) -> None:
    """Change one record."""
    path = segment_paths(directory)[0]
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"d100"', b'"x100"'))


def reorder(directory: Path) -> None:
    """Exchange two records."""
    path = segment_paths(directory)[0]
    found = path.read_bytes().splitlines(keepends=True)
    found[100], found[101] = found[101], found[100]
    path.write_bytes(b"".join(found))


def drop(directory: Path) -> None:
    """Remove a record."""
    path = segment_paths(directory)[0]
    found = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(found[:100] + found[101:]))


def rewind(directory: Path) -> None:
    """Remove the last records."""
    path = segment_paths(directory)[-1]
    found = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(found[:-5]))


def fork(directory: Path) -> None:
    """Write another log of more records from the start."""
    for path in segment_paths(directory):
        path.unlink()
    write_log(directory, [[decision(f"f{at}") for at in range(400)]])


ATTACKS = [edit, reorder, drop, rewind, fork]


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_on_the_records_is_found(
    directory: Path, attack: Callable[[Path], None]
) -> None:
    """Without a witness: the records are not those in the tree."""
    attack(directory)

    report = compare(directory)

    assert not report.ok
    problems = {finding.problem for finding in report.findings}
    assert problems & {TreeFault.RECORD, TreeFault.SHORT}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_with_the_key_is_found_by_a_witness(
    directory: Path, attack: Callable[[Path], None]
) -> None:
    """Somebody with the key makes the tree again: only a witness can tell."""
    seen = note_of(directory)
    attack(directory)
    rmtree(directory / "tree" / "tile")
    (directory / "tree" / "checkpoint").unlink()
    found = lines_of(directory)
    tree_of(directory).grow(Checkpoint(len(found), line_hash(found[-1])))

    assert compare(directory).ok
    report = compare(directory, witnessed=[seen])

    assert not report.ok
    assert report.witnessed == ()
    (finding,) = report.findings
    assert finding.problem in (TreeFault.FORKED, TreeFault.REWOUND)


def test_changed_records_in_a_row_are_one_finding(directory: Path) -> None:
    """A person reads from where to where, not a line for each record."""
    path = segment_paths(directory)[0]
    lines = path.read_bytes().split(b"\n")
    for at in (9, 10, 11, 40):
        lines[at] += b" "
    path.write_bytes(b"\n".join(lines))

    found = [it for it in compare(directory).findings if it.problem is TreeFault.RECORD]
    assert [(it.record, it.last, it.segment) for it in found] == [
        (10, 12, path.name),
        (41, 41, path.name),
    ]
    assert found[0].why == "records 10 to 12 are not those that were signed"


def test_change_of_tiles_is_found(directory: Path) -> None:
    """At each level, and if a tile is missing."""
    folder = directory / "tree" / "tile"
    for name in ("0/000", "1/000.p/1"):
        tile = folder / name
        whole = tile.read_bytes()
        tile.write_bytes(bytes(32) + whole[32:])
        assert TreeFault.TILE in {it.problem for it in compare(directory).findings}
        tile.unlink()
        assert TreeFault.TILE in {it.problem for it in compare(directory).findings}
        tile.write_bytes(whole)
    assert compare(directory).ok


def test_checkpoint_of_another_root_is_found(directory: Path) -> None:
    """A signature of the key over something else than the tree."""
    files = TreeFiles(directory)
    signed = files.signed()
    assert signed is not None
    files.write_checkpoint(signed.head._replace(root=bytes(32)), files.signer())

    assert TreeFault.ROOT in {it.problem for it in compare(directory).findings}


def test_notes_that_say_nothing_of_this_log(directory: Path) -> None:
    """Another key, another log, no checkpoint: never a silent yes."""
    signed = TreeFiles(directory).signed()
    assert signed is not None
    other = Signer(signed.key.name, bytes(32))
    stranger = Signer("example.com/log", bytes(32))
    foreign = TreeHead("example.com/log", 1, bytes(32)).text
    text = "hello\n"

    for note in (
        Note(signed.head.text, (other.sign(signed.head.text),)),
        Note(foreign, (stranger.sign(foreign),)),
        Note(text, (TreeFiles(directory).signer().sign(text),)),
    ):
        report = compare(directory, witnessed=[note])
        assert [it.problem for it in report.findings] == [TreeFault.STRANGER]
    report = compare(directory, keys=[other.verifier.text])
    assert [it.problem for it in report.findings] == [TreeFault.STRANGER]


def test_log_without_a_tree_is_a_finding_where_one_is_known(directory: Path) -> None:
    """A new log has none yet; its key, wherever it is, or a checkpoint misses it."""
    seen, key = note_of(directory), (directory / "tree/key").read_text().strip()
    (directory / "tree/checkpoint").unlink()
    unfinished = compare(directory)
    rmtree(directory / "tree")
    bereft = compare(directory)
    (directory.parent / "tree.key").unlink()

    assert compare_tree(directory) is None
    for report in (
        unfinished,
        bereft,
        compare(directory, keys=[key]),
        compare(directory, witnessed=[seen]),
    ):
        assert [it.problem for it in report.findings] == [TreeFault.ABSENT]


@pytest.mark.parametrize(
    ("name", "content"),
    [("checkpoint", b"x"), ("key", b"x"), ("first", b"-1"), ("key", None)],
)
def test_damaged_file_of_a_tree_is_a_finding(
    directory: Path, name: str, content: bytes | None
) -> None:
    """Whatever stands in the place of a tree, the check ends with a finding."""
    path = directory / "tree" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)

    assert [it.problem for it in compare(directory).findings] == [TreeFault.DAMAGED]


@pytest.mark.parametrize(
    ("starts", "is_behind"),
    [
        pytest.param([1], False, id="a-crash-and-a-start"),
        pytest.param([1, 2, 3], True, id="days"),
        pytest.param([at / 1440 for at in range(12)], True, id="minutes"),
        pytest.param([at / 1440 for at in range(9)], False, id="some-minutes"),
    ],
)
def test_tree_that_a_running_proxy_would_have_signed_anew(
    directory: Path, starts: list[float], *, is_behind: bool
) -> None:
    """Records of a minute may be unsigned; those of many minutes or days may not."""
    more(directory, 1)
    for days in starts:
        write_log(directory, [[decision("a")]], start=NOON + days * DAY_S)

    report = compare(directory)

    found = [it.problem for it in report.findings]
    assert found == ([TreeFault.BEHIND] if is_behind else [])
    assert report.after > 0


def test_checkpoint_beside_an_older_tree_is_found(directory: Path) -> None:
    """What a witness signed lies in the folder of the tree, and is longer than it."""
    tree = directory / "tree"
    copytree(tree, directory.parent / "older")
    tree_of(directory).grow(more(directory, 5))
    newest = note_of(directory)
    rmtree(tree)
    copytree(directory.parent / "older", tree)
    (tree / "cosigned").mkdir()
    (tree / "cosigned" / "a.note").write_bytes(newest.data)
    (tree / "cosigned" / "b.note").write_bytes(b"no note")

    assert [it.problem for it in compare(directory).findings] == [TreeFault.REWOUND]


def test_checkpoint_with_several_signatures(directory: Path) -> None:
    """Those of witnesses, of strangers, and a wrong one with the log's own name."""
    signed = TreeFiles(directory).signed()
    assert signed is not None
    text, (right,) = signed.note.text, signed.note.signatures
    wrong = right._replace(data=bytes(64))
    others = [Signer(f"w{at}.example", bytes([at]) * 32).sign(text) for at in range(9)]
    note = Note(text, (*others, wrong, right))
    without = Note(text, (*others, wrong))

    assert compare(directory, witnessed=[note]).ok
    assert not compare(directory, witnessed=[without]).ok
    (directory / "tree/checkpoint").write_bytes(note.data)
    assert compare(directory).ok
    (directory / "tree/checkpoint").write_bytes(without.data)
    assert not compare(directory).ok


def test_empty_file_is_a_finding_unless_a_crash_left_it(directory: Path) -> None:
    """A newest file may lack its head; one before it never does."""
    for day in (1, 2):
        tree_of(directory).grow(more(directory, 3, now=NOON + day * DAY_S))
    left = directory / "00000099-20261127.jsonl"
    left.write_bytes(b"")
    assert compare(directory).ok
    left.unlink()
    segment_paths(directory)[1].write_bytes(b"")

    assert TreeFault.RECORD in {it.problem for it in compare(directory).findings}
