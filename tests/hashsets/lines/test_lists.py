"""Lines of digest lists are read as the tools that print them mean them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.hashsets.exporting import entries_of
from uploadfilter.hashsets.lines.lists import (
    DIGESTS,
    ListedSignal,
    listed_blocks,
    parse_any,
    parse_line,
    suffix_of,
    types_of,
)
from uploadfilter.hashsets.tally import Problem, Tally
from uploadfilter.model import EXACT_TYPES, SignalType

MD5 = "d131dd02c5e6eec4693d9a0698aff95c"
SHA1 = "d131dd02c5e6eec4693d9a0698aff95c00112233"
SHA256 = MD5 + MD5[::-1]
LISTED = ListedSignal(SignalType.MD5, bytes.fromhex(MD5))


def parse(line: str) -> ListedSignal | Problem | None:
    """Parse a line of a list of digests."""
    return parse_line(line.encode(), DIGESTS)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(MD5, id="bare"),
        pytest.param(MD5.upper(), id="capitals"),
        pytest.param(MD5[:9].upper() + MD5[9:], id="mixed-case"),
        pytest.param(f"{MD5}  photo.jpg", id="md5sum-text"),
        pytest.param(f"{MD5} *photo.jpg", id="md5sum-binary"),
        pytest.param(f"{MD5}   leading space.jpg", id="name-with-leading-space"),
        pytest.param(f"{MD5}  a b (c) = d", id="name-like-a-tag"),
        pytest.param(f"{MD5}  ab cd", id="as-long-as-sha1"),
        pytest.param(f"\\{MD5}  new\\nline.jpg", id="escaped-name"),
        pytest.param(f"MD5 (photo.jpg) = {MD5}", id="bsd"),
        pytest.param(f"MD5 (a (b) = c) = {MD5}", id="bsd-name-with-brackets"),
        pytest.param(f"\\MD5 (new\\nline) = {MD5}", id="bsd-escaped"),
        pytest.param(f"MD5(photo.jpg)= {MD5.upper()}", id="openssl"),
        pytest.param(f"md5 {MD5.upper()}", id="tx"),
        pytest.param(f"video_md5  {MD5}", id="tx-of-a-video"),
    ],
)
def test_md5_is_read_in_every_form(line: str) -> None:
    """The value is the same whatever stands around it; names are not kept."""
    assert parse(line) == LISTED


@pytest.mark.parametrize("kind", EXACT_TYPES)
def test_type_follows_from_the_length(kind: SignalType) -> None:
    """32, 40 and 64 digits are MD5, SHA-1 and SHA-256."""
    value = bytes(range(kind.width_bytes))

    assert parse(value.hex()) == ListedSignal(kind, value)
    assert parse(f"{value.hex()}  x") == ListedSignal(kind, value)


def test_word_before_a_value_says_that_it_is_pdq() -> None:
    """Without it 64 digits are SHA-256."""
    expected = ListedSignal(SignalType.PDQ, bytes.fromhex(SHA256))

    assert parse(f"pdq {SHA256}") == expected
    assert parse_line(f"pdq {SHA256}".encode(), types_of(SignalType.PDQ)) == expected


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        pytest.param(f"pdq {MD5}", Problem.WRONG_LENGTH, id="length"),
        pytest.param("pdq ", Problem.WRONG_LENGTH, id="nothing"),
        pytest.param("raw_text some words", Problem.NOT_HEX, id="another-word"),
    ],
)
def test_word_has_to_fit_its_value(line: str, problem: Problem) -> None:
    """A word that is never compared is malformed."""
    assert parse(line) is problem


def test_word_has_to_fit_the_type_of_the_list() -> None:
    """If all are declared as PDQ, a line with MD5 is a mistake."""
    line = f"md5 {MD5}".encode()

    assert parse_line(line, types_of(SignalType.PDQ)) is Problem.UNKNOWN_TYPE


@pytest.mark.parametrize("tag", ["SHA256", "SHA2-256"])
def test_tags_name_the_type(tag: str) -> None:
    """SHA-256 in the writing of BSD tools and openssl is SHA-256."""
    assert parse(f"{tag} (x) = {SHA256}") == ListedSignal(
        SignalType.SHA256, bytes.fromhex(SHA256)
    )


@pytest.mark.parametrize("line", ["MD5", "SHA-1", "SHA1", "sha-256", "SHA256"])
def test_headings_are_read_past(line: str) -> None:
    """The first line of X-Ways' text is neither an entry nor an error."""
    assert parse(line) is None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (MD5[:-1], Problem.ODD_LENGTH),
        (MD5[:-2], Problem.WRONG_LENGTH),
        ("ab", Problem.WRONG_LENGTH),
        (SHA256 + SHA256, Problem.WRONG_LENGTH),
        (f"{MD5[:-1]}g", Problem.NOT_HEX),
        (f"0x{MD5[2:]}", Problem.NOT_HEX),
        ("hello", Problem.NOT_HEX),
        ("hello world", Problem.NOT_HEX),
        (f"{MD5},photo.jpg", Problem.NOT_HEX),
        (f"{MD5}\tphoto.jpg", Problem.NOT_HEX),
        (f"{MD5} photo.jpg", Problem.TRAILING_TEXT),
        (f"{MD5}  ", Problem.TRAILING_TEXT),
        (f"{MD5} *", Problem.TRAILING_TEXT),
        (f"{MD5} {SHA1}", Problem.TRAILING_TEXT),
        (f"SHA512 (x) = {SHA256}{SHA256}", Problem.UNKNOWN_TYPE),
        (f"CRC (x) = {MD5}", Problem.UNKNOWN_TYPE),
        (f"SHA1 (x) = {MD5}", Problem.WRONG_LENGTH),
        (f"MD5 (x) = {MD5[:-1]}", Problem.ODD_LENGTH),
        ("MD5 (x) = hello", Problem.NOT_HEX),
        ("\\", Problem.WRONG_LENGTH),
        ("d1 31 dd 02 c5 e6 ee c4 69 3d 9a 06 98 af f9 5c", Problem.TRAILING_TEXT),
        ("\u0660" * 16, Problem.NOT_HEX),
    ],
)
def test_other_lines_have_a_reason(line: str, problem: Problem) -> None:
    """The mistake in a line is reported as exactly as possible."""
    assert parse(line) is problem


