"""What a reviewer's decision does: switch an entry off or on, and keep the outcome.

Rules this module keeps: the reference set is changed first, and the outcome is kept
then, so no uploader is told of a change that was not made; a decision about an
objection that has changed meanwhile does nothing; an entry comes on again only if no
other reversal wants it off.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from uploadfilter.errors import UsageError
from uploadfilter.forms.cases import Objection, ObjectionState
from uploadfilter.forms.sending import outcome_message
from uploadfilter.forms.store import FormStore
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory

log: structlog.stdlib.BoundLogger = structlog.get_logger()

SWITCHED_OFF_FOR: Final = timedelta(days=30)
"""For how long an entry is switched off: the longest suppression. The feedback file
asks the issuer to withdraw it within that time; else somebody looks at it again."""

REASON: Final = "a reviewer reversed a decision by this entry"
_MOST_REVERSED: Final = 100_000


class Decider:
    """Carries out what reviewers decide.

    Args:
        tells_provider: Whether each outcome is queued for the provider's own system.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self,
        store: FormStore,
        *,
        state: Path,
        tells_provider: bool,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._reference = state / REFERENCE_DIRECTORY
        self._tells_provider = tells_provider
        self._now = now

    def decide(
        self,
        before: Objection,
        state: ObjectionState,
        *,
        reviewer: str,
        answer: str = "",
        entry: tuple[str, str] | None = None,
    ) -> Objection:
        """Decide an objection.

        Raises:
            UsageError: The outcome cannot follow, or somebody else was faster.
            HashSetNameError: The entry is not in force any more.
            StoreError: The reference set could not be changed.
            ObjectionError: The outcome could not be kept.
        """
        now = self._now()
        after = before.decide(
            state, now=now, reviewer=reviewer, answer=answer, entry=entry
        )
        if self._store.get(before.decision) != before:
            raise _changed()
        self._switch(before, after)
        message = outcome_message(after) if self._tells_provider else None
        if not self._store.change(before, after, message=message):
            raise _changed()
        log.info(
            "objection_decided",
            decision=after.decision,
            state=after.state.value,
            reviewer=reviewer,
        )
        return after

    def _switch(self, before: Objection, after: Objection) -> None:
        """Switch the entry of the decision off, and that of an earlier one on."""
        former, wanted = before.entry, after.entry
        if former is not None and former != wanted and self._may_return(before):
            switch_entry(self._reference, former, by=None, now=self._now)
        if wanted is not None:
            switch_entry(self._reference, wanted, by=after.reviewer, now=self._now)

    def _may_return(self, before: Objection) -> bool:
        reversals = self._store.list([ObjectionState.REVERSED], most=_MOST_REVERSED)
        same = (it.decision for it in reversals if it.entry == before.entry)
        return set(same) <= {before.decision}


def switch_entry(
    reference: Path,
    entry: tuple[str, str],
    *,
    by: str | None,
    now: Callable[[], float],
) -> None:
    """Switch an entry off, or on again; all that reviewers change in the list.

    Args:
        reference: The folder of the reference set.
        entry: Set and entry.
        by: The reviewer who switches it off; ``None`` switches it on again, unless its
            time has ended by itself.
        now: Returns seconds since the epoch.

    Raises:
        HashSetNameError: The entry is not in force any more.
        StoreError: The reference set could not be changed.
    """
    with ReferenceDirectory(reference, clock=now).writer(create=False) as writer:
        if by is not None:
            until = now() + SWITCHED_OFF_FOR.total_seconds()
            writer.switch_off(*entry, why=REASON, by=by, until=until)
        elif any(it.key == entry for it in writer.generation.off_by(Party.OPERATOR)):
            writer.switch_on(entry[0], entry[1:], parties={Party.OPERATOR})


def _changed() -> UsageError:
    return UsageError(
        "the objection has changed since it was shown",
        hint="Look at it again: perhaps somebody else has decided meanwhile.",
    )
