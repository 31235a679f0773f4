"""Good, odd, broken and hostile files: each has a clear end."""

import base64
import functools
import io
import struct
import subprocess
import sys
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFile

from tests.corpus import pictures
from tests.fuzz import seeds
from tests.pictures import icc
from tests.pictures.formats import format_of
from tests.pictures.sketches import (
    decoded,
    frames,
    lacks,
    luma,
    photograph,
    picture_of,
    value,
    view,
)
from tests.signals import twins
from uploadfilter.model import Reason
from uploadfilter.pictures.decoding import BLOCK_BYTES, DecodeLimits, frames_of
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Frame, Omission
from uploadfilter.pictures.picture import Shape
from uploadfilter.signals.views import view_of

IMAGE = photograph(11, 320, 240)
EXPECTED = value(view_of(picture_of(luma(11, 320, 240)), name="stored"))


def sixteen_bit_tiff() -> bytes:
    """Return a grey TIFF of 16 bits."""
    plane = np.asarray(IMAGE.convert("L")).astype(np.uint16) * np.uint16(257)
    return pictures.encoded(Image.fromarray(plane), "TIFF")


def lab_tiff() -> bytes:
    """Return a TIFF in LAB whose lightness is the picture's luma."""
    lightness = IMAGE.convert("L")
    middle = Image.new("L", IMAGE.size, 128)
    return pictures.encoded(Image.merge("LAB", (lightness, middle, middle)), "TIFF")


SHOWN: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: pictures.jpeg(IMAGE, 92),
    "progressive jpeg": lambda: pictures.jpeg(IMAGE, 92, progressive=True),
    "grey jpeg": lambda: pictures.jpeg(IMAGE.convert("L"), 92),
    "rgb jpeg": lambda: pictures.jpeg(IMAGE, 92, keep_rgb=True),
    "cmyk jpeg": lambda: pictures.cmyk_jpeg(IMAGE, 92),
    "png": lambda: pictures.png(IMAGE),
    "palette png": lambda: pictures.palette_png(IMAGE),
    "grey16 png": lambda: pictures.grey16_png(IMAGE),
    "opaque rgba png": lambda: pictures.rgba_png(IMAGE, alpha=255),
    "gif": lambda: pictures.gif(IMAGE),
    "webp": lambda: pictures.webp(IMAGE, 92),
    "lossless webp": lambda: pictures.webp(IMAGE, lossless=True),
    "bmp": lambda: pictures.encoded(IMAGE, "BMP"),
    "tiff": lambda: pictures.encoded(IMAGE, "TIFF"),
    "lzw tiff": lambda: pictures.encoded(IMAGE, "TIFF", compression="tiff_lzw"),
    "cmyk tiff": lambda: pictures.encoded(IMAGE.convert("CMYK"), "TIFF"),
    "ycbcr tiff": lambda: pictures.encoded(IMAGE.convert("YCbCr"), "TIFF"),
    "lab tiff": lab_tiff,
    "16-bit tiff": sixteen_bit_tiff,
    "real tiff": lambda: pictures.encoded(IMAGE.convert("F"), "TIFF"),
    "avif": lambda: pictures.encoded(IMAGE, "AVIF", quality=85),
}
"""Files that all show the picture, in every format and kind of sample."""


@functools.cache
def file_of(name: str) -> bytes:
    """Return one of them."""
    return SHOWN[name]()


LIMITS = DecodeLimits()
FRAME_COST = 10_000 + seeds.WIDTH * seeds.HEIGHT * 5 // 4
"""The highest cost of a frame of a small animation, in pixels."""


@pytest.mark.parametrize("name", SHOWN)
def test_every_format_shows_the_same_picture(name: str) -> None:
    """Whatever the format and the kind of samples, the signal is the picture's."""
    shown = decoded(file_of(name))

    assert lacks(file_of(name)) == []
    assert shown.shape == Shape(height=240, width=320)
    assert twins.bits_apart(value(view_of(shown, name="stored")), EXPECTED) <= 12


