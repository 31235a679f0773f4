"""PDF documents give their pictures, however these are packed."""

import base64
import io
import zlib

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image

from tests.conformance.containers import CHECKS, Check, Subject, contents_of
from tests.contents.pdf.made import document, image, predicted
from tests.corpus.pictures import photograph
from uploadfilter.contents.pdf.documents import PDFContainer, sample
from uploadfilter.model import Reason

PDF = PDFContainer()
WIDTH, HEIGHT = 64, 48
PHOTO = photograph(1, width=WIDTH, height=HEIGHT)
FILE = {"Type": Name.EmbeddedFile}
TEXT = b"".join(b"%d sheep; " % number for number in range(100))


def jpeg(picture: Image.Image = PHOTO) -> bytes:
    """Write a picture as JPEG."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95)
    return file.getvalue()


def upwards(data: bytes, row_bytes: int) -> bytes:
    """Filter rows as PNG does, by the difference to the row above."""
    rows = np.frombuffer(data, np.uint8).reshape(-1, row_bytes)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    filters = np.full((len(rows), 1), 2, np.uint8)
    return np.hstack([filters, rows - above]).tobytes()


def sideways(data: bytes, channels: int) -> bytes:
    """Store each sample as the difference to the one before, as TIFF does."""
    rows = np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH, channels).copy()
    rows[:, 1:] -= rows[:, :-1].copy()
    return rows.tobytes()


def fax(picture: Image.Image) -> bytes:
    """Pack a picture as fax machines of group 4 do."""
    file = io.BytesIO()
    picture.save(file, "TIFF", compression="group4")
    with Image.open(file) as tiff:
        assert isinstance(tiff, Image.Image)
        tags = dict(tiff.getexif())
    start = int(tags[273])
    return file.getvalue()[start : start + int(tags[279])]


def runs(data: bytes) -> bytes:
    """Pack bytes as runs of one."""
    return b"".join(b"\0" + data[at : at + 1] for at in range(len(data))) + b"\x80"


def shown(file: bytes, mode: str) -> np.ndarray:
    """Decode a picture; of 16 bits the upper 8."""
    with Image.open(io.BytesIO(file)) as picture:
        if picture.mode.startswith("I;16"):
            return (np.asarray(picture) >> 8).astype(np.uint8)
        return np.asarray(picture.convert(mode))


def wide(data: bytes) -> bytes:
    """Write each byte twice, which is the same value in 16 bits."""
    return np.repeat(np.frombuffer(data, np.uint8), 2).tobytes()


def narrow(data: bytes) -> bytes:
    """Keep the upper four bits of each byte."""
    values = np.frombuffer(data, np.uint8) >> 4
    return (values[::2] << 4 | values[1::2]).astype(np.uint8).tobytes()


def negative(data: bytes) -> bytes:
    """Swap light and dark."""
    return bytes(255 - value for value in data)


GREY, RGB, CMYK, BITS = (
    PHOTO.convert(mode).tobytes() for mode in ("L", "RGB", "CMYK", "1")
)
INDEXED = PHOTO.convert("P", palette=Image.Palette.ADAPTIVE)
PALETTE = bytes(INDEXED.getpalette() or []).ljust(768, b"\0")
BACKWARDS = Array([1, 0] * 4)
PROFILE = Array([Name.ICCBased, Dictionary(N=3)])
PALETTED = Array([Name.Indexed, Name.DeviceRGB, 255, pikepdf.String(PALETTE)])
INK = Array([Name.Separation, Name.Black, Name.DeviceGray, Dictionary()])
NEGATIVE = np.asarray(PHOTO)
PACKED: dict[str, tuple[bytes, str, tuple[str, ...], dict[str, object], str]] = {
    "bits": (BITS, "1", (), {}, "1"),
    "grey": (GREY, "L", (), {}, "L"),
    "grey-flate": (zlib.compress(GREY), "L", ("FlateDecode",), {}, "L"),
    "grey-wide": (
        zlib.compress(wide(GREY)),
        "L",
        ("FlateDecode",),
        {"BitsPerComponent": 16},
        "L",
    ),
    "grey-ink": (negative(GREY), "L", (), {"ColorSpace": INK}, "L"),
    "grey-reversed": (negative(GREY), "L", (), {"Decode": BACKWARDS}, "L"),
    "grey-png": (
        zlib.compress(upwards(GREY, WIDTH)),
        "L",
        ("FlateDecode",),
        {"DecodeParms": predicted(15, 1, WIDTH)},
        "L",
    ),
    "rgb": (RGB, "RGB", (), {}, "RGB"),
    "rgb-flate": (zlib.compress(RGB), "RGB", ("FlateDecode",), {}, "RGB"),
    "rgb-profile": (RGB, "RGB", (), {"ColorSpace": PROFILE}, "RGB"),
    "rgb-wide": (wide(RGB), "RGB", (), {"BitsPerComponent": 16}, "RGB"),
    "rgb-png": (
        zlib.compress(upwards(RGB, 3 * WIDTH)),
        "RGB",
        ("FlateDecode",),
        {"DecodeParms": predicted(12, 3, WIDTH)},
        "RGB",
    ),
    "rgb-tiff": (
        zlib.compress(sideways(RGB, 3)),
        "RGB",
        ("FlateDecode",),
        {"DecodeParms": predicted(2, 3, WIDTH)},
        "RGB",
    ),
    "rgb-text": (
        base64.a85encode(zlib.compress(RGB)) + b"~>",
        "RGB",
        ("ASCII85Decode", "FlateDecode"),
        {},
        "RGB",
    ),
    "rgb-digits": (RGB.hex().encode() + b">", "RGB", ("ASCIIHexDecode",), {}, "RGB"),
    "rgb-runs": (runs(RGB), "RGB", ("RunLengthDecode",), {}, "RGB"),
    "rgb-twice": (
        zlib.compress(zlib.compress(RGB)),
        "RGB",
        ("FlateDecode", "FlateDecode"),
        {},
        "RGB",
    ),
    "cmyk": (CMYK, "CMYK", (), {}, "CMYK"),
    "cmyk-png": (
        zlib.compress(upwards(CMYK, 4 * WIDTH)),
        "CMYK",
        ("FlateDecode",),
        {"DecodeParms": predicted(15, 4, WIDTH)},
        "CMYK",
    ),
    "cmyk-reversed": (
        zlib.compress(negative(CMYK)),
        "CMYK",
        ("FlateDecode",),
        {"Decode": BACKWARDS},
        "CMYK",
    ),
    "palette": (INDEXED.tobytes(), "L", (), {"ColorSpace": PALETTED}, "RGB"),
    "fax": (
        fax(PHOTO.convert("1")),
        "1",
        ("CCITTFaxDecode",),
        {"DecodeParms": Dictionary(K=-1, Columns=WIDTH, BlackIs1=True)},
        "1",
    ),
}


@pytest.mark.parametrize("name", PACKED)
def test_picture_is_what_was_packed(name: str) -> None:
    """Each way to keep samples gives the picture that was kept."""
    data, mode, filters, more, shown_mode = PACKED[name]
    file = document((data, image(mode, WIDTH, HEIGHT, *filters, **more)))
    (_, picture, reason), *_ = contents_of(PDF, file)
    wanted = PHOTO if name != "palette" else INDEXED

    assert reason is None
    assert np.array_equal(
        shown(picture, shown_mode), np.asarray(wanted.convert(shown_mode))
    )


def test_values_of_four_bits_are_stretched() -> None:
    """Colours of four bits are the nearest of eight."""
    dictionary = image("RGB", WIDTH, HEIGHT, BitsPerComponent=4)
    ((_, picture, _),) = contents_of(PDF, document((narrow(RGB), dictionary)))
    difference = shown(picture, "RGB").astype(int) - np.asarray(PHOTO)

    assert np.abs(difference).max() <= 15


@pytest.mark.parametrize("compact", [False, True])
def test_jpeg_is_given_as_it_is(*, compact: bool) -> None:
    """A stream that is itself a file is that file, even under another filter."""
    direct = (jpeg(), image("RGB", WIDTH, HEIGHT, "DCTDecode"))
    behind = (
        zlib.compress(jpeg()),
        image("RGB", WIDTH, HEIGHT, "FlateDecode", "DCTDecode"),
    )
    found = contents_of(PDF, document(direct, behind, compact=compact))

    assert [(data, reason) for _, data, reason in found] == [(jpeg(), None)] * 2


@pytest.mark.parametrize(
    ("entries", "data"),
    [
        pytest.param(b"/CS/G/BPC 8", GREY, id="bare"),
        pytest.param(b"/CS/G/BPC 8/F/Fl", zlib.compress(GREY), id="packed"),
        pytest.param(b"/CS/RGB/BPC 8/F[/Fl]", zlib.compress(RGB), id="colours"),
    ],
)
def test_pictures_among_what_is_drawn_are_found(entries: bytes, data: bytes) -> None:
    """A picture may stand in the content of a page."""
    size = b"/W %d/H %d" % (WIDTH, HEIGHT)
    content = b"q 1 0 0 1 0 0 cm BI " + size + entries + b" ID " + data + b"\nEI Q"
    ((_, picture, reason),) = contents_of(PDF, document(content=content))

    assert reason is None
    assert np.array_equal(shown(picture, "L"), np.asarray(PHOTO.convert("L")))


def test_pictures_too_small_to_show_anything_are_left_out() -> None:
    """Lines and letters that are drawn as pictures are not looked at."""
    line = (bytes(WIDTH * 15), image("L", WIDTH, 15))

    assert contents_of(PDF, document(line)) == []


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        pytest.param(
            {"Filter": Name.JBIG2Decode}, Reason.NOT_INSPECTED, id="unknown-filter"
        ),
        pytest.param(
            {"ColorSpace": Array([Name.Pattern, Dictionary()])},
            Reason.NOT_INSPECTED,
            id="unknown-colours",
        ),
        pytest.param({"Width": -1}, Reason.NOT_INSPECTED, id="no-width"),
        pytest.param({"Width": "a"}, Reason.NOT_INSPECTED, id="width-of-letters"),
        pytest.param({"BitsPerComponent": 5}, Reason.NOT_INSPECTED, id="odd-bits"),
        pytest.param(
            {"Width": 100_000, "Height": 100_000, "Decode": BACKWARDS},
            Reason.OUT_OF_MEMORY,
            id="too-big",
        ),
    ],
)
def test_what_is_not_read_has_a_reason(more: dict[str, object], reason: Reason) -> None:
    """A picture that cannot be written as a file is not passed over in silence."""
    file = document((CMYK, image("CMYK", WIDTH, HEIGHT, **more)))
    ((_, _, found),) = contents_of(PDF, file)

    assert found is reason


def test_flood_of_small_streams_ends() -> None:
    """A document may have a thousand streams, and one more for each KiB."""
    specks = document(*[(b"q", {}) for _ in range(2000)])

    assert contents_of(PDF, specks) == [("", b"", Reason.TOO_MANY_CONTENTS)]


def test_colours_that_refer_to_themselves_end() -> None:
    """A palette of a palette of itself is not a colour space."""
    with pikepdf.new() as pdf:
        space = pdf.make_indirect(Array([Name.Indexed]))
        for item in (space, 1, pikepdf.String(b"ab")):
            space.append(item)
        picture = pikepdf.Stream(pdf, GREY, Subtype=Name.Image, ColorSpace=space)
        picture.Width, picture.Height = WIDTH, HEIGHT
        pdf.Root.Held = picture
        file = io.BytesIO()
        pdf.save(file)

    assert contents_of(PDF, file.getvalue())[0][2] is Reason.NOT_INSPECTED


@pytest.mark.parametrize(
    ("password", "reason"), [("", None), ("secret", Reason.ENCRYPTED)]
)
def test_documents_open_without_a_password_only(
    password: str, reason: Reason | None
) -> None:
    """A document that every reader opens is read; one that needs a password is not."""
    secret = pikepdf.Encryption(owner="owner", user=password)
    file = document((GREY, image("L", WIDTH, HEIGHT)), encryption=secret)

    assert contents_of(PDF, file)[0][2] is reason


@pytest.mark.parametrize("file", [b"", b"%PDF-1.7", b"%PDF-1.7\n" + bytes(999)])
def test_no_document_is_undecodable(file: bytes) -> None:
    """A content with only the magic of a PDF has a reason."""
    assert contents_of(PDF, file) == [("", b"", Reason.UNDECODABLE)]


def test_document_without_an_end_is_repaired() -> None:
    """Without its table, a document consists of the objects found in it."""
    file = document((jpeg(), image("RGB", WIDTH, HEIGHT, "DCTDecode")))
    file = file[: file.index(b"xref")] + b"trailer<</Root 1 0 R>>"

    assert [data for _, data, _ in contents_of(PDF, file)] == [jpeg()]


def test_attached_files_have_their_names() -> None:
    """An attached file is named as the reader of the document sees it."""
    file = io.BytesIO()
    with pikepdf.new() as pdf:
        attached = pikepdf.AttachedFileSpec(pdf, TEXT, filename="sheep.txt")
        pdf.attachments["sheep"] = attached
        pdf.save(file)

    assert contents_of(PDF, file.getvalue()) == [("sheep.txt", TEXT, None)]


def test_streams_that_look_like_files_are_given() -> None:
    """A picture in a stream that says nothing of itself is found."""
    hidden = (zlib.compress(jpeg()), {"Filter": Name.FlateDecode})
    ((_, data, reason),) = contents_of(PDF, document(hidden))

    assert (data, reason) == (jpeg(), None)


SUBJECT = Subject(
    container=PDF,
    members={
        document((TEXT, FILE), (jpeg(), image("RGB", WIDTH, HEIGHT, "DCTDecode"))): (
            ("file:2", TEXT),
            ("image:3", jpeg()),
        ),
        document(
            (zlib.compress(TEXT), FILE | {"Filter": Name.FlateDecode}), compact=True
        ): (("file:5", TEXT),),
        document(): (),
    },
    bomb=document(
        (
            zlib.compress(bytes(16_000_000)),
            image("CMYK", 2000, 2000, "FlateDecode", Decode=BACKWARDS),
        )
    ),
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_pdf_conforms(check: Check) -> None:
    """PDF passes the suite of containers."""
    check(SUBJECT)


def test_sample_has_one_picture() -> None:
    """The document that warms a process up is a sound one."""
    assert [reason for _, _, reason in contents_of(PDF, sample())] == [None]


def test_streams_without_a_plain_number_are_found_all_the_same() -> None:
    """Where a number cannot be told, every object of the document is looked at."""
    file = document((jpeg(), image("RGB", WIDTH, HEIGHT, "DCTDecode")))
    number = file.rindex(b" 0 obj", 0, file.index(b"/DCTDecode"))
    file = file[:number] + b" %\n" + file[number + 1 :]

    assert [data for _, data, _ in contents_of(PDF, file)] == [jpeg()]


def written_by_hand(*objects: bytes) -> bytes:
    """Return a document of these objects, the first of which is its catalogue."""
    data, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    data += b"trailer <</Size %d /Root 1 0 R>>\n" % (len(objects) + 1)
    return bytes(data + b"startxref\n%d\n%%%%EOF\n" % start)


@pytest.mark.parametrize(
    "disguise", [b"", b"/X (4 0 obj)", b"% 4 0 obj\n", b"/X (1 0 obj <<)"]
)
def test_number_of_another_object_hides_no_picture(disguise: bytes) -> None:
    """An apparent number before data may be a string or a comment."""
    packed = zlib.compress(PHOTO.convert("RGB").tobytes())
    head = b"<</Type /XObject /Subtype /Image /Width %d /Height %d" % PHOTO.size
    head += b" /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode"
    picture = b"%s /Length %d %s >>\nstream\n%s\nendstream" % (
        head,
        len(packed),
        disguise,
        packed,
    )
    other = b"<</Length 1>>\nstream\nq\nendstream"
    pages = b"<</Type /Pages /Kids [] /Count 0>>"
    catalogue = b"<</Type /Catalog /Pages 2 0 R>>"
    file = written_by_hand(catalogue, pages, picture, other)

    assert [name for name, _, _ in contents_of(PDF, file)] == ["image:3"]
