"""Web forms as bytes."""

from tests.conformance.extractors import Subject
from tests.uploads.forms import LIMITS
from tests.uploads.variants import DECOY, TARGET, B, field, form
from tests.uploads.variants import part as file_part
from uploadfilter.uploads.body.extractors import FormExtractor

EMPTY_FORM = b"--AaBb--\r\n"


def quoted(data: bytes) -> bytes:
    """Return a text field in quoted-printable, as Delphi's Indy sends it."""
    return file_part(
        data,
        disposition=b'form-data; name="t"',
        headers=b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n",
    )


FORM = Subject(
    make=lambda: FormExtractor(B, LIMITS),
    contents={
        EMPTY_FORM: (),
        b"--AaBb--": (),
        b"\r\n" + EMPTY_FORM + b"\r\n": (),
        b"This is MIME.\r\n\r\n" + form(field()): (DECOY,),
        b"x" * 1022 + b"\r\n" + form(field()): (DECOY,),
        form(quoted(b"a=C3=A9\r\nb=3D=\r\nc")): (
            b"a=C3=A9\r\nb=3D=\r\nc",
            b"a\xc3\xa9\r\nb=c",
        ),
        form(quoted(b""), field()): (b"", DECOY),
        form(quoted(b"plain")): (b"plain", b"plain"),
        form(field(b"")): (b"",),
        form(field(), file_part()): (DECOY, TARGET),
        form(file_part(b"")): (b"",),
        form(field(b"\r\n--AaB\r\n\r")): (b"\r\n--AaB\r\n\r",),
        form(field(b"-\r\n-\r\n--\r\n--AaB-")): (b"-\r\n-\r\n--\r\n--AaB-",),
    },
    refused=(
        b"",
        b"\r",
        b"--AaB",
        b"--AaBb",
        b"--AaBb\r\n",
        b"--AaBc--\r\n",
        b"--AaBb\n",
        form(b"--AaBb\r\n\r\n"),
        b"x" * 1023 + b"\r\n" + form(field()),
        b"preamble" + form(field()),
        b"preamble\n" + form(field()),
        b"\xe9\r\n" + form(field()),
        b"--other\r\n" + form(field()),
        form(quoted(b"a=")),
        form(quoted(b"a=zz")),
        form(quoted(b"\xe9")),
        form(quoted(b"blank at the end \r\nb")),
        form(quoted(b"a\nb")),
        form(field(b"\n--AaBb--\r\r\n")),
        form(field(b"a--AaBb")),
        form(field(b"\r\n---AaBb")),
        form(field(b"--AaBb")),
        form(field(name=b"--AaBb")),
        field() + b"--AaBb",
        field() + b"--AaBbC",
        field() + b"--AaBb-\r",
        form(field()) + b"\r\n\r\n",
        form(field()) + b"\n",
        form(field()).replace(b'name="t"\r\n', b'name="t"\n'),
    ),
    pieces=(
        b"--AaBb",
        b"--AaBb\r\n",
        b"\r\n--AaBb\r\n",
        b"\r\n--AaBb--",
        b"--",
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b'Content-Disposition: form-data; name="a"\r\n\r\n',
        b'Content-Disposition: form-data; name="a"; filename="b"',
        b"Content-Type: image/png\r\n",
        b"Content-Length: 3\r\n",
        b"X: y",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"=C3=A9=\r\n",
    ),
)
