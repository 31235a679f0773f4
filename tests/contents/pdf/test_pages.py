"""Pages are seen as a reader shows them."""

import zlib

import numpy as np
import pytest
from PIL import Image

from tests.contents.pdf.seeing import sight_of
from tests.corpus.pdfs import Dictionary, Document, Name, Stream, Value, image
from tests.corpus.pictures import jpeg, photograph
from uploadfilter.model import Reason

WIDTH, HEIGHT = 256, 192
PHOTO = photograph(1, width=WIDTH, height=HEIGHT)
OTHER = photograph(2, width=WIDTH, height=HEIGHT)
A4 = (595, 842)
FILL = b"q 256 0 0 192 0 0 cm /Im0 Do Q"


def packed(picture: Image.Image, **more: Value) -> Stream:
    """Return a picture in packed samples."""
    data = zlib.compress(picture.tobytes())
    return image(picture.mode, *picture.size, data, Filter=Name.FlateDecode, **more)


def page(
    content: bytes,
    *,
    size: tuple[float, float] = A4,
    form: bytes | None = None,
    **named: Value,
) -> Document:
    """Return a document of one page, with named pictures and a form."""
    document = Document()
    made = document.add_page(size, content)
    objects = Dictionary(named)
    if form is not None:
        inner = Dictionary(XObject=Dictionary(named))
        objects.Form = Stream(
            form, Subtype=Name.Form, BBox=[0, 0, *size], Resources=inner
        )
    made.Resources = Dictionary(XObject=objects)
    return document


def turned(picture: Image.Image, degrees: float) -> Image.Image:
    """Return a picture that a page has to turn back."""
    return picture.convert("RGB").rotate(degrees, expand=True, fillcolor="white")


COSINE, SINE = np.cos(np.pi / 6), np.sin(np.pi / 6)


def turned_back() -> Document:
    """Show a picture upright that is stored turned by 30 degrees."""
    stored = turned(PHOTO, 30)
    width, height = stored.size
    matrix = (width * COSINE, -width * SINE, height * SINE, height * COSINE, 99, 299)
    content = b"q %f %f %f %f %d %d cm /Im0 Do Q" % matrix
    return page(content, Im0=packed(stored))


def in_pieces() -> Document:
    """Cut a picture into 12 strips, each a picture of its own."""
    strips: dict[str, Value] = {
        f"S{top}": packed(PHOTO.crop((0, top, WIDTH, top + 16)))
        for top in range(0, HEIGHT, 16)
    }
    content = b" ".join(
        b"q 256 0 0 16 150 %d cm /S%d Do Q" % (500 - top, top)
        for top in range(0, HEIGHT, 16)
    )
    text = b" BT /F 20 Tf 50 700 Td (words and words and words) Tj ET"
    return page(content + text, **strips)


def cut_out() -> Document:
    """Show the middle of a picture through a hole."""
    wide = photograph(7, width=3 * WIDTH, height=3 * HEIGHT)
    wide.paste(PHOTO, (WIDTH, HEIGHT))
    content = b"q 156 292 256 192 re W n 768 0 0 576 -100 100 cm /Im0 Do Q"
    return page(content, size=(600, 800), Im0=packed(wide))


def little() -> Document:
    """Show a picture so little that it must be enlarged."""
    content = b"q 1 0 0 1 7000 7000 cm 51 0 0 38 0 0 cm /Im0 Do Q"
    stored = turned(PHOTO, 90)
    key = Image.fromarray(255 - np.asarray(stored))
    return page(content, size=(14400, 14400), Im0=packed(key, Decode=[1, 0] * 3))


def masked() -> Document:
    """Show a picture that only a soft mask holds."""
    mask = packed(Image.fromarray(255 - np.asarray(PHOTO.convert("L"))))
    black = packed(Image.new("L", PHOTO.size), SMask=mask)
    return page(b"q 256 0 0 192 99 99 cm /Im0 Do Q", Im0=black)


def in_forms() -> Document:
    """Show a picture in a form that is itself turned and made smaller."""
    form = b"q 0 192 -256 0 300 300 cm /Im0 Do Q"
    return page(b"q 0 1 -1 0 595 0 cm /Form Do Q", form=form, Im0=packed(PHOTO))


def patterned() -> Document:
    """Fill a box with a pattern that is a picture."""
    document = page(b"/Pattern cs /P scn 100 100 256 192 re f")
    resources = Dictionary(XObject=Dictionary(Im0=packed(PHOTO)))
    pattern = Stream(FILL, Type=Name.Pattern, PatternType=1, PaintType=1, TilingType=1)
    pattern.update(BBox=[0, 0, 256, 192], XStep=256, YStep=192, Resources=resources)
    pattern.Matrix = [1, 0, 0, 1, 100, 100]
    document.pages.Kids[0].Resources = Dictionary(Pattern=Dictionary(P=pattern))
    return document


def shaded() -> Document:
    """Show a picture by a shading, whose function has its samples."""
    grey = PHOTO.convert("L").transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    function = Stream(grey.tobytes(), FunctionType=0, BitsPerSample=8)
    function.update(Domain=[0, 1, 0, 1], Range=[0, 1], Size=[WIDTH, HEIGHT])
    shading = Dictionary(ShadingType=1, ColorSpace=Name.DeviceGray, Function=function)
    shading.Matrix = [256, 0, 0, 192, 0, 0]
    document = page(b"/Sh0 sh", size=(WIDTH, HEIGHT))
    document.pages.Kids[0].Resources = Dictionary(Shading=Dictionary(Sh0=shading))
    return document


