"""The items that real origins read from forwarded forms.

These tests are the reason for ``canonical``: they hold the forms that readers disagree
about against our reader, and the forwarded form against the origins' readers.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.uploads.forms import BOUNDARY, forward, write_form
from tests.uploads.origins import ORIGINS, Parse, Received
from tests.uploads.variants import TARGET, TYPE, VARIANTS, Variant
from uploadfilter.uploads.body.canonical import BodyPart, form_content_type

FORM_TYPE = form_content_type(BOUNDARY)

SLOW_FOR_MAIL = 1_000_000
"""Bytes of a body that takes the mail parser seconds, and tells nothing more here."""

FORM_READERS = {name: parse for name, parse in ORIGINS.items() if name != "email"}
"""Origins made for forms: mail has no empty ones, and no UTF-8 in names."""

# Letters of every kind, but no characters that origins are known to treat specially in
# names: they unescape HTML (Django), drop directories, and fold case of nothing.
names = st.text(
    st.characters(categories=["L", "N"], include_characters=" _-.[]=,'"), max_size=20
).map(lambda text: f"n{text}n")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
types = st.sampled_from([None, "image/jpeg", "text/plain; charset=utf-8"])
data = st.binary(max_size=60) | st.sampled_from(
    [b"", b"\r\n", b"--", b"\r\n--" + BOUNDARY[:20], b"--" + BOUNDARY[:47] + b"--\r\n"]
)
files = st.tuples(names, names, types, data)
fields = st.tuples(names, st.none(), st.none(), texts.map(str.encode))


def read_straight(parse: Parse, variant: Variant) -> list[Received] | None:
    """Return what an origin reads from the client's own bytes."""
    return parse(variant.types[0].decode("latin-1"), variant.body)


def gets_target(parse: Parse, variant: Variant) -> bool:
    """Tell whether an origin gets the target out of the client's own bytes."""
    received = read_straight(parse, variant)
    return any(item.data == TARGET for item in received or [])


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_origin_gets_nothing_that_was_not_seen(variant: Variant) -> None:
    """Each item that any origin reads from the forwarded form was inspected."""
    forwarded = forward(variant)
    if forwarded is None:
        return
    content_type, body, seen = forwarded

    for name, parse in ORIGINS.items():
        received = parse(content_type, body)
        assert {item.data for item in received or []} <= set(seen), name


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_origins_agree_on_what_is_forwarded(variant: Variant) -> None:
    """Each origin reads as many items as were inspected, or what it reads of old."""
    forwarded = forward(variant)
    if forwarded is None or BOUNDARY.decode() not in forwarded[0]:
        return
    content_type, body, seen = forwarded

    for name, parse in ORIGINS.items():
        received = parse(content_type, body)
        is_whole = received is None or len(received) == len(seen)
        assert is_whole or received == read_straight(parse, variant), name


# Parsers that give up half-way leave their temporary files to the collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_variants_are_what_origins_disagree_about() -> None:
    """For most variants, only some origins read the target."""
    disputed = 0
    smuggled = 0
    for variant in (odd for odd in VARIANTS if len(odd.body) < SLOW_FOR_MAIL):
        gets = [gets_target(parse, variant) for parse in ORIGINS.values()]
        disputed += any(gets) and not all(gets)
        smuggled += sum(gets) if forward(variant) is None else 0

    assert len(VARIANTS) >= 100
    assert disputed >= 50, "variants that some origins read and others do not"
    assert smuggled >= 200, "pairs in which a refused target would have arrived"


def quoted_names(name: str, filename: str | None) -> tuple[tuple[str, str], ...]:
    """Return the names of a part as browsers write them."""
    files = () if filename is None else (("filename", f'"{filename}"'),)
    return (("name", f'"{name}"'), *files)


@settings(max_examples=50, deadline=None)
@given(items=st.lists(files | fields, max_size=6))
def test_origins_read_what_was_encoded(
    items: list[tuple[str, str | None, str | None, bytes]],
) -> None:
    """Names, file names, data and the order within a name arrive at every origin."""
    parts = [
        BodyPart(names=quoted_names(n, f), content_type=t, length=len(d))
        for n, f, t, d in items
    ]
    body = write_form(parts, [d for *_, d in items])
    sent = sorted((n, f, d) for n, f, _, d in items if f is not None)

    for origin, parse in FORM_READERS.items():
        received = parse(FORM_TYPE, body)
        assert received is not None, origin
        got = sorted(
            (item.name or "", item.filename, item.data)
            for item in received
            if item.filename is not None
        )
        assert got == sent, origin
        assert len(received) == len(items), origin


