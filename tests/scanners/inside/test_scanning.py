"""The result of one content: its kind, its views, its reason."""

import base64
import hashlib
import io
import os
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contents.archives.zips import zipped
from tests.corpus import pictures
from tests.scanners.memory import upload_of
from tests.scanners.scans import parts_of, scanned
from uploadfilter.model import Reason, SignalType, Variant
from uploadfilter.scanners.inside.scanning import scan_content
from uploadfilter.scanners.wire.budgets import Budgets
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


def zip_of(*contents: bytes) -> bytes:
    """Return a zip file of compressed members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(str(number), content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "declared", "kind", "views", "reason"),
    [
        pytest.param(JPEG, None, "jpeg", "stored", None, id="jpeg"),
        pytest.param(JPEG, "text/plain", "jpeg", "stored", None, id="declared-text"),
        pytest.param(PNG, "image/png", "png", "stored", None, id="png"),
        pytest.param(pictures.webp(PHOTO), None, "webp", "stored", None, id="webp"),
        pytest.param(
            pictures.cmyk_jpeg(PHOTO), None, "jpeg", "stored raw", None, id="cmyk"
        ),
        pytest.param(
            pictures.palette_png(PHOTO), None, "png", "stored raw", None, id="palette"
        ),
        pytest.param(
            pictures.grey16_png(PHOTO), None, "png", "stored raw", None, id="16-bit"
        ),
        pytest.param(
            pictures.one_pixel_png(), None, "png", "stored", None, id="one-pixel"
        ),
        pytest.param(
            pictures.animated_png(),
            None,
            "png",
            "stored frame:1 frame:2",
            None,
            id="apng",
        ),
        pytest.param(
            pictures.rgba_png(PHOTO),
            None,
            "png",
            "stored white alpha",
            None,
            id="alpha",
        ),
        pytest.param(
            pictures.thumbnailed_jpeg(PHOTO, OTHER),
            None,
            "jpeg",
            "stored",
            None,
            id="thumb",
        ),
        pytest.param(JPEG + PNG, None, "jpeg", "stored", None, id="second-after-first"),
        pytest.param(JPEG[:30], None, "jpeg", "", UNDECODABLE, id="hardly-begun"),
        pytest.param(
            pictures.zero_dimension_png(), None, "png", "", UNDECODABLE, id="no-pixels"
        ),
        pytest.param(TEXT, "image/jpeg", "text", "", UNDECODABLE, id="text-as-jpeg"),
        pytest.param(RANDOM, " Image/PNG", "data", "", UNDECODABLE, id="data-as-png"),
        pytest.param(HEIC, "image/heic", "heic", "", UNDECODABLE, id="broken-heic"),
        pytest.param(SVG, "image/svg+xml", "svg", "", NOT, id="svg"),
        pytest.param(SVG, None, "svg", "", NOT, id="svg-undeclared"),
        pytest.param(zip_of(JPEG), None, "zip", "", None, id="zip"),
        pytest.param(RANDOM + JPEG, None, "data", "", None, id="jpeg-after-data"),
        pytest.param(
            b'{"file":"' + base64.b64encode(JPEG) + b'"}',
            "application/json",
            "text",
            "",
            None,
            id="base64",
        ),
        pytest.param(TEXT, "text/plain", "text", "", None, id="text"),
        pytest.param(TEXT, None, "text", "", None, id="text-undeclared"),
        pytest.param(RANDOM, None, "data", "", None, id="random-bytes"),
        pytest.param(b"", None, "empty", "", None, id="empty"),
        pytest.param(b"", "image/jpeg", "empty", "", None, id="empty-as-jpeg"),
        pytest.param(b"\0", None, "data", "", None, id="one-byte"),
    ],
)
def test_scan_table(
    content: bytes, declared: str | None, kind: str, views: str, reason: Reason | None
) -> None:
    """The kind of a content decides what is inspected, and the rest has a reason."""
    result = scanned(content, declared)

    assert [view.name for view in result.views] == views.split()
    assert (result.kind, result.reason) == (kind, reason)
    assert (result.path, result.size, result.exact) == ("0", len(content), ())


def test_broken_picture_shows_what_came_before_it_broke_off() -> None:
    """A picture that ends too early has its view, and a reason."""
    result = scanned(pictures.truncated(JPEG))

    assert result.views[0].name == "stored"
    assert result.reason is Reason.TRUNCATED


def test_usual_picture_comes_in_one_part() -> None:
    """Nothing is sent apart that does not have to be."""
    assert len(parts_of(JPEG)) == 1


def test_what_was_found_is_sent_before_the_next_step() -> None:
    """Each picture of an archive is on its way when the next one is begun."""
    parts = parts_of(zip_of(JPEG, JPEG + b"another", TEXT))
    views = [sum(len(each.views) for each in part.scan.walk()) for part in parts]

    assert views == [1, 1, 0]
    assert [part.is_last for part in parts] == [False, False, True]


def test_view_of_a_picture_begins_with_pdq_as_stored() -> None:
    """The first view is the picture as stored, its first signal the upright PDQ."""
    (view,) = scanned(JPEG).views
    first = view.signals[0]

    assert view.name == "stored"
    assert (first.signal.type, first.variant) == (SignalType.PDQ, Variant.UPRIGHT)


def test_view_has_the_types_that_were_asked_for() -> None:
    """Types that only some hash sets use are computed when asked for."""
    (view,) = scanned(JPEG, types=frozenset({SignalType.DHASH})).views

    assert view.value(SignalType.DHASH) is not None
    assert view.value(SignalType.AHASH) is None


def test_digests_are_those_of_the_content() -> None:
    """Digests cover the content from its first byte to its last, and no other."""
    exact = scanned(JPEG, digests=True).exact

    assert [signal.value for signal in exact] == [
        hashlib.new(name, JPEG, usedforsecurity=False).digest()
        for name in ("md5", "sha1", "sha256")
    ]


def test_digests_of_an_empty_content_are_those_of_nothing() -> None:
    """An empty content has digests too, since sets hold them by mistake."""
    exact = scanned(b"", digests=True).exact

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
    assert scanned(content).reason is Reason.TOO_MANY_PIXELS


def test_pixels_are_limited_by_the_budget() -> None:
    """The limit is the operator's."""
    pixels = PHOTO.width * PHOTO.height

    assert scanned(PNG, budgets=Budgets(max_pixels=pixels)).reason is None
    assert (
        scanned(
            PNG, budgets=Budgets(max_pixels=pixels - 1, large_address_space=0)
        ).reason
        is Reason.TOO_MANY_PIXELS
    )


