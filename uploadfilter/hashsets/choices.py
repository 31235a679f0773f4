"""What the operator chose of a hash set, and what importing it again keeps of that.

A newer file comes every week, and a script imports it. So what is not said stays as it
was: an enforced hash set stays enforced, with its categories. What would take entries
out of force has an option of its own, and is refused without it.

Rules this module keeps: it is pure; every attribute of ``SetInfo`` that an operator
chooses is settled here, which a test holds.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from uploadfilter.errors import HashSetNameError, UsageError
from uploadfilter.model import EntryState
from uploadfilter.reference.entries.sets import SetInfo

_SHOWN_CATEGORIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was said of an import.

    Attributes:
        state: Whether the entries may reject; ``None`` if nothing was said.
        categories: Those to take; empty if nothing was said.
        drops_categories: Whether categories may go that the set has now.
    """

    state: EntryState | None = None
    categories: Sequence[str] = ()
    drops_categories: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What holds for an import.

    Attributes:
        enforced: Whether the entries may reject.
        categories: Those to take; empty if nobody ever named any.
        was_enforced: What held for the set until now; ``None`` if it is new.
    """

    enforced: bool
    categories: Sequence[str]
    was_enforced: bool | None


def chosen_state(*, enforce_unsigned: bool, monitored: bool) -> EntryState | None:
    """Return the state that two options ask for.

    Raises:
        UsageError: Both were given.
    """
    if enforce_unsigned and monitored:
        raise UsageError(
            "--enforce-unsigned and --monitored contradict each other",
            hint="Give one of them, or neither: then importing a set again keeps its "
            "state.",
        )
    if monitored:
        return EntryState.MONITORED
    return EntryState.ACTIVE if enforce_unsigned else None


def settled(
    name: str, chosen: Chosen, sets: Collection[SetInfo], *, is_signed: bool = False
) -> Settled:
    """Return what holds for an import: what is said, else what held before.

    Args:
        name: Of the hash set.
        chosen: What was said.
        sets: The hash sets in force.
        is_signed: Whether what is to come was signed.

    Raises:
        HashSetNameError: One set is signed, and the other is not: what was allowed to
            the one would be allowed to the other.
        UsageError: Categories would go that nobody said may go.
    """
    before = next((info for info in sets if info.name == name), None)
    if before is not None and (before.signed is not None) is not is_signed:
        was, comes = ("is", "is not") if before.signed else ("is not", "is")
        raise HashSetNameError(
            f"hash set {name!r} {was} signed, and what would take its place {comes}",
            hint="Nothing was changed. Choose another name, or remove the set first: "
            "'uploadfilter hashset remove'.",
        )
    if before is None:
        return Settled(
            enforced=chosen.state is EntryState.ACTIVE,
            categories=chosen.categories,
            was_enforced=None,
        )
    lost = sorted(set(before.categories).difference(chosen.categories))
    if chosen.categories and lost and not chosen.drops_categories:
        shown = ", ".join(map(repr, lost[:_SHOWN_CATEGORIES]))
        raise UsageError(
            f"hash set {name!r} has entries of categories that this import does not "
            f"name: {shown}",
            hint="Nothing was imported. Name them with --category too; or leave "
            "--category out, to take the same categories as before; or give "
            "--drop-categories, which withdraws their entries.",
        )
    enforced = before.enforced
    if chosen.state is not None:
        enforced = chosen.state is EntryState.ACTIVE
    return Settled(
        enforced=enforced,
        categories=chosen.categories or before.categories,
        was_enforced=before.enforced,
    )
