"""Bodies become contents, as bytes arrive."""

import pytest

from tests.conformance.extractors import CHECKS, Check, Subject
from tests.uploads.body.forms import FORM
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


RAW = Subject(
    make=lambda: RawExtractor("image/png"),
    contents={b"": (b"",), b"abc": (b"abc",), b"\r\n--": (b"\r\n--",)},
    refused=(),
    pieces=(b"\r\n", b"abc"),
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
