"""Items of a file, and which of them its decoder does not show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import grids
from tests.fuzz import seeds
from tests.pictures.sketches import photograph
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.headers import items

TWO = seeds.heic(photograph(1, 64, 64), photograph(2, 64, 64))
TILES = grids.grid([photograph(1, 64, 64)], size=(192, 64))


def test_pictures_for_display_are_shown_by_some_decoders() -> None:
    """Others show the primary one alone."""
    assert items.other_pictures(TWO, is_listed=True) == ()
    assert len(items.other_pictures(TWO, is_listed=False)) == 1


@pytest.mark.parametrize("maker", [b"grid", b"iovl"])
def test_parts_of_a_made_picture_are_none_of_their_own(maker: bytes) -> None:
    """Whatever is made of nothing that is shown is a picture by itself."""
    made = TILES.replace(b"grid\0", maker + b"\0")

    assert items.other_pictures(made, is_listed=True) == ()
    unknown = TILES.replace(b"grid\0", b"none\0")
    assert items.other_pictures(unknown, is_listed=True) == (1, 2, 3)


def test_file_with_another_primary_item_says_nothing_else() -> None:
    """Only the number changes, unless the item was hidden."""
    other = items.other_pictures(TWO, is_listed=False)[0]
    changed = items.with_primary(TWO, other)
    differing = [at for at, byte in enumerate(TWO) if changed[at] != byte]

    assert len(differing) == 1
    assert items.other_pictures(changed, is_listed=False) != (other,)
    with pytest.raises(BadPictureError):
        items.with_primary(TWO.replace(b"pitm", b"free"), other)


@given(st.data())
def test_any_damage_is_no_error(data: st.DataObject) -> None:
    """Boxes that are cut off or repeated end the reading."""
    content = bytearray(data.draw(st.sampled_from([TWO, TILES]))[:1000])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))

    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    for is_listed in (False, True):
        assert isinstance(items.other_pictures(cut, is_listed=is_listed), tuple)
