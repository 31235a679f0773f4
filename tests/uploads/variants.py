r"""Forms that readers understand differently: each hides one content from someone.

The catalogue follows the publications about parsers of multipart (WAFFLED, ACSAC 2025;
ModSecurity's MULTIPART_STRICT_ERROR; RFC 7578, 2046, 8187) and what clients send.
``TARGET`` is the content to be smuggled: it is ASCII, so that it survives a reader that
takes it for text.
"""

import base64
import quopri
from dataclasses import dataclass

TARGET = b"TARGET:the-picture-that-is-listed"
DECOY = b"decoy"
B = b"AaBb"
TYPE = b"multipart/form-data; boundary=AaBb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One odd request.

    Attributes:
        name: Its oddity.
        types: Values of Content-Type, one a header.
        body: The body.
    """

    name: str
    types: tuple[bytes, ...]
    body: bytes


def part(
    data: bytes = TARGET,
    *,
    disposition: bytes = b'form-data; name="f"; filename="x.jpg"',
    headers: bytes = b"Content-Type: image/jpeg\r\n",
    boundary: bytes = B,
) -> bytes:
    """Return one part with the boundary before it and the line end after it."""
    head = b"Content-Disposition: " + disposition + b"\r\n" + headers
    return b"--" + boundary + b"\r\n" + head + b"\r\n" + data + b"\r\n"


def field(data: bytes = DECOY, name: bytes = b"t", boundary: bytes = B) -> bytes:
    """Return one text field."""
    disposition = b'form-data; name="' + name + b'"'
    return part(data, disposition=disposition, headers=b"", boundary=boundary)


def form(*parts: bytes, boundary: bytes = B) -> bytes:
    """Return a form of parts, closed."""
    return b"".join(parts) + b"--" + boundary + b"--\r\n"


PLAIN = form(field(), part())


def variant(name: str, body: bytes = PLAIN, *types: bytes) -> Variant:
    """Return a variant; without types, of the usual one."""
    return Variant(name=name, types=types or (TYPE,), body=body)


_A_OR_B = form(field()) + form(part(boundary=b"CcDd"), boundary=b"CcDd")
"""Two forms in a row, each complete for who believes in its boundary."""

_B_IN_A = form(field(form(part(boundary=b"CcDd"), boundary=b"CcDd")))
"""A form inside a text field of another."""

_NESTED = (
    b"--Nn\r\nContent-Disposition: file; filename=x.jpg\r\n"
    b"Content-Type: image/jpeg\r\n\r\n" + TARGET + b"\r\n--Nn--\r\n"
)
_LF = PLAIN.replace(b"\r\n", b"\n")
_FD = b"multipart/form-data"

OF_TYPE = (
    variant("boundary twice, first one used", _B_IN_A, TYPE + b"; boundary=CcDd"),
    variant(
        "boundary twice, second one used",
        _A_OR_B,
        _FD + b"; boundary=CcDd; boundary=AaBb",
    ),
    variant("two types", _B_IN_A, TYPE, _FD + b"; boundary=CcDd"),
    variant("two types, the other way round", _B_IN_A, _FD + b"; boundary=CcDd", TYPE),
    variant("two types, one no form", PLAIN, b"text/plain", TYPE),
    variant("two types in one value", PLAIN, b"text/plain, " + TYPE),
    variant("boundary continued", PLAIN, _FD + b"; boundary*0=Aa; boundary*1=Bb"),
    variant("boundary extended", PLAIN, _FD + b"; boundary*=utf-8''AaBb"),
    variant(
        "boundary plain and continued",
        _B_IN_A,
        TYPE + b"; boundary*0=Cc; boundary*1=Dd",
    ),
    variant("boundary in capitals", PLAIN, _FD + b"; BOUNDARY=AaBb"),
    variant("boundary in quotes", PLAIN, _FD + b'; boundary="AaBb"'),
    variant("boundary with escapes", PLAIN, _FD + b'; boundary="A\\aBb"'),
    variant("boundary in single quotes", PLAIN, _FD + b"; boundary='AaBb'"),
    variant("boundary with a blank behind", PLAIN, _FD + b'; boundary="AaBb "'),
    variant("boundary with blanks around", PLAIN, _FD + b"; boundary = AaBb"),
    variant("boundary cut off by a comma", PLAIN, TYPE + b",CcDd"),
    variant("boundary cut off by a blank", PLAIN, TYPE + b" CcDd"),
    variant(
        "boundary empty", form(part(boundary=b""), boundary=b""), _FD + b"; boundary="
    ),
    variant("boundary missing", PLAIN, _FD),
    variant(
        "boundary too long",
        form(part(boundary=b"x" * 71), boundary=b"x" * 71),
        _FD + b"; boundary=" + b"x" * 71,
    ),
    variant("boundary without semicolon", PLAIN, _FD + b" boundary=AaBb"),
    variant("boundary in a text type", PLAIN, b"text/plain; boundary=AaBb"),
    variant(
        "form-data in a parameter",
        PLAIN,
        b"text/plain; x=multipart/form-data; boundary=AaBb",
    ),
    variant("multipart/mixed", PLAIN, b"multipart/mixed; boundary=AaBb"),
    variant("multipart/related", PLAIN, b"multipart/related; boundary=AaBb"),
    variant("type in capitals", PLAIN, b"MULTIPART/Form-Data; boundary=AaBb"),
    variant("type in UTF-16", PLAIN, TYPE + b"; charset=utf-16"),
    variant("type of another name", PLAIN, b"application/x-multipart; boundary=AaBb"),
)
"""Odd in the request's type."""

