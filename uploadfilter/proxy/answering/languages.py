"""Choose the language that a client would rather read.

The lookup of RFC 4647, section 3.4: one answer, always. A client that accepts nothing
that there is gets the default, because a rejection in a foreign language is better than
none (RFC 9110, section 12.4.1). This module is pure.
"""

import re
from collections.abc import Iterator, Sequence

MOST_RANGES = 64
"""Ranges that are read of one header; browsers send up to a dozen."""

_MOST_RANGE_CHARACTERS = 80
"""Longest range that is read: the longest tag in use has 35 (RFC 5646, section 4.4.1),
and one of thousands of subtags would be shortened thousands of times."""

_ANY = "*"
_LANGUAGE_RANGE = re.compile(
    r"""
    [ \t]*(?P<range>\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)[ \t]*
    (?:;[ \t]*q=(?P<quality>[01](?:\.[0-9]{0,3})?)[ \t]*)?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
"""A language range with a weight (RFC 9110, section 12.5.4). What does not read as one
is passed over."""


def choose(header: str, available: Sequence[str], *, default: str) -> str:
    """Return the language to answer in.

    Args:
        header: Value of Accept-Language, several joined by commas; empty if there is
            none.
        available: Language tags that there are.
        default: The tag of them for clients that ask for none of them.

    Returns:
        The tag, as it stands in ``available``.

    Source:
        RFC 4647, section 3.4; RFC 9110, section 12.5.4.
    """
    tags = {tag.lower(): tag for tag in available}
    weighted = list(_ranges(header))
    refused = {wanted for wanted, quality in weighted if quality == 0}
    offered = {folded: tag for folded, tag in tags.items() if folded not in refused}
    # Sorting is stable: of the same weight, the first is meant first.
    for wanted, quality in sorted(weighted, key=lambda item: -item[1]):
        # An asterisk is anything else, and the default is that.
        if wanted == _ANY or quality == 0:
            continue
        found = next((tag for tag in _shortened(wanted) if tag in offered), None)
        if found is not None:
            return offered[found]
    if default.lower() in refused and _ANY not in refused and offered:
        return next(iter(offered.values()))
    return default


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    """Yield ranges with their weights, in the order of the header, in lower case."""
    for item in header.split(",", MOST_RANGES)[:MOST_RANGES]:
        if len(item) > _MOST_RANGE_CHARACTERS:
            continue
        match = _LANGUAGE_RANGE.fullmatch(item)
        # A weight over 1 is no weight.
        if match and (quality := float(match["quality"] or 1)) <= 1:
            yield match["range"].lower(), quality


def _shortened(tag: str) -> Iterator[str]:
    """Yield a tag and what is left of it when subtags are cut off from its end.

    A single letter that is left at the end, such as ``x``, only introduces what was
    cut off, and goes with it.
    """
    subtags = tag.split("-")
    while subtags:
        if len(subtags) == 1 or len(subtags[-1]) > 1:
            yield "-".join(subtags)
        subtags.pop()
