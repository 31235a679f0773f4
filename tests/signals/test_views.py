"""A file has every view that tells something new, and no more than there may be."""

import functools
import io
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.corpus import pictures
from tests.pictures import icc
from tests.pictures.sketches import luma, photograph, picture_of, value
from tests.signals import twins
from uploadfilter.model import Geometry, Reason, SignalType, Variant, View
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Frame, Omission
from uploadfilter.signals import pdq
from uploadfilter.signals.pages import show_on_pages
from uploadfilter.signals.trimming import trim
from uploadfilter.signals.views import view_of, views_of

IMAGE = photograph(11, 320, 240)
OTHER = photograph(12, 320, 240)
INVERTED = icc.colour_profile(icc.table(icc.srgb_light()[::-1]))
DISPLAY_P3 = icc.colour_profile(icc.SRGB_FORMULA, icc.DISPLAY_P3)
SIGNALS_OF_A_VIEW = 32


def found(
    content: bytes,
    *,
    most_views: int = 64,
    most_signals: int = 4096,
    limits: DecodeLimits | None = None,
) -> tuple[list[View], list[Reason]]:
    """Return the views of content, and why they are not all."""
    views: list[View] = []
    reasons: list[Reason] = []
    for item in views_of(
        io.BytesIO(content),
        formats=FORMATS,
        limits=limits or DecodeLimits(),
        most_views=most_views,
        most_signals=most_signals,
    ):
        if isinstance(item, View):
            views.append(item)
        else:
            reasons.append(item.reason)
    return views, reasons


def names(content: bytes) -> list[str]:
    """Return the names of the views of content that is wholly shown.

    Those on grey pages are left out: see ``test_pages.py``.
    """
    views, reasons = found(content)
    assert reasons == []
    return [view.name for view in views if "grey:" not in view.name]


def half_transparent(image: Image.Image, seed: int = 30) -> Image.Image:
    """Return an image with a photograph as its alpha."""
    image = image.copy()
    image.putalpha(photograph(seed, *image.size).convert("L"))
    return image


def animation(frames: Sequence[Image.Image], file_format: str = "PNG") -> bytes:
    """Return a file of several frames."""
    first, *rest = frames
    return pictures.encoded(
        first, file_format, save_all=True, append_images=rest, duration=80
    )


@functools.cache
def scene(number: int) -> Image.Image:
    """Return one of some small pictures."""
    return photograph(40 + number, 96, 64)


def scenes(count: int) -> list[Image.Image]:
    """Return the first of them."""
    return [scene(number) for number in range(count)]


def moving(count: int) -> bytes:
    """Return an animation of transparent frames."""
    return animation([half_transparent(scene(n), 70 + n) for n in range(count)], "WEBP")


def files_with_views() -> dict[str, tuple[bytes, list[str]]]:
    """Return files and the names of their views, by what is special in them."""
    wide = ImageOps.expand(IMAGE, 20)
    framed = ImageOps.expand(OTHER.resize((280, 200)), 20, "red")
    profiled = pictures.jpeg(IMAGE, icc_profile=INVERTED)
    blended = pictures.png(half_transparent(IMAGE))
    borders = ["stored", "trim:1", "trim:2"]
    in_a_frame = ["stored", "frame:1", "frame:1/trim:1"]
    return {
        "JPEG": (pictures.jpeg(IMAGE), ["stored"]),
        "PNG": (pictures.png(IMAGE), ["stored"]),
        "sRGB profile": (pictures.profiled_jpeg(IMAGE), ["stored"]),
        "opaque": (pictures.rgba_png(IMAGE, alpha=255), ["stored"]),
        "alpha": (blended, ["stored", "white", "black", "alpha"]),
        "profile": (profiled, ["stored", "icc"]),
        "palette": (pictures.palette_png(IMAGE), ["stored", "raw"]),
        "CMYK": (pictures.cmyk_jpeg(IMAGE), ["stored", "raw"]),
        "border": (pictures.jpeg(wide), ["stored", "trim:1"]),
        "two borders": (pictures.jpeg(ImageOps.expand(wide, 30, "white")), borders),
        "two frames": (animation([IMAGE, OTHER]), ["stored", "frame:1"]),
        "border in a frame": (animation([IMAGE, framed]), in_a_frame),
        "again": (animation([IMAGE, OTHER, IMAGE.copy()]), ["stored", "frame:1"]),
    }


def test_views_by_name() -> None:
    """Each thing that a file shows has its view, and nothing has two."""
    files = files_with_views()
    shown = {title: names(content) for title, (content, _) in files.items()}

    assert shown == {title: expected for title, (_, expected) in files.items()}


