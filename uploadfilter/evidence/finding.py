"""Find altered copies of entries: the step after a search that found nothing.

Each view of the upload becomes soft views, guesses of the original. The generation
finds the entries that they point at, and each of those is judged against the cohort.

Rules this module keeps: it is pure; its work is bounded; a content that was not
searched to its end is named, so that it never counts as checked.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from uploadfilter.evidence.background import Background
from uploadfilter.evidence.chance import ALTERED, NEAR, tries_of
from uploadfilter.evidence.judging import Evidence, judge
from uploadfilter.model import (
    QUALITY_FLOOR,
    VARIANTS,
    Geometry,
    Match,
    MatchKind,
    Scan,
    SignalType,
    Variant,
    View,
)
from uploadfilter.reference.search.near.asking import NearCandidate, NearGeneration
from uploadfilter.reference.search.soft import SoftBatch
from uploadfilter.signals.soft.family import (
    ALL_FAMILIES,
    Family,
    SoftViews,
    soft_views,
)
from uploadfilter.signals.windows import WINDOWS

MOST_JUDGED: Final = 8
"""Most candidates of one view that are judged, the best first: each takes some
milliseconds, and an entry that an upload shows is among the first."""

MOST_JUDGED_TURNED: Final = 2
"""The same for each further variant of a view, so that all seven do not use up what may
be judged for an upload."""

MOST_JUDGED_IN_ALL: Final = 24
"""Most candidates that are judged for one upload: 0.4 CPU seconds if each is promising.
An upload that is made to look like many entries at once is unfinished."""

MOST_VIEWS: Final = 16
"""Most views of one upload that are searched; each costs some 10 ms of CPU time at a
million entries. A photograph has one to three, an animation up to thirty. More would
cost more than the dearest picture that is decoded."""

_UNSHOWN: Final = frozenset({"alpha", "raw", "chroma", "clipped"})
"""First words of the names of views that no viewer shows as a picture: an altered copy
of a listed picture is looked for in the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlteredCopies:
    """The altered copies of an upload.

    Attributes:
        matches: One match for each content, set and entry: the one with the lowest
            chance. Their kind is ``altered`` or ``near``.
        unfinished: Paths of the contents that were not searched to their end.
    """

    matches: tuple[Match, ...] = ()
    unfinished: frozenset[str] = frozenset()


class SearchedView(msgspec.Struct, frozen=True, kw_only=True):
    """A view that is searched for altered copies.

    Attributes:
        content: Path of its content, or the content's number in a record.
        name: Name of the view.
        plane: ``View.plane``.
        aspect: ``View.aspect``.
        quality: PDQ's quality.
    """

    content: str
    name: str
    plane: bytes
    aspect: float | None
    quality: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenViews:
    """The views of an upload that are searched.

    Attributes:
        views: At most ``MOST_VIEWS``.
        unfinished: Paths of the contents that have more views than that.
    """

    views: tuple[SearchedView, ...]
    unfinished: frozenset[str] = frozenset()


def searchable(scans: Sequence[Scan]) -> Iterator[tuple[str, View]]:
    """Yield the views that are searched for altered copies, with their content."""
    for scan in scans:
        for part in scan.walk():
            for view in part.views:
                if not _UNSHOWN & {it.partition(":")[0] for it in view.name.split("/")}:
                    yield part.path, view


def choose_views(
    views: Iterable[tuple[str, View]],
    *,
    quality_of: Callable[[bytes], int],
    matched: Collection[str] = (),
) -> ChosenViews:
    """Choose the views that are searched: each plane of a content once.

    Args:
        views: What ``searchable`` yields.
        quality_of: Computes PDQ's quality, 0 to 100, from ``View.plane``. A view below
            ``QUALITY_FLOOR`` says too little to be searched.
        matched: Paths of contents that match within the threshold: they are left out.
    """
    seen: set[tuple[str, bytes]] = set()
    chosen: list[SearchedView] = []
    unfinished: set[str] = set()
    for content, view in views:
        if content in matched or (content, view.plane) in seen:
            continue
        seen.add((content, view.plane))
        quality = quality_of(view.plane)
        if quality < QUALITY_FLOOR:
            continue
        if len(chosen) == MOST_VIEWS:
            unfinished.add(content)
            continue
        chosen.append(
            SearchedView(
                content=content,
                name=view.name,
                plane=view.plane,
                aspect=view.aspect,
                quality=quality,
            )
        )
    return ChosenViews(views=tuple(chosen), unfinished=frozenset(unfinished))