READERS = {name: ORIGINS[name] for name in ("django", "werkzeug", "starlette")}
"""Three parsers by three authors."""

VALUES = st.sampled_from(
    [
        *(
            '"a"',
            '"a[]"',
            "a",
            '"é"',
            '"\udce9"',
            r'"a\"b"',
            r'"a\\b"',
            r'"C:\d\e.jpg"',
        ),
        *('"%22"', '"a;b"', '"a=b"', '""', "a.jpg", '"a&amp;b"', '"=?utf-8?q?=C3?="'),
        *('"a; filename=b"', r'"a\"; filename=\"b"', '"a,b"', "a(1)[]", '"\x85"', '"a'),
    ]
)
EXTENDED = st.sampled_from(
    ["utf-8''%C3%A9.jpg", "UTF-8'en'a%22b", "iso-8859-1''%E9", "utf-8''", '"x"']
)
PARAMETERS_READ = st.one_of(
    st.tuples(st.just("filename"), VALUES),
    st.tuples(st.just("filename*"), EXTENDED),
    st.tuples(st.sampled_from(["size", "creation-date"]), VALUES),
    st.tuples(st.sampled_from(["NAME", "filename*0", "x"]), VALUES),
)
HEADERS_READ = st.sampled_from(
    [
        *("Content-Type: image/jpeg", "Content-Type: text/plain; charset=utf-8"),
        *("Content-Type: jpeg", "Content-Type:", 'Content-Type: a/b; x="y"; x=z'),
        *("Content-Type: multipart/mixed; boundary=x", "X_Y: z", "Content-Length: 1"),
        *("Content-Type: text/plain; charset=iso-8859-1", "content-ID: <a@b>"),
        *("Content-Transfer-Encoding: binary", "Content-Transfer-Encoding: 8bit"),
        "Content-Transfer-Encoding: quoted-printable",
    ]
)
DATA_READ = st.sampled_from(
    [b"", b"text", b"a=C3=A9=\r\n", b"\xff\xd8\0", b"\r\n--AaB", b"a\n--AaBb", b"\r\n"]
)


@st.composite
def part_bytes(draw: st.DrawFn) -> bytes:
    """Draw one part as some client might write it."""
    parameters = [("name", draw(VALUES)), *draw(st.lists(PARAMETERS_READ, max_size=2))]
    parameters = draw(st.permutations(parameters))
    told = "; ".join(f"{name}={value}" for name, value in parameters)
    lines = [f"Content-Disposition: form-data; {told}"]
    lines = draw(st.permutations([*lines, *draw(st.lists(HEADERS_READ, max_size=2))]))
    section = "\r\n".join(["--AaBb", *lines, "", ""]).encode("utf-8", "surrogateescape")
    return section + draw(DATA_READ) + b"\r\n"


TYPES_READ = st.sampled_from(
    [
        TYPE,
        b"multipart/form-data;boundary=AaBb",
        b'multipart/form-data; charset=UTF-8; boundary="AaBb"',
        b"multipart/form-data; charset=ISO-8859-1; boundary=AaBb",
        b"multipart/form-data; boundary=AaBb; charset=us-ascii",
        b"Multipart/Form-Data; type=x; boundary=AaBb",
    ]
)
FORMS_READ = st.builds(
    lambda content_type, before, parts, after: Variant(
        name="drawn",
        types=(content_type,),
        body=before + b"".join(parts) + b"--AaBb--" + after,
    ),
    TYPES_READ,
    st.sampled_from([b"", b"\r\n", b"This is MIME.\r\n"]),
    st.lists(part_bytes(), max_size=3),
    st.sampled_from([b"", b"\r\n", b"\r\n\r\n"]),
)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@settings(max_examples=150, deadline=None)
@given(drawn=FORMS_READ)
def test_form_reads_the_same_before_and_after(drawn: Variant) -> None:
    """Any form that we take is read as before by each parser that could read it."""
    forwarded = forward(drawn)
    if forwarded is None:
        return
    content_type, body, _ = forwarded

    for name, parse in READERS.items():
        before = read_straight(parse, drawn)
        assert before is None or parse(content_type, body) == before, name
