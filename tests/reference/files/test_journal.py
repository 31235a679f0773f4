"""The journal: every change that came in force, by whom, once; and no other."""

import dataclasses
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.crashing import CrashedError, crashing
from tests.reference.stores import ENTRY, put, put_set
from uploadfilter.acting import Actor
from uploadfilter.errors import StoreCorruptError, UploadFilterError
from uploadfilter.model import EntryState
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.files import journal
from uploadfilter.reference.files.journal import JournalFault, News, news
from uploadfilter.reference.files.layout import read_current
from uploadfilter.reference.store import ReferenceDirectory
from uploadfilter.reference.writing.writing import ReferenceWriter

ALICE = Actor(uid=1000, user="alice", login="alice")
NOTHING = (0, "")

CHANGES: dict[str, Callable[[ReferenceWriter], object]] = {
    "import": lambda writer: put(writer, "s", [ENTRY]),
    "suppress": lambda writer: writer.switch_off("s", "1", why="ours", by="me"),
    "unsuppress": lambda writer: writer.switch_on("s", ["1"]),
    "unquarantine": lambda writer: writer.switch_on(
        "s", ["1"], by=["a", "b"], parties=[Party.GATE]
    ),
    "revoke": lambda writer: writer.revoke("s", ["gone"]),
    "monitor": lambda writer: writer.set_state("s", EntryState.MONITORED),
    "enforce": lambda writer: writer.set_state("s", EntryState.ACTIVE),
    "remove": lambda writer: writer.remove_set("s"),
    "compact": lambda writer: writer.compact(),
    "rollback": lambda writer: writer.rollback(),
    "release": lambda writer: writer.release(),
}


def directory_of(path: Path, actor: Actor = ALICE) -> ReferenceDirectory:
    """Return a reference directory that somebody changes."""
    return ReferenceDirectory(path, clock=lambda: 1000.0, actor=lambda: actor)


def told(found: News) -> list[tuple[str, int]]:
    """Return each change, and the generation it led to."""
    return [(it.line.kind, it.line.generation) for it in found.lines]


def test_change_is_told_with_who_and_when(tmp_path: Path) -> None:
    """A line has the change, its subject, its author, its time, and its result."""
    with directory_of(tmp_path).writer() as writer:
        put(writer, "s", [ENTRY])
        writer.switch_off("s", "1", why="stock picture", by="me", until=5000)

    made, imported, suppressed = (it.line for it in news(tmp_path, known=NOTHING).lines)
    assert (made.kind, made.generation, imported.subject) == ("init", 1, "s")
    assert (imported.at, imported.by.user, imported.by.uid) == (1000.0, "alice", 1000)
    assert imported.details["entries"] == 1
    assert imported.details["enforced"] is True
    assert suppressed.subject == "s/1"
    assert suppressed.details == {
        "reason": "stock picture",
        "asked_by": "me",
        "expires_at": 5000,
        "entries_in_force": 1,
    }


def test_import_tells_what_was_there_before(tmp_path: Path) -> None:
    """The person who turns an enforced set into a monitored one is on record."""
    put_set(tmp_path, "s", [ENTRY], enforced=True)
    put_set(tmp_path, "s", [ENTRY, dataclasses.replace(ENTRY, id="2")], enforced=False)

    details = news(tmp_path, known=NOTHING).lines[-1].line.details
    assert details["enforced_before"] is True
    assert details["enforced"] is False
    assert (details["entries_before"], details["entries"]) == (1, 2)


def test_revocations_are_listed_up_to_a_number(tmp_path: Path) -> None:
    """A thousand entries are counted, and some of them are named."""
    put_set(tmp_path, "s", [ENTRY])
    with directory_of(tmp_path).writer() as writer:
        writer.revoke("s", [f"e{number}" for number in range(1000)])

    details = news(tmp_path, known=NOTHING).lines[-1].line.details
    assert details["revoked"] == 1000
    assert details["revoked_entries"] == [f"e{number}" for number in range(20)]


