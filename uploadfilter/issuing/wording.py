"""Describe a proposal in words: the same on a terminal and on a page.

Rules this module keeps: it is pure; a count agrees with its noun.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    # They load TUF, which takes a third of a second: commands that only count do not.
    from uploadfilter.issuing.proposing import Review
    from uploadfilter.issuing.signing import PendingSignature

_IDS_SHOWN: Final = 10
"""Most ids that a line names."""


def counted(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: ``1 entry``, ``1,234 entries``.

    Args:
        count: The number.
        one: The noun for one, and the words after it.
        many: The same for several; by default with an ``s``.
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def shown(path: Path | str) -> str:
    r"""Return a path as readable text; bytes that are not text appear as ``\xNN``."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def moment(epoch_s: float) -> str:
    """Return a time as people read it, in UTC and to the minute."""
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%d %H:%M} UTC"


def entries(count: int, then: str = "", *, plural: str = "") -> str:
    """Return a number of entries, with the words after it.

    Args:
        count: The number.
        then: Words after the noun for one, such as ``is added``.
        plural: Words after the noun for several, such as ``are added``.
    """
    return counted(count, f"entry {then}".strip(), f"entries {plural}".strip())


def withdrawn_again(ids: Sequence[str]) -> str:
    """Return in one line which entries were left out because they were withdrawn."""
    ids = list(dict.fromkeys(ids))
    more = len(ids) - _IDS_SHOWN
    named = ", ".join([*ids[:_IDS_SHOWN], *([f"{more:,} more"] if more > 0 else ())])
    return f"left out: {entries(len(ids))} that a duty officer withdrew: {named}"


def needed(threshold: int, names: Sequence[str]) -> str:
    """Return which signatures a role needs: ``needs 2 signatures of ann, bob``."""
    return f"needs {counted(threshold, 'signature')} of {', '.join(names)}"


def missing(item: "PendingSignature") -> str:
    """Return which signatures a proposal has, and which it needs."""
    if not item.missing:
        return f"has all signatures: {', '.join(item.by)}"
    what = counted(item.missing, "more signature" if item.by else "signature")
    have = f"has {len(item.by)}" + (f": {', '.join(item.by)}" if item.by else "")
    return f"needs {what} of {', '.join(item.others)} ({have})"


def review_heading(review: "Review") -> str:
    """Return in one line the sequences before and after a proposal."""
    if review.is_renewal:
        whole = entries(review.entries)
        return f"Number {review.newer} stays as it is, with {whole}."
    if not review.older:
        return f"Number {review.newer}, the first:"
    return f"From number {review.older} to number {review.newer}:"


def review_lines(review: "Review") -> tuple[str, ...]:
    """Return the changes of a proposal, line by line; nothing if there are none."""
    if review.is_renewal:
        return ()
    return (
        entries(review.added, "is added", plural="are added"),
        entries(review.changed, "is changed", plural="are changed"),
        entries(review.removed, "is removed", plural="are removed"),
        entries(review.entries, "is in the set then", plural="are in the set then"),
    )
