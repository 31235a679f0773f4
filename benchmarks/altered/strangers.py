"""How often chance brings an entry near to an upload that it has nothing to do with.

Each picture of half B, of every sort, is uploaded against a set of a million real
values none of which shows it. The candidates are those of the search for soft views;
each is judged, and the figures of all are kept: as many are expected at E or less as
E times the number of uploads. What lies below the operating points is looked at.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.altered import entries as sets
from benchmarks.altered import judged
from benchmarks.altered.kept import Kept
from benchmarks.altered.originals import Originals, Values
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.chance import ALTERED
from uploadfilter.model import Variant
from uploadfilter.reference.search.index import lanes_of
from uploadfilter.reference.search.near.near_index import NearIndex
from uploadfilter.reference.search.soft import SoftBatch
from uploadfilter.signals.soft.family import SoftViews

Finder = Callable[[SoftViews], NDArray[np.intp]]
"""Returns the rows of the values that some views may show, best first."""

LEVELS = tuple(10.0**power for power in range(2, -13, -1))
"""Figures of E at which observed pairs are counted."""

LOOKED_AT = 1e-2
"""Pairs with this E or less are listed one by one."""

_TOOLS = "gimp-help-en:toolbox/"
_CLIP_ARTS, _STAMPS = "openclipart-png:", "tuxpaint-stamps-default:"
_FLAGS = "iso-flags-png-320x240:"
_CURVED = "soft-ui-design-system:curved-images/"

SAME_THING = frozenset(
    {
        # A photograph with the marks of several tools, or a drawing before and after.
        (f"{_TOOLS}FG-select-select.png", f"{_TOOLS}FG-select-draw.png"),
        (f"{_TOOLS}bucket-fill-ex-origin.png", f"{_TOOLS}bucket-fill-ex-default.png"),
        (f"{_TOOLS}free-selection.png", f"{_TOOLS}iscissors-selection.png"),
        (f"{_TOOLS}fuzzy-selection.png", f"{_TOOLS}iscissors-selection.png"),
        # One window, with some lines of others.
        (f"{_TOOLS}tool-options-eraser.png", f"{_TOOLS}tool-options-heal.png"),
        (f"{_TOOLS}tool-options-pencil.png", f"{_TOOLS}tool-options-airbrush.png"),
        (f"{_TOOLS}tool-options-pencil.png", f"{_TOOLS}tool-options-paintbrush.png"),
        (f"{_TOOLS}tool-options-perspective.png", f"{_TOOLS}tool-options-rotate.png"),
        # One flag.
        (f"{_CLIP_ARTS}america/guyana.png", f"{_FLAGS}gy.png"),
        (f"{_CLIP_ARTS}miscellany/antarctica.png", f"{_FLAGS}aq.png"),
        (f"{_CLIP_ARTS}africa/burundi.png", f"{_FLAGS}bi.png"),
        (f"{_CLIP_ARTS}america/trinidad_and_tobago.png", f"{_FLAGS}tt.png"),
        # One drawing in two packages, once with other colours.
        (f"{_CLIP_ARTS}apps/inkscape.png", "oxygen-icon-theme:inkscape.png"),
        (f"{_CLIP_ARTS}computer/home13.png", f"{_STAMPS}tent.png"),
        (f"{_CLIP_ARTS}office/calculator.png", f"{_STAMPS}calculator.png"),
        (
            f"{_CLIP_ARTS}people/woman_police_01_gerald_g_01.png",
            f"{_STAMPS}woman_police_officer_1.png",
        ),
        (
            f"{_CLIP_ARTS}people/woman_police_01_gerald_g_01.png",
            f"{_STAMPS}woman_police_officer_2.png",
        ),
        (f"{_CLIP_ARTS}unsorted/spaventapasseri.png", f"{_STAMPS}scarecrow.png"),
        (f"{_CLIP_ARTS}apps/java.png", f"{_CLIP_ARTS}mimetypes/java.png"),
        (f"{_CURVED}curved8.jpg", f"{_CURVED}curved-8.jpg"),
        # One window, with another selection.
        (
            f"{_TOOLS}diagonal-neighbors-wand-2.png",
            f"{_TOOLS}diagonal-neighbors-wand-1.png",
        ),
        # One surface, in one of them with its section below.
        (
            "maxima-doc:figures/draw_allocation2.png",
            "maxima-doc:figures/draw_equiv.png",
        ),
        # One photograph, with other tones.
        ("opencv-doc:html/fusion.png", "opencv-doc:html/ldr.png"),
        # One photograph, cut otherwise.
        ("uikit:images/slider5.jpg", "uikit:images/photo3.jpg"),
        ("uikit:images/slider4.jpg", "uikit:images/photo2.jpg"),
    }
)
"""Scenes of uploads and entries that were looked at, and show the same thing."""

_MOST_JUDGED = 16
"""Candidates that are judged of an upload, best first."""

_BLOCK = 20_000

_COUNTED = ("uploads", "pairs", "compared", "judged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """One pair that chance brought near.

    Attributes:
        upload: Number of the original that was uploaded.
        sort: Its sort.
        row: Row of the value.
        expected: E.
        distance: Bits between the best view and the value.
        outline: The best view.
        variant: How the upload was turned for it.
    """

    upload: int
    sort: str
    row: int
    expected: float
    distance: int
    outline: str
    variant: str


@dataclass(slots=True)
class Tally:
    """The results of all uploads.

    Attributes:
        uploads: Uploads by sort.
        pairs: Uploads times values that may be compared with them, by sort.
        compared: The same, times the views of each upload: pairs of values.
        judged: Candidates that were judged, by sort.
        figures: E of the candidates, by sort.
        near: The pairs to be looked at.
    """

    uploads: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    figures: dict[str, list[float]] = field(default_factory=dict)
    near: list[Near] = field(default_factory=list)

    def as_kept(self) -> dict[str, Any]:
        """Return everything as JSON."""
        counts = {name: dict(getattr(self, name)) for name in _COUNTED}
        near = [
            {name: getattr(it, name) for name in Near.__slots__} for it in self.near
        ]
        return {**counts, "figures": self.figures, "near": near}

    def take(self, found: dict[str, Any]) -> None:
        """Add what ``as_kept`` returned."""
        for name in _COUNTED:
            getattr(self, name).update(found[name])
        for sort, figures in found["figures"].items():
            self.figures.setdefault(sort, []).extend(figures)
        self.near += [Near(**item) for item in found["near"]]

    def summary(self) -> dict[str, object]:
        """Return the numbers of pairs at each level of E, by the sort of upload."""
        return {
            "uploads": dict(self.uploads),
            "pairs": dict(self.pairs),
            "compared": dict(self.compared),
            "judged": dict(self.judged),
            "levels": list(LEVELS),
            "observed": {
                sort: [int((np.array(found) <= level).sum()) for level in LEVELS]
                for sort, found in self.figures.items()
            },
            "near": [
                {name: getattr(item, name) for name in Near.__slots__}
                for item in sorted(self.near, key=lambda item: item.expected)
            ],
        }


def by_search(values: Values) -> Finder:
    """Return the search for soft views that the filter uses, with its budget."""
    index = NearIndex(lanes_of(values.tobytes(), values.shape[1]), None)

    def find(views: SoftViews) -> NDArray[np.intp]:
        return index.search(SoftBatch(values=views.values, flips=views.flips)).row

    return find


def by_scan(values: Values, most: int) -> Finder:
    """Return the slow twin of a search: it scores every value by every view."""
    signs = np.unpackbits(values, axis=1)

    def find(views: SoftViews) -> NDArray[np.intp]:
        odds, base = weights(views)
        best = np.concatenate(
            [
                (signs[at : at + _BLOCK].astype(np.float32) @ odds.T + base).max(axis=1)
                for at in range(0, len(signs), _BLOCK)
            ]
        )
        order: NDArray[np.intp] = np.argsort(-best)[:most]
        return order

    return find


def weights(
    views: SoftViews,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what each set bit adds to the soft score, and the score without any."""
    ones = np.unpackbits(views.values, axis=1).astype(bool)
    is_one = np.where(ones, 1 - views.flips, views.flips)
    odds = np.log(is_one) - np.log(1 - is_one)
    base = np.log(2 * (1 - is_one)).sum(axis=1)
    return odds.astype(np.float32), base.astype(np.float32)


