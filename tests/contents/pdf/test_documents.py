"""PDF documents give their pictures and files, however these are packed."""

import base64
import io
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.conformance.containers import CHECKS, Check, Subject, contents_of
from tests.contents.pdf.seeing import pdq_of, sight_of
from tests.corpus.pdfs import Dictionary, Document, Name, Stream, Value, image
from tests.corpus.pictures import encoded, jpeg, photograph
from tests.corpus.tricks.sheets import form_with, in_streams
from tests.scanners.scans import scanned
from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import UnpackLimits
from uploadfilter.contents.pdf.documents import PDFContainer, sample
from uploadfilter.model import Reason

PDF = PDFContainer()
WIDTH, HEIGHT = 128, 96
SIZE = (WIDTH, HEIGHT)
PHOTO = photograph(1, width=WIDTH, height=HEIGHT)
JPEG = jpeg(PHOTO)
TEXT = b"".join(b"%d sheep; " % number for number in range(100))
GREY, RGB, CMYK, BITS = (
    PHOTO.convert(mode).tobytes() for mode in ("L", "RGB", "CMYK", "1")
)
INDEXED = PHOTO.convert("P", palette=Image.Palette.ADAPTIVE)
PALETTE = bytes(INDEXED.getpalette() or []).ljust(768, b"\0")


def holding(picture: Stream, **options: Value) -> bytes:
    """Return a document whose page is a picture."""
    document = Document()
    document.show(picture, SIZE)
    return document.save(**options)


def attaching(*files: tuple[str, Stream]) -> bytes:
    """Return a document with attached files and an empty page."""
    document = Document()
    document.add_page(SIZE)
    names: list[Value] = []
    for name, file in files:
        file.Type = Name.EmbeddedFile
        said = Dictionary(Type=Name.Filespec, F=name, UF=name, EF=Dictionary(F=file))
        names += [name, said]
    tree = Dictionary(Names=names)
    document.root.Names = Dictionary(EmbeddedFiles=tree)
    return document.save()


def upwards(data: bytes, row_bytes: int) -> bytes:
    """Filter rows as PNG does, by the difference to the row above."""
    rows = np.frombuffer(data, np.uint8).reshape(-1, row_bytes)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    filters = np.full((len(rows), 1), 2, np.uint8)
    return np.hstack([filters, rows - above]).tobytes()


def fax(picture: Image.Image) -> bytes:
    """Pack a picture as fax machines of group 4 do."""
    file = io.BytesIO()
    picture.save(file, "TIFF", compression="group4")
    with Image.open(file) as tiff:
        tags = dict(tiff.getexif())
    start = int(tags[273])
    return file.getvalue()[start : start + int(tags[279])]


def runs(data: bytes) -> bytes:
    """Pack bytes as runs of one."""
    return b"".join(b"\0" + data[at : at + 1] for at in range(len(data))) + b"\x80"


FLATE: dict[str, Value] = {"Filter": Name.FlateDecode}
PACKED: dict[str, tuple[str, bytes, dict[str, Value]]] = {
    "bits": ("1", BITS, {}),
    "grey": ("L", GREY, {}),
    "grey-wide": (
        "L",
        np.repeat(np.frombuffer(GREY, np.uint8), 2).tobytes(),
        {"BitsPerComponent": 16},
    ),
    "grey-reversed": ("L", bytes(255 - v for v in GREY), {"Decode": [1, 0]}),
    "rgb-flate": ("RGB", zlib.compress(RGB), FLATE),
    "rgb-png": (
        "RGB",
        zlib.compress(upwards(RGB, 3 * WIDTH)),
        FLATE | {"DecodeParms": Dictionary(Predictor=15, Colors=3, Columns=WIDTH)},
    ),
    "rgb-text": (
        "RGB",
        base64.a85encode(zlib.compress(RGB)) + b"~>",
        {"Filter": [Name.ASCII85Decode, Name.FlateDecode]},
    ),
    "rgb-digits": ("RGB", RGB.hex().encode() + b">", {"Filter": Name.ASCIIHexDecode}),
    "rgb-runs": ("RGB", runs(RGB), {"Filter": Name.RunLengthDecode}),
    "cmyk": ("CMYK", CMYK, {}),
    "palette": (
        "L",
        INDEXED.tobytes(),
        {"ColorSpace": [Name.Indexed, Name.DeviceRGB, 255, PALETTE]},
    ),
    "fax": (
        "1",
        fax(PHOTO.convert("1")),
        {
            "Filter": Name.CCITTFaxDecode,
            "DecodeParms": Dictionary(K=-1, Columns=WIDTH, BlackIs1=True),
        },
    ),
    "jpeg-2000": ("RGB", encoded(PHOTO, "JPEG2000"), {"Filter": Name.JPXDecode}),
}