def lettered() -> Document:
    """Show a picture as the letter of a font."""
    letter = Stream(b"256 0 d0 " + FILL)
    font = Dictionary(Type=Name.Font, Subtype=Name.Type3, FontBBox=[0, 0, 256, 192])
    font.update(FontMatrix=[1, 0, 0, 1, 0, 0], FirstChar=97, LastChar=97, Widths=[256])
    font.Encoding = Dictionary(Differences=[97, Name.a])
    font.CharProcs = Dictionary(a=letter)
    font.Resources = Dictionary(XObject=Dictionary(Im0=packed(PHOTO)))
    document = page(b"BT /T 1 Tf (a) Tj ET", size=(WIDTH, HEIGHT))
    document.pages.Kids[0].Resources = Dictionary(Font=Dictionary(T=font))
    return document


def in_squares() -> Document:
    """Draw a picture of little squares."""
    grey = np.asarray(PHOTO.convert("L").resize((64, 48))) / 255
    squares = (
        b"%f g %d %d 4 4 re f" % (grey[y, x], 4 * x, 188 - 4 * y)
        for y in range(48)
        for x in range(64)
    )
    return page(b" ".join(squares), size=(WIDTH, HEIGHT))


def annotated(subtype: str, **more: Value) -> Document:
    """Show a picture by an annotation."""
    document = page(b"")
    look = Stream(FILL, Subtype=Name.Form, BBox=[0, 0, 256, 192])
    look.Resources = Dictionary(XObject=Dictionary(Im0=packed(PHOTO)))
    note = Dictionary(Type=Name.Annot, Subtype=Name(subtype), Rect=[50, 50, 306, 242])
    note.update(AP=Dictionary(N=look), F=4, **more)
    document.pages.Kids[0].Annots = [note]
    return document


def button() -> Document:
    """Show a picture by a button of a form."""
    document = annotated("Widget", FT=Name.Btn, Ff=65536, T=b"button")
    fields = document.pages.Kids[0].Annots
    document.make_indirect(fields[0])
    document.root.AcroForm = Dictionary(Fields=fields)
    return document


def thumbnail() -> Document:
    """Keep a picture as the small picture of a page."""
    document = page(b"")
    document.pages.Kids[0].Thumb = packed(PHOTO)
    return document


SHOWN = {
    "plain": lambda: page(b"q 256 0 0 192 9 9 cm /Im0 Do Q", Im0=packed(PHOTO)),
    "turned-back": turned_back,
    "in-pieces": in_pieces,
    "cut-out": cut_out,
    "little": little,
    "masked": masked,
    "in-forms": in_forms,
    "patterned": patterned,
    "shaded": shaded,
    "lettered": lettered,
    "in-squares": in_squares,
    "stamp": lambda: annotated("Stamp"),
    "link": lambda: annotated("Link"),
    "button": button,
    "thumbnail": thumbnail,
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_a_page_shows_is_found(name: str) -> None:
    """A picture counts as a reader shows it, however the page makes it."""
    sight = sight_of(SHOWN[name]().save(), PHOTO)

    assert sight.is_found, sight


def test_page_of_text_is_not_drawn() -> None:
    """Letters, thin lines and little boxes show no picture."""
    content = b"BT /F 12 Tf 50 700 Td (words) Tj ET 0 0 m 500 0 l S 50 50 400 9 re f"

    assert not sight_of(page(content).save(), PHOTO).distances


def test_same_picture_at_the_same_place_is_drawn_once() -> None:
    """A letterhead costs each page its drawing, and one page its views."""
    document = Document()
    logo = packed(PHOTO)
    for number in range(5):
        content = b"q 256 0 0 192 9 600 cm /Im0 Do Q BT /F 9 Tf (%d) Tj ET" % number
        document.add_page(A4, content).Resources = Dictionary(
            XObject=Dictionary(Im0=logo)
        )

    assert list(sight_of(document.save(), PHOTO).distances) == [
        *("image:1.1", "page:1", "place:1"),
    ]


def test_flood_of_drawn_pages_ends() -> None:
    """A short document may have so many pages that show something new."""
    document = Document()
    for number in range(300):
        document.add_page((9, 9), b"%f g 0 0 9 5 re f" % (number / 300))
    data = document.save()
    sight = sight_of(data, PHOTO)

    assert len(sight.distances) == 200 + len(data) // 1024
    assert sight.reasons == {Reason.TOO_MANY_CONTENTS}


def test_flood_of_little_pictures_ends() -> None:
    """A short document may have so many places that must be enlarged."""
    little: dict[str, Value] = {
        f"I{number}": packed(photograph(number, width=16, height=16))
        for number in range(90)
    }
    content = b" ".join(
        b"q 9 0 0 9 %d %d cm /I%d Do Q"
        % (40 * (number % 10), 40 * (number // 10), number)
        for number in range(90)
    )
    sight = sight_of(page(content, **little).save(), PHOTO)

    assert sight.reasons in ({Reason.SEARCH_UNFINISHED}, frozenset())


def test_picture_beyond_memory_is_told_and_others_are_seen() -> None:
    """A page is drawn without a picture for which there is no memory."""
    huge = image("L", 20_000, 20_000, zlib.compress(bytes(9)), Filter=Name.FlateDecode)
    content = FILL + b" q 99 0 0 99 300 300 cm /Huge Do Q"
    sight = sight_of(page(content, Im0=packed(PHOTO), Huge=huge).save(), PHOTO)

    assert sight.is_found
    assert Reason.TOO_MANY_PIXELS in sight.reasons


@pytest.mark.parametrize("size", [(14400, 1), (1, 14400), (1e-3, 1e-3), (9e9, 9e9)])
def test_page_of_any_size_ends(size: tuple[float, float]) -> None:
    """No size of a page makes a drawing large."""
    sight_of(page(FILL, size=size, Im0=image("RGB", 9, 9, jpeg(PHOTO))).save(), PHOTO)