def upload(
    tally: Tally,
    originals: Originals,
    number: int,
    *,
    background: Background | None,
    values: Values,
    may_match: NDArray[np.bool_],
    find: Finder,
    ways: Sequence[Variant],
) -> None:
    """Upload one original, and count what comes near.

    Args:
        tally: Receives the counts.
        originals: The originals.
        number: Number of the upload.
        background: The prepared cohort.
        values: The set.
        may_match: Which values show another scene.
        find: Finds candidates.
        ways: Variants of the upload that are looked at.
    """
    sort = originals.listed[number].sort
    plane = originals.planes[number]
    views = judged.views_of(plane, ways, originals.aspect(number))
    tally.uploads[sort] += 1
    tally.pairs[sort] += int(may_match.sum())
    tally.compared[sort] += int(may_match.sum()) * len(views)
    rows = find(views)
    rows = rows[may_match[rows]][:_MOST_JUDGED]
    found = judged.evidence(background, plane, values[rows], ways, views)
    tally.judged[sort] += len(rows)
    figures = tally.figures.setdefault(sort, [])
    for row, item in zip(rows.tolist(), found, strict=True):
        expected = judged.figure(item)
        figures.append(expected)
        if expected <= LOOKED_AT:
            tally.near.append(
                Near(
                    upload=number,
                    sort=sort,
                    row=row,
                    expected=expected,
                    distance=item.distance,
                    outline=str(item.outline),
                    variant=str(item.variant),
                )
            )


