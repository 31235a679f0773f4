"""Tell by a glimpse whether a search for altered copies is worth its time.

A search within the threshold reads some buckets of the reference set, in which altered
copies of entries mostly lie as well: of those 32 to 60 bits away, 85 to 95 of 100. So a
tenth of a millisecond tells for which uploads 10 to 40 ms are well spent, where there
is no capacity for all of them.

Rules this module keeps: it is pure; few views are looked at, whatever an upload holds;
a glimpse decides nothing about an upload, only whether it is searched.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from uploadfilter.evidence.finding import searchable
from uploadfilter.evidence.weighing import matched_contents
from uploadfilter.model import Match, Scan, SignalType
from uploadfilter.reference.search.near.asking import NearGeneration

MOST_GLIMPSED: Final = 4
"""Views that are looked at, a tenth of a millisecond each at a million entries: the
event loop waits for them. A picture has one, or one more without its border."""


def is_promising(
    generation: NearGeneration, scans: Sequence[Scan], found: Sequence[Match]
) -> bool:
    """Tell whether an entry seems to lie near a content that matches nothing.

    Args:
        generation: The generation that was searched within the threshold.
        scans: The scans of the upload.
        found: The matches within the threshold.

    Raises:
        StoreCorruptError: The files of the generation are damaged.
    """
    matched = matched_contents(found)
    values = list(islice(_values(scans, matched), MOST_GLIMPSED))
    return bool(values) and generation.glimpses(values)


def _values(scans: Sequence[Scan], matched: frozenset[str]) -> Iterator[bytes]:
    """Yield the upright PDQ value of each view that would be searched."""
    for path, view in searchable(scans):
        value = view.value(SignalType.PDQ)
        if value is not None and path not in matched:
            yield value