def test_list_of_one_type_takes_no_other() -> None:
    """Asked for PDQ, 64 digits are PDQ, and digests are out of place."""
    types = types_of(SignalType.PDQ)
    value = bytes.fromhex(SHA256)

    assert parse_line(SHA256.encode(), types) == ListedSignal(SignalType.PDQ, value)
    assert parse_line(MD5.encode(), types) is Problem.WRONG_LENGTH
    tagged = f"SHA256 (x) = {SHA256}".encode()
    assert parse_line(tagged, types) is Problem.UNKNOWN_TYPE


PIECES = st.sampled_from(
    [
        *("", " ", "*", "(", ")", "=", "\\", "x", ".jpg", "\u00fc", "\0", "\t", "0x"),
        *(MD5, MD5.upper(), MD5[:-1], SHA1, SHA256, "md5", "pdq", "MD5", "SHA256"),
    ]
)


@given(
    line=st.lists(PIECES, min_size=1, max_size=7).map("".join).map(str.strip),
    kind=st.sampled_from([None, *SignalType]),
)
def test_usual_lines_are_read_as_all_others(line: str, kind: SignalType | None) -> None:
    """The quick way for a digest, with a name or without, is only quick."""
    types = types_of(kind)

    assert parse_line(line.encode(), types) == parse_any(line.encode(), types)


@pytest.mark.parametrize(
    ("line", "suffix"),
    [
        (f"{MD5}  a.b.TXT", b"txt"),
        (f"{MD5} *a", b""),
        (f"{MD5}  a(b).zip", b"zip"),
        (f"MD5 (a(b).zip) = {MD5}", b"zip"),
        (f"MD5 (a) = {MD5}", b""),
        (MD5, b""),
    ],
)
def test_suffix_is_that_of_the_name(line: str, suffix: bytes) -> None:
    """Wherever the name stands."""
    assert suffix_of(line.encode()) == suffix


@given(line=st.binary(min_size=1, max_size=200))
def test_any_line_has_an_answer(line: bytes) -> None:
    """No line raises, whatever bytes it holds."""
    item = parse_line(line, DIGESTS)

    assert item is None or isinstance(item, ListedSignal | Problem)


@given(value=st.binary(min_size=16, max_size=16), name=st.text(min_size=1))
def test_names_never_change_the_value(value: bytes, name: str) -> None:
    """Whatever a file was called, its digest is read."""
    line = f"{value.hex()}  {name}".encode(errors="surrogatepass")

    assert parse_line(line, DIGESTS) == ListedSignal(SignalType.MD5, value)


@pytest.mark.parametrize("kind", [None, *SignalType], ids=str)
def test_list_is_read_in_blocks_of_one_type(kind: SignalType | None) -> None:
    """Values, ids, qualities, and the lines of omissions."""
    width = SignalType.MD5.width_bytes if kind is None else kind.width_bytes
    rng = random.Random(width)  # noqa: S311 - values of a test
    values = [rng.randbytes(width) for _ in range(50)]
    lines = [
        value.hex().encode() for value in [*values[:20], bytes(width), *values[20:]]
    ]
    tally = Tally()
    (block,) = listed_blocks(
        enumerate(lines, start=1),
        types_of(kind),
        category="A",
        id_of=lambda _, value: value.hex(),
        tally=tally,
    )

    found = list(entries_of([block]))
    assert [entry.signals[0].signal.value for entry in found] == values
    assert [entry.id for entry in found] == [value.hex() for value in values]
    assert {entry.signals[0].quality for entry in found} == {None}
    assert [(it.problem, it.count, it.first_line) for it in tally.problems] == [
        (Problem.DEGENERATE, 1, 21)
    ]