@pytest.mark.parametrize("name", PACKED)
def test_picture_is_found_as_stored_and_as_shown(name: str) -> None:
    """Each way to keep samples gives the picture that was kept, twice."""
    mode, data, more = PACKED[name]
    kept = PHOTO.convert("1") if mode == "1" else PHOTO
    sight = sight_of(holding(image(mode, *SIZE, data, **more)), kept)

    assert set(sight.distances) == {"image:1.1", "page:1"}
    assert sight.nearest <= 16
    assert max(sight.distances.values()) <= 40 or mode == "1"
    assert not sight.reasons


@pytest.mark.parametrize("is_compact", [False, True])
@pytest.mark.parametrize("filters", ["DCTDecode", "FlateDecode DCTDecode"])
def test_jpeg_is_given_as_it_is(filters: str, *, is_compact: bool) -> None:
    """A stream that is itself a file is that file, even under another filter."""
    data = zlib.compress(JPEG) if " " in filters else JPEG
    names = [Name(each) for each in filters.split()]
    file = holding(image("RGB", *SIZE, data, Filter=names), is_compact=is_compact)
    given = contents_of(PDF, file)

    assert ("image:1.1", JPEG, None) in given
    assert [magic.sniff(data) for _, data, _ in given] == [Kind.JPEG, Kind.BMP]


@pytest.mark.parametrize(
    ("entries", "data"),
    [
        pytest.param(b"/CS/G/BPC 8", GREY, id="bare"),
        pytest.param(b"/CS/RGB/BPC 8/F[/Fl]", zlib.compress(RGB), id="packed"),
        pytest.param(b"/CS/RGB/BPC 8/F/DCT", JPEG, id="jpeg"),
    ],
)
def test_pictures_among_what_is_drawn_are_found(entries: bytes, data: bytes) -> None:
    """A picture may stand in the content of a page, also in two streams of it."""
    begun = b"q %d 0 0 %d 0 0 cm BI /W %d /H %d" % (*SIZE, *SIZE)
    rest = entries + b" ID " + data + b"\nEI Q"

    for parts in ((begun + rest,), (begun, rest)):
        assert sight_of(in_streams(*parts, size=SIZE), PHOTO).is_found


def test_picture_that_only_other_readers_understand_has_a_reason() -> None:
    """PDFium reads no escapes in keys among what is drawn; poppler does."""
    size = b"q 128 0 0 96 0 0 cm BI /W 128 /#48 96 /CS/G/BPC 8"
    drawn = size + b"/F/AHx ID " + GREY.hex().encode() + b"> EI Q"

    assert sight_of(in_streams(drawn, size=SIZE), PHOTO).reasons == {Reason.UNDECODABLE}


def test_pictures_too_small_to_show_anything_are_left_out() -> None:
    """Lines and letters that are drawn as pictures are not looked at by themselves."""
    line = image("L", WIDTH, 15, bytes(range(128)) * 15)

    assert "image:1.1" not in sight_of(holding(line), PHOTO).distances


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        pytest.param({"Filter": Name.JBIG2Decode}, Reason.UNDECODABLE, id="damaged"),
        pytest.param({"Filter": Name.Rot13}, Reason.UNDECODABLE, id="filter"),
        pytest.param(
            {"Width": 100_000, "Height": 100_000}, Reason.TOO_MANY_PIXELS, id="huge"
        ),
    ],
)
def test_what_is_not_read_has_a_reason(more: dict[str, Value], reason: Reason) -> None:
    """A picture that cannot be shown is not passed over in silence."""
    file = holding(image("CMYK", *SIZE, CMYK, **more))

    assert reason in sight_of(file, PHOTO).reasons


