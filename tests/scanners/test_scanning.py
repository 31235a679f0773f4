"""What becomes of one content: its kind, its views, its reason."""

import base64
import hashlib
import io
import os
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashsets.demo import pictures
from tests.scanners.memory import upload_of
from uploadfilter.model import Reason, Scan, SignalType, Variant
from uploadfilter.scanners.messages import Budgets
from uploadfilter.scanners.scanning import STORED, scan_content
from uploadfilter.signals.views import ALWAYS

PHOTO = pictures.photograph(1, width=160, height=120)
OTHER = pictures.photograph(2, width=160, height=120)
JPEG = pictures.jpeg(PHOTO)
PNG = pictures.png(PHOTO)
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0L9 9'/></svg>"
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
RANDOM = hashlib.shake_256(b"random bytes").digest(300_000)
TEXT = b"BMW drivers of the world, unite.\n" * 100
NOT, UNDECODABLE = Reason.NOT_INSPECTED, Reason.UNDECODABLE


def zip_of(content: bytes) -> bytes:
    """Return a zip file with one compressed member."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", content)
    return file.getvalue()


def scan(
    content: bytes,
    declared: str | None = None,
    *,
    types: frozenset[SignalType] = ALWAYS,
    budgets: Budgets | None = None,
    digests: bool = False,
) -> Scan:
    """Scan one content that lies between two others."""
    with upload_of(JPEG, content, JPEG, declared=(None, declared)) as (fd, spans):
        return scan_content(
            fd, spans[1], types=types, budgets=budgets or Budgets(), digests=digests
        )


@pytest.mark.parametrize(
    ("content", "declared", "kind", "views", "reason"),
    [
        pytest.param(JPEG, None, "jpeg", 1, None, id="jpeg"),
        pytest.param(JPEG, "text/plain", "jpeg", 1, None, id="jpeg-declared-text"),
        pytest.param(PNG, "image/png", "png", 1, None, id="png"),
        pytest.param(pictures.webp(PHOTO), None, "webp", 1, None, id="webp"),
        pytest.param(pictures.gif(PHOTO), None, "gif", 1, None, id="gif"),
        pytest.param(pictures.cmyk_jpeg(PHOTO), None, "jpeg", 1, None, id="cmyk"),
        pytest.param(pictures.palette_png(PHOTO), None, "png", 1, None, id="palette"),
        pytest.param(pictures.grey16_png(PHOTO), None, "png", 1, None, id="16-bit"),
        pytest.param(pictures.one_pixel_png(), None, "png", 1, None, id="one-pixel"),
        pytest.param(pictures.animated_gif(), None, "gif", 1, NOT, id="frames"),
        pytest.param(pictures.animated_png(), None, "png", 1, NOT, id="apng"),
        pytest.param(pictures.rgba_png(PHOTO), None, "png", 1, NOT, id="alpha"),
        pytest.param(pictures.profiled_jpeg(PHOTO), None, "jpeg", 1, NOT, id="icc"),
        pytest.param(
            pictures.thumbnailed_jpeg(PHOTO, OTHER), None, "jpeg", 1, NOT, id="thumb"
        ),
        pytest.param(JPEG + PNG, None, "jpeg", 1, NOT, id="second-behind"),
        pytest.param(
            pictures.truncated(JPEG), None, "jpeg", 1, Reason.TRUNCATED, id="truncated"
        ),
        pytest.param(JPEG[:30], None, "jpeg", 0, UNDECODABLE, id="hardly-begun"),
        pytest.param(
            pictures.zero_dimension_png(), None, "png", 0, UNDECODABLE, id="no-pixels"
        ),
        pytest.param(TEXT, "image/jpeg", "text", 0, UNDECODABLE, id="text-as-jpeg"),
        pytest.param(RANDOM, " Image/PNG", "data", 0, UNDECODABLE, id="data-as-png"),
        pytest.param(HEIC, "image/heic", "heic", 0, UNDECODABLE, id="heic"),
        pytest.param(SVG, "image/svg+xml", "svg", 0, NOT, id="svg"),
        pytest.param(SVG, None, "svg", 0, NOT, id="svg-undeclared"),
        pytest.param(zip_of(JPEG), None, "zip", 0, NOT, id="zip"),
        pytest.param(b"%PDF-1.7\n", None, "pdf", 0, NOT, id="pdf"),
        pytest.param(RANDOM + JPEG, None, "data", 0, NOT, id="jpeg-behind-data"),
        pytest.param(
            b'{"file":"' + base64.b64encode(JPEG) + b'"}',
            "application/json",
            "text",
            0,
            NOT,
            id="base64",
        ),
        pytest.param(TEXT, "text/plain", "text", 0, None, id="text"),
        pytest.param(TEXT, None, "text", 0, None, id="text-undeclared"),
        pytest.param(RANDOM, None, "data", 0, None, id="random-bytes"),
        pytest.param(b"", None, "empty", 0, None, id="empty"),
        pytest.param(b"", "image/jpeg", "empty", 0, None, id="empty-as-jpeg"),
        pytest.param(b"\0", None, "data", 0, None, id="one-byte"),
    ],
)
def test_scan_table(
    content: bytes, declared: str | None, kind: str, views: int, reason: Reason | None
) -> None:
    """What a content is decides what is looked at, and what is left is a reason."""
    result = scan(content, declared)

    assert (result.kind, len(result.views), result.reason) == (kind, views, reason)
    assert (result.path, result.size, result.exact) == ("c1", len(content), ())


def test_view_of_a_picture_begins_with_pdq_as_stored() -> None:
    """The first view is the picture as stored, its first signal the upright PDQ."""
    (view,) = scan(JPEG).views
    first = view.signals[0]

    assert view.name == STORED
    assert (first.signal.type, first.variant) == (SignalType.PDQ, Variant.UPRIGHT)


def test_view_has_the_types_that_were_asked_for() -> None:
    """Types that only some hash sets use are computed when asked for."""
    (view,) = scan(JPEG, types=frozenset({SignalType.DHASH})).views

    assert view.value(SignalType.DHASH) is not None
    assert view.value(SignalType.AHASH) is None


def test_digests_are_those_of_the_content() -> None:
    """Digests cover the content from its first byte to its last, and no other."""
    exact = scan(JPEG, digests=True).exact

    assert [signal.value for signal in exact] == [
        hashlib.new(name, JPEG, usedforsecurity=False).digest()
        for name in ("md5", "sha1", "sha256")
    ]


def test_digests_of_an_empty_content_are_those_of_nothing() -> None:
    """An empty content has digests too, since sets hold them by mistake."""
    exact = scan(b"", digests=True).exact

    assert exact[2].value == hashlib.sha256().digest()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(pictures.bomb_png(), id="half-a-gigabyte"),
        pytest.param(pictures.grey_bomb_png(), id="grey"),
        pytest.param(pictures.claimed_size_png(), id="claimed"),
    ],
)
def test_bomb_is_refused_by_its_header(content: bytes) -> None:
    """More pixels than the budget are not decoded."""
    assert scan(content).reason is Reason.TOO_MANY_PIXELS


def test_pixels_are_limited_by_the_budget() -> None:
    """The limit is the operator's."""
    pixels = PHOTO.width * PHOTO.height

    assert scan(PNG, budgets=Budgets(max_pixels=pixels)).reason is None
    assert (
        scan(PNG, budgets=Budgets(max_pixels=pixels - 1)).reason
        is Reason.TOO_MANY_PIXELS
    )