def find_altered(
    generation: NearGeneration,
    views: Sequence[SearchedView],
    background: Background,
    *,
    turned: bool = False,
) -> AlteredCopies:
    """Find the entries that an upload shows altered copies of."""
    if SignalType.PDQ not in generation.signal_types:
        return AlteredCopies()
    search = _Search(generation, background, count=len(views), turned=turned)
    for view in views:
        search.look_at(view)
    return search.result()


class _Search:
    """The search of one upload."""

    def __init__(
        self,
        generation: NearGeneration,
        background: Background,
        *,
        count: int,
        turned: bool,
    ) -> None:
        self._generation = generation
        self._background = background
        self._turned = turned
        self._views = count
        # Sets without windows do not pay for views of them.
        has_windows = bool(generation.windows & WINDOWS.keys())
        windows = {Family.WINDOWS} if has_windows else set()
        self._families = ALL_FAMILIES | windows
        self._best: dict[tuple[str, str, str], Match] = {}
        self._unfinished: set[str] = set()
        self._left = MOST_JUDGED_IN_ALL

    def look_at(self, item: SearchedView) -> None:
        """Search one view; mirrored and by quarter turns too, if that is asked for."""
        if self._has_copy(item, Variant.UPRIGHT) or not self._turned:
            return
        for variant in VARIANTS[1:]:
            if self._has_copy(item, variant):
                return

    def _has_copy(self, item: SearchedView, variant: Variant) -> bool:
        """Search one variant of a view; tell whether anything was found."""
        views = soft_views(
            item.plane,
            families=self._families,
            variants=(variant,),
            aspect=item.aspect,
        )
        if not len(views):
            return False
        batch = SoftBatch(values=views.values, flips=views.flips)
        near = self._generation.search_near(batch)
        if not near.is_complete:
            self._unfinished.add(item.content)
        is_found = False
        most = MOST_JUDGED if variant is Variant.UPRIGHT else MOST_JUDGED_TURNED
        for candidate, evidence in self._judged(item, views, near.candidates[:most]):
            match = self._match(item, candidate, evidence)
            if match is not None:
                self._keep_rarer(match)
                is_found = True
        return is_found

    def _judged(
        self, item: SearchedView, views: SoftViews, chosen: Sequence[NearCandidate]
    ) -> Iterator[tuple[NearCandidate, Evidence]]:
        if len(chosen) > self._left:
            self._unfinished.add(item.content)
            chosen = chosen[: self._left]
        self._left -= len(chosen)
        variants = len(VARIANTS) if self._turned else 1
        judged = judge(
            self._background,
            views,
            [it.value for it in chosen],
            entries=self._generation.entry_count,
            tries=tries_of(len(views) * variants * self._views),
            plane=item.plane,
        )
        yield from zip(chosen, judged, strict=True)

    def _match(
        self, item: SearchedView, near: NearCandidate, evidence: Evidence
    ) -> Match | None:
        """Return the match with an entry; ``None`` if chance explains it."""
        chance = evidence.expected
        if chance is None or chance > NEAR:
            return None
        found = near.candidate
        quality = item.quality
        if found.quality is not None:
            quality = min(quality, found.quality)
        is_altered = chance <= ALTERED
        return Match(
            content=item.content,
            set=found.set,
            entry=found.entry,
            category=found.category,
            state=found.state,
            signal_type=SignalType.PDQ,
            distance=evidence.distance,
            view=item.name,
            variant=evidence.variant,
            geometry=Geometry.FULL,
            quality=quality,
            kind=MatchKind.ALTERED if is_altered else MatchKind.NEAR,
            chance=chance,
            outline=evidence.outline,
        )

    def _keep_rarer(self, match: Match) -> None:
        key = match.content, match.set, match.entry
        known = self._best.get(key)
        if known is None or (match.chance or 0.0) < (known.chance or 0.0):
            self._best[key] = match

    def result(self) -> AlteredCopies:
        """Return the matches so far, and the unfinished contents."""
        return AlteredCopies(
            matches=tuple(self._best.values()), unfinished=frozenset(self._unfinished)
        )
