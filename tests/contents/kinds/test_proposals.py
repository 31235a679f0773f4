"""Other kinds that a content may have, for each tolerant reader."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.kinds.proposals import (
    LOOSE,
    MAY_BE_LOOSE,
    MOST_STRAY_BYTES,
    Proposal,
    claimed,
    has_object,
    kind_of,
    proposed,
)
from uploadfilter.contents.source import MemorySource

SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'
LONG = f"<!--{' of no use' * 1000}-->"
WIDE = "<!--" + "\N{CJK UNIFIED IDEOGRAPH-6C34}" * 3000 + "-->"
TARGA = struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 64, 48, 24, 0)


def kind(content: bytes) -> Kind:
    """Return the kind of a content."""
    return kind_of(MemorySource(content))


def kinds(content: bytes) -> set[Kind]:
    """Return the kinds that a content may have at its beginning, besides its own."""
    found = proposed(MemorySource(content), kind(content))
    return {item.kind for item in found if not item.offset}


@pytest.mark.parametrize(
    "text",
    [
        SVG,
        LONG + SVG,
        " \n" * 3000 + SVG,
        "<?xml version='1.0'?>" + "<!-- a -->" * 500 + SVG,
        f"<?xml version='1.0'?><!DOCTYPE svg [{LONG}<!ENTITY a ']>'>]>{SVG}",
        f"<!DOCTYPE svg PUBLIC '>' \"[\">{LONG}{SVG}",
        "<?a ?>" * 500 + "<x:svg xmlns:x='http://www.w3.org/2000/svg'/>",
        "<!--" + "a" * 100_000 + "-->" + SVG,
        "\n<?xml version='1.0'?>" + SVG,
        "<!DOCTYPE svg [<!ENTITY a>]>" + SVG,
        " " * 100_000 + "<?xml version='1.0'?>" + SVG,
        "<?xml version='1.0' encoding='unheard-of'?>" + SVG,
    ],
    ids=range(12),
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_drawing_is_known_behind_any_prologue(text: str, encoding: str) -> None:
    """Preceding text, length and encoding do not matter."""
    assert kind(text.encode(encoding)) is Kind.SVG


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_drawing_is_known_behind_letters_that_are_not_latin(encoding: str) -> None:
    """Bytes of a comment may look like controls."""
    assert kind((WIDE + SVG).encode(encoding)) is Kind.SVG


def test_prologue_that_does_not_end_is_taken_for_a_drawing() -> None:
    """A document that is not read to its first element may be a drawing."""
    assert kind(b"<!-- a -->" * 500_000) is Kind.SVG


@pytest.mark.parametrize(
    "text",
    [
        LONG + "<html>" + SVG,
        LONG + "<p>" + SVG,
        "a < b" + SVG,
        "<<<<<<< HEAD\n" * 100_000,
        "<" * 1_000_000,
        "<!--" * 1_000_000 + "\0",
        "<!DOCTYPE" * 1_000_000,
        "\0" * 5_000_000,
        "<rss>" + SVG,
    ],
)
def test_other_texts_are_no_drawings(text: str) -> None:
    """A page may hold a drawing, and is a page."""
    assert kind(text.encode()) is not Kind.SVG


@pytest.mark.parametrize(
    ("content", "loose"),
    [
        (b"GIF89a \t \t a x,", Kind.GIF),
        (b"BM" + bytes(12) + b"\x7c\0\0\0" + bytes(40), Kind.BMP),
        (pictures.encoded(pictures.photograph(1), "DIB"), Kind.BMP),
        (b"\0\0\1\0\1\0" + bytes(40), Kind.ICO),
        (b"II\0*" + bytes(20), Kind.TIFF),
        (b"MM*\0" + bytes(20), Kind.TIFF),
        (b"aaaaftypavif" + bytes(20), Kind.AVIF),
        (b"P5;64;48;255\n", Kind.PNM),
        (b"qoif" + bytes(20), Kind.QOI),
        (TARGA, Kind.TGA),
    ],
)
def test_readers_that_take_less_are_asked(content: bytes, loose: Kind) -> None:
    """A kind that some reader opens is proposed, even if the test here rejects it."""
    assert kind(content) is not loose
    assert loose in kinds(content)


@pytest.mark.parametrize(
    "content", [b"BMW is a car", b"P1 is a pace", b"qo", b"GIF", b"MM", bytes(40)]
)
def test_prose_is_only_prose(content: bytes) -> None:
    """Two letters propose nothing by themselves."""
    assert not kinds(content)


@pytest.mark.parametrize("stray", [1, 3, MOST_STRAY_BYTES])
@pytest.mark.parametrize(
    ("start", "found"),
    [
        (b"\x1f\x8b\x08\0", Kind.GZIP),
        (b"BZh91AY&SY", Kind.BZIP2),
        (b"7z\xbc\xaf\x27\x1c", Kind.SEVEN_ZIP),
        (b"\xff\xd8\xff\xe0", Kind.JPEG),
        (bytes(257) + b"ustar\0", Kind.TAR),
    ],
)
def test_stray_bytes_are_skipped(stray: int, start: bytes, found: Kind) -> None:
    """A container or picture a few bytes further on is proposed with its place."""
    source = MemorySource(b"x" * stray + start + bytes(99))

    assert Proposal(kind=found, offset=stray) in proposed(source, Kind.DATA)


def icon(*places: int) -> bytes:
    """Return the directory of an icon whose entries point to these places."""
    entries = (struct.pack("<8xII", 40, place) for place in places)
    return struct.pack("<HHH", 0, 1, len(places)) + b"".join(entries)


@pytest.mark.parametrize(
    ("start", "is_proposed"),
    [
        pytest.param(pictures.jpeg(pictures.flat()), False, id="header-of-libjpeg"),
        pytest.param(icon(2**31), False, id="beyond"),
        pytest.param(icon(500), False, id="at-the-end"),
        pytest.param(icon(499), True, id="last-byte"),
        pytest.param(icon(2**31, 40), True, id="second"),
        pytest.param(icon(*[2**31] * 65), True, id="many"),
    ],
)
def test_icon_without_a_picture_is_none(start: bytes, *, is_proposed: bool) -> None:
    """Nobody shows an icon whose entries all lie behind the end of the content."""
    source = MemorySource(b"stray: " + start.ljust(493)[:4000])
    found = {each.kind for each in proposed(source, Kind.DATA)}

    assert (Kind.ICO in found) is is_proposed


@pytest.mark.parametrize("sure", [Kind.JPEG, Kind.ZIP])
def test_nothing_is_skipped_in_what_is_known(sure: Kind) -> None:
    """The metadata of a photo begin like a picture a few bytes further on."""
    source = MemorySource(b"x" + b"\x1f\x8b\x08\0" + bytes(99))

    assert not proposed(source, sure)


def test_brands_are_read_however_many_there_are() -> None:
    """Browsers look for the brand of AVIF in all of the first box."""
    body = b"ftypisom" + bytes(4) + b"iso2" * 500 + b"avif"

    assert kind(struct.pack(">I", 4 + len(body)) + body) is Kind.AVIF
    assert kind(struct.pack(">I", len(body)) + body[:-4]) is Kind.VIDEO


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ("a!/logo.svg", Kind.SVG),
        ("image/svg+xml", Kind.SVG),
        ("x.wmf", Kind.SVG),
        ("a.tga", Kind.TGA),
        ("image/x-tga", Kind.TGA),
        ("a.jpg", None),
        ("", None),
    ],
)
def test_claim_is_a_proposal(claim: str, found: Kind | None) -> None:
    """A name or type decides for kinds without a magic."""
    assert claimed(Kind.DATA, ("", claim), TARGA) is found


def test_claim_says_nothing_where_bytes_do() -> None:
    """A photo stays one, whatever it is called."""
    assert claimed(Kind.JPEG, ("a.svg",), b"\xff\xd8\xff") is None


@pytest.mark.parametrize(
    "start", [b"II*\0", b"PK\3\4", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(9)]
)
def test_magic_is_found_at_every_offset(start: bytes) -> None:
    """A kind that ``sniff`` recognises by first bytes is also recognised further on."""
    assert magic.begins_as(b"--" + start, 2) is magic.sniff(start)


@given(
    before=st.binary(max_size=60),
    start=st.sampled_from([known for known, _ in magic.MAGIC])
    | st.binary(min_size=2, max_size=2).map(lambda two: two + b"\0" * 8)
    | st.sampled_from(
        [
            *(b"BM" + bytes(12) + b"\x28\0\0\0" + bytes(10) + b"\x18\0", b"BZh91AY&SY"),
            *(
                b"GIF89a\1\0\1\0\0\0\0,",
                b"P6 1 1 1 a",
                b"P1\n1 1\n1",
                b"`\xea\x28" + bytes(7),
            ),
            *(b"RIFF....WEBP", b"\0\0\0\x18ftypavif", b"\0\0\1\0\1\0" + bytes(16)),
            *(b"070707" + b"0" * 70, b"\x1f\x9d\x90", b"\x1f\x8b\x08\0", b"\1\0\0\0"),
            *(
                b"0050" + b"0" * 40 + b" " + b"1" * 40 + b" refs/heads",
                b"qoif" + bytes(9),
            ),
        ]
    ),
)
def test_two_bytes_tell_that_nothing_begins(before: bytes, start: bytes) -> None:
    """Whatever is known at an offset is proposed there."""
    head = b"z" + before + start + bytes(300)
    proposed_at = {each.offset for each in proposed(MemorySource(head), Kind.DATA)}
    known = {
        at
        for at in range(1, min(len(head), MOST_STRAY_BYTES + 1))
        if magic.begins_as(head, at) not in {None, Kind.JXL, Kind.VIDEO}
    }

    assert known <= proposed_at


HEADS = (b"GIF8", b"BM", b"\0\0\1\0", b"II\0*", b"ftyp", b"P4 1 1", b"qoif", b"(\0\0\0")


@given(
    st.lists(st.one_of(st.sampled_from(HEADS), st.binary(max_size=6)), max_size=6).map(
        b"".join
    )
)
def test_quick_test_leaves_out_none_of_the_readers(head: bytes) -> None:
    """Only tests that cannot succeed are skipped."""
    asked = [kind for test in LOOSE for kind in test(head)]

    assert MAY_BE_LOOSE.match(head) or not asked


DOCUMENT = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer\n<</Root 1 0 R>>\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(DOCUMENT, Kind.PDF, id="document"),
        pytest.param(b"junk " * 99 + DOCUMENT, Kind.PDF, id="after-junk"),
        pytest.param(b"%PDF-1.4\n1 0%c\robj <<>>\n" + DOCUMENT, Kind.PDF, id="comment"),
        pytest.param(b"%PDF-1.4\n" + bytes(5000) + DOCUMENT[9:], Kind.PDF, id="late"),
        pytest.param(
            b"%PDF-1.4\n" + bytes((1 << 20) - 12) + DOCUMENT[9:],
            Kind.PDF,
            id="between-two-windows",
        ),
        pytest.param(
            b"A file that begins with %PDF-1.4 is one.", Kind.TEXT, id="prose"
        ),
        pytest.param(b"MAGIC = b'%PDF-'\nself.obj = 3\n", Kind.TEXT, id="program"),
        pytest.param(b"<p>%PDF- in a page, and 1 object", Kind.HTML, id="page"),
        pytest.param(b"%PDF-1.4 and nothing else", Kind.TEXT, id="at-the-beginning"),
        pytest.param(b"\1\2 %PDF-1.4", Kind.DATA, id="data"),
    ],
)
def test_document_has_an_object(content: bytes, expected: Kind) -> None:
    """No reader opens a text about the format (``tests/e2e/test_papers.py``)."""
    assert kind(content) is expected


def test_object_is_found_wherever_it_stands() -> None:
    """This also holds where two windows meet."""
    for length in range((1 << 20) - 12, (1 << 20) + 4):
        assert has_object(MemorySource(b" " * length + b"7 0 obj "))
