"""What a proposal does, in words: the same on a terminal and on a page.

Rules this module keeps: it is pure; a count agrees with its noun.
"""

from uploadfilter.issuing.proposing import Review


def counted(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: ``1 entry``, ``1,234 entries``.

    Args:
        count: How many.
        one: The noun for one, and what follows it.
        many: The same for several; by default with an ``s``.
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def entries(count: int, then: str = "", *, plural: str = "") -> str:
    """Return how many entries, and what becomes of them.

    Args:
        count: How many.
        then: Follows the noun of one, such as ``is added``.
        plural: Follows the noun of several, such as ``are added``.
    """
    return counted(count, f"entry {then}".strip(), f"entries {plural}".strip())


def review_heading(review: Review) -> str:
    """Return in one line from what to what a proposal leads."""
    if review.is_renewal:
        whole = entries(review.entries)
        return f"Number {review.newer} stays as it is, with {whole}."
    if not review.older:
        return f"Number {review.newer}, the first:"
    return f"From number {review.older} to number {review.newer}:"


def review_lines(review: Review) -> tuple[str, ...]:
    """Return line by line what a proposal changes; nothing where it changes nothing."""
    if review.is_renewal:
        return ()
    return (
        entries(review.added, "is added", plural="are added"),
        entries(review.changed, "is changed", plural="are changed"),
        entries(review.removed, "is removed", plural="are removed"),
        entries(review.entries, "is in the set then", plural="are in the set then"),
    )
