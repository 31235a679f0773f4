"""Find altered copies of entries: the step after a search that found nothing.

Each view of the upload becomes soft views, guesses of the original. The generation
finds the entries that they point at, and each of those is judged against the cohort.

Rules this module keeps: it is pure; its work is bounded by ``EvidenceSettings``; a
content that was not searched to its end is named, so that it never counts as checked.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from uploadfilter.evidence.background import Background
from uploadfilter.evidence.chance import tries_of
from uploadfilter.evidence.judging import Evidence, judge
from uploadfilter.evidence.settings import EvidenceSettings
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


class _Looked(NamedTuple):
    """A view that was searched, and what it is a view of."""

    content: str
    view: View
    quality: int


def searchable(scans: Sequence[Scan]) -> Iterator[tuple[str, View]]:
    """Yield the views that are searched for altered copies, with their content."""
    for scan in scans:
        for part in scan.walk():
            for view in part.views:
                if not _UNSHOWN & {it.partition(":")[0] for it in view.name.split("/")}:
                    yield part.path, view


def find_altered(
    generation: NearGeneration,
    scans: Sequence[Scan],
    background: Background | None,
    *,
    settings: EvidenceSettings,
    quality_of: Callable[[bytes], int],
    matched: Collection[str] = (),
    is_wanted: Callable[[], bool] = lambda: True,
) -> AlteredCopies:
    """Find the entries that an upload shows altered copies of.

    Args:
        generation: The generation to search.
        scans: The scans of the upload.
        background: The prepared cohort; ``None`` if there is none. Then nothing can be
            judged, and every content with a view is unfinished.
        settings: Thresholds and budget.
        quality_of: Computes PDQ's quality, 0 to 100, from ``View.plane``. A view below
            ``QUALITY_FLOOR`` says too little to be searched.
        matched: Paths of contents that match within the threshold: they are left out.
        is_wanted: Asked before each view. From the first time that it returns false,
            the contents with further views are unfinished.
    """
    if SignalType.PDQ not in generation.signal_types:
        return AlteredCopies()
    wanted = [it for it in searchable(scans) if it[0] not in matched]
    if background is None:
        return AlteredCopies(unfinished=frozenset(path for path, _ in wanted))
    looked = _Views(settings.most_views)
    for content, view in wanted:
        looked.add(content, view, quality_of)
    search = _Search(generation, background, settings, scans_views=len(looked.views))
    for place, item in enumerate(looked.views):
        if not is_wanted():
            looked.unfinished.update(it.content for it in looked.views[place:])
            break
        search.look_at(item)
    return search.found(looked.unfinished)


class _Views:
    """The views of an upload that are searched, each plane once."""

    def __init__(self, most: int) -> None:
        self.views: list[_Looked] = []
        self.unfinished: set[str] = set()
        self._most = most
        self._seen: set[tuple[str, bytes]] = set()

    def add(self, content: str, view: View, quality_of: Callable[[bytes], int]) -> None:
        """Take a view, unless its plane is known, shows too little or is too much."""
        if (content, view.plane) in self._seen:
            return
        self._seen.add((content, view.plane))
        quality = quality_of(view.plane)
        if quality < QUALITY_FLOOR:
            return
        if len(self.views) >= self._most:
            self.unfinished.add(content)
            return
        self.views.append(_Looked(content, view, quality))


class _Search:
    """The search of one upload."""

    def __init__(
        self,
        generation: NearGeneration,
        background: Background,
        settings: EvidenceSettings,
        *,
        scans_views: int,
    ) -> None:
        self._generation = generation
        self._background = background
        self._settings = settings
        self._views = scans_views
        # Sets without windows do not pay for views of them.
        has_windows = bool(generation.windows & WINDOWS.keys())
        windows = {Family.WINDOWS} if has_windows else set()
        self._families = ALL_FAMILIES | windows
        self._best: dict[tuple[str, str, str], Match] = {}
        self._unfinished: set[str] = set()
        self._left = MOST_JUDGED_IN_ALL

    def look_at(self, item: _Looked) -> None:
        """Search one view; mirrored and by quarter turns too, if that is asked for."""
        if self._has_copy(item, Variant.UPRIGHT) or not self._settings.turned:
            return
        for variant in VARIANTS[1:]:
            if self._has_copy(item, variant):
                return

    def _has_copy(self, item: _Looked, variant: Variant) -> bool:
        """Search one variant of a view; tell whether anything was found."""
        views = soft_views(
            item.view.plane,
            families=self._families,
            variants=(variant,),
            aspect=item.view.aspect,
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
        self, item: _Looked, views: SoftViews, chosen: Sequence[NearCandidate]
    ) -> Iterator[tuple[NearCandidate, Evidence]]:
        if len(chosen) > self._left:
            self._unfinished.add(item.content)
            chosen = chosen[: self._left]
        self._left -= len(chosen)
        variants = len(VARIANTS) if self._settings.turned else 1
        judged = judge(
            self._background,
            views,
            [it.value for it in chosen],
            entries=self._generation.entry_count,
            tries=tries_of(len(views) * variants * self._views),
            plane=item.view.plane,
            near=self._settings.near,
        )
        yield from zip(chosen, judged, strict=True)

    def _match(
        self, item: _Looked, near: NearCandidate, evidence: Evidence
    ) -> Match | None:
        """Return the match with an entry; ``None`` if chance explains it."""
        chance = evidence.expected
        if chance is None or chance > self._settings.near:
            return None
        found = near.candidate
        quality = item.quality
        if found.quality is not None:
            quality = min(quality, found.quality)
        is_altered = chance <= self._settings.altered
        return Match(
            content=item.content,
            set=found.set,
            entry=found.entry,
            category=found.category,
            state=found.state,
            signal_type=SignalType.PDQ,
            distance=evidence.distance,
            view=item.view.name,
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

    def found(self, unfinished: Collection[str]) -> AlteredCopies:
        """Return the matches so far, and the unfinished contents."""
        return AlteredCopies(
            matches=tuple(self._best.values()),
            unfinished=frozenset(self._unfinished.union(unfinished)),
        )