@pytest.mark.parametrize("count", [1, 2, 4])
def test_picture_in_several_inks_has_a_reason(count: int) -> None:
    """Readers mix several inks in different ways."""
    size = [2] * count
    tint = Stream(bytes(range(2**count)), FunctionType=0, BitsPerSample=8, Size=size)
    tint.update(Domain=[0, 1] * count, Range=[0, 1])
    names = [Name(f"Ink{number}") for number in range(count)]
    first = [Name.DeviceN, names] if count > 1 else [Name.Separation, *names]
    space = [*first, Name.DeviceGray, tint]
    samples = np.repeat(np.frombuffer(GREY, np.uint8), count).tobytes()
    sight = sight_of(holding(image("L", *SIZE, samples, ColorSpace=space)), PHOTO)

    assert (Reason.NOT_INSPECTED in sight.reasons) is (count > 1)


@pytest.mark.parametrize(
    ("password", "reasons"),
    [(b"", frozenset()), (b"secret", frozenset({Reason.ENCRYPTED}))],
)
def test_documents_open_without_a_password_only(
    password: bytes, reasons: frozenset[Reason]
) -> None:
    """A document that every reader opens is read; one that needs a password is not."""
    file = holding(image("L", *SIZE, GREY), password=password)
    sight = sight_of(file, PHOTO)

    assert sight.reasons == reasons
    assert sight.is_found != bool(reasons)


@pytest.mark.parametrize("file", [b"", b"%PDF-1.7", b"%PDF-1.7\n" + bytes(999)])
def test_no_document_is_undecodable(file: bytes) -> None:
    """A content with only the magic of a PDF has a reason."""
    assert contents_of(PDF, file) == [("", b"", Reason.UNDECODABLE)]


PLAIN = holding(image("RGB", *SIZE, zlib.compress(RGB), **FLATE))
TRAILER = b"trailer<</Root 1 0 R>>"
HEADLESS = PLAIN.partition(b"\n")[2]


@pytest.mark.parametrize(
    ("file", "declared"),
    [
        pytest.param(PLAIN[: PLAIN.index(b"xref")] + TRAILER, None, id="no-table"),
        pytest.param(b"words " * 150 + PLAIN, None, id="words-before"),
        pytest.param(b"words " * 9000 + PLAIN, None, id="many-words-before"),
        pytest.param(bytes(3000) + PLAIN, None, id="zeros-before"),
        pytest.param(JPEG[:9] + bytes(2000) + PLAIN, None, id="late-in-another"),
        pytest.param(HEADLESS, None, id="no-first-line"),
        pytest.param(
            HEADLESS.replace(b"%%EOF", b""), "application/pdf", id="neither-line"
        ),
    ],
)
def test_document_is_one_wherever_its_lines_stand(
    file: bytes, declared: str | None
) -> None:
    """Readers search for the first line, and do without a table."""
    assert sight_of(file, PHOTO, declared).is_found


@pytest.mark.parametrize(
    "text", [b"%PDF- is how it begins, %%EOF how it ends", b"obj = '%PDF-'\n" * 99]
)
def test_text_about_documents_is_none(text: bytes) -> None:
    """Without an object, nothing is a document."""
    scan = scanned(text, digests=True)

    assert (scan.kind, scan.reason, scan.contents) == ("text", None, ())


def test_attached_files_have_their_names() -> None:
    """An attached file is named as the reader of the document sees it."""
    file = attaching(("sheep.txt", Stream(TEXT)), ("b\xe9", Stream(JPEG)))

    assert contents_of(PDF, file) == [("sheep.txt", TEXT, None), ("b\xe9", JPEG, None)]


def test_document_in_a_document_is_read() -> None:
    """An attached document is opened like one of its own."""
    sight = sight_of(attaching(("inner.pdf", Stream(PLAIN))), PHOTO)

    assert sight.is_found


