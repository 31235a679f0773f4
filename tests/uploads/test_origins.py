"""The items that real origins read from forwarded forms.

These tests are the reason for ``canonical``: they hold the forms that readers disagree
about against our reader, and the forwarded form against the origins' readers.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.uploads.forms import BOUNDARY, LIMITS, head, read_form, write_form
from tests.uploads.origins import ORIGINS, Parse
from tests.uploads.variants import TARGET, VARIANTS, Variant
from uploadfilter.uploads.body.canonical import FormPart, form_content_type
from uploadfilter.uploads.head.plan import BodyKind, Refusal, plan

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


def forward(variant: Variant) -> tuple[str, bytes, list[bytes]] | None:
    """Do the proxy's work: type and body for the origin, and the contents we saw.

    ``None`` stands for a refusal.
    """
    length = (b"Content-Length", b"%d" % len(variant.body))
    body = plan(head(length, *((b"Content-Type", t) for t in variant.types)), LIMITS)
    if isinstance(body, Refusal):
        return None
    if body.kind is BodyKind.RAW:
        return variant.types[0].decode(), variant.body, [variant.body]
    extracted, parts = read_form(variant.body, body.boundary or b"")
    if extracted.refusal is not None:
        return None
    seen = [content for _, content in extracted.contents]
    return FORM_TYPE, write_form(parts, seen), seen


def gets_target(parse: Parse, variant: Variant) -> bool:
    """Tell whether an origin gets the target out of the client's own bytes."""
    received = parse(variant.types[0].decode("latin-1"), variant.body)
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
    """Each origin reads as many items as were inspected, or refuses the form."""
    forwarded = forward(variant)
    if forwarded is None or forwarded[0] != FORM_TYPE:
        return
    content_type, body, seen = forwarded

    for name, parse in ORIGINS.items():
        received = parse(content_type, body)
        assert received is None or len(received) == len(seen), name


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


@settings(max_examples=50, deadline=None)
@given(items=st.lists(files | fields, max_size=6))
def test_origins_read_what_was_encoded(
    items: list[tuple[str, str | None, str | None, bytes]],
) -> None:
    """Names, file names, data and the order within a name arrive at every origin."""
    parts = [
        FormPart(name=n, filename=f, content_type=t, length=len(d))
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