def all_of(
    originals: Originals,
    background: Background | None,
    entries: sets.Entries,
    numbers: Sequence[int],
    ways: Sequence[Variant],
    find: Finder,
    kept: Kept,
) -> Tally:
    """Upload some originals, one after the other, unless they were uploaded before."""
    values = np.asarray(entries.values)
    for number in kept.missing(list(numbers)):
        tally = Tally()
        scene = originals.listed[number].scene
        upload(
            tally,
            originals,
            number,
            background=background,
            values=values,
            may_match=sets.without(entries, [scene]),
            find=find,
            ways=ways,
        )
        kept.add(number, tally.as_kept())
    whole = Tally()
    for _, found in kept.of(list(numbers)):
        whole.take(found)
    return whole


def apart(
    tally: Tally, originals: Originals, entries: sets.Entries
) -> dict[str, list[int]]:
    """Return the numbers of pairs of scenes at each level up to ``LOOKED_AT``.

    A pair counts once, by its lowest E, and not if it shows the same thing.
    """
    lowest: dict[tuple[str, str, str], float] = {}
    for item in tally.near:
        pair = scenes_of(item, originals, entries)
        if pair not in SAME_THING:
            key = (item.sort, *pair)
            lowest[key] = min(lowest.get(key, 1.0), item.expected)
    levels = [level for level in LEVELS if level <= LOOKED_AT]
    return {
        sort: [
            sum(figure <= level for (its, *_), figure in lowest.items() if its == sort)
            for level in levels
        ]
        for sort in tally.uploads
    }


def wrong(
    tally: Tally, originals: Originals, entries: sets.Entries
) -> dict[str, list[list[str]]]:
    """Return the false matches by sort of the upload: scenes of upload and entry."""
    found: dict[str, list[list[str]]] = {}
    for item in tally.near:
        pair = scenes_of(item, originals, entries)
        if item.expected <= ALTERED and pair not in SAME_THING:
            found.setdefault(item.sort, []).append(list(pair))
    return found


def scenes_of(
    item: Near, originals: Originals, entries: sets.Entries
) -> tuple[str, str]:
    """Return the scenes of the upload and of the entry."""
    entry = entries.names[int(entries.scenes[item.row])]
    return originals.listed[item.upload].scene, entry
