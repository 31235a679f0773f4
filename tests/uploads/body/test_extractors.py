"""Bodies become contents, as bytes arrive."""

import pytest

from tests.conformance.extractors import CHECKS, Check, Subject
from tests.uploads.forms import LIMITS, collect, cuts, feed, read_form
from tests.uploads.variants import (
    DECOY,
    TARGET,
    TYPE,
    VARIANTS,
    B,
    Variant,
    field,
    form,
)
from tests.uploads.variants import part as file_part
from uploadfilter.model import Reason
from uploadfilter.uploads.body.canonical import BodyPart
from uploadfilter.uploads.body.extractors import (
    STEPS_AT_ONCE,
    ContentData,
    ContentEnded,
    ContentStarted,
    Event,
    FormExtractor,
    RawExtractor,
    Refused,
)
from uploadfilter.uploads.limits import UploadLimits

ODD_BODIES = [variant for variant in VARIANTS if variant.types == (TYPE,)]

MALFORMED = Reason.MALFORMED_FORM
EMPTY_FORM = b"--AaBb--\r\n"


def quoted(data: bytes) -> bytes:
    """Return a text field in quoted-printable, as Delphi's Indy sends it."""
    return file_part(
        data,
        disposition=b'form-data; name="t"',
        headers=b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n",
    )


RAW = Subject(
    make=lambda: RawExtractor("image/png"),
    contents={b"": (b"",), b"abc": (b"abc",), b"\r\n--": (b"\r\n--",)},
    refused=(),
    pieces=(b"\r\n", b"abc"),
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
TIGHT = UploadLimits(max_parts=2, max_part_header_bytes=44, max_part_headers=2)
TIGHT_FORM = Subject(
    make=lambda: FormExtractor(B, TIGHT),
    contents={
        form(field(), field()): (DECOY, DECOY),
        form(field(name=b"12345")): (DECOY,),
    },
    refused=(
        form(field(), field(), field()),
        form(field(name=b"123456")),
        form(field(name=b"1234567")),
        b"--AaBb\r\n" + b"x" * 50,
    ),
    pieces=FORM.pieces,
)
SUBJECTS = {"raw": RAW, "form": FORM, "form within tight limits": TIGHT_FORM}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS.keys())
def test_extractor_conforms(subject: Subject, check: Check) -> None:
    """Every extractor passes the suite of ``tests/conformance/extractors.py``."""
    check(subject)


def test_raw_body_is_one_content() -> None:
    """A raw body is handed on as it comes, under the type that it claims."""
    extractor = RawExtractor("image/png")

    assert extractor.receive(b"ab") == [
        ContentStarted(declared_type="image/png"),
        ContentData(data=b"ab"),
    ]
    assert extractor.receive(b"c") == [ContentData(data=b"c")]
    assert extractor.end() == [ContentEnded()]


def test_form_is_read_as_it_arrives() -> None:
    """A part's data are handed on before the part is complete."""
    extractor = FormExtractor(B, LIMITS)

    assert extractor.receive(file_part(b"abc")[:-5]) == [
        ContentStarted(declared_type="image/jpeg")
    ]
    assert extractor.receive(b"abc") == [ContentData(data=b"abc")]
    assert extractor.receive(b"\r\n--AaBb") == []
    assert extractor.receive(b"--") == [ContentEnded()]
    assert extractor.end() == []


def test_form_gives_its_parts_in_order() -> None:
    """After the end, the parts are known: repeats, empty ones, files and fields."""
    _, parts = read_form(form(field(), file_part(), field(b"")), B)

    assert parts == (
        BodyPart(names=(("name", '"t"'),), length=len(DECOY)),
        BodyPart(
            names=(("name", '"f"'), ("filename", '"x.jpg"')),
            content_type="image/jpeg",
            length=len(TARGET),
        ),
        BodyPart(names=(("name", '"t"'),), length=0),
    )


def test_refusal_keeps_what_was_complete() -> None:
    """Contents before a fault stay known, so that they can be recorded."""
    extracted, parts = read_form(form(field()) + b"junk", B)

    assert extracted.contents == ((None, DECOY),)
    assert extracted.refusal is not None
    assert len(parts) == 1