OF_LINES = (
    variant("LF for CRLF", _LF),
    variant("CR for CRLF", PLAIN.replace(b"\r\n", b"\r")),
    variant("LF in headers only", PLAIN.replace(b"\r\nContent-", b"\nContent-")),
    variant("LF boundary between parts", form(field(DECOY + b"\n" + part()[:-2]))),
    variant("LF boundary in a text field", form(field(b"a\n" + form(part()) + b"b"))),
    variant(
        "LF form in a text field",
        form(field(b"a\n" + form(part()).replace(b"\r", b""))),
    ),
    variant("boundary not at a line's start", form(field(DECOY + part()[:-2]))),
    variant("blank behind a boundary", PLAIN.replace(B + b"\r\n", B + b" \r\n")),
    variant("tab behind a boundary", PLAIN.replace(B + b"\r\n", B + b"\t\r\n")),
    variant("junk behind a boundary", form(field(), part()[:6] + b"junk" + part()[6:])),
    variant("three dashes before a boundary", form(field(), b"-" + part())),
    variant(
        "boundary is the beginning of another",
        form(field(form(part(boundary=b"AaBbCc"), boundary=b"AaBbCc"))),
    ),
    variant("part before the first boundary", part()[2:] + form(field())),
    variant("text before the first boundary", b"preamble\r\n" + PLAIN),
    variant("line end before the first boundary", b"\r\n" + PLAIN),
    variant("part behind the last boundary", form(field()) + part()),
    variant("form behind the last boundary", form(field()) + form(part())),
    variant("text behind the last boundary", PLAIN + b"epilogue"),
    variant("last boundary missing", field() + part()),
    variant("last boundary without its dashes", field() + part() + b"--AaBb\r\n"),
    variant("last boundary with one dash", field() + part() + b"--AaBb-\r\n"),
    variant("last boundary twice", form(field()) + b"--AaBb--\r\n" + form(part())),
    variant(
        "part without an empty line",
        form(field(), part(headers=b"")[:-2].replace(b"\r\n\r\n", b"\r\n")),
    ),
    variant(
        "part without a body, behind it another",
        form(b"--AaBb\r\nContent-Disposition: form-data; name=t\r\n\r\n" + part()),
    ),
    variant(
        "part without headers", form(field(), b"--AaBb\r\n\r\n" + TARGET + b"\r\n")
    ),
)
"""Odd in boundaries and line ends."""

