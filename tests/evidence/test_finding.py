"""The search for altered copies: the views, the matches, and the open contents."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from PIL.Image import Transpose
from typing_extensions import override

from tests.evidence.searched import Searched
from tests.evidence.seen import (
    ORIGINAL,
    STRANGER,
    background,
    cropped,
    seen,
    value_of,
    view_of,
)
from tests.evidence.values import flipped, pictures, raw
from uploadfilter.evidence import finding
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.chance import ALTERED
from uploadfilter.evidence.finding import (
    MOST_JUDGED,
    MOST_JUDGED_IN_ALL,
    MOST_VIEWS,
    AlteredCopies,
    choose_views,
    find_altered,
    searchable,
)
from uploadfilter.evidence.judging import Evidence, judge
from uploadfilter.model import (
    FULL_WINDOW,
    MatchKind,
    Scan,
    SignalType,
    Variant,
    View,
)
from uploadfilter.signals import pdq
from uploadfilter.signals.soft.family import SoftViews, soft_views

SHOWN = view_of(cropped(ORIGINAL))


def copies_in(
    generation: Searched,
    *scans: Scan,
    turned: bool = False,
    matched: frozenset[str] = frozenset(),
    quality: int = 90,
) -> AlteredCopies:
    """Search scans with the cohort that comes with the program."""
    chosen = choose_views(
        searchable(scans), quality_of=lambda _plane: quality, matched=matched
    )
    found = find_altered(generation, chosen.views, background(), turned=turned)
    return replace(found, unfinished=found.unfinished | chosen.unfinished)


LISTED = Searched([value_of(STRANGER), value_of(ORIGINAL)], quality=80)


def test_altered_copy_is_found_with_its_outline() -> None:
    """The match names the entry, the view, E and the part of the original."""
    found = copies_in(LISTED, seen(SHOWN, path="7"))

    (match,) = found.matches
    assert found.unfinished == frozenset()
    assert (match.content, match.set, match.entry) == ("7", "s", "1")
    assert (match.kind, match.view) == (MatchKind.ALTERED, "stored")
    assert (match.variant, match.quality) == (Variant.UPRIGHT, 80)
    assert match.chance is not None
    assert match.chance <= ALTERED
    assert match.outline is not None
    cuts = (match.outline.left, match.outline.top)
    assert all(0.02 < cut < 0.08 for cut in cuts)


def test_unrelated_picture_is_no_copy() -> None:
    """And it is finished: nothing is open."""
    other = Searched([value_of(STRANGER)])

    assert copies_in(other, seen(SHOWN)) == AlteredCopies()


def test_kinds_follow_the_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same evidence is altered, near or nothing."""
    (match,) = copies_in(LISTED, seen(SHOWN)).matches
    chance = match.chance
    assert chance is not None
    monkeypatch.setattr(finding, "ALTERED", chance / 2)
    monkeypatch.setattr(finding, "NEAR", chance * 2)
    (near,) = copies_in(LISTED, seen(SHOWN)).matches
    assert near.kind is MatchKind.NEAR
    monkeypatch.setattr(finding, "NEAR", chance / 2)
    assert copies_in(LISTED, seen(SHOWN)).matches == ()


def test_one_match_for_each_content_and_entry() -> None:
    """Of several views of a content, the one with the lowest chance is reported."""
    worse = view_of(cropped(cropped(ORIGINAL)), name="white")
    found = copies_in(LISTED, seen(worse, SHOWN), seen(SHOWN, path="1"))

    assert [(it.content, it.view) for it in found.matches] == [
        ("0", "stored"),
        ("1", "stored"),
    ]


def test_windows_are_looked_for_where_they_are_listed() -> None:
    """Sets without windows do not pay for them."""
    plain, windowed = (
        Searched(LISTED.values, windows=frozenset(windows))
        for windows in ((FULL_WINDOW,), (FULL_WINDOW, "c60"))
    )
    for generation in (plain, windowed):
        copies_in(generation, seen(SHOWN))

    (few,), (many,) = plain.batches, windowed.batches
    assert len(many) > len(few) + 100


@pytest.mark.parametrize(
    "name", ["alpha", "raw", "chroma", "clipped", "frame:3/alpha", "trim:1/raw"]
)
def test_views_that_nobody_is_shown_are_not_searched(name: str) -> None:
    """They are not open either: nobody sees a picture in them."""
    scan = seen(replace(SHOWN, name=name))

    assert list(searchable([scan])) == []
    assert copies_in(LISTED, scan) == AlteredCopies()


def test_equal_planes_are_searched_once() -> None:
    """A picture that looks the same on white and on black costs one search."""
    generation = Searched(LISTED.values)
    copies_in(generation, seen(SHOWN, replace(SHOWN, name="white")))

    assert len(generation.batches) == 1


def test_view_of_low_quality_is_not_searched() -> None:
    """Its bits say too little; the scan of it is not incomplete for that."""
    generation = Searched(LISTED.values)

    assert copies_in(generation, seen(SHOWN), quality=49) == AlteredCopies()
    assert generation.batches == []


def test_content_that_matched_is_left_out() -> None:
    """Nothing is searched where an entry is within the threshold."""
    found = copies_in(
        LISTED,
        seen(SHOWN, path="0"),
        seen(SHOWN, path="1"),
        matched=frozenset({"0"}),
    )

    assert [match.content for match in found.matches] == ["1"]


def test_views_beyond_the_budget_are_unfinished() -> None:
    """So an upload of many pictures never counts as checked to its end."""
    planes = [bytes([number]) * 16384 for number in range(MOST_VIEWS + 1)]
    scans = [
        seen(replace(SHOWN, plane=plane), path=str(n)) for n, plane in enumerate(planes)
    ]
    chosen = choose_views(searchable(scans), quality_of=lambda _plane: 90)

    assert len(chosen.views) == MOST_VIEWS
    assert chosen.unfinished == {str(MOST_VIEWS)}


