"""Forms in a content coding: the same parts as without it, or a refusal."""

import gzip
import random
import zlib
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.extractors import CHECKS, Check, Subject
from tests.uploads.body.forms import EMPTY_FORM, FORM
from tests.uploads.body.related import SUBJECT as RELATED
from tests.uploads.forms import LIMITS, cuts, feed
from tests.uploads.variants import B, field, form
from tests.uploads.variants import part as file_part
from uploadfilter.model import Reason
from uploadfilter.uploads.body import inflating
from uploadfilter.uploads.body.extractors import FormExtractor
from uploadfilter.uploads.body.inflating import Inflater
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.limits import UploadLimits


def bare(data: bytes) -> bytes:
    """Return a deflate stream without a wrapper."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def packed(data: bytes) -> bytes:
    """Return a gzip stream that is always the same."""
    return gzip.compress(data, mtime=0)


WRITERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", packed),
    "deflate": ("deflate", zlib.compress),
    "bare": ("deflate", bare),
}


def improper(write: Callable[[bytes], bytes]) -> tuple[bytes, ...]:
    """Return bodies that are not exactly one stream of a form."""
    whole = write(form(field()))
    return (
        b"",
        b"\x1f",
        form(field()),
        whole[:-1],
        whole[: len(whole) // 2],
        whole + b"\0",
        whole + whole,
        *(write(body) for body in FORM.refused),
    )


SUBJECTS = {
    name: Subject(
        make=partial(FormExtractor, B, LIMITS, coding=coding),
        contents={write(body): found for body, found in FORM.contents.items()},
        refused=improper(write),
        pieces=(write(EMPTY_FORM), write(b"--AaBb"), b"\x1f\x8b\x08\0", b"\x78\x9c"),
    )
    for name, (coding, write) in WRITERS.items()
}
SUBJECTS["related"] = Subject(
    make=lambda: FormExtractor(b"b0undary", LIMITS, coding="gzip", is_form=False),
    contents={packed(body): found for body, found in RELATED.contents.items()},
    refused=(b"", *(packed(body) for body in RELATED.refused)),
    pieces=RELATED.pieces,
)


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_form_in_a_coding_is_extracted(name: str, check: Check) -> None:
    """It keeps the rules of every extractor."""
    check(SUBJECTS[name])


def strictly(coding: str, sent: bytes) -> bytes | None:
    """Undo a coding at once, as the documentation of zlib says: the slow twin."""
    if coding == "gzip" and sent[3:4] > b"\x1f":
        return None
    is_wrapped = (
        len(sent) > 1 and sent[0] & 15 == 8 and (sent[0] << 8 | sent[1]) % 31 == 0
    )
    wrapped = zlib.MAX_WBITS if is_wrapped else -zlib.MAX_WBITS
    stream = zlib.decompressobj(31 if coding == "gzip" else wrapped)
    try:
        data = stream.decompress(sent) + stream.flush()
    except zlib.error:
        return None
    return data if stream.eof and not stream.unused_data else None


def undone(coding: str, chunks: list[bytes]) -> bytes | None:
    """Undo a coding chunk by chunk; ``None`` if it is refused."""
    inflater = Inflater(coding, most_bytes=1 << 30)
    found = b""
    for chunk in (*chunks, None):
        if chunk is None:
            inflater.end()
        else:
            inflater.hold(chunk)
        while inflater.is_behind:
            data = inflater.step()
            if isinstance(data, Refusal):
                return None
            found += data
    return found if inflater.is_complete else None


@pytest.mark.parametrize("name", WRITERS)
@given(seed=st.integers(0, 1 << 20), changes=st.integers(0, 3))
def test_damaged_form_is_read_as_by_zlib_or_refused(
    name: str, seed: int, changes: int
) -> None:
    """The slow twin: bytes are cut, changed, repeated and added at any place."""
    coding, write = WRITERS[name]
    chance = random.Random(seed)  # noqa: S311 - a test's own bytes
    length = chance.choice((0, 10, 300, 40_000))
    sent = bytearray(write(chance.randbytes(length // 2) * 2))
    for _ in range(changes):
        at = chance.randrange(len(sent) + 1)
        new = chance.choice((b"", b"\0", chance.randbytes(2), bytes(sent[:at])))
        sent[at : at + chance.randrange(3)] = new
    body = bytes(sent)
    twin = strictly(coding, body)

    for chunks in cuts(body, seed):
        assert undone(coding, list(chunks)) == twin


@pytest.mark.parametrize("flags", [0x20, 0x40, 0x80, 0xFF])
def test_reserved_flags_are_refused(flags: int) -> None:
    """Some readers fail at a flag that does not exist, others go on."""
    sent = bytearray(packed(form(field())))
    sent[3] = flags
    found = feed(FormExtractor(B, LIMITS, coding="gzip"), [bytes(sent)])

    assert found.refusal is not None
    assert found.refusal.reason is Reason.UNSUPPORTED_CODING


@pytest.mark.parametrize(
    ("limits", "count", "refused"),
    [
        (UploadLimits(), inflating.FREE_BYTES - 1000, False),
        (UploadLimits(), 4 * inflating.FREE_BYTES, True),
        (UploadLimits(max_body_bytes=5000), 4000, False),
        (UploadLimits(max_body_bytes=5000), 5001, True),
    ],
)
def test_bomb_ends_early(limits: UploadLimits, count: int, *, refused: bool) -> None:
    """The sent bytes and the longest body bound the form without its coding."""
    sent = packed(form(file_part(bytes(count))))
    extractor = FormExtractor(B, limits, coding="gzip")
    found = feed(extractor, [sent])

    assert (found.refusal is not None) is refused
    if found.refusal is not None:
        assert found.refusal.status == 413


def test_little_comes_out_at_a_time() -> None:
    """A chunk of the body that becomes a megabyte takes turns with other uploads."""
    inflater = Inflater("gzip", most_bytes=1 << 30)
    inflater.hold(packed(bytes(1 << 20)))
    inflater.end()
    sizes = []
    while inflater.is_behind:
        data = inflater.step()
        assert isinstance(data, bytes)
        sizes.append(len(data))

    assert sum(sizes) == 1 << 20
    assert max(sizes) <= 2 * inflating.STEP_BYTES


def test_text_that_packs_well_passes() -> None:
    """A settings page of a thousand equal fields is no bomb."""
    body = form(*[field(b"on")] * 900)
    found = feed(FormExtractor(B, LIMITS, coding="gzip"), [packed(body)])

    assert found.refusal is None
    assert len(found.contents) == 900
