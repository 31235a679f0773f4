"""The header of a part of a form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.uploads.forms import BOUNDARY, LIMITS
from uploadfilter.model import Reason
from uploadfilter.uploads.body.canonical import BodyPart, encode_form
from uploadfilter.uploads.body.parts import (
    PartHeader,
    has_bare_line_feed,
    read_part_header,
)
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.limits import UploadLimits


def read(*lines: bytes, limits: UploadLimits = LIMITS) -> PartHeader | Refusal:
    """Read a header section of the given lines."""
    return read_part_header(b"".join(line + b"\r\n" for line in lines), limits)


def disposition(value: bytes) -> PartHeader | Refusal:
    """Read a header section that has only a disposition."""
    return read(b"Content-Disposition: form-data; " + value)


def typed(*lines: bytes) -> PartHeader | Refusal:
    """Read a header section with a usual disposition and further lines."""
    return read(b'Content-Disposition: form-data; name="a"; filename="b"', *lines)


@pytest.mark.parametrize(
    ("value", "name", "filename"),
    [
        pytest.param('name="a"', "a", None, id="field"),
        pytest.param('name="a"; filename="b.jpg"', "a", '"b.jpg"', id="file"),
        pytest.param('filename="b.jpg"; name="a"', "a", '"b.jpg"', id="other order"),
        pytest.param("name=a; filename=b.jpg", "a", "b.jpg", id="tokens"),
        pytest.param("name=a[]; filename=b(1).jpg", "a[]", "b(1).jpg", id="no tokens"),
        pytest.param('name=""; filename=""', "", '""', id="empty"),
        pytest.param('name="a[]"; filename="b;=d"', "a[]", '"b;=d"', id="signs"),
        pytest.param('name="é"; filename="漢.jpg"', "é", '"漢.jpg"', id="UTF-8"),
        pytest.param('name="%22%0D%0A%0d%25"', '"\r\n%0d%25', None, id="browser"),
        pytest.param(r'name="a\"b"; filename="\\"', 'a"b', r'"\\"', id="old curl"),
        pytest.param(r'name="a\b"; filename="C:\d"', "ab", r'"C:\d"', id="path"),
    ],
)
def test_names_are_read_and_kept(value: str, name: str, filename: str | None) -> None:
    """The origin gets names as they were written; we read them without escapes."""
    header = disposition(value.encode())

    assert isinstance(header, PartHeader)
    assert header.name == name
    assert dict(header.names).get("filename") == filename
    assert "; ".join(f"{n}={written}" for n, written in header.names) == value
    assert header.is_file == (filename is not None)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (b'NAME="a" ;FileName = "b";', b'name="a"; filename="b"'),
        (b'name="\xe9"; filename="\x95\\.jpg"', b'name="\xe9"; filename="\x95\\.jpg"'),
        (b"name=a; filename*=utf-8''%C3%A9", b"name=a; filename*=utf-8''%C3%A9"),
        (b'name="a"; filename="b\\"', b'name="a"; filename="b"'),
        (b'name="a"; FileName="C:\\b\\"', b'name="a"; filename="C:\\b"'),
        (
            b"name=a; filename*=ISO-8859-1'en'%E9; filename=e",
            b"name=a; filename*=ISO-8859-1'en'%E9; filename=e",
        ),
        (
            b'filename="b"; size=9; name=a; modification-date="x, y"',
            b'filename="b"; name=a',
        ),
    ],
)
def test_names_are_written_as_they_came(value: bytes, kept: bytes) -> None:
    """Bytes, escapes, quotes and order are the client's; other parameters go."""
    header = disposition(value)

    assert isinstance(header, PartHeader)
    part = BodyPart(names=header.names, length=0)
    written = encode_form([part], boundary=BOUNDARY)[0]
    assert isinstance(written, bytes)
    assert written.endswith(
        b"\r\nContent-Disposition: form-data; " + kept + b"\r\n\r\n"
    )


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b'filename="b"', id="no name"),
        pytest.param(b'name="a"; name="b"', id="two names"),
        pytest.param(b'name="a"; Name="b"', id="two names in capitals"),
        pytest.param(b'name="a"; filename="b"; filename="c"', id="two file names"),
        pytest.param(b'name="a"; filename="b', id="open quote"),
        pytest.param(b'name="a\\"', id="name that ends in a backslash"),
        pytest.param(b'name="a"; filename="\\"', id="nothing but a backslash"),
        pytest.param(b'name="a"; filename="b\\\\\\"', id="three backslashes"),
        pytest.param(b'filename="b\\"; name="a"', id="backslash in front of a name"),
        pytest.param(b'name="a\\"; filename="b\\"', id="two backslashes, one name"),
        pytest.param(b'name="a; filename="b\\"', id="backslash behind two names"),
        pytest.param(b'name="a"; filename="\x95\\"', id="half of a character"),
        pytest.param(b'name="\x95\\"', id="Shift JIS that ends in a backslash"),
        pytest.param(b"name=a b", id="blank"),
        pytest.param(b"name=\xe9", id="bytes without quotes"),
        pytest.param(b'name="a"; filename=x y.jpg', id="blank in a file name"),
        pytest.param(b'name*0="a"', id="continued name"),
        pytest.param(b"name=a; name*=utf-8''b", id="extended name"),
        pytest.param(b"name=a; filename*0=b", id="continued file name"),
        pytest.param(b'name=a; size="\xe9"', id="bytes that Django drops the part for"),
        pytest.param(b'name="a"; filename*="b"', id="extended without charset"),
        pytest.param(b"name=a; filename*=utf-16''b", id="extended in UTF-16"),
        pytest.param(b"name=a; filename*=utf-8''%FF", id="extended, not UTF-8"),
        pytest.param(b"name=a; filename*=utf-8''%00", id="extended NUL"),
        pytest.param(b"name=a; filename*=utf-8''%0A", id="extended line feed"),
        pytest.param(
            b"name=a; filename=b.br; filename*=utf-8''b.lzma", id="two formats"
        ),
    ],
)
def test_names_that_readers_disagree_about_are_refused(value: bytes) -> None:
    """A name is never guessed."""
    refusal = disposition(value)

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.reason) == (400, Reason.MALFORMED_FORM)