STEPS = st.lists(
    st.tuples(st.sampled_from(sorted(CHANGES)), st.none() | st.integers(1, 60)),
    max_size=6,
)


@given(steps=STEPS, looks=st.lists(st.booleans(), min_size=8, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_what_came_in_force_is_told_once(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, int | None]],
    looks: list[bool],
) -> None:
    """A writer may crash at any step: the journal has exactly the changes in force."""
    path = tmp_path_factory.mktemp("reference")
    put_set(path, "s", [ENTRY])
    expected = [("init", 1), ("import", 2)]
    taken: list[tuple[str, int]] = []
    known = NOTHING
    for (kind, step), is_looked in zip(steps, looks, strict=False):
        before = read_current(path)[0].generation
        with (
            suppress(UploadFilterError, CrashedError),
            directory_of(path).writer() as writer,
            crashing(step),
        ):
            CHANGES[kind](writer)
        after = read_current(path)[0].generation
        if after != before:
            expected.append((kind, after))
        if is_looked:
            found = news(path, known=known)
            taken += told(found)
            if found.lines:
                last = found.lines[-1]
                known = last.line.number, last.hash
    taken += told(news(path, known=known))

    assert told(news(path, known=NOTHING)) == expected
    assert taken == expected


def test_line_of_a_change_that_failed_is_void(tmp_path: Path) -> None:
    """The next line states that the line's generation never came in force."""
    put_set(tmp_path, "s", [ENTRY])
    lines = (tmp_path / journal.FILE).read_bytes()
    forged = json.loads(lines.splitlines()[-1])
    forged |= {"number": 3, "generation": 7, "kind": "remove"}
    with (tmp_path / journal.FILE).open("ab") as file:
        file.write(json.dumps(forged).encode() + b"\n" + b'{"torn')
    assert told(news(tmp_path, known=NOTHING)) == [("init", 1), ("import", 2)]

    with directory_of(tmp_path).writer() as writer:
        writer.remove_set("s")

    kinds = [it.line.kind for it in journal.read(tmp_path)]
    assert kinds == ["init", "import", "remove", "void", "remove"]
    numbers = [it.line.number for it in news(tmp_path, known=NOTHING).lines]
    assert numbers == [1, 2, 5]


def test_lines_are_chained(tmp_path: Path) -> None:
    """Each line names the line before, as in the decision log."""
    put_set(tmp_path, "s", [ENTRY])
    first, second = journal.read(tmp_path)

    assert first.line.previous == journal.FIRST
    assert second.line.previous == first.hash


def test_other_journal_is_noticed(tmp_path: Path) -> None:
    """A reader notices that the reference directory was replaced by another one."""
    for name in ("a", "b"):
        put_set(tmp_path / name, name, [ENTRY])
    lines = news(tmp_path / "a", known=NOTHING).lines
    known = lines[-1].line.number, lines[-1].hash

    assert news(tmp_path / "a", known=known) == News((), 2)
    assert news(tmp_path / "b", known=known).fault is JournalFault.REPLACED
    assert (
        news(tmp_path / "a", known=(9, lines[-1].hash)).fault is JournalFault.REPLACED
    )


def test_long_journal_loses_its_older_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers go on; a reader that was away for too long learns of the lost lines."""
    monkeypatch.setattr(journal, "MOST_BYTES", 2000)
    for number in range(12):
        put_set(tmp_path, f"s{number}", [ENTRY])
    found = news(tmp_path, known=(1, "of another"))

    size = (tmp_path / journal.FILE).stat().st_size
    assert size < 3000
    assert found.fault is JournalFault.LOST
    assert found.lines[-1].line.number == 13


def test_damaged_journal_is_refused(tmp_path: Path) -> None:
    """Bytes that cannot be read are never taken for a change."""
    put_set(tmp_path, "s", [ENTRY])
    (tmp_path / journal.FILE).write_bytes(b"x\n")

    with pytest.raises(StoreCorruptError, match="journal"):
        news(tmp_path, known=NOTHING)