@pytest.mark.parametrize("kind", ["rgb", "cmyk", "grey", "progressive"])
def test_scaled_jpeg_gives_the_signal_of_the_full_one(kind: str) -> None:
    """Decoding at a half costs four bits at most."""
    image = photograph(4, 1100, 1040)
    content = {
        "rgb": pictures.jpeg(image),
        "cmyk": pictures.cmyk_jpeg(image),
        "grey": pictures.jpeg(image.convert("L")),
        "progressive": pictures.jpeg(image, progressive=True),
    }[kind]
    full = np.asarray(Image.open(io.BytesIO(content)).convert("RGB").convert("L"))

    shown = decoded(content)

    assert shown.shape.scale == 2
    ours = value(view_of(shown, name="stored"))
    theirs = value(view_of(picture_of(full), name="stored"))
    assert twins.bits_apart(ours, theirs) <= 4


@pytest.mark.parametrize("name", ["jpeg", "progressive jpeg", "png", "gif", "bmp"])
def test_truncated_picture_shows_what_arrived(name: str) -> None:
    """Browsers show the part that arrived, so it is hashed; the reason says so."""
    content = pictures.truncated(file_of(name), kept=0.95)

    assert lacks(content) == [Reason.TRUNCATED]
    ours = value(view_of(decoded(content), name="stored"))
    assert twins.bits_apart(ours, EXPECTED) < 64


def test_truncated_progressive_jpeg_shows_its_first_scans() -> None:
    """Half of a progressive JPEG is the whole picture in less detail."""
    content = pictures.jpeg(photograph(3), progressive=True)

    shown = view(pictures.truncated(content, kept=0.5))

    assert twins.bits_apart(value(shown), value(view(content))) <= 16


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.3, 0.7])
def test_truncated_file_is_never_complete(name: str, kept: float) -> None:
    """Of no format is a part taken for the whole."""
    reasons = lacks(pictures.truncated(file_of(name), kept=kept))

    assert reasons in ([Reason.TRUNCATED], [Reason.UNDECODABLE])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", Reason.UNDECODABLE, id="empty"),
        pytest.param(b"plain text", Reason.UNDECODABLE, id="text"),
        pytest.param(b"\xff\xd8\xff\xe0 not", Reason.UNDECODABLE, id="magic only"),
        pytest.param(b"BMW is a car maker", Reason.UNDECODABLE, id="BMW"),
        pytest.param(
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            Reason.UNDECODABLE,
            id="postscript is never interpreted",
        ),
        pytest.param(
            pictures.zero_dimension_png(), Reason.UNDECODABLE, id="zero-width png"
        ),
        pytest.param(
            pictures.zero_dimension_jpeg(), Reason.UNDECODABLE, id="zero-height jpeg"
        ),
        pytest.param(
            pictures.grey_bomb_png(side=13_000), Reason.TOO_MANY_PIXELS, id="bomb"
        ),
        pytest.param(
            pictures.claimed_size_png(), Reason.TOO_MANY_PIXELS, id="claimed size"
        ),
        pytest.param(
            pictures.claimed_size_png(width=4_000, height=4_000),
            Reason.TRUNCATED,
            id="claimed size within the limit",
        ),
    ],
)
def test_bad_file_gives_a_reason(content: bytes, reason: Reason) -> None:
    """A file that is not a picture, or too large, ends as a value."""
    assert lacks(content) == [reason]
    assert frames(content) == []


def test_one_pixel_decodes() -> None:
    """A tracking pixel is a complete picture whose signal means nothing."""
    assert lacks(pictures.one_pixel_png()) == []
    assert value(view(pictures.one_pixel_png())) == bytes(32)


def test_limit_counts_pixels_after_scaling() -> None:
    """A JPEG that is decoded at a quarter may have sixteen times the pixels."""
    image = pictures.flat(width=2048, height=2048)
    limits = DecodeLimits(max_pixels=600 * 600)

    assert lacks(pictures.jpeg(image), limits=limits) == []
    assert lacks(pictures.png(image), limits=limits) == [Reason.TOO_MANY_PIXELS]


class ExhaustedFile(io.BytesIO):
    """A file whose reader runs out of memory, as a decoder under a limit does."""

    def read(self, size: int | None = -1, /) -> bytes:  # type: ignore[explicit-override]  # 3.12
        """Fail as an allocation does."""
        raise MemoryError(size)


def test_decoding_never_warns() -> None:
    """Messages of decoders about bad files do not reach the process's output."""
    broken = bytearray(file_of("tiff"))
    struct.pack_into("<H", broken, 8, 900)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for content in (bytes(broken), pictures.claimed_size_png()):
            lacks(content)

    assert caught == []


