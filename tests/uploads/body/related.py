"""Bodies of ``multipart/related``."""

from tests.conformance.extractors import Subject
from tests.uploads.forms import LIMITS
from uploadfilter.uploads.body.extractors import FormExtractor

GOOGLE = (
    b"--b0undary\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
    b'{"name": "a.jpg"}\r\n'
    b"--b0undary\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n"
    b"\r\n/9j/4A==\r\n--b0undary--\r\n"
)
"""As Google's page for its Drive sends it, with the object in base64."""

XOP = (
    b"\r\n--b0undary\r\nContent-Type: application/xop+xml; charset=UTF-8; "
    b'type="text/xml"\r\nContent-Transfer-Encoding: binary\r\n'
    b"Content-ID: <root@example.org>\r\n\r\n<soap:Envelope/>"
    b"\r\n--b0undary\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Transfer-Encoding: binary\r\nContent-ID: <1@example.org>\r\n"
    b'Content-Disposition: attachment;name="a.jpg"\r\n\r\n\xff\xd8\xff\xe0'
    b"\r\n--b0undary--"
)
"""As Apache CXF sends an attachment."""


def extractor() -> FormExtractor:
    """Return a new one."""
    return FormExtractor(b"b0undary", LIMITS, is_form=False)


SUBJECT = Subject(
    make=extractor,
    contents={
        GOOGLE: (b'{"name": "a.jpg"}', b"/9j/4A=="),
        XOP: (b"<soap:Envelope/>", b"\xff\xd8\xff\xe0"),
    },
    refused=(
        GOOGLE + b"more",
        GOOGLE.replace(b"\r\n\r\n", b"\n\n"),
        GOOGLE.replace(b"image/jpeg", b"multipart/mixed; boundary=x"),
        GOOGLE.replace(b"base64", b"uuencode"),
        XOP[:-2],
    ),
    pieces=(
        b"--b0undary\r\n",
        b"Content-Type: image/jpeg\r\n",
        b"\r\n",
        b"\xff\xd8",
        b"\r\n--b0undary--\r\n",
    ),
)
