"""Choose the language that a client prefers.

This is the lookup of RFC 4647, section 3.4: there is always one answer. A client that
accepts none of the available languages gets the default, because a rejection in a
foreign language is better than none (RFC 9110, section 12.4.1). This module is pure.
"""

import re
from collections.abc import Iterator, Sequence

MOST_RANGES = 64
"""Ranges that are read of one header; browsers send up to a dozen."""

_MOST_RANGE_CHARACTERS = 80
"""Longest range that is read: the longest tag in use has 35 characters (RFC 5646,
section 4.4.1), and one of thousands of subtags would be shortened thousands of
times."""

_ANY = "*"
_LANGUAGE_RANGE = re.compile(
    r"""
    [ \t]*(?P<range>\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)[ \t]*
    (?:;[ \t]*q=(?P<quality>[01](?:\.[0-9]{0,3})?)[ \t]*)?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
"""A language range with a weight (RFC 9110, section 12.5.4). Other text is ignored."""


def choose(header: str, available: Sequence[str], *, default: str) -> str:
    """Return the language to answer in.

    Args:
        header: Value of Accept-Language, several joined by commas; empty if there is
            none.
        available: The available language tags.
        default: The tag for clients that ask for none of them.

    Returns:
        The tag, as it stands in ``available``.

    Source:
        RFC 4647, section 3.4; RFC 9110, section 12.5.4.
    """
    tags = {tag.lower(): tag for tag in available}
    weighted = list(_ranges(header))
    refused = {wanted for wanted, quality in weighted if quality == 0}
    offered = {folded: tag for folded, tag in tags.items() if folded not in refused}
    # Sorting is stable: of the same weight, the first is preferred.
    for wanted, quality in sorted(weighted, key=lambda item: -item[1]):
        # An asterisk means any other language, so the default.
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
        # A weight over 1 is invalid.
        if match and (quality := float(match["quality"] or 1)) <= 1:
            yield match["range"].lower(), quality


def _shortened(tag: str) -> Iterator[str]:
    """Yield a tag, and then the tag without its last subtags.

    A single letter at the end, for example ``x``, only introduces the removed subtag,
    and is removed as well.
    """
    subtags = tag.split("-")
    while subtags:
        if len(subtags) == 1 or len(subtags[-1]) > 1:
            yield "-".join(subtags)
        subtags.pop()
