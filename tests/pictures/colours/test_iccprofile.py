"""The first tag of each name in a profile counts, as in Chromium."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pictures import icc
from tests.pictures.colours.test_icctables import old_table
from uploadfilter.pictures.colours.icccurves import BadProfileError
from uploadfilter.pictures.colours.iccprofile import (
    cut,
    is_strict,
    read_profile,
    tags_of,
)

CURVE = icc.table(icc.srgb_light())
PLAIN = icc.colour_profile(CURVE, icc.ADOBE)


def test_first_of_two_tags_counts() -> None:
    """The second is noted, since other programs may take it."""
    twice = icc.renamed(
        icc.colour_profile(CURVE, more={b"zTRC": icc.power(8)}), b"zTRC", b"rTRC"
    )
    tags = tags_of(twice)

    assert tags.bodies[b"rTRC"] == icc.power(8)
    assert tags.repeated == {b"rTRC"}
    assert tags.count == 10


def test_table_of_tags_that_is_cut_off_ends_there() -> None:
    """A count of missing tags does not make tags."""
    tags = tags_of(icc.headed(PLAIN, at=128, to=b"\xff\xff\xff\xff"))

    assert tags.count == 0xFFFFFFFF
    assert tags.bodies[b"rTRC"] == CURVE


def test_curves_and_primaries_are_read() -> None:
    """Primaries stand in columns."""
    profile = read_profile(PLAIN)

    assert profile.curves is not None
    assert profile.matrix is not None
    np.testing.assert_allclose(profile.matrix.T, icc.ADOBE, atol=1e-4)
    assert profile.table is None


def test_grey_is_mixed_of_the_white_of_the_profile() -> None:
    """Chromium takes the one in the header."""
    profile = read_profile(icc.grey_profile(CURVE))

    assert profile.matrix is not None
    np.testing.assert_allclose(
        np.diag(profile.matrix), (0.9642, 1.0, 0.8249), atol=1e-4
    )


@pytest.mark.parametrize("name", [b"A2B0", b"A2B1"])
def test_table_is_read(name: bytes) -> None:
    """The table for photographs comes first; others are not looked for."""
    profile = read_profile(icc.profile({name: old_table(length=1)}))

    assert profile.table is not None
    assert profile.curves is None


def test_code_points_are_read() -> None:
    """The last four bytes of the tag are code points."""
    tag = b"cicp" + bytes(4) + b"\1\x0d\0\1"

    assert read_profile(icc.profile({b"cicp": tag})).code_points == b"\1\x0d\0\1"


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(PLAIN[:128], id="a header alone"),
        pytest.param(icc.headed(PLAIN, at=36, to=b"scpa"), id="no signature"),
        pytest.param(icc.profile({}), id="no tag that counts"),
        pytest.param(
            icc.headed(PLAIN, at=128, to=b"\0\1\0\0"), id="more tags than are read"
        ),
        pytest.param(icc.profile({b"kTRC": CURVE}), id="a curve for grey"),
        pytest.param(icc.profile({b"A2B2": old_table(length=1)}), id="another table"),
        pytest.param(icc.profile({b"cicp": b"cicp" + bytes(5)}), id="short points"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(profile: bytes) -> None:
    """A profile with nothing to evaluate is refused."""
    with pytest.raises(BadProfileError):
        read_profile(profile)


def test_profile_of_other_samples_is_read_as_one_for_rgb() -> None:
    """Chromium uses it in a PNG, whatever its kind of samples is."""
    other = icc.headed(PLAIN, at=16, to=b"Luv ")

    assert read_profile(other).matrix is not None


@pytest.mark.parametrize(
    ("profile", "strict"),
    [
        pytest.param(PLAIN, True, id="sound"),
        pytest.param(icc.grey_profile(icc.SRGB_FORMULA), True, id="grey"),
        pytest.param(PLAIN[:-4], False, id="shorter than it says"),
        pytest.param(icc.headed(PLAIN, at=68, to=bytes(4)), False, id="another white"),
        pytest.param(icc.headed(PLAIN, at=136, to=b"\xff"), False, id="a tag outside"),
        pytest.param(icc.headed(PLAIN, at=140, to=bytes(4)), False, id="an empty tag"),
        pytest.param(
            icc.colour_profile(icc.formula(3, 2.0, 1.0, 0.0, -0.1, 0.0)),
            False,
            id="a falling line",
        ),
        pytest.param(icc.profile({}), False, id="no curves"),
        pytest.param(
            icc.colour_profile(CURVE, more={b"B2A0": bytes(8)}), False, id="a way back"
        ),
    ],
)
def test_profile_that_chromium_surely_takes_is_strict(
    profile: bytes, strict: bool
) -> None:
    """A chunk that stands for a profile counts beside any other, too."""
    assert is_strict(profile) is strict


def test_profile_is_as_long_as_it_says() -> None:
    """Bytes after it do not belong to it."""
    assert cut(PLAIN + b"more") == PLAIN
    assert cut(PLAIN[:-4]) == PLAIN[:-4]


@given(content=st.binary(max_size=300), at=st.integers(0, 900))
def test_no_bytes_raise_anything_else(content: bytes, at: int) -> None:
    """Whatever is put into a profile, it is read or refused."""
    for damaged in (content, PLAIN[:at] + content + PLAIN[at + len(content) :]):
        is_strict(damaged)
        try:
            read_profile(damaged)
        except BadProfileError:
            continue