@pytest.mark.parametrize(
    ("line", "content_type", "declared_type"),
    [
        (b"Content-Type: Image/JPEG", "Image/JPEG", "image/jpeg"),
        (b"content-type:image/jpeg ", "image/jpeg", "image/jpeg"),
        (b"Content-Type: image/jpeg; name=x", "image/jpeg; name=x", "image/jpeg"),
        (
            b'Content-Type: text/plain; charset="UTF-8"',
            'text/plain; charset="UTF-8"',
            "text/plain",
        ),
        (b"Content-Type: text/plain; charset=", "text/plain", "text/plain"),
        (b"Content-Type: a/b; c=d; c=e", "a/b", "a/b"),
        (b"Content-Type: a/b; boundary=x", "a/b", "a/b"),
        (b"Content-Type: a/b; charset*=utf-8''utf-16", "a/b", "a/b"),
        (b'Content-Type: a/b; x="; charset=utf-16"', "a/b", "a/b"),
        (b'Content-Type: a/b; charset=utf-8; x="charset=utf-7"', "a/b", "a/b"),
        (b"Content-Type: a/b; c=multipart/mixed", "a/b", "a/b"),
        (b"Content-Type: image/jpeg; charset=binary", "image/jpeg", "image/jpeg"),
        (b'Content-Type: a/b; x=y; charset="BINARY"', "a/b", "a/b"),
        (b"Content-Type: a/b; charset=unknown-8bit", "a/b", "a/b"),
        (b"Content-Type: jpeg", "application/octet-stream", None),
        (b"Content-Type: a/b, c/d", "application/octet-stream", None),
        (b"Content-Type:", None, None),
        (
            b"Content-Type: multipart/mixed; boundary=x",
            "application/octet-stream",
            "multipart/mixed",
        ),
        (
            b"Content-Type: Multipart/mixed; boundary=x; boundary=y",
            "application/octet-stream",
            "multipart/mixed",
        ),
        (b"Content-Type: message/rfc822", "application/octet-stream", "message/rfc822"),
        (b"X_Y: y", None, None),
    ],
)
def test_type_is_kept_or_replaced(
    line: bytes, content_type: str | None, declared_type: str | None
) -> None:
    """The origin gets the client's type; bytes for no type, and for parts of parts."""
    header = typed(line)

    assert isinstance(header, PartHeader)
    assert (header.content_type, header.declared_type) == (content_type, declared_type)


