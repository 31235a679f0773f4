"""The guards against matches of innocent pictures, from pixels to the verdict.

The reference set holds photographs, and the degenerate pictures that careless lists
hold as well: flat ones, gradients, tiny ones, pages of text.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont

from tests.conformance.generations import entry
from tests.corpus import pictures
from tests.reference.listed import ListedGeneration
from uploadfilter.decisions.policy import Policy, decide, verdict_of
from uploadfilter.hashsets.degenerate import problem_of
from uploadfilter.model import (
    PERCEPTUAL_TYPES,
    QUALITY_FLOOR,
    Action,
    Entry,
    EntrySignal,
    Match,
    Mode,
    Reason,
    Scan,
    SignalRow,
    SignalType,
    Variant,
    Verdict,
    View,
)
from uploadfilter.pictures.picture import Picture, Shape
from uploadfilter.reference.search.matching import Thresholds, match_scans
from uploadfilter.signals import operators
from uploadfilter.signals.pdq import quality
from uploadfilter.signals.registry import PERCEPTUAL_TYPES as COMPUTED

NARROW = tuple(kind for kind in PERCEPTUAL_TYPES if kind is not SignalType.PDQ)
MOST_USUAL = (SignalType.PDQ, SignalType.PHASH)
SEEDS = range(5)
WIDTH, HEIGHT = 160, 120
Make = Callable[[int], Image.Image]
Choose = Callable[[SignalType], bool]


def viewed(image: Image.Image, name: str = "stored") -> View:
    """Return the view of a picture, with signals of all types."""
    luma = np.asarray(image.convert("L"))
    shape = Shape(height=luma.shape[0], width=luma.shape[1])
    picture = Picture(plane=luma, shape=shape)
    rows: list[SignalRow] = []
    plane = b""
    for item in COMPUTED:
        projected = operators.project_columns(luma, list(item.columns(shape)))
        shrunk = item.shrink(picture, projected)
        rows.extend(item.rows(shrunk))
        if item.type is SignalType.PDQ:
            plane = shrunk[0].tobytes()
    return View(name=name, rows=tuple(rows), plane=plane)


def uploaded(image: Image.Image, name: str = "stored") -> Scan:
    """Return the scan of an upload of one picture."""
    return Scan(path="0", kind="png", size=1, views=(viewed(image, name),))


def listed(
    name: str, image: Image.Image, types: Sequence[SignalType], *, states_quality: bool
) -> Entry | None:
    """Return an entry as an import makes it: without degenerate signals.

    Args:
        name: Id of the entry.
        image: The picture that is listed.
        types: Which signals the set holds.
        states_quality: Whether the set says of PDQ how good it is.
    """
    view = viewed(image)
    known = quality(view.plane) if states_quality else None
    signals = [
        EntrySignal(
            signal=item.signal,
            quality=known if item.signal.type is SignalType.PDQ else None,
        )
        for item in view.signals
        if item.signal.type in types
        and item.variant is Variant.UPRIGHT
        and item.signal.value == view.value(item.signal.type)
        and problem_of(item.signal.type, item.signal.value) is None
    ]
    return entry(name, *dict.fromkeys(signals)) if signals else None


def photograph(seed: int) -> Image.Image:
    """Return one of the listed photographs."""
    return pictures.photograph(seed, width=WIDTH, height=HEIGHT)


def flat(seed: int) -> Image.Image:
    """Return a flat picture, black and white among them."""
    level = seed * 255 // (2 * SEEDS.stop - 1)
    return Image.new("RGB", (WIDTH + seed, HEIGHT), (level, level, 255 - level))


def grainy(seed: int) -> Image.Image:
    """Return a flat picture as a camera makes it: with noise."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(40 + 20 * seed, 1.5, (HEIGHT, WIDTH))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def gradient(seed: int) -> Image.Image:
    """Return a linear or round gradient."""
    across, down = np.meshgrid(np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT))
    angle = np.pi * seed / SEEDS.stop
    way = np.cos(angle) * across + np.sin(angle) * down
    if seed % 2:
        way = np.hypot(across - np.cos(angle), down - np.sin(angle))
    share = (way - way.min()) / np.ptp(way)
    return Image.fromarray((20 + 200 * share).astype(np.uint8))


def tiny(seed: int) -> Image.Image:
    """Return a photograph of 1 x 1 to 16 x 16 pixels."""
    side = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16)[seed]
    return photograph(1000 + seed).resize((side, side), Image.Resampling.BOX)


def text(seed: int) -> Image.Image:
    """Return a page of text; each page has other words."""
    rng = np.random.default_rng(seed)
    page = Image.new("L", (WIDTH, HEIGHT), 255)
    draw = ImageDraw.Draw(page)
    size = 9 + seed % 4
    for top in range(8, HEIGHT - 12, size + 4):
        letters = rng.choice(list("aeinorst dlm u"), int(rng.integers(12, 34)))
        font = ImageFont.load_default(size)
        draw.text((10, top), "".join(letters), fill=0, font=font)
    return page


DEGENERATE: tuple[Make, ...] = (flat, grainy, gradient, tiny, text)


