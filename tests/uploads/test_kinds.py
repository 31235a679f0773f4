"""What real readers make of parts that are forwarded, in every kind of multipart.

A part goes on with a few header lines that were read and written anew. So no line of a
client can tell a reader where the part ends.
"""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.uploads.forms import BOUNDARY, forward
from tests.uploads.origins import ORIGINS, PART_READERS
from tests.uploads.variants import DECOY, TARGET, VARIANTS, Variant, form, part

KINDS = ("form-data", "mixed", "related")

READERS = {f"form: {name}": parse for name, parse in ORIGINS.items()} | PART_READERS


def of_kind(variant: Variant, kind: str) -> Variant:
    """Return the same variant in another kind of multipart."""
    types = (
        each.replace(b"multipart/form-data", b"multipart/" + kind.encode())
        for each in variant.types
    )
    return Variant(name=variant.name, types=tuple(types), body=variant.body)


def unseen(variant: Variant) -> dict[str, set[bytes]]:
    """Return what readers get from the forwarded body and nobody inspected."""
    forwarded = forward(variant)
    if forwarded is None:
        return {}
    content_type, body, seen = forwarded
    found = {
        name: {item.data for item in parse(content_type, body) or []} - set(seen)
        for name, parse in READERS.items()
    }
    return {name: data for name, data in found.items() if data}


# A variant of 100,000 parts takes the slowest of the readers seconds for each kind.
@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize(
    "variant",
    [each for each in VARIANTS if len(each.body) < 1_000_000],
    ids=lambda variant: variant.name,
)
def test_variant_shows_nothing_unseen_in_any_kind(variant: Variant, kind: str) -> None:
    """Each odd form is as harmless as a body of related or mixed parts."""
    assert unseen(of_kind(variant, kind)) == {}


HALVES = (b"GIF89a:first half", b"second half")


def across(line: bytes, kind: str) -> Variant:
    """Return two parts, the first of which states a length that covers both.

    The client cannot know the boundary that we write, but it knows how long it is.
    """
    between = b"\r\n--" + BOUNDARY + b"\r\nContent-Type: image/gif\r\n\r\n"
    head = line.replace(b" N", b" %d" % len(between.join(HALVES)))
    head = head.replace(b":N", b":%d" % len(between.join(HALVES)))
    body = b"--AaBb\r\nContent-Type: image/gif\r\n%b\r\n%b\r\n" % (head, HALVES[0])
    body += b"--AaBb\r\nContent-Type: image/gif\r\n\r\n%b\r\n--AaBb--\r\n" % HALVES[1]
    return Variant(
        name="across",
        types=(b"multipart/%b; boundary=AaBb" % kind.encode(),),
        body=body,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"Content-Length: N\r\n", id="plain"),
        pytest.param(b"CONTENT-LENGTH:N\r\n", id="capitals"),
        pytest.param(b"Content-Length: N\r\nContent-Length: N\r\n", id="twice"),
        pytest.param(b"Content-Length: 3\r\nContent-Length: N\r\n", id="second one"),
        pytest.param(b"Content-Length:\r\n N\r\n", id="folded"),
        pytest.param(b"X: y\r\n Content-Length: N\r\n", id="in a fold"),
        pytest.param(b"Content-Length : N\r\n", id="blank before the colon"),
        pytest.param(b"Content_Length: N\r\n", id="underscore"),
        pytest.param(b"X: y\rContent-Length: N\r\n", id="behind CR"),
        pytest.param(b"X: y\nContent-Length: N\r\n", id="behind LF"),
        pytest.param(b"Content-ID: <a>\\r\\nContent-Length: N\r\n", id="in an id"),
        pytest.param(b"Content-Location: a, Content-Length: N\r\n", id="in a place"),
        pytest.param(b"Content-Range: bytes 0-9/ N\r\n", id="range"),
        pytest.param(b"Transfer-Encoding: chunked\r\n", id="chunked"),
    ],
)
def test_c1_no_reader_takes_two_parts_for_one(line: bytes, kind: str) -> None:
    """C1: aiohttp's reader took a part's Content-Length for its end (issue 27)."""
    assert unseen(across(line, kind)) == {}


