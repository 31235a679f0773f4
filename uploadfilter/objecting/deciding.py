"""What a reviewer's decision does: switch an entry off or on, and keep the outcome.

Rules this module keeps: the reference set is changed first, and the outcome is kept
then, so no uploader is told of a change that was not made; a decision about an
objection that has changed meanwhile does nothing.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from uploadfilter.errors import UsageError
from uploadfilter.objecting.cases import Objection, ObjectionState
from uploadfilter.objecting.keeping import ObjectionStore
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory

SUPPRESSED_FOR: Final = timedelta(days=30)
"""For how long an entry is switched off: the longest suppression. An issuer who was
asked withdraws it within that time, or somebody looks at it again."""

REASON: Final = "objection granted by a reviewer"
_ON_ANY_MORE: Final = frozenset({ObjectionState.SUPPRESSED, ObjectionState.ASKED})


class Decider:
    """Carries out what reviewers decide.

    Args:
        store: The objections.
        state: The state directory.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self, store: ObjectionStore, *, state: Path, now: Callable[[], float]
    ) -> None:
        self._store = store
        self._reference = ReferenceDirectory(state / REFERENCE_DIRECTORY, clock=now)
        self._now = now
        # The generation and the entries of the last look for withdrawals.
        self._looked: tuple[int, frozenset[tuple[str, str]]] | None = None

    def decide(
        self,
        before: Objection,
        state: ObjectionState,
        *,
        reviewer: str,
        answer: str = "",
        chosen: tuple[str, str] | None = None,
    ) -> Objection:
        """Decide an objection.

        Args:
            before: The objection as the reviewer saw it.
            state: The outcome.
            reviewer: The account of the reviewer.
            answer: What the uploader is told besides.
            chosen: Set and entry that the outcome is about.

        Raises:
            UsageError: The outcome cannot follow, or somebody else was faster.
            HashSetNameError: The entry is not in force any more.
            StoreError: The reference set could not be changed.
            ObjectionError: The outcome could not be kept.
        """
        now = self._now()
        after = before.decided(
            state, now=now, reviewer=reviewer, answer=answer, chosen=chosen
        )
        if self._store.get(before.decision) != before:
            raise _changed()
        if after.state in _ON_ANY_MORE and after.chosen is not None:
            self._suppress(after.chosen, reviewer, now)
        elif before.state in _ON_ANY_MORE and before.chosen is not None:
            self._restore(before.chosen)
        if not self._store.change(before, after, at_s=now):
            raise _changed()
        return after

    def withdrawn(self) -> tuple[Objection, ...]:
        """Note the objections whose entry is off the list now; return them.

        Raises:
            StoreError: The reference set cannot be read.
            ObjectionError: The store cannot be read or written.
        """
        waiting = self._store.listed(states=frozenset({ObjectionState.ASKED}))
        wanted = frozenset(it.chosen for it in waiting if it.chosen is not None)
        there = self._listed(wanted)
        now, noted = self._now(), []
        for before in (it for it in waiting if it.chosen not in there):
            after = before.decided(
                ObjectionState.WITHDRAWN,
                now=now,
                reviewer=before.reviewer,
                answer=before.answer,
                chosen=before.chosen,
            )
            if self._store.change(before, after, at_s=now):
                noted.append(after)
        return tuple(noted)

    def _listed(self, wanted: frozenset[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Return the entries of these that are listed.

        A look takes a quarter of a second for ten million entries. So nothing is looked
        up again in the same generation: then all of them are.
        """
        if not wanted:
            return wanted
        with self._reference.reader() as reader:
            generation = reader.current()
            if self._looked == (generation.number, wanted):
                return wanted
            revoked = generation.changes.revoked_keys()
            found: set[tuple[str, str]] = set()
            for name in {name for name, _ in wanted}:
                ids = [entry for of, entry in wanted if of == name]
                there = generation.has_entries(name, ids)
                found |= {(name, entry) for entry in ids if there[entry]}
        listed = frozenset(found - revoked)
        self._looked = (generation.number, listed)
        return listed

    def _suppress(self, chosen: tuple[str, str], reviewer: str, now: float) -> None:
        with self._reference.writer(create=False) as writer:
            writer.suppress(
                *chosen,
                reason=REASON,
                by=reviewer,
                expires_at=now + SUPPRESSED_FOR.total_seconds(),
            )

    def _restore(self, chosen: tuple[str, str]) -> None:
        """Switch an entry on again, unless its suppression has ended by itself."""
        with self._reference.writer(create=False) as writer:
            if any(it.key == chosen for it in writer.suppressions):
                writer.unsuppress(*chosen)


def _changed() -> UsageError:
    return UsageError(
        "the objection has changed since it was shown",
        hint="Look at it again: perhaps somebody else has decided meanwhile.",
    )