def test_hidden_border_is_trimmed_on_the_backing() -> None:
    """A transparent border with noise in it is uniform where it is seen."""
    noise = np.random.default_rng(1).integers(0, 256, (320, 400, 4), np.uint8)
    noise[:, :, 3] = 0
    canvas = Image.fromarray(noise)
    canvas.paste(IMAGE, (40, 40))

    views, _ = found(pictures.png(canvas))

    listed = value(view_of(picture_of(luma(11, 320, 240)), name="stored"))
    by_name = {view.name: view for view in views}
    assert twins.bits_apart(value(by_name["white/trim:1"]), listed) <= 8


def test_view_as_converted_is_that_of_the_picture() -> None:
    """A negative with a profile that turns it round is found."""
    negative = ImageOps.invert(IMAGE)

    views, _ = found(pictures.jpeg(negative, 90, icc_profile=INVERTED))

    listed = value(view_of(picture_of(luma(11, 320, 240)), name="stored"))
    assert twins.bits_apart(value(views[1]), listed) <= 8


def test_dimmed_copy_does_not_hide_the_picture() -> None:
    """Of views with equal signals, a later one of higher quality is kept.

    A picture of low quality does not match, and one of half the contrast has the same
    signals.
    """
    plane = luma(11, 320, 240) // np.uint8(8) * np.uint8(8)
    bright = Image.fromarray(plane)
    dim = Image.fromarray(plane // np.uint8(8) + np.uint8(100))

    views, _ = found(animation([dim, bright, dim.copy()]))

    assert [view.name for view in views] == ["stored", "frame:1"]
    assert value(views[0]) == value(views[1])
    assert pdq.quality(views[0].plane) < 50 < pdq.quality(views[1].plane)


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        pytest.param(
            ImageOps.expand(IMAGE, 20, "white"),
            ["stored", "trim:1", "frame:1"],
            id="in a border",
        ),
        pytest.param(
            Image.merge("LA", (OTHER.convert("L"), IMAGE.convert("L"))),
            ["stored", "white", "black", "alpha", "frame:1"],
            id="in the alpha",
        ),
    ],
)
def test_view_that_nobody_sees_does_not_hide_one_that_people_do(
    hidden: Image.Image, expected: list[str]
) -> None:
    """A trimmed view or an alpha plane matches at fewer bits than a plain one."""
    plain = IMAGE if hidden.mode == "RGB" else IMAGE.convert("L")

    assert names(animation([hidden, plain], "TIFF")) == expected


@pytest.mark.parametrize("count", [10, 30])
def test_all_ways_of_fewer_frames_are_shown(count: int) -> None:
    """Frames in five ways fit the budget by leaving out frames, not ways."""
    views, reasons = found(moving(count), most_views=60)

    ways: dict[str, int] = {}
    for view in views:
        frame = view.name.partition("/")[0] if view.name.startswith("frame") else ""
        ways[frame] = ways.get(frame, 0) + 1
    assert set(ways.values()) == {5}
    assert ways.keys() >= {"", f"frame:{count - 1}"}
    assert reasons == ([] if count == 10 else [Reason.TOO_MANY_FRAMES])
    assert len(views) <= 60


def test_frames_fit_the_signals_too() -> None:
    """Signals are counted like views, and frames left out for them."""
    views, reasons = found(moving(10), most_signals=24 * SIGNALS_OF_A_VIEW)

    assert 15 <= len(views) <= 24
    assert reasons == [Reason.TOO_MANY_FRAMES]


def test_frames_with_more_ways_than_the_first_are_sampled_too() -> None:
    """An opaque first frame does not use up the budget of later ones."""
    frames = [half_transparent(scene(n), 70 + n) for n in range(1, 20)]
    content = animation([scene(0).convert("RGBA"), *frames], "WEBP")

    views, reasons = found(content, most_views=32)

    assert any(view.name.startswith("frame:19") for view in views)
    assert reasons == [Reason.TOO_MANY_FRAMES]


@pytest.mark.parametrize(
    ("most_views", "most_signals", "reason"),
    [
        (2, 4096, Reason.TOO_MANY_VIEWS),
        (64, 2 * SIGNALS_OF_A_VIEW, Reason.TOO_MANY_SIGNALS),
    ],
)
def test_too_many_views_of_one_frame_are_cut_off(
    most_views: int, most_signals: int, reason: Reason
) -> None:
    """Findings count, and the budget that ended it is named."""
    content = pictures.png(half_transparent(IMAGE))

    views, reasons = found(content, most_views=most_views, most_signals=most_signals)

    assert [view.name for view in views] == ["stored", "white"]
    assert reasons == [reason]