NAMES = st.sampled_from(
    [
        *("Content-Length", "content-length", "CONTENT-LENGTH", "Content-Length "),
        *("Content-Encoding", "Content-Range", "Transfer-Encoding", "Content_Length"),
        *("Content-MD5", "MIME-Version", "X", "Content-Description", "Boundary"),
        *("Content-ID", "Content-Location", "Content-Transfer-Encoding"),
        *("Content-Type", "Content-Disposition", " folded", ""),
    ]
)
ENDS = st.integers(0, 400).map(str)
VALUES = ENDS | st.sampled_from(
    [
        *("gzip", "deflate", "identity", "br", "chunked", "bytes 0-9/99", "binary"),
        *("base64", "quoted-printable", "<a@b>", "a", "https://a/b?c", "<a", "\xe9"),
        *("multipart/mixed; boundary=AaBb", "message/rfc822", "image/gif", "image"),
        *("text/plain; charset=binary", "application/http", "a/b; x=y; boundary=z"),
        *('attachment; name="a"', 'form-data; name="f"; filename="x\\"', "inline"),
        *("form-data; name=f; filename*=utf-8''x", "attachment; filename*0=x", "a;b"),
        *('attachment; filename="a;b"', 'file; filename="a\\"b"', ""),
    ]
)
LINES = st.builds("{}: {}\r\n".format, NAMES, VALUES) | st.just("X:y\r")
DATA = st.sampled_from([b"", DECOY, TARGET, b"R0lGODlh", b"a=3D\r\n", b"\r\n\r\n"])


@st.composite
def parts_bytes(draw: st.DrawFn) -> bytes:
    """Draw one part with hostile headers."""
    lines = draw(st.lists(LINES, max_size=4))
    text = draw(
        st.sampled_from(["", 'Content-Disposition: form-data; name="f"\r\n'])
    ) + "".join(lines)
    return b"--AaBb\r\n" + text.encode("latin-1") + b"\r\n" + draw(DATA) + b"\r\n"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@settings(max_examples=150, deadline=None)
@example(kind="mixed", parts=[part(headers=b"Content-Length: 200\r\n"), part(DECOY)])
@given(kind=st.sampled_from(KINDS), parts=st.lists(parts_bytes(), max_size=3))
def test_no_header_of_a_part_shows_anything_unseen(
    kind: str, parts: list[bytes]
) -> None:
    """Each item that any reader gets, of any kind of multipart, was inspected."""
    drawn = Variant(
        name="drawn",
        types=(b"multipart/%b; boundary=AaBb" % kind.encode(),),
        body=form(*parts),
    )

    assert unseen(drawn) == {}


_MAIL = b"".join(b"X-Header-%d: value\r\n" % number for number in range(9))


@pytest.mark.parametrize(
    ("disposition", "headers"),
    [
        pytest.param(
            b'form-data; name="f"; filename="x.jpg"',
            b"Content-Type: image/jpeg; charset=binary\r\n",
            id="curl with the type of file -bi",
        ),
        pytest.param(
            b'form-data; name="f"; filename="x.jpg\\"',
            b"Content-Type: image/jpeg\r\n",
            id="file name that ends in a backslash",
        ),
        pytest.param(
            b'form-data; name="f"; filename="x.jpg"',
            _MAIL + b"Content-Type: image/jpeg\r\n",
            id="ten headers",
        ),
    ],
)
def test_honest_form_reaches_every_reader(disposition: bytes, headers: bytes) -> None:
    """What PHP's CURLFile, curl and browsers send is read alike (issue 27)."""
    odd = part(disposition=disposition, headers=headers)
    forwarded = forward(
        Variant(
            name="honest",
            types=(b"multipart/form-data; boundary=AaBb",),
            body=form(
                part(DECOY, disposition=b'form-data; name="t"', headers=b""), odd
            ),
        )
    )
    assert forwarded is not None
    content_type, body, _ = forwarded

    for name, parse in ORIGINS.items():
        received = parse(content_type, body) or []
        files = [(it.name, it.filename, it.data) for it in received if it.filename]
        assert files == [("f", "x.jpg", TARGET)], name