@pytest.mark.parametrize("before", [0, 5 << 20, (16 << 20) - 10, 17 << 20])
def test_picture_is_noticed_at_any_depth(before: int) -> None:
    """However far down a picture begins, it is not passed over."""
    content = b"\0" * (before + 1) + JPEG + b"\0" * 70_000

    assert scan(content).reason is Reason.NOT_INSPECTED


def test_long_content_without_a_picture_is_complete() -> None:
    """A long content is read to its end and found harmless."""
    assert scan(bytes(40 << 20)).reason is None


def test_long_picture_is_decoded() -> None:
    """A picture of more bytes than are read at once is decoded from the file."""
    image = pictures.photograph(3, width=1500, height=1100)
    content = pictures.png(image, compress_level=0)
    result = scan(content)

    assert len(content) > 4 << 20
    assert (len(result.views), result.reason) == (1, None)


@given(
    start=st.sampled_from([JPEG, PNG, pictures.gif(PHOTO), pictures.webp(PHOTO), b""]),
    cut=st.integers(0, 2000),
    junk=st.binary(max_size=60),
)
def test_damaged_content_always_gives_a_scan(
    start: bytes, cut: int, junk: bytes
) -> None:
    """Whatever the bytes, a scan comes back, and none with views of nothing."""
    result = scan(start[:cut] + junk)

    assert all(view.signals for view in result.views)


def test_neighbours_are_not_seen() -> None:
    """A content is judged by its own bytes, though pictures lie on both sides."""
    with upload_of(JPEG, TEXT, JPEG) as (fd, spans):
        os.lseek(fd, 5, os.SEEK_SET)
        results = [
            scan_content(fd, span, types=ALWAYS, budgets=Budgets()) for span in spans
        ]

    assert [result.reason for result in results] == [None, None, None]
    assert [len(result.views) for result in results] == [1, 0, 1]