@pytest.mark.parametrize("variant", ODD_BODIES, ids=lambda variant: variant.name)
def test_odd_form_is_read_alike_in_every_cut(variant: Variant) -> None:
    """For forms that readers disagree about, every cut gives the same result."""
    body = variant.body[:20_000]

    outcomes = [feed(FormExtractor(B, LIMITS), chunks) for chunks in cuts(body, seed=7)]

    assert outcomes[0] == outcomes[1] == outcomes[2]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(form(field(b"") * 3_001), 413, id="parts"),
        pytest.param(form(file_part(b"") * 1_001), 413, id="files"),
        pytest.param(form(file_part(b"") * 1_000), None, id="most files"),
        pytest.param(form(file_part(headers=b"X: y\r\n" * 32)), 413, id="header lines"),
        pytest.param(
            form(file_part(headers=b"X: " + b"y" * 4_096 + b"\r\n")), 413, id="header"
        ),
        pytest.param(form(field(name=b"n" * 1_025)), 413, id="name"),
        pytest.param(form(field(name=b"n" * 1_024)), None, id="longest name"),
        pytest.param(form(field(b"") * 3_000), None, id="most parts"),
        pytest.param(form(file_part(headers=b"X: y\r\n" * 31)), None, id="most lines"),
    ],
)
def test_limits_are_inclusive(body: bytes, status: int | None) -> None:
    """A value that equals a limit passes, a larger one is a 413."""
    refusal = read_form(body, B)[0].refusal

    assert (refusal and refusal.status) == status
    assert refusal is None or refusal.reason is MALFORMED


def test_million_tiny_parts_end_at_the_limit() -> None:
    """A flood of parts is refused when the first one too many begins."""
    extractor = FormExtractor(B, UploadLimits(max_parts=1_000))
    chunk = field(b"") * 1_000
    events = taken(extractor, chunk)

    refused = taken(extractor, chunk)

    assert len(events) == 2 * 999 + 1
    assert isinstance(refused[-1], Refused)
    assert len(extractor.parts) == 1_000
    assert all(extractor.receive(chunk) == [] for _ in range(1_000))


def test_endless_header_is_not_held() -> None:
    """A header that does not end is refused when it is over the limit."""
    extractor = FormExtractor(B, LIMITS)
    extractor.receive(b"--AaBb\r\n")

    assert extractor.receive(b"x" * LIMITS.max_part_header_bytes) == []
    assert collect(extractor.receive(b"x" * 4)).refusal is not None


def test_boundary_may_begin_a_chunk_of_data_many_times() -> None:
    """Data full of beginnings of a boundary is passed on completely."""
    data = b"\r\n--AaB" * 1_000 + b"\r"

    extracted, _ = read_form(form(field(data)), B)

    assert extracted.contents == ((None, data),)


@pytest.mark.parametrize(
    ("coding", "status"), [(b"br", 415), (b"gzip", None), (b"identity", None)]
)
def test_form_may_name_a_coding_that_bytes_tell(
    coding: bytes, status: int | None
) -> None:
    """S3 states the field again with the file, and a browser undoes the coding."""
    body = (
        b"--AaBb\r\nContent-Disposition: form-data; name=Content-Encoding\r\n\r\n"
        + coding
        + b"\r\n--AaBb--\r\n"
    )
    refusal = feed(FormExtractor(B, LIMITS), [body]).refusal

    assert (refusal and refusal.status) == status


def test_form_of_many_parts_is_taken_in_goes() -> None:
    """A chunk with a thousand parts does not make all others wait."""
    body = form(*[field(b"") for _ in range(900)])
    extractor = FormExtractor(B, UploadLimits())
    first = extractor.receive(body)
    events = first + taken(extractor, b"")

    assert len(first) <= 2 * STEPS_AT_ONCE
    assert len(extractor.parts) == 900
    assert events + extractor.end() == feed_whole(body)


def taken(extractor: FormExtractor, chunk: bytes) -> list[Event]:
    """Return the events of a chunk, in as many goes as it takes."""
    events = extractor.receive(chunk)
    while extractor.is_behind:
        events += extractor.receive(b"")
    return events


def feed_whole(body: bytes) -> list[Event]:
    """Return the events of a form that is taken to its end at once."""
    extractor = FormExtractor(B, UploadLimits())
    return [*extractor.receive(body), *extractor.end()]