def test_candidates_beyond_the_budget_are_unfinished() -> None:
    """An upload that looks like many entries at once costs no more than others."""
    many = Searched([value_of(ORIGINAL)] * MOST_JUDGED)
    views = [view_of(ORIGINAL.rotate(angle)) for angle in range(3, 8)]
    scans = [seen(view, path=str(n)) for n, view in enumerate(views)]
    found = copies_in(many, *scans)
    judged = len(many.batches) * MOST_JUDGED

    assert judged > MOST_JUDGED_IN_ALL
    assert found.unfinished
    assert {match.content for match in found.matches}.isdisjoint({"4"})


def test_search_that_was_cut_short_is_unfinished() -> None:
    """What it found counts all the same."""
    found = copies_in(replace(LISTED, is_complete=False), seen(SHOWN))

    assert [match.entry for match in found.matches] == ["1"]
    assert found.unfinished == {"0"}


def lines_of_text() -> Image.Image:
    """Return a page of nothing but text."""
    page = Image.new("L", (480, 640), 255)
    draw = ImageDraw.Draw(page)
    for line in range(30):
        draw.text((30, 20 + 20 * line), f"line {line * 7919} of a page " * 3, fill=0)
    return page


POOR = [
    pytest.param(Image.new("L", (300, 200), 90), id="flat"),
    pytest.param(ORIGINAL.resize((7, 5)), id="tiny"),
    pytest.param(ORIGINAL.point(lambda it: it // 64), id="dark"),
    pytest.param(lines_of_text(), id="text"),
    pytest.param(
        Image.fromarray(
            np.kron(np.indices((16, 16)).sum(0) % 2, np.ones((32, 32))) > 0
        ),
        id="repeating",
    ),
]
UNRELATED = Searched(list(map(raw, pictures(500))))


@pytest.mark.parametrize("picture", POOR)
def test_poor_picture_is_finished_and_no_copy(picture: Image.Image) -> None:
    """It is near nothing, and no more is judged for it than for others."""
    view = view_of(picture.convert("RGB"))
    judged: list[int] = []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finding, "judge", counted(judged))
        chosen = choose_views(searchable([seen(view)]), quality_of=pdq.quality)
        generation = replace(UNRELATED, batches=[])
        found = find_altered(generation, chosen.views, background())

    assert found == AlteredCopies()
    assert sum(judged) <= MOST_JUDGED


def counted(judged: list[int]) -> Callable[..., tuple[Evidence, ...]]:
    """Return the judgement, which notes how many candidates it is asked for."""

    def judging(
        cohort: Background,
        views: SoftViews,
        candidates: Sequence[bytes],
        *,
        entries: int,
        tries: float,
        plane: bytes,
    ) -> tuple[Evidence, ...]:
        judged.append(len(candidates))
        return judge(
            cohort,
            views,
            candidates,
            entries=entries,
            tries=tries,
            plane=plane,
        )

    return judging


@pytest.mark.parametrize("entries", [100, 10_000_000])
def test_copy_is_found_in_small_and_large_sets(entries: int) -> None:
    """E grows with the set, and the thresholds stay."""

    @dataclass
    class Large(Searched):
        @property
        @override
        def entry_count(self) -> int:
            return entries

    (match,) = copies_in(Large(LISTED.values), seen(SHOWN)).matches
    (usual,) = copies_in(LISTED, seen(SHOWN)).matches

    assert match.kind is MatchKind.ALTERED
    assert match.chance is not None
    assert usual.chance is not None
    assert match.chance == pytest.approx(usual.chance * entries / 2)


def test_picture_like_many_entries_has_a_bounded_judgement() -> None:
    """Two hundred entries lie near its views; eight are judged."""
    views = soft_views(SHOWN.plane)
    made = [
        flipped(views.values[it % len(views)].tobytes(), 40, it) for it in range(200)
    ]
    judged: list[int] = []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finding, "judge", counted(judged))
        found = copies_in(Searched(made), seen(SHOWN))

    assert judged == [MOST_JUDGED]
    assert len(found.matches) <= MOST_JUDGED


def test_set_without_pdq_needs_no_search() -> None:
    """There is nothing that an altered copy could be of."""
    without = replace(LISTED, types=frozenset({SignalType.MD5}))

    assert copies_in(without, seen(SHOWN)) == AlteredCopies()


def test_flat_plane_is_finished() -> None:
    """A plane that shows nothing has no soft views."""
    flat = View(name="stored", rows=(), plane=np.zeros(4096, np.float32).tobytes())

    assert copies_in(LISTED, seen(flat)) == AlteredCopies()


@pytest.mark.parametrize(
    ("mirrored", "variant"),
    [
        pytest.param(Transpose.FLIP_LEFT_RIGHT, Variant.MIRROR, id="mirrored"),
        pytest.param(Transpose.ROTATE_90, Variant.R270, id="turned"),
    ],
)
def test_mirrored_and_cut_copy_is_found_if_asked_for(
    mirrored: Transpose, variant: Variant
) -> None:
    """The views of the other variants are searched where upright finds nothing."""
    shown = view_of(cropped(ORIGINAL).transpose(mirrored))

    nothing = copies_in(LISTED, seen(shown))
    found = copies_in(LISTED, seen(shown), turned=True)
    upright = copies_in(LISTED, seen(SHOWN), turned=True)

    assert not nothing.matches
    (match,) = found.matches
    assert (match.entry, match.variant) == ("1", variant)
    assert match.kind is MatchKind.ALTERED
    assert [it.variant for it in upright.matches] == [Variant.UPRIGHT]
    assert not found.unfinished