@pytest.mark.parametrize("name", ["gif/moving", "png/moving", "webp/moving"])
@pytest.mark.parametrize(
    ("most", "numbers"),
    [
        pytest.param(4, [0, 1, 2, 3], id="all"),
        pytest.param(3, [0, 1, 3], id="first, longest, last"),
        pytest.param(2, [0, 1], id="first, longest"),
        pytest.param(1, [0], id="first"),
    ],
)
def test_frames_are_sampled(name: str, most: int, numbers: list[int]) -> None:
    """Of more frames than allowed, the most important are shown."""
    limits = DecodeLimits(max_frames=most)
    shown = frames(seeds.seed(name), limits=limits)

    assert [frame.number for frame in shown] == numbers
    expected = {4: [], 3: [Reason.TOO_MANY_FRAMES]}.get(most, [Reason.KEY_FRAME_UNSEEN])
    assert lacks(seeds.seed(name), limits=limits) == expected


def test_caller_may_ask_for_fewer_frames() -> None:
    """The smaller of both limits counts."""
    content = seeds.seed("gif/moving")

    assert len(frames(content, most_frames=2)) == 2
    assert len(frames(content, most_frames=9, limits=DecodeLimits(max_frames=3))) == 3


def test_sampled_frame_is_the_one_that_a_viewer_sees() -> None:
    """A frame that is built on others looks as if all had been shown."""
    content = seeds.seed("gif/moving")
    (*_, last) = frames(content)

    (_, _, sampled) = frames(content, most_frames=3)

    np.testing.assert_array_equal(np.asarray(sampled.image), np.asarray(last.image))


@pytest.mark.parametrize("name", ["gif/moving", "png/moving", "webp/moving"])
def test_key_frame_out_of_reach_is_said_to_be_unseen(name: str) -> None:
    """Where the first, longest and last frame cost too much, that is the reason."""
    limits = DecodeLimits(max_total_pixels=FRAME_COST)

    assert [frame.number for frame in frames(seeds.seed(name), limits=limits)] == [0, 1]
    assert lacks(seeds.seed(name), limits=limits) == [Reason.KEY_FRAME_UNSEEN]


def test_last_page_of_a_long_document_is_seen() -> None:
    """Where there are more pixels than the limit, pages between are left out."""
    content = seeds.seed("tiff/pages")
    count = len(frames(content))
    limits = DecodeLimits(max_total_pixels=2 * seeds.WIDTH * seeds.HEIGHT)

    assert [frame.number for frame in frames(content, limits=limits)] == [0, count - 1]
    assert lacks(content, limits=limits) == [Reason.TOO_MANY_FRAMES]


def test_profile_that_cannot_be_evaluated_makes_the_picture_undecodable() -> None:
    """The stored picture is compared, but it may not be the shown one."""
    profile = icc.profile({})
    content = pictures.png(IMAGE, icc_profile=profile)

    assert len(frames(content)) == 1
    assert lacks(content) == [Reason.UNDECODABLE]
    assert lacks(pictures.png(IMAGE.convert("L"), icc_profile=profile)) == [
        Reason.UNDECODABLE
    ]
    assert lacks(pictures.png(IMAGE, icc_profile=b"no profile" * 20)) == []


def test_frames_before_a_broken_one_are_shown() -> None:
    """The part that arrived counts, and a reason says that some is missing."""
    content = bytearray(seeds.seed("gif/moving"))
    del content[len(content) // 2 :]

    numbers = [frame.number for frame in frames(bytes(content))]

    assert numbers == list(range(len(numbers)))
    assert numbers
    assert lacks(bytes(content)) == [Reason.TRUNCATED]


def test_one_image_is_in_memory_at_a_time() -> None:
    """The image of a frame is gone once the next one is asked for."""
    shown = frames_of(
        io.BytesIO(seeds.seed("tiff/pages")), formats=FORMATS, limits=LIMITS
    )
    first = next(shown)
    next(shown)

    assert isinstance(first, Frame)
    with pytest.raises(ValueError, match="closed"):
        first.image.getpixel((0, 0))


@pytest.mark.parametrize("name", seeds.NAMES)
def test_image_may_be_used_up(name: str) -> None:
    """Whatever becomes of one image, the others are shown as they are."""
    expected = [np.asarray(frame.image).copy() for frame in frames(seeds.seed(name))]
    shown = frames_of(io.BytesIO(seeds.seed(name)), formats=FORMATS, limits=LIMITS)

    for frame, plane in zip(shown, expected, strict=True):
        assert isinstance(frame, Frame)
        np.testing.assert_array_equal(np.asarray(frame.image), plane)
        frame.image.paste(0, (0, 0, *frame.image.size))


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in seeds.NAMES
        # Pillow shows a cursor without its mask, and reads neither of the last two.
        if name != "ico/cursor" and format_of(name).pillow
    ],
)
def test_first_frame_is_what_plain_pillow_shows(name: str) -> None:
    """In the format's own mode, pixel for pixel."""
    (first, *_) = frames(seeds.seed(name))
    with Image.open(io.BytesIO(seeds.seed(name))) as plain:
        expected = np.asarray(plain.convert(first.mode) if first.mode == "L" else plain)
    difference = np.abs(expected.astype(int) - np.asarray(first.image))

    # Pillow rounds and clips three colours before it makes luma of them.
    assert difference.mean() < 1 if first.mode == "L" else not difference.any()


