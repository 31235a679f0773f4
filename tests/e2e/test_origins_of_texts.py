"""The filter sees every picture that the programs of sites decode.

The rule: where a real decoder gives the picture back, the scan of the very text has a
view of it, or a reason that rejects. A decoder that refuses a text proves nothing, so
each test says how often at least the picture must have come back.
"""

import base64
import binascii
import codecs
import json
import random
import textwrap
import xmlrpc.client
from collections.abc import Callable, Sequence
from itertools import product
from xml.parsers.expat import ExpatError

import pytest

from tests.corpus import pictures
from tests.corpus.tricks.codings import CODING_TRICKS
from tests.corpus.tricks.kit import Shown
from tests.e2e.decoders import decoded_by
from tests.pictures.made import distance
from tests.scanners.scans import scanned
from uploadfilter.decisions.policy import Policy
from uploadfilter.model import Action, Reason

pytestmark = pytest.mark.e2e

IMAGE = pictures.photograph(3, width=96, height=72)
JPEG = pictures.jpeg(IMAGE)
PNG = pictures.png(IMAGE)
PICTURES = (JPEG, PNG, pictures.gif(IMAGE))
(LISTED, *_) = scanned(PNG).views
SAME_BITS = 31
"""Bits of PDQ up to which two pictures are taken for one."""

CASES = 24
"""Texts for each decoder and each sort of junk."""

Spoil = Callable[[random.Random, bytes], bytes]


def rejects(reason: Reason) -> bool:
    """Say whether the default policy rejects for a reason."""
    return Policy().action_for(reason) is Action.REJECT


def is_caught(text: bytes) -> bool:
    """Say whether the picture in a text is seen, or the text is rejected."""
    scans = list(scanned(text).walk())
    return any(
        distance(view, LISTED) <= SAME_BITS for scan in scans for view in scan.views
    ) or any(rejects(reason) for scan in scans for reason in scan.reasons)