@pytest.mark.parametrize(
    ("filename", "line", "declared_type"),
    [
        (
            b"a.svg.br",
            b"Content-Type: application/octet-stream",
            "application/x-brotli",
        ),
        (b"a.BR", b"Content-Type:", "application/x-brotli"),
        (b"a.lzma", b"Content-Type: text/plain", "application/x-lzma"),
        (b"a.br", b"Content-Type: image/jpeg", "image/jpeg"),
        (b"br", b"Content-Type: text/plain", "text/plain"),
        (b"", b"Content-Type:", None),
    ],
)
def test_name_declares_what_the_bytes_do_not_tell(
    filename: bytes, line: bytes, declared_type: str | None
) -> None:
    """This holds unless the client declares it a picture."""
    name = b'Content-Disposition: form-data; name="a"; filename="%s"' % filename
    header = read(name, line)

    assert isinstance(header, PartHeader)
    assert header.declared_type == declared_type


@pytest.mark.parametrize("coding", ["base64", "Quoted-Printable"])
def test_encoding_of_a_file_is_undone_by_a_scanner(coding: str) -> None:
    """Half of all origins undo it too; the header goes on as it came."""
    header = typed(f"Content-Transfer-Encoding: {coding}".encode())

    assert isinstance(header, PartHeader)
    assert header.scanned_coding == header.coding == coding.lower()


def test_c1_field_in_base64_is_refused() -> None:
    """For an origin that undoes it, the field may say that the file is a piece."""
    lines = (
        b"Content-Disposition: form-data; name=chunk",
        b"Content-Transfer-Encoding: base64",
    )
    section = b"".join(line + b"\r\n" for line in lines)

    assert isinstance(read_part_header(section, LIMITS), Refusal)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((b"Content-Type: text/plain; charset=utf-16",), id="charset"),
        pytest.param((b"Content-Type: a/b", b"content-type: a/b"), id="two types"),
        pytest.param(
            (b"Content-Disposition: form-data; name=a",), id="two dispositions"
        ),
        pytest.param((b"Content-Transfer-Encoding: uuencode",), id="uuencode"),
        pytest.param((b"Content-Transfer-Encoding: 7bit, base64",), id="two codings"),
        pytest.param((b"Content-Transfer-Encoding:",), id="empty coding"),
        pytest.param((b"X : y",), id="blank before the colon"),
        pytest.param((b" folded",), id="folded"),
        pytest.param((b"no colon",), id="no colon"),
        pytest.param((b": y",), id="no name"),
        pytest.param((b"X: a\x00",), id="NUL"),
        pytest.param((b"X: a\rb",), id="CR"),
        pytest.param((b"",), id="empty line"),
    ],
)
def test_odd_headers_are_refused(lines: tuple[bytes, ...]) -> None:
    """A header that could hide the data, or another header, is refused."""
    assert isinstance(typed(*lines), Refusal)


