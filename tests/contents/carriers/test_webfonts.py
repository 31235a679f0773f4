"""Fonts for the web: their pictures are members, and nothing else is."""

import struct
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.containers import CHECKS, Check, Subject, contents_of
from tests.corpus import pictures
from tests.corpus.tricks.fonts import Tables, woff, woff2
from uploadfilter.contents.carriers.webfonts import FontContainer
from uploadfilter.contents.kinds.magic import Kind, sniff
from uploadfilter.model import Reason

FONT = FontContainer()
PNG = pictures.png(pictures.photograph(3, width=60, height=40))
PLAIN: Tables = {b"cmap": b"characters " * 30, b"glyf": bytes(99), b"loca": b"places"}
LOOSE = PNG + bytes(400)
"""A table that becomes shorter when it is packed."""

COLOURS: Tables = {**PLAIN, b"sbix": LOOSE, b"CBDT": b"short"}


def together(tables: Tables) -> bytes:
    """Return all tables as WOFF 2 packs them."""
    return b"".join(table for _, table in sorted(tables.items()))


BOMB: Tables = {b"sbix": bytes(40_000_000)}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(
            Subject(
                container=FONT,
                members={
                    woff(COLOURS): (("CBDT", b"short"), ("sbix", LOOSE)),
                    woff(PLAIN): (),
                },
                bomb=woff(BOMB),
            ),
            id="WOFF",
        ),
        pytest.param(
            Subject(
                container=FONT,
                members={
                    woff2(COLOURS): (("tables", together(COLOURS)),),
                    woff2(PLAIN): (),
                },
                bomb=woff2(BOMB),
            ),
            id="WOFF 2",
        ),
    ],
)
def test_font_conforms(subject: Subject, check: Check) -> None:
    """Both forms."""
    check(subject)


def test_both_are_known_by_their_first_bytes() -> None:
    """No other bytes mark one."""
    assert {sniff(woff(PLAIN)), sniff(woff2(PLAIN))} == {Kind.WOFF}


def collection(fonts: int, tables: int) -> bytes:
    """Return a collection of fonts in WOFF 2 that share one table of pictures."""

    def short(value: int) -> bytes:
        if value < 253:
            return bytes((value,))
        return struct.pack(">BH", 253, value)

    entry = bytes((37,)) + b"\x85\x2c"
    each = short(tables) + b"\0\1\0\0" + short(0) * tables
    directory = b"\0\1\0\0" + short(fonts) + each * fonts
    packed: bytes = brotli.compress(LOOSE)
    head = struct.pack(">4s4sLHH", b"wOF2", b"ttcf", 0, 1, 0)
    return head.ljust(48, b"\0") + entry + directory + packed


@pytest.mark.parametrize("fonts", [1, 252, 254, 300])
def test_collection_is_read_behind_its_own_directory(fonts: int) -> None:
    """Its numbers have one byte, or three."""
    assert contents_of(FONT, collection(fonts, 2)) == [("tables", LOOSE, None)]


def test_collection_of_too_many_tables_is_damaged() -> None:
    """Each costs a look."""
    (found,) = contents_of(FONT, collection(200, 200))

    assert found == ("", b"", Reason.TRUNCATED)


def test_more_tables_of_pictures_than_a_font_has_are_said() -> None:
    """They could be one table many times."""
    packed = zlib.compress(LOOSE)
    entry = struct.pack(">4sLLLL", b"sbix", 44 + 20 * 17, len(packed), len(LOOSE), 0)
    head = struct.pack(">4sLLHH", b"wOFF", 0x00010000, 0, 17, 0).ljust(44, b"\0")
    *found, last = contents_of(FONT, head + entry * 17 + packed)

    assert found == [("sbix", LOOSE, None)] * 16
    assert last == ("", b"", Reason.TOO_MANY_CONTENTS)


@given(data=st.binary(max_size=200), magic=st.sampled_from([b"wOFF", b"wOF2"]))
def test_any_bytes_can_be_read(data: bytes, magic: bytes) -> None:
    """Without an error, whatever follows the magic."""
    contents_of(FONT, magic + data)
