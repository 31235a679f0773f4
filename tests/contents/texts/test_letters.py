"""Files are found amid the letters of base64, wherever their bytes begin."""

import base64
import binascii
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from uploadfilter.contents.kinds.magic import HEAD_BYTES
from uploadfilter.contents.texts.files import MAGIC
from uploadfilter.contents.texts.letters import (
    ALPHABET,
    MOST_STARTS,
    NO_LETTER,
    decode,
    is_file,
    offsets_of,
    possible_starts,
)

IMAGE = pictures.photograph(1, width=60, height=40)
FILES = (pictures.jpeg(IMAGE), pictures.png(IMAGE), pictures.gif(IMAGE), b"%PDF-1.4")
PARTS = st.sampled_from(
    [
        *(base64.b64encode(b"j" * n + data)[:400] for data in FILES for n in range(3)),
        *(base64.b64encode(bytes(at) + magic + bytes(60)) for magic, at in MAGIC[:20]),
        *(bytes((letter,)) for letter in b"Aj/9+"),
    ]
)


@given(st.binary(max_size=60), st.integers(0, 9))
def test_letters_are_decoded_from_any_byte(data: bytes, first: int) -> None:
    """Also without padding, and with a last letter that is too much."""
    letters = base64.b64encode(data).rstrip(b"=")

    assert decode(letters) == data
    assert decode(letters, bit=8 * first) == data[first:]
    assert decode(letters, bit=8 * first, most=5) == data[first : first + 5]


def slow_starts(letters: bytes) -> Iterator[int]:
    """Yield the bits at which files begin, by decoding at every one."""
    for bit in range(0, len(letters) * 6, 2):
        head = decode(letters, bit=bit, most=HEAD_BYTES)
        is_known = any(head.startswith(magic, offset) for magic, offset in MAGIC)
        if is_known and is_file(letters, bit):
            yield bit


@given(st.lists(PARTS, max_size=9).map(b"".join))
def test_search_finds_what_the_slow_way_finds(text: bytes) -> None:
    """However files are cut, shifted and put together."""
    letters = text.replace(b"=", b"")

    bits = possible_starts(letters)

    assert [bit for bit in bits if is_file(letters, bit)] == list(slow_starts(letters))


def test_beginnings_without_end_are_not_all_returned() -> None:
    """Reading on costs more than decoding from there on."""
    letters = base64.b64encode(b"\xff\xd8\xff\xe0\0\0" * 30_000)

    assert len(possible_starts(letters)) == MOST_STARTS


@given(text=st.binary(max_size=9000), number=st.integers(0, 20))
def test_letters_know_their_place(text: bytes, number: int) -> None:
    """Whatever stands between them."""
    places = [at for at, byte in enumerate(text) if byte in ALPHABET + b"-_"]
    numbers = range(number, len(places), 1 + len(places) // 9)

    assert (
        list(offsets_of(numbers, text, NO_LETTER))
        == places[numbers.start :: numbers.step]
    )


def test_magic_in_letters_is_that_of_the_bytes() -> None:
    """Each magic is found behind one, two and no bytes."""
    for magic, at in MAGIC:
        if magic in {b"ftyp", b"ustar", b" EMF"}:
            continue  # the bytes before them count as well
        for before in range(3):
            data = b"j" * before + bytes(at) + magic
            assert magic in decode(binascii.b2a_base64(data, newline=False), bit=0)
