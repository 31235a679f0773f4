"""Archives in the middle of other content are found by more than their magic."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from tests.corpus.bombs import archives as bombs_archives
from tests.corpus.tricks import archives as made
from uploadfilter.contents.archives import inside
from uploadfilter.contents.kinds.magic import Kind, sniff
from uploadfilter.contents.scandata import outside_pixels
from uploadfilter.contents.source import MemorySource

TEXT = b"To be packed, and to be the same again. " * 20
PHOTO = pictures.jpeg(pictures.photograph(3, width=96, height=72))
MADE = {
    Kind.SEVEN_ZIP: made.seven_zip(TEXT),
    Kind.RAR: made.rar5(TEXT),
    Kind.CAB: made.cab(TEXT),
}
PIECES = st.sampled_from(
    (
        b"7z\xbc\xaf\x27\x1c",
        b"Rar!\x1a\7\1\0",
        b"Rar!\x1a\7\0",
        b"MSCF\0\0\0\0",
        b"\0" * 9,
    )
)


def found(content: bytes) -> list[tuple[int, Kind] | None]:
    """Return the archives in a content."""
    source = MemorySource(content)
    return list(inside.archives(source, sniff(content), outside_pixels(source)))


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("offset", [1, 2, 99_999, *range((1 << 18) - 7, (1 << 18) + 3)])
def test_archive_is_found_at_any_offset(kind: Kind, offset: int) -> None:
    """Even if it begins at the end of a stretch."""
    content = b"\1" * offset + MADE[kind]

    assert found(content) == [(offset, kind)]


@given(before=st.lists(PIECES, max_size=20), kind=st.sampled_from(sorted(MADE)))
def test_magic_alone_is_no_archive(before: list[bytes], kind: Kind) -> None:
    """Whatever names the magic, the archive itself is the only one."""
    junk = b"\1" + b"".join(before)

    assert found(junk) == []
    assert found(junk + MADE[kind]) == [(len(junk), kind)]


@given(parts=st.lists(PIECES | st.binary(max_size=9), max_size=20))
def test_magic_is_found_as_by_looking_at_every_offset(parts: list[bytes]) -> None:
    """This also holds if one begins within another."""
    content = b"".join(parts)
    forms = inside._FORMS  # noqa: SLF001  # the same forms, searched simply
    slowly = [
        (offset, form)
        for offset in range(1, len(content))
        for form in forms
        if content.startswith(form.magic, offset)
    ]

    source = MemorySource(content)
    places = inside._places(source, outside_pixels(source))  # noqa: SLF001

    assert list(places) == slowly


def test_pixels_of_a_photo_are_passed_over() -> None:
    """The rest of a JPEG is searched: the parts before and after them."""
    archive = MADE[Kind.RAR]
    segment = b"\xff\xe5" + (len(archive) + 2).to_bytes(2, "big") + archive
    before = PHOTO[:2] + segment + PHOTO[2:]

    assert found(before + archive) == [
        (6, Kind.RAR),
        (len(before), Kind.RAR),
    ]
    assert found(PHOTO) == []
    assert found(b"\xff\xd8\xff\xe0damaged" + archive) == [(11, Kind.RAR)]


@pytest.mark.parametrize("pixels", [0, 1, 2, (1 << 18) - 9, (1 << 18) - 8, 1 << 18])
def test_end_of_the_pixels_is_found_wherever_it_stands(pixels: int) -> None:
    """At an even and an odd offset, and on both sides of the end of a stretch."""
    photo = b"\xff\xd8\xff\xda\0\2" + b"\1" * pixels + b"\xff\xd9"
    archive = MADE[Kind.CAB]

    assert found(photo + archive) == [(len(photo), Kind.CAB)]
    assert found(photo[:-2] + archive) == []


def test_archives_without_end_are_not_all_opened() -> None:
    """The scan reports that there are more."""
    *starts, last = found(b"\1" + MADE[Kind.CAB] * 20)

    assert last is None
    places = [each[0] for each in starts if each]
    assert {after - before for before, after in pairwise(places)} == {
        len(MADE[Kind.CAB])
    }
    assert found(bombs_archives.archive_magics()) == [None]
