"""After any steps, the reference set finds the same as a plain dictionary."""

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from typing_extensions import override

from tests.conformance.generations import entry, exactly, pdq
from tests.reference.crashing import CrashedError, crashing
from uploadfilter.errors import (
    HashSetNameError,
    StoreError,
    StorePinnedError,
    UsageError,
)
from uploadfilter.model import Signal, SignalType
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.entries.sets import LOCAL_ISSUER, SetInfo
from uploadfilter.reference.files import history, overlay
from uploadfilter.reference.search.matching import Query
from uploadfilter.reference.store import ReferenceDirectory
from uploadfilter.reference.writing.writing import ReferenceWriter

Key = tuple[str, str]

SETS = st.sampled_from(["a", "b", "c"])
IDS = st.sampled_from(["1", "2", "33", "4"])
VALUES = st.integers(0, 5)
STEPS = st.none() | st.integers(1, 100)
"""When the writer crashes: mostly on its way, at times not at all."""

HOUR = 3600.0


def md5_of(value: int) -> Signal:
    """Return one of the digests."""
    return Signal(type=SignalType.MD5, value=bytes([value]) * 16)


def pdq_of(value: int) -> bytes:
    """Return one of the PDQ values, which are far from each other."""
    return bytes([(0x5B * (value + 1) + at * value) % 256 for at in range(32)])


QUERIES = [
    *(Query(signal=md5_of(value), threshold=0) for value in range(6)),
    *(
        Query(signal=Signal(type=SignalType.PDQ, value=pdq_of(value)), threshold=0)
        for value in range(6)
    ),
]


@dataclass(frozen=True)
class Model:
    """One generation, as plain values.

    Attributes:
        sets: By hash set and entry, the number of its value.
        revoked: Entries that were revoked.
        gone: Entries that an import of their set withdrew, until another lists them.
        imported: With which generation each of the sets was imported.
        removed: With which generation a set was removed the last time.
        suppressed: When the suppression of an entry ends.
        pinned: Whether a rollback waits to be released.
    """

    sets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    revoked: frozenset[Key] = frozenset()
    gone: frozenset[Key] = frozenset()
    imported: Mapping[str, int] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)
    suppressed: Mapping[Key, float] = field(default_factory=dict)
    pinned: bool = False

    def entries(self) -> set[Key]:
        """Return the entries that were not withdrawn."""
        keys = {(name, i) for name, ids in self.sets.items() for i in ids}
        return keys - self.revoked - self.gone

    def active_suppressions(self, now: float) -> set[Key]:
        """Return the entries that are switched off."""
        return {key for key, ends in self.suppressed.items() if ends > now}

    def found(self, value: int, now: float) -> list[Key]:
        """Return the entries that have a value and are in force."""
        keys = self.entries() - self.active_suppressions(now)
        return sorted(key for key in keys if self.sets[key[0]][key[1]] == value)

    def withdrawn_since(self, older: "Model") -> set[Key]:
        """Return the entries of then that a later import lacks, or has otherwise."""
        return {
            (name, word)
            for name, word in older.entries()
            if self.imported.get(name, 0) > older.imported[name]
            and name in self.sets
            and self.sets[name].get(word) != older.sets[name][word]
        }

    def after_import(self, name: str, ids: Mapping[str, int], number: int) -> "Model":
        """Return it after a hash set was imported."""
        listed = {(name, word) for word in ids}
        lost = {key for key in self.entries() if key[0] == name} - listed
        return replace(
            self,
            sets={**self.sets, name: ids},
            imported={**self.imported, name: number},
            gone=(self.gone | lost) - listed - self.revoked,
        )

    def after_rollback(self, older: "Model", number: int) -> "Model":
        """Return an older generation without the entries withdrawn since."""
        removed = {
            name: max(self.removed.get(name, 0), older.removed.get(name, 0))
            for name in {*self.removed, *older.removed}
        }
        return Model(
            sets={
                name: ids
                for name, ids in older.sets.items()
                if self.removed.get(name, 0) <= number
            },
            revoked=self.revoked | older.revoked,
            gone=self.gone | older.gone | self.withdrawn_since(older),
            imported=older.imported,
            removed=removed,
            suppressed=self.suppressed,
            pinned=True,
        )