_ODD_DISPOSITIONS = {
    "no filename": b'form-data; name="f"',
    "no name": b'form-data; filename="x.jpg"',
    "attachment": b'attachment; name="f"; filename="x.jpg"',
    "no type": b'; name="f"; filename="x.jpg"',
    "filename* alone": b"form-data; name=\"f\"; filename*=utf-8''x.jpg",
    "filename* in another charset": b"form-data; name=\"f\"; filename*=utf-7''x.jpg",
    "filename and filename*": b"form-data; name=f; filename=a; filename*=utf-8''x.jpg",
    "filename continued": b'form-data; name="f"; filename*0="x."; filename*1="jpg"',
    "filename twice": b'form-data; name="f"; filename="a.txt"; filename="x.jpg"',
    "name twice": b'form-data; name="t"; name="f"; filename="x.jpg"',
    "filename without quotes": b"form-data; name=f; filename=x.jpg",
    "filename with a blank and no quotes": b"form-data; name=f; filename=x y.jpg",
    "filename with an escaped quote": b'form-data; name="f"; filename="x\\".jpg"',
    "filename with an open quote": b'form-data; name="f"; filename="x.jpg',
    "filename with a backslash at its end": b'form-data; name="f"; filename="x.jpg\\"',
    "filename hidden by an escape": b'form-data; name="f\\"; filename="x.jpg"',
    "filename in the name": b'form-data; name="f; filename=x.jpg"',
    "filename with a path": b'form-data; name="f"; filename="C:\\a\\x.jpg"',
    "filename empty": b'form-data; name="f"; filename=""',
    "filename in capitals": b'form-data; name="f"; FILENAME="x.jpg"',
    "NUL in the name": b'form-data; name="f\x00"; filename="x.jpg"',
    "NUL in the filename": b'form-data; name="f"; filename="x\x00.jpg"',
    "name in Latin-1": b'form-data; name="\xe9"; filename="x.jpg"',
    "name with escaped CRLF": b'form-data; name="f%0D%0AX: y"; filename="x.jpg"',
    "blanks around the equals sign": b'form-data; name = "f"; filename = "x.jpg"',
    "comma for semicolon": b'form-data, name="f", filename="x.jpg"',
    "unknown parameter": b'form-data; name="f"; size=5; filename="x.jpg"',
}
OF_DISPOSITION = tuple(
    variant(f"disposition: {name}", form(field(), part(disposition=value)))
    for name, value in _ODD_DISPOSITIONS.items()
)
"""Odd in Content-Disposition."""

_BASE64 = b"Content-Transfer-Encoding: base64\r\n"
_QUOPRI = b"Content-Transfer-Encoding: quoted-printable\r\n"
_ODD_HEADERS = {
    "folded": b"Content-Type: image/jpeg;\r\n  x=y\r\n",
    "folded disposition": b'X: y\r\n filename="z.jpg"\r\n',
    "no colon": b"Content-Type image/jpeg\r\n",
    "blank before the colon": b"Content-Type : image/jpeg\r\n",
    "blank before the name": b" Content-Type: image/jpeg\r\n",
    "NUL in a value": b"X: a\x00b\r\n",
    "CR in a value": b"X: a\rContent-Type: image/jpeg\r\n",
    "underscore": b"Content_Type: image/jpeg\r\n",
    "no name": b": value\r\n",
    "two dispositions": b'Content-Disposition: form-data; name="g"\r\n',
    "two types": b"Content-Type: text/plain\r\nContent-Type: image/jpeg\r\n",
    "binary encoding": b"Content-Transfer-Encoding: binary\r\n",
    "two encodings": b"Content-Transfer-Encoding: binary\r\n" + _BASE64,
    "length too small": b"Content-Length: 3\r\n",
    "length too large": b"Content-Length: 3000\r\n",
    "charset UTF-16": b"Content-Type: text/plain; charset=utf-16\r\n",
    "charset UTF-7": b"Content-Type: text/plain; charset=utf-7\r\n",
    "type that is no type": b"Content-Type: jpeg\r\n",
    "type empty": b"Content-Type:\r\n",
    "too long": b"X: " + b"y" * 70_000 + b"\r\n",
    "too many": b"X: y\r\n" * 100,
}
OF_HEADERS = tuple(
    variant(f"part header: {name}", form(field(), part(headers=value)))
    for name, value in _ODD_HEADERS.items()
)
"""Odd in a part's headers."""