@pytest.mark.parametrize("coding", [b"7bit", b"8BIT", b"binary"])
def test_codings_that_change_nothing_pass(coding: bytes) -> None:
    """Java's HttpClient states ``binary`` for every part."""
    header = typed(b"Content-Transfer-Encoding: " + coding)

    assert isinstance(header, PartHeader)
    assert header.coding == coding.decode().lower()


@pytest.mark.parametrize("kind", [b"attachment", b"file", b"", b"form-data, x"])
def test_other_dispositions_are_refused(kind: bytes) -> None:
    """RFC 7578, section 4.2: the disposition is form-data."""
    assert isinstance(read(b"Content-Disposition: " + kind + b"; name=a"), Refusal)


def test_section_without_headers_is_refused() -> None:
    """A part must at least have a name."""
    assert isinstance(read(), Refusal)


def test_too_long_names_are_over_a_limit() -> None:
    """A file name is limited in bytes, not in characters: a 413."""
    limits = UploadLimits(max_name_bytes=3)

    fits = read('Content-Disposition: form-data; name="aé"'.encode(), limits=limits)
    over = read('Content-Disposition: form-data; name="éé"'.encode(), limits=limits)

    assert isinstance(fits, PartHeader)
    assert isinstance(over, Refusal)
    assert over.status == 413


def test_bare_line_feed_is_found_anywhere() -> None:
    """A line feed counts unless a carriage return stands before it."""
    assert has_bare_line_feed(b"\n")
    assert has_bare_line_feed(b"a\r\nb\n")
    assert not has_bare_line_feed(b"a\r\nb\r\n\r")


pieces = st.sampled_from(
    [
        b"Content-Disposition: form-data",
        b'; name="',
        b'; filename="',
        b"; filename*=utf-8''",
        b"%0A",
        b"%00",
        b"\\",
        b'"',
        b"\r\n",
        b"Content-Type: a/b",
        b"; charset=utf-8",
        b"; x=y",
        b" = ",
        b"\xe9",
        b"Content-Transfer-Encoding: quoted-printable",
        b"\xc3\xa9",
    ]
) | st.binary(max_size=2)


@given(section=st.lists(pieces, max_size=14).map(b"".join))
def test_any_section_gives_a_part_or_a_refusal(section: bytes) -> None:
    """The parsed header of a part can always be written anew."""
    start = b'Content-Disposition: form-data; name="a'
    for text in (section, start + section, start + section + b'"\r\n'):
        header = read_part_header(text + b"\r\n", LIMITS)

        if isinstance(header, PartHeader):
            part = BodyPart(
                names=header.names,
                content_type=header.content_type,
                coding=header.coding,
                length=0,
            )
            assert encode_form([part], boundary=BOUNDARY)


@pytest.mark.parametrize(
    ("lines", "is_form", "is_field"),
    [
        pytest.param(b'form-data; name="a"\r\n', True, True, id="field"),
        pytest.param(b'form-data; name="a"; filename=""\r\n', True, False, id="file"),
        pytest.param(b'form-data; name="a;filename=b"\r\n', True, False, id="odd-name"),
        pytest.param(
            b'form-data; name="a"; filename="b"\r\nContent-Type: application/json\r\n',
            True,
            False,
            id="json-file",
        ),
        pytest.param(
            b"attachment\r\nContent-Type: application/json\r\n",
            False,
            False,
            id="attached-json",
        ),
    ],
)
def test_field_is_a_file_to_no_reader(
    lines: bytes, *, is_form: bool, is_field: bool
) -> None:
    """What has a name of a file anywhere is judged as one."""
    section = b"Content-Disposition: " + lines
    header = read_part_header(section, UploadLimits(), is_form=is_form)

    assert isinstance(header, PartHeader)
    assert header.is_field is is_field


def test_description_of_a_file_is_a_field() -> None:
    """Google's clients send JSON before the object that it describes."""
    section = b"Content-Type: application/json; charset=UTF-8\r\n"
    header = read_part_header(section, UploadLimits(), is_form=False)

    assert isinstance(header, PartHeader)
    assert header.is_field