class ReferenceMachine(RuleBasedStateMachine):
    """Changes a reference directory, and a dictionary beside it."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")  # noqa: S108 - a disk would sync each step
        self.folder = Path(mkdtemp(dir=memory if memory.is_dir() else None))
        self.now = 1_700_000_000.0
        self.directory = ReferenceDirectory(
            self.folder / "reference", clock=lambda: self.now
        )
        self.reader = self.directory.reader()
        self.states: dict[int, Model] = {}
        self.number = 0
        self.patch = pytest.MonkeyPatch()
        # Small enough that imports, generations and bases meet the limits at times.
        self.patch.setattr(overlay, "OVERLAY_MOST_ROWS", 14)
        self.patch.setattr(history, "KEPT_GENERATIONS", 5)

    @override
    def teardown(self) -> None:
        """Remove the directory."""
        self.reader.close()
        self.patch.undo()
        shutil.rmtree(self.folder)

    @property
    def model(self) -> Model:
        """The generation in force."""
        return self.states[self.number]

    @initialize()
    def init(self) -> None:
        """Make an empty reference set."""
        self.directory.init()
        self.number = 1
        self.states[1] = Model()

    def change(
        self,
        act: Callable[[ReferenceWriter], object],
        expected: Callable[[int], Model],
        *,
        step: int | None,
        may_be_idle: bool = False,
    ) -> None:
        """Let a writer act, or crash, and check the generation in force then."""
        crashed = False
        try:
            with crashing(step), self.directory.writer() as writer:
                act(writer)
        except CrashedError:
            crashed = True
        number = self.directory.generations()[0].generation
        if number != self.number:
            assert number > self.number
            self.states[number] = expected(number)
            self.number = number
        else:
            assert crashed or may_be_idle

    def refuse(
        self, act: Callable[[ReferenceWriter], object], *errors: type[Exception]
    ) -> None:
        """See a change refused, and nothing changed."""
        with self.directory.writer() as writer, pytest.raises(errors):
            act(writer)
        assert self.directory.generations()[0].generation == self.number

    @rule(name=SETS, ids=st.dictionaries(IDS, VALUES, max_size=4), step=STEPS)
    def import_set(self, name: str, ids: dict[str, int], step: int | None) -> None:
        """Import a hash set, in place of one of the same name."""

        def act(writer: ReferenceWriter) -> None:
            collected = writer.collect()
            for word, value in ids.items():
                collected.add(entry(word, *exactly(md5_of(value)), pdq(pdq_of(value))))
            info = SetInfo(
                name=name,
                issuer=LOCAL_ISSUER,
                categories=("A",),
                enforced=True,
                imported_at=int(self.now),
            )
            writer.replace_set(collected, info)

        if self.model.pinned:
            self.refuse(act, StorePinnedError)
            return
        old = self.model
        self.change(act, lambda number: old.after_import(name, ids, number), step=step)

    @rule(name=SETS, step=STEPS)
    def remove_set(self, name: str, step: int | None) -> None:
        """Remove a hash set."""
        old = self.model
        if name not in old.sets:
            self.refuse(lambda writer: writer.remove_set(name), HashSetNameError)
            return
        sets = {other: ids for other, ids in old.sets.items() if other != name}
        self.change(
            lambda writer: writer.remove_set(name),
            lambda number: replace(
                old, sets=sets, removed={**old.removed, name: number}
            ),
            step=step,
        )

    @rule(name=SETS, ids=st.sets(IDS, max_size=2), step=STEPS)
    def revoke(self, name: str, ids: set[str], step: int | None) -> None:
        """Revoke entries, which need not be there."""
        old = self.model
        revoked = old.revoked | {(name, word) for word in ids}
        self.change(
            lambda writer: writer.revoke(name, ids),
            lambda _number: replace(old, revoked=revoked, gone=old.gone - revoked),
            step=step,
            may_be_idle=revoked == old.revoked,
        )

    @rule(name=SETS, word=IDS, hours=st.integers(1, 30), step=STEPS)
    def suppress(self, name: str, word: str, hours: int, step: int | None) -> None:
        """Suppress an entry for some hours."""
        old, ends = self.model, self.now + hours * HOUR

        def act(writer: ReferenceWriter) -> None:
            writer.switch_off(name, word, why="a mistake", by="me", until=ends)

        if (name, word) not in old.entries():
            self.refuse(act, HashSetNameError)
            return
        suppressed = {**old.suppressed, (name, word): ends}
        self.change(act, lambda _number: replace(old, suppressed=suppressed), step=step)

    @rule(name=SETS, word=IDS, step=STEPS)
    def unsuppress(self, name: str, word: str, step: int | None) -> None:
        """Lift a suppression."""
        old = self.model

        def act(writer: ReferenceWriter) -> None:
            writer.switch_on(name, [word])

        if old.pinned:
            self.refuse(act, StorePinnedError)
        elif (name, word) in old.revoked:
            self.refuse(act, UsageError)
        elif (name, word) not in old.active_suppressions(self.now):
            # Its issuer may have withdrawn it by leaving it out.
            self.refuse(act, HashSetNameError, UsageError)
        else:
            left = {k: ends for k, ends in old.suppressed.items() if k != (name, word)}
            self.change(act, lambda _number: replace(old, suppressed=left), step=step)

    @rule(hours=st.integers(1, 20))
    def let_time_pass(self, hours: int) -> None:
        """Let suppressions end."""
        self.now += hours * HOUR

    @rule(step=STEPS)
    def compact(self, step: int | None) -> None:
        """Make base and overlay one."""
        old = self.model
        self.change(
            lambda writer: writer.compact(),
            lambda _number: old,
            step=step,
            may_be_idle=True,
        )

    def kept(self) -> list[int]:
        """Return the generations that can be returned to."""
        return [item.generation for item in self.directory.generations()[1:]]

    @precondition(lambda self: bool(self.number and self.kept()))
    @rule(data=st.data(), step=STEPS)
    def roll_back(self, data: st.DataObject, step: int | None) -> None:
        """Return to an older generation without the entries withdrawn since."""
        number = data.draw(st.sampled_from(self.kept()))
        after = self.model.after_rollback(self.states[number], number)
        self.change(
            lambda writer: writer.rollback(number), lambda _number: after, step=step
        )

    @rule(step=STEPS)
    def release(self, step: int | None) -> None:
        """Release a rollback."""
        old = self.model
        if not old.pinned:
            self.refuse(lambda writer: writer.release(), StoreError)
            return
        self.change(
            lambda writer: writer.release(),
            lambda _number: replace(old, pinned=False),
            step=step,
        )

    @rule()
    def reopen(self) -> None:
        """Read with a new reader."""
        self.reader.close()
        self.reader = self.directory.reader()

    @rule()
    def check(self) -> None:
        """Nothing is ever damaged."""
        assert self.directory.check().problems == ()

    @invariant()
    def finds_what_the_dictionary_does(self) -> None:
        """Every entry in force is found by each of its signals, and nothing else is."""
        if not self.number:
            return
        generation, model = self.reader.current(), self.model
        found = [
            sorted((candidate.set, candidate.entry) for candidate in candidates)
            for candidates in generation.search(QUERIES)
        ]
        expected = [model.found(value, self.now) for value in range(6)]

        assert found == expected * 2
        assert (generation.number, generation.pinned) == (self.number, model.pinned)
        assert generation.entry_count == len(model.entries())
        assert names_of(generation.sets) == set(model.sets)
        off = {it.key for it in generation.off_by(Party.OPERATOR)}
        assert off == model.active_suppressions(self.now)


def names_of(sets: Iterable[SetInfo]) -> set[str]:
    """Return the names of hash sets."""
    return {info.name for info in sets}


TestReferenceSet = ReferenceMachine.TestCase
TestReferenceSet.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None
)