def test_file_at_a_place_of_a_page_is_given() -> None:
    """A file may be attached by an annotation alone."""
    document = Document()
    file = Dictionary(F="a.txt", EF=Dictionary(F=Stream(TEXT, Type=Name.EmbeddedFile)))
    note = Dictionary(Type=Name.Annot, Subtype=Name.FileAttachment, FS=file)
    note.Rect = [0, 0, 9, 9]
    document.add_page(SIZE).Annots = [note]

    assert contents_of(PDF, document.save()) == [("a.txt", TEXT, None)]


def test_form_gives_its_pictures() -> None:
    """Firefox and Acrobat draw by the form, others by the page."""
    contents = contents_of(PDF, form_with(JPEG))

    assert any(base64.b64encode(JPEG) in data for _, data, _ in contents)


def test_flood_of_pages_ends() -> None:
    """A document may have a thousand pages, and one more for each 512 bytes."""
    document = Document()
    page = document.add_page(SIZE)
    document.pages.Kids = [page] * 3000
    document.pages.Count = 3000

    assert contents_of(PDF, document.save())[-1][2] is Reason.TOO_MANY_CONTENTS


def in_forms(depth: int) -> Document:
    """Return a document whose picture stands in forms within forms."""
    shown = image("RGB", *SIZE, zlib.compress(RGB), **FLATE)
    content = b"64 0 0 48 0 0 cm /X Do"
    for _ in range(depth):
        inner = Dictionary(XObject=Dictionary(X=shown))
        shown = Stream(content, Subtype=Name.Form, BBox=[0, 0, *SIZE], Resources=inner)
        content = b"/X Do"
    document = Document()
    page = document.add_page(SIZE, b"/X Do")
    page.Resources = Dictionary(XObject=Dictionary(X=shown))
    return document


def behind_boxes(count: int) -> Document:
    """Return a document whose picture comes after very many little boxes."""
    content = b"0 0 1 1 re f\n" * count + b"40 0 0 30 500 20 cm /X Do"
    document = Document()
    page = document.add_page((595, 842))
    shown = image("RGB", *SIZE, zlib.compress(RGB), **FLATE)
    page.Resources = Dictionary(XObject=Dictionary(X=shown))
    page.Contents = Stream(zlib.compress(content, 9), **FLATE)
    return document


@pytest.mark.parametrize(
    "document",
    [
        *(pytest.param(in_forms(depth), id=f"{depth}-forms") for depth in (32, 39, 45)),
        pytest.param(behind_boxes(150_000), id="boxes"),
    ],
)
def test_object_that_is_not_looked_at_is_a_reason(document: Document) -> None:
    """Readers show it, even on the last page."""
    assert Reason.TOO_MANY_CONTENTS in sight_of(document.save(), PHOTO).reasons


def test_picture_in_many_forms_is_found() -> None:
    """Up to the limit, each form is looked into."""
    assert sight_of(in_forms(30).save(), PHOTO).is_found


SUBJECT = Subject(
    container=PDF,
    members={
        attaching(("a", Stream(TEXT)), ("b", Stream(JPEG))): (
            ("a", TEXT),
            ("b", JPEG),
        ),
        attaching(("a", Stream(zlib.compress(TEXT), **FLATE))): (("a", TEXT),),
        attaching(): (),
    },
    bomb=attaching(("a", Stream(zlib.compress(bytes(16_000_000), 9), **FLATE))),
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_pdf_conforms(check: Check) -> None:
    """PDF passes the suite of containers."""
    check(SUBJECT)


def test_attached_file_ends_with_the_budget() -> None:
    """No member is given once the budget is used up."""
    file = attaching(("a", Stream(TEXT)), ("b", Stream(TEXT)))
    limits = UnpackLimits(max_output_bytes=10)

    assert [reason for _, _, reason in contents_of(PDF, file, limits)][:2] == [
        Reason.TOO_MANY_BYTES
    ] * 2


def test_sample_is_a_sound_document() -> None:
    """The document that warms a process up is drawn."""
    assert [name for name, _, _ in contents_of(PDF, sample())] == ["page:1"]


def test_wanted_picture_is_no_chance() -> None:
    """Another picture is not near, so that the tests above tell something."""
    other = photograph(2, width=WIDTH, height=HEIGHT)

    assert (pdq_of(other) ^ pdq_of(PHOTO)).bit_count() > 80