@pytest.mark.parametrize("before", [0, 5 << 20, (16 << 20) - 10, 17 << 20])
def test_picture_is_found_at_any_depth(before: int) -> None:
    """However far down a picture begins, it is not passed over."""
    content = b"\0" * (before + 1) + JPEG + b"\0" * 70_000
    (nested,) = scanned(content).contents

    assert nested.path == "0!/embedded:1"
    assert [view.name for view in nested.views] == ["stored"]


def test_long_content_without_a_picture_is_complete() -> None:
    """A long content is read to its end and found harmless."""
    assert scanned(bytes(40 << 20)).reason is None


def test_long_picture_is_decoded() -> None:
    """A picture of more bytes than are read at once is decoded from the file."""
    image = pictures.photograph(3, width=1500, height=1100)
    content = pictures.png(image, compress_level=0)
    result = scanned(content)

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
    result = scanned(start[:cut] + junk)

    assert all(view.signals for view in result.views)


def test_neighbours_are_not_seen() -> None:
    """A content is judged by its own bytes, though pictures lie on both sides."""
    with upload_of(JPEG, TEXT, JPEG) as (fd, spans):
        os.lseek(fd, 5, os.SEEK_SET)
        results = [
            list(scan_content(fd, span, types=ALWAYS, budgets=Budgets()))
            for span in spans
        ]

    assert [len(parts) for parts in results] == [1, 1, 1]
    assert [len(part.scan.views) for (part,) in results] == [1, 0, 1]
    assert [part.scan.contents for (part,) in results] == [(), (), ()]


def test_contents_without_views_are_sent_before_they_are_many() -> None:
    """The digests of thousands of texts are not lost with the process."""
    names = [str(number) for number in range(4500)]
    parts = parts_of(zipped({name: name.encode() for name in names}))

    assert [len(part.scan.contents) for part in parts] == [2000, 2000, 500]