def missed(texts: Sequence[bytes], given: Sequence[bytes], *, least: int) -> list[str]:
    """Return the texts of which a decoder made the picture and the filter nothing."""
    back = [
        text
        for text, data in zip(texts, given, strict=True)
        # The start of a picture shows most of it.
        if any(picture[: len(picture) * 9 // 10] in data for picture in PICTURES)
    ]
    assert len(back) >= least, f"{len(back)} of {len(texts)} pictures came back"
    return [text[:90].decode("latin-1") for text in back if not is_caught(text)]


# --- Junk in base64 ------------------------------------------------------------------


def with_junk(*junk: bytes, every: int = 40) -> Spoil:
    """Return a function that puts junk between letters, also between the first ones."""

    def spoil(chance: random.Random, letters: bytes) -> bytes:
        parts = list[bytes]()
        at = 0
        while at < len(letters):
            step = chance.randint(1, 6) if at < 24 else chance.randint(1, 2 * every)
            parts += (letters[at : at + step], chance.choice(junk))
            at += step
        return b"".join(parts)

    return spoil


def short_lines(chance: random.Random, letters: bytes) -> bytes:
    """Write so few letters in a line that no line looks like anything."""
    width = chance.randint(1, 12)
    end = chance.choice((b"\n", b"\r\n", b"\t", b" \n "))
    return end.join(letters[at : at + width] for at in range(0, len(letters), width))


def padded_within(chance: random.Random, letters: bytes) -> bytes:
    """Put padding after whole groups."""
    step = 4 * chance.randint(1, 30)
    return b"=".join(letters[at : at + step] for at in range(0, len(letters), step))


SIGNS = {
    "exclamation marks": with_junk(b"!"),
    "full stops": with_junk(b"."),
    "hyphens": with_junk(b"-"),
    "underlines": with_junk(b"_"),
    "hyphens, seldom": with_junk(b"-", b"_", every=500),
    "hyphens and others": with_junk(b"-", b"!", b"_", b"*", b"--\n"),
    "all sorts": with_junk(*(b"%c" % byte for byte in b"!.:;,*~^(){}[]|?@$\\'\"")),
    "bytes outside of ASCII": with_junk(b"\xff", b"\x80", b"\xc3\xa4", b"\xe2\x82\xac"),
    "short lines": short_lines,
    "padding": padded_within,
}
MARKUP = {
    **SIGNS,
    "comments": with_junk(b"<!-- and so on -->", b"<!---->"),
    "comments of letters": with_junk(b"<!--AAAA-->"),
    "processing instructions": with_junk(b"<?php echo 1 ?>", b"<?a?>"),
    "boundaries": with_junk(b"<![CDATA[]]>", b"<![CDATA[\n]]>"),
    "references": with_junk(b"&#33;", b"&#x2e;", b"&amp;"),
    "all of them": with_junk(b"<!--a-->", b"<?a b?>", b"<![CDATA[!]]>", b"&#45;", b"!"),
}
_CALL = (
    b'<?xml version="1.0"?>\n<methodCall><methodName>metaWeblog.newMediaObject'
    b"</methodName><params><param><value><base64>%b</base64></value></param></params>"
    b"</methodCall>"
)


def spoilt(spoil: Spoil, seed: int) -> list[bytes]:
    """Return base64 of pictures, spoilt at random."""
    chance = random.Random(seed)  # noqa: S311 - a test must be repeatable
    return [
        spoil(chance, base64.b64encode(PICTURES[number % len(PICTURES)]))
        for number in range(CASES)
    ]


def by_python(text: bytes) -> bytes:
    """Return what Python's decoder makes of a text."""
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def by_xmlrpc(text: bytes) -> bytes:
    """Return what Python's XML-RPC makes of a call."""
    parser, unmarshaller = xmlrpc.client.getparser()
    try:
        parser.feed(text)
        parser.close()
        (value,) = unmarshaller.close()
    except (xmlrpc.client.Error, binascii.Error, ValueError, ExpatError):
        return b""
    return bytes(value.data) if isinstance(value, xmlrpc.client.Binary) else b""


@pytest.mark.parametrize("junk", SIGNS)
@pytest.mark.parametrize("decoder", ["PHP", "Node", "Python"])
def test_junk_that_a_decoder_skips_hides_nothing(decoder: str, junk: str) -> None:
    """Base64 with junk between any two letters is read as the decoder reads it."""
    texts = spoilt(SIGNS[junk], seed=1)
    given = (
        [by_python(text) for text in texts]
        if decoder == "Python"
        else decoded_by(decoder, texts)
    )
    # Node reads hyphens and underlines; padding ends it for Python and may for Node.
    is_read = not (decoder == "Node" and junk.startswith(("hyphen", "under")))
    is_read &= junk != "padding" or decoder == "PHP"

    assert not missed(texts, given, least=CASES if is_read else 0)


@pytest.mark.parametrize("junk", MARKUP)
@pytest.mark.parametrize("decoder", ["WordPress", "Python"])
def test_junk_in_a_call_hides_nothing(decoder: str, junk: str) -> None:
    """Parts that an XML parser leaves out of a ``base64`` element do not, either."""
    texts = [_CALL % letters for letters in spoilt(MARKUP[junk], seed=2)]
    given = (
        [by_xmlrpc(text) for text in texts]
        if decoder == "Python"
        else decoded_by(decoder, texts)
    )
    # Neither parser takes zeros, or bytes that are not UTF-8.
    is_xml = junk not in {"all sorts", "bytes outside of ASCII"}
    is_read = is_xml and (junk != "padding" or decoder == "WordPress")

    assert not missed(texts, given, least=CASES if is_read else 0)


# --- Other codings -------------------------------------------------------------------


def _in_json(data: bytes) -> bytes:
    return json.dumps(base64.b64encode(data).decode()).encode()


def _quoted(data: bytes) -> bytes:
    return binascii.b2a_qp(data, istext=False)


def _notebook(data: bytes) -> bytes:
    lines = base64.encodebytes(data).decode().splitlines(keepends=True)
    return json.dumps({"data": {"image/png": lines}}, indent=1).encode()


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "base64 of PHP": ("PHP", base64.b64encode),
    "short lines": (
        "PHP",
        lambda data: "\n".join(
            textwrap.wrap(base64.b64encode(data).decode(), 4)
        ).encode(),
    ),
    "hexadecimal of PHP": ("PHP hexadecimal", lambda data: data.hex().encode()),
    "hexadecimal of Node": (
        "Node hexadecimal",
        lambda data: data.hex().upper().encode(),
    ),
    "quoted-printable": ("PHP quoted-printable", _quoted),
    "all quoted": (
        "PHP quoted-printable",
        lambda data: "".join(f"={byte:02X}" for byte in data).encode(),
    ),
    "lines of a notebook": ("Node notebook", _notebook),
    "base64 in JSON": ("Node base64 in JSON", _in_json),
    "URL alphabet in JSON": (
        "Node base64 in JSON",
        lambda data: json.dumps(base64.urlsafe_b64encode(data).decode()).encode(),
    ),
}


@pytest.mark.parametrize("coding", CODINGS)
def test_what_a_program_decodes_is_seen(coding: str) -> None:
    """Each coding is undone as the program does that reads it."""
    decoder, encode = CODINGS[coding]
    texts = [encode(picture) for picture in PICTURES]

    assert not missed(texts, decoded_by(decoder, texts), least=len(texts))


@pytest.mark.parametrize(
    ("name", "encode", "decode"),
    [
        ("0x", lambda data: b"0x" + data.hex().encode(), lambda text: text[2:]),
        (
            "bytea",
            lambda data: b"COPY a (b) FROM stdin;\n\\\\x" + data.hex().encode(),
            lambda text: text.split(b"x")[1],
        ),
    ],
)
def test_digits_of_databases_and_programs_are_seen(
    name: str, encode: Callable[[bytes], bytes], decode: Callable[[bytes], bytes]
) -> None:
    """Digits with signs around them are what PHP decodes once those are left out."""
    texts = [encode(picture) for picture in PICTURES]
    given = decoded_by("PHP hexadecimal", [decode(text) for text in texts])

    assert not missed(texts, given, least=len(texts)), name


@pytest.mark.parametrize(
    ("charset", "before"),
    [
        *product(
            ("utf-16", "utf-16-le", "utf-16-be", "utf-32"), ("", "Hello\n", '{"a": "')
        ),
        # Without a mark before them, such bytes are no text to anybody.
        *product(("utf-16", "utf-32"), ("\u20ac\u4e2d ",)),
    ],
)
def test_charsets_hide_nothing(charset: str, before: str) -> None:
    """Base64 in UTF-16 and UTF-32 is seen."""
    texts = list[bytes]()
    for picture in PICTURES:
        letters = base64.b64encode(picture).decode()
        texts.append(codecs.encode(before + letters, charset))
    given = [
        base64.b64decode(codecs.decode(text, charset)[len(before) :]) for text in texts
    ]

    assert not missed(texts, given, least=len(texts))


# --- Tricks --------------------------------------------------------------------------


def _between(before: bytes, behind: bytes) -> Callable[[bytes], bytes]:
    """Return a function that extracts the digits from a text."""
    return lambda text: text.split(before, 1)[1].split(behind, 1)[0]


def _digits(text: bytes) -> bytes:
    return _between(b"jpegblip", b"}")(text).translate(None, b"\r\n")


def _same(text: bytes) -> bytes:
    return text


READERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "base64-marks": ("PHP", _same),
    "base64-stops": ("Node", _same),
    "base64-lines": ("Node", _same),
    "call-comments": ("WordPress", _same),
    "call-instructions": ("WordPress", _same),
    "call-sections": ("WordPress", _same),
    "sql-0x": ("PHP hexadecimal", _between(b"(0x", b")")),
    "sql-bytea": ("PHP hexadecimal", _between(b"\\\\x", b"\n")),
    "notebook": ("Node notebook", _same),
    "uuencode": ("PHP uuencode", lambda text: text.split(b"\n", 1)[1]),
    "quoted-printable": ("PHP quoted-printable", _same),
    "rtf-digits": ("PHP hexadecimal", _digits),
}
"""The program that reads each trick, and the steps of a site before it."""


@pytest.mark.parametrize("name", READERS)
def test_trick_is_read_by_a_program(name: str) -> None:
    """Each trick that no browser shows is a picture to some program of a site."""
    (trick,) = (each for each in CODING_TRICKS if each.name == name)
    program, before = READERS[name]
    text = before(trick.make(IMAGE, IMAGE))
    (data,) = decoded_by(program, [text])

    (view, *_) = scanned(data).views
    assert distance(view, LISTED) <= SAME_BITS


def test_all_tricks_that_browsers_do_not_show_are_read() -> None:
    """None stands in the catalogue without a program."""
    hidden = {trick.name for trick in CODING_TRICKS if trick.shown is Shown.NOTHING}

    assert hidden == READERS.keys()