@cache
def generation(
    types: tuple[SignalType, ...] = MOST_USUAL, *, states_quality: bool = True
) -> ListedGeneration:
    """Return a set of photographs and of every kind of degenerate picture."""
    makes = (photograph, *DEGENERATE)
    entries = [
        listed(
            f"{make.__name__}-{seed}", make(seed), types, states_quality=states_quality
        )
        for make in makes
        for seed in SEEDS
    ]
    return ListedGeneration({"s": [item for item in entries if item is not None]})


def matched(scan: Scan, known: ListedGeneration) -> tuple[Match, ...]:
    """Match an upload at the thresholds that an operator gets who sets nothing."""
    return match_scans(known, [scan], thresholds=Thresholds(), quality_of=quality)


@pytest.mark.parametrize("contrast", [1.0, 0.5, 0.25, 0.15])
def test_lower_contrast_never_hides_a_photograph(contrast: float) -> None:
    """A listed photograph is a match at any contrast, or said to be of low quality."""
    for seed in SEEDS:
        scan = uploaded(pictures.dimmed(photograph(seed), contrast=contrast))
        matches = matched(scan, generation())
        judgement = decide([scan], matches, mode=Mode.ENFORCE, policy=Policy())

        assert {match.entry for match in matches} == {f"photograph-{seed}"}
        assert judgement.effect is Action.REJECT
        assert judgement.reason in {None, Reason.LOW_QUALITY}
        if quality(scan.views[0].plane) >= QUALITY_FLOOR:
            assert judgement.verdict is Verdict.MATCH


def test_contrast_falls_below_the_floor() -> None:
    """The lowest contrast of the test before is one that the floor is about."""
    dim = uploaded(pictures.dimmed(photograph(0), contrast=0.15))

    assert quality(dim.views[0].plane) < QUALITY_FLOOR
    assert verdict_of([dim], matched(dim, generation())) == (
        Verdict.INCONCLUSIVE,
        Reason.LOW_QUALITY,
    )


@pytest.mark.parametrize("name", ["stored", "alpha", "trim:1"])
@pytest.mark.parametrize("make", DEGENERATE, ids=lambda make: make.__name__)
def test_degenerate_picture_matches_nothing(make: Make, name: str) -> None:
    """A flat, gradient, tiny or text-only picture does not match, even if it is listed.

    The quality does not reject such a picture, either: the lists state a low one.
    """
    for seed in SEEDS:
        scan = uploaded(make(seed + SEEDS.stop), name)
        verdict, reason = verdict_of([scan], matched(scan, generation()))

        assert (verdict, reason) in {
            (Verdict.NO_MATCH, None),
            (Verdict.INCONCLUSIVE, Reason.NEAR_MATCH),
        }


@pytest.mark.parametrize("make", DEGENERATE, ids=lambda make: make.__name__)
def test_degenerate_picture_matches_nothing_of_a_careless_list(make: Make) -> None:
    """It is so too where a list says nothing about quality."""
    known = generation(states_quality=False)
    for seed in SEEDS:
        scan = uploaded(make(seed + SEEDS.stop))
        verdict, _ = verdict_of([scan], matched(scan, known))

        assert verdict is not Verdict.MATCH


@pytest.mark.parametrize("make", DEGENERATE, ids=lambda make: make.__name__)
def test_pairs_of_short_signals_do_not_match_degenerate_pictures(make: Make) -> None:
    """The same holds if a list has only 64-bit types, any two of which count."""
    known = generation(NARROW)
    for seed in SEEDS:
        scan = uploaded(make(seed + SEEDS.stop))

        assert verdict_of([scan], matched(scan, known))[0] is not Verdict.MATCH


def test_listed_degenerate_picture_is_known_by_its_quality() -> None:
    """Even the very picture that is listed does not match, if its quality is stated."""
    for make in (grainy, gradient):
        for seed in SEEDS:
            matches = matched(uploaded(make(seed)), generation((SignalType.PDQ,)))
            assert matches == ()


def test_photograph_is_a_match_by_two_short_signals() -> None:
    """The guards leave the pairs of good pictures alone."""
    known = generation((SignalType.PHASH, SignalType.DHASH))
    for seed in SEEDS:
        scan = uploaded(photograph(seed))
        assert verdict_of([scan], matched(scan, known)) == (Verdict.MATCH, None)


def test_other_photographs_match_nothing() -> None:
    """Photographs that are not listed do not match in any view."""
    known = generation(tuple(PERCEPTUAL_TYPES), states_quality=False)
    for seed in SEEDS:
        for name in ("stored", "trim:1"):
            scan = uploaded(photograph(seed + 500), name)
            assert verdict_of([scan], matched(scan, known))[0] is not Verdict.MATCH


@pytest.mark.parametrize(
    "types",
    [
        pytest.param((SignalType.PDQ,), id="pdq"),
        pytest.param((SignalType.PHASH, SignalType.DHASH), id="phash-dhash"),
    ],
)
def test_negative_of_a_photograph_is_a_match(types: tuple[SignalType, ...]) -> None:
    """A negative is found, and said to be one."""
    for seed in SEEDS:
        scan = uploaded(ImageChops.invert(photograph(seed)))
        matches = matched(scan, generation(types))

        assert {(match.entry, match.complement) for match in matches} == {
            (f"photograph-{seed}", True)
        }
        assert verdict_of([scan], matches)[0] is Verdict.MATCH