def test_file_stays_open() -> None:
    """The file belongs to who opened it."""
    for name in seeds.NAMES:
        file = io.BytesIO(seeds.seed(name))
        for _ in frames_of(file, formats=FORMATS, limits=LIMITS):
            pass
        assert not file.closed


@pytest.mark.parametrize("name", ["jpeg", "png", "gif/moving", "webp", "tiff"])
def test_memory_that_runs_out_gives_a_reason(name: str) -> None:
    """A decoder that runs into the memory limit ends as a value."""
    file = ExhaustedFile(seeds.seed(name))

    assert list(frames_of(file, formats=FORMATS, limits=LIMITS)) == [
        Omission(reason=Reason.OUT_OF_MEMORY)
    ]


PREPARED = """
import base64, io, sys
from uploadfilter.model import PERCEPTUAL_TYPES
from uploadfilter.pictures.decoding import DecodeLimits, prepare_process
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.signals import hashes
from uploadfilter.signals.views import views_of

contents = [base64.b64decode(line) for line in sys.stdin]
prepare_process()
hashes.prepare_process()
seen = []
sys.addaudithook(
    lambda event, arguments: seen.append((event, arguments))
    if event in {"open", "import", "os.listdir", "_thread.start_new_thread"} else None
)
for content in contents:
    for kept in (1.0, 0.6):
        part = io.BytesIO(content[: int(kept * len(content))])
        views = views_of(
            part,
            formats=FORMATS,
            limits=DecodeLimits(),
            most_views=64,
            most_signals=4096,
            types=frozenset(PERCEPTUAL_TYPES),
        )
        assert list(views)
print(seen)
"""
"""Makes views of everything, and says what a confined process could not have done."""


def test_prepared_process_opens_no_file() -> None:
    """A process that may open nothing any more can still decode everything."""
    contents = "\n".join(
        base64.b64encode(seeds.seed(name)).decode() for name in seeds.NAMES
    )
    done = subprocess.run(  # noqa: S603  # ourselves
        [sys.executable, "-c", PREPARED],
        input=contents,
        capture_output=True,
        check=True,
        text=True,
    )

    assert done.stdout == "[]\n"


NOISE = Image.fromarray(
    np.random.default_rng(5).integers(0, 256, (240, 420, 3), dtype=np.uint8)
)
LONG = {
    "jpeg": pictures.jpeg(NOISE, 98),
    "progressive jpeg": pictures.jpeg(NOISE, 98, progressive=True),
    "png": pictures.png(NOISE),
    "gif": pictures.gif(NOISE),
    "bmp": pictures.encoded(NOISE, "BMP"),
    "tiff": pictures.encoded(NOISE, "TIFF"),
    "lzw tiff": pictures.encoded(NOISE, "TIFF", compression="tiff_lzw"),
}
"""Files that are longer than a block of Pillow's, as far as their formats allow."""


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("share", [1.0, 0.8, 0.3])
def test_size_of_blocks_changes_nothing(
    name: str, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder shows the same of whole and of broken files, however it is fed."""
    data = LONG[name][: int(len(LONG[name]) * share)]
    shown = []
    for block_bytes in (1 << 12, 1 << 16, BLOCK_BYTES):
        monkeypatch.setattr(ImageFile, "MAXBLOCK", block_bytes)
        items = frames_of(io.BytesIO(data), formats=FORMATS, limits=LIMITS)
        shown.append(
            [
                item
                if isinstance(item, Omission)
                else (item.full, item.image.tobytes())
                for item in items
            ]
        )

    assert shown[0] == shown[1] == shown[2]