def test_too_many_frames_are_named() -> None:
    """Of more frames than are shown, a sample is."""
    limits = DecodeLimits(max_frames=5)

    views, reasons = found(animation(scenes(30)), limits=limits)

    assert [view.name for view in views][::4] == ["stored", "frame:29"]
    assert reasons == [Reason.TOO_MANY_FRAMES]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"no picture", Reason.UNDECODABLE, id="garbage"),
        pytest.param(pictures.claimed_size_png(), Reason.TOO_MANY_PIXELS, id="bomb"),
    ],
)
def test_what_is_no_picture_has_a_reason(content: bytes, reason: Reason) -> None:
    """A file without a view says why."""
    assert found(content) == ([], [reason])


def test_truncated_picture_keeps_its_view() -> None:
    """The part that arrived is shown, with a reason; the rest is a border."""
    views, reasons = found(pictures.truncated(pictures.jpeg(IMAGE), kept=0.7))

    assert [view.name for view in views] == ["stored", "trim:1"]
    assert reasons == [Reason.TRUNCATED]


def every_view(content: bytes) -> list[View]:
    """Return the views of content, none of them merged."""
    views: list[View] = []
    for frame in frames_of(io.BytesIO(content), formats=FORMATS, limits=DecodeLimits()):
        if not isinstance(frame, Frame):
            continue
        for shown in show_on_pages(frame):
            parts = (shown.picture, *trim(shown.picture))
            views.extend(view_of(part, name="any") for part in parts)
    return views


frames = st.builds(
    lambda seed, alpha, border: (
        half_transparent(ImageOps.expand(scene(seed), border, "white"), 80 + alpha)
        if alpha
        else ImageOps.expand(scene(seed), border, "white").convert("RGBA")
    ).resize((120, 88)),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from([0, 10]),
)


@settings(max_examples=25)
@given(shown=st.lists(frames, min_size=1, max_size=5))
def test_merging_drops_no_signal(shown: list[Image.Image]) -> None:
    """Each signal of a view that was dropped is one of a view that was not."""
    content = animation(shown)

    views, reasons = found(content)

    every = every_view(content)
    assert reasons == []
    assert {v.signals for v in views} == {view.signals for view in every}
    assert len(views) <= len(every)


def test_lack_is_a_value_of_its_own() -> None:
    """Views come first; what they lack comes when it is known."""
    items = list(
        views_of(
            io.BytesIO(animation(scenes(3))),
            formats=FORMATS,
            limits=DecodeLimits(max_frames=2),
            most_views=64,
            most_signals=4096,
        )
    )

    assert [type(item) for item in items] == [View, View, Omission]


def test_view_begins_with_the_upright_pdq_in_full_geometry() -> None:
    """The first signal of a view is the one that is shown."""
    first = view_of(picture_of(luma(1)), name="stored").signals[0]

    assert first.signal.type is SignalType.PDQ
    assert first.variant is Variant.UPRIGHT
    assert first.geometry is Geometry.FULL


def test_view_has_pdq_and_phash_whatever_was_asked_for() -> None:
    """24 PDQ and 8 pHash signals, and no others unless asked for."""
    view = view_of(picture_of(luma(1)), name="frame:3", types=frozenset())
    types = [item.signal.type for item in view.signals]

    assert view.name == "frame:3"
    assert types == [SignalType.PDQ] * 24 + [SignalType.PHASH] * 8


def test_view_has_the_other_types_when_asked_for() -> None:
    """Each further type adds eight signals; exact types add none."""
    asked = frozenset({SignalType.DHASH, SignalType.WHASH, SignalType.MD5})

    view = view_of(picture_of(luma(1)), name="stored", types=asked)

    added = [item.signal.type for item in view.signals[32:]]
    assert added == [SignalType.DHASH] * 8 + [SignalType.WHASH] * 8


def test_view_carries_the_plane_of_pdq() -> None:
    """The plane is PDQ's 64 x 64 one in full geometry."""
    plane = luma(2, 800, 600)

    view = view_of(picture_of(plane), name="stored")

    ours = np.frombuffer(view.plane, np.float32).reshape(64, 64)
    np.testing.assert_allclose(
        ours, twins.pdq_plane(plane.astype(np.float64)), atol=1e-3
    )


def test_view_tells_the_aspect_of_its_picture() -> None:
    """The plane is a square, and a turn needs the true sides."""
    assert view_of(picture_of(luma(11, 320, 240)), name="stored").aspect in {
        4 / 3,
        0.75,
    }
