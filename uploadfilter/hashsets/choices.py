"""Settle the operator's choices for a hash set, and keep them on a new import.

A newer file comes every week, and a script imports it. So a choice that is not given
again is kept: an enforced hash set stays enforced, with its categories. A change that
would take entries out of force needs an option of its own, and is refused without it.

Rules this module keeps: it is pure; every attribute of ``SetInfo`` that an operator
chooses is settled here, which a test checks.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from uploadfilter.errors import HashSetNameError, UsageError
from uploadfilter.model import EntryState
from uploadfilter.reference.entries.sets import SetInfo

_SHOWN_CATEGORIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The choices that were given for an import.

    Attributes:
        state: Whether the entries may reject; ``None`` if not given.
        categories: Categories to take; empty if not given.
        drops_categories: Whether the import may drop categories of the set.
    """

    state: EntryState | None = None
    categories: Sequence[str] = ()
    drops_categories: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The settled choices for an import.

    Attributes:
        enforced: Whether the entries may reject.
        categories: Categories to take; empty if none was ever named.
        was_enforced: Whether the old set was enforced; ``None`` if the set is new.
    """

    enforced: bool
    categories: Sequence[str]
    was_enforced: bool | None


def settled(
    name: str, chosen: Chosen, sets: Collection[SetInfo], *, is_signed: bool = False
) -> Settled:
    """Return the choices for an import: the given ones, otherwise the earlier ones.

    Raises:
        HashSetNameError: One set is signed, and the other is not: the new set would get
            the permissions of the old one.
        UsageError: Categories would be dropped without permission.
    """
    before = next((info for info in sets if info.name == name), None)
    if before is not None and (before.signed is not None) is not is_signed:
        was, comes = ("is", "is not") if before.signed else ("is not", "is")
        raise HashSetNameError(
            f"hash set {name!r} {was} signed, and its replacement {comes}",
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