OF_CONTENT = (
    variant("in base64", form(part(base64.b64encode(TARGET), headers=_BASE64))),
    variant(
        "quoted-printable", form(part(quopri.encodestring(TARGET), headers=_QUOPRI))
    ),
    variant(
        "nested multipart/mixed",
        form(
            part(
                _NESTED,
                disposition=b'form-data; name="f"',
                headers=b"Content-Type: multipart/mixed; boundary=Nn\r\n",
            )
        ),
    ),
    variant(
        "nested form",
        form(
            part(
                form(part(boundary=b"Nn"), boundary=b"Nn"),
                disposition=b'form-data; name="f"',
                headers=b"Content-Type: multipart/form-data; boundary=Nn\r\n",
            )
        ),
    ),
    variant(
        "nested message",
        form(
            part(
                b"Content-Type: image/jpeg\r\n\r\n" + TARGET,
                headers=b"Content-Type: message/rfc822\r\n",
            )
        ),
    ),
    variant("field that names a charset", form(field(b"utf-16", b"_charset_"), part())),
    variant("behind 1,500 fields", form(field() * 1500, part())),
    variant("behind 100,000 empty fields", form(field(b"") * 100_000, part())),
    variant("51st file", form(*[part(DECOY)] * 50, part())),
    variant("1,001st part", form(field() * 1000, part())),
)
"""Odd in what the parts hold."""

_T = b'form-data; name="t"'
_AB = b"Aa,Bb"
SIBLINGS = (
    variant(
        "form in the preamble",
        form(part(boundary=b"Cc"), boundary=b"Cc") + form(field()),
    ),
    variant("LF part in the preamble", part().replace(b"\r\n", b"\n") + form(field())),
    variant("boundary in a name", form(part(disposition=b'form-data; name="--AaBb"'))),
    variant("boundary in an ignored header", form(part(headers=b"X: --AaBb\r\n"))),
    variant("boundary at once behind a header", form(field(b"--AaBb" + part()[6:]))),
    variant("CR boundary in a text field", form(field(b"a\r" + form(part())))),
    variant("boundary behind NUL", form(field(b"a\0" + form(part())))),
    variant("boundary behind a blank line", form(field(b"a\n\n" + form(part())))),
    variant(
        "filename in a name by escapes",
        form(part(disposition=b'form-data; name="t\\"; filename=\\"x.jpg"')),
    ),
    variant(
        "filename in an unknown parameter",
        form(part(disposition=_T + b'; x="; filename=x.jpg"')),
    ),
    variant(
        "field in quoted-printable",
        form(part(quopri.encodestring(TARGET), disposition=_T, headers=_QUOPRI)),
    ),
    variant(
        "field in base64",
        form(part(base64.b64encode(TARGET), disposition=_T, headers=_BASE64)),
    ),
    variant(
        "coding in capitals",
        form(part(base64.b64encode(TARGET), headers=_BASE64.swapcase())),
    ),
    variant(
        "coding of another name",
        form(
            part(
                base64.b64encode(TARGET), headers=_BASE64.replace(b" base", b" x-base")
            )
        ),
    ),
    variant(
        "boundary with a semicolon",
        form(field(boundary=b"Aa"), part(boundary=b"Aa"), boundary=b"Aa"),
        _FD + b'; boundary="Aa;Bb"',
    ),
    variant("boundary with an escape", PLAIN, _FD + b'; boundary="Aa\\Bb"'),
    variant(
        "boundary cut by a comma",
        form(
            field(form(part(boundary=b"Aa"), boundary=b"Aa"), boundary=_AB),
            boundary=_AB,
        ),
        _FD + b'; boundary="Aa,Bb"',
    ),
    variant("form in UTF-7", PLAIN, TYPE + b"; charset=utf-7"),
    variant("form in EBCDIC", PLAIN, TYPE + b"; charset=cp037"),
    variant("boundary in a value", PLAIN, _FD + b"; boundary=Cc; x=boundary=AaBb"),
    variant("type with an underscore", PLAIN, b"multipart/form_data; boundary=AaBb"),
)
"""Siblings of the others, of which some came up while the reader was made."""

VARIANTS = (
    variant("plain"),
    *OF_TYPE,
    *OF_LINES,
    *OF_DISPOSITION,
    *OF_HEADERS,
    *OF_CONTENT,
    *SIBLINGS,
)
