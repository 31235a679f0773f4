"""sRGB is recognised by its numbers, and bytes that are not a profile are harmless."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tests.pictures import icc
from uploadfilter.pictures.colours.profiles import (
    MAX_PROFILE_BYTES,
    contradicts_itself,
    needs_conversion,
    samples_of,
    transform_of,
)

LITTLECMS_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SRGB_TABLE = icc.table(icc.srgb_light())
INVERTED = icc.table(icc.srgb_light()[::-1])

RAMP = np.arange(0, 256, 17, dtype=np.uint8)
COLOURS = np.stack(np.meshgrid(RAMP, RAMP, RAMP), axis=-1).reshape(64, 64, 3)
"""Colours evenly over all that RGB can be."""


def luma_change(profile: bytes) -> int:
    """Return by how much conversion changes the luma of any colour at most."""
    transform = transform_of(profile)
    assert transform is not None
    shown = Image.fromarray(COLOURS)
    before = np.asarray(shown.convert("L")).astype(int)
    after = np.asarray(transform.apply(shown).convert("L")).astype(int)
    return int(np.abs(after - before).max())


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(LITTLECMS_SRGB, id="littlecms"),
        pytest.param(icc.colour_profile(SRGB_TABLE), id="table"),
        pytest.param(icc.colour_profile(icc.table(icc.srgb_light(256))), id="256"),
        pytest.param(icc.colour_profile(icc.table(icc.srgb_light(70_000))), id="huge"),
        pytest.param(icc.colour_profile(icc.SRGB_FORMULA), id="formula"),
        pytest.param(icc.grey_profile(SRGB_TABLE), id="grey"),
        pytest.param(
            icc.colour_profile(SRGB_TABLE, says=b"hostile"),
            id="named otherwise",
        ),
    ],
)
def test_srgb_needs_no_conversion(profile: bytes) -> None:
    """However its curve is written, and whatever it is called, sRGB is sRGB."""
    assert not needs_conversion(profile)


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(icc.colour_profile(INVERTED), id="inverted"),
        pytest.param(icc.colour_profile(SRGB_TABLE, icc.SRGB[::-1]), id="rotated"),
        pytest.param(icc.colour_profile(icc.power(8)), id="gamma 8"),
        pytest.param(icc.colour_profile(icc.power(2.2), icc.ADOBE), id="Adobe RGB"),
        pytest.param(icc.colour_profile(SRGB_TABLE, icc.DISPLAY_P3), id="Display P3"),
        pytest.param(icc.grey_profile(INVERTED), id="inverted grey"),
        pytest.param(icc.grey_profile(icc.formula(0, 1.0)), id="linear grey"),
        pytest.param(icc.colour_profile(b"curv" + bytes(8)), id="linear"),
        pytest.param(
            icc.colour_profile(SRGB_TABLE, more={b"A2B0": b"mft2" + bytes(60)}),
            id="a table beside",
        ),
        pytest.param(icc.profile({}, samples=b"CMYK"), id="CMYK"),
        pytest.param(icc.colour_profile(icc.formula(9, 1.0)), id="unknown formula"),
        pytest.param(icc.colour_profile(SRGB_TABLE[:-2]), id="curve cut off"),
    ],
)
def test_other_profiles_need_conversion(profile: bytes) -> None:
    """A profile that is called sRGB and is another one is converted."""
    assert b"sRGB" in profile
    assert needs_conversion(profile)


def test_curve_that_differs_at_one_value_needs_conversion() -> None:
    """Every value that a sample can have is compared."""
    light = icc.srgb_light(256)
    light[100] = light[110]

    assert needs_conversion(icc.colour_profile(icc.table(light)))


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(None, id="none"),
        pytest.param(b"", id="empty"),
        pytest.param(b"no profile" * 40, id="garbage"),
        pytest.param(LITTLECMS_SRGB[:128].replace(b"acsp", b"scpa"), id="no signature"),
    ],
)
def test_what_is_no_profile_needs_no_conversion(profile: bytes | None) -> None:
    """Browsers ignore it, so they show the stored values."""
    assert not needs_conversion(profile)


def test_profile_that_is_too_large_is_not_passed_over() -> None:
    """It changes the shown picture in an unknown way."""
    whole = icc.colour_profile(INVERTED) + bytes(MAX_PROFILE_BYTES)
    large = len(whole).to_bytes(4, "big") + whole[4:]

    assert needs_conversion(large)
    assert transform_of(large) is None


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(
            icc.colour_profile(
                SRGB_TABLE, more={b"x%03d" % at: b"text" + bytes(8) for at in range(97)}
            ),
            id="more tags than littlecms reads",
        ),
        pytest.param(
            icc.renamed(
                icc.colour_profile(SRGB_TABLE, more={b"zTRC": INVERTED}),
                b"zTRC",
                b"rTRC",
            ),
            id="a curve twice",
        ),
        pytest.param(
            icc.colour_profile(SRGB_TABLE, more={b"cicp": b"cicp" + bytes(8)}),
            id="code points",
        ),
        pytest.param(
            icc.colour_profile(SRGB_TABLE, more={b"D2B0": b"mpet" + bytes(60)}),
            id="a table that few know",
        ),
        pytest.param(
            icc.headed(icc.colour_profile(SRGB_TABLE), at=12, to=b"link"), id="a link"
        ),
        pytest.param(
            icc.headed(icc.colour_profile(SRGB_TABLE), at=8, to=b"\5"), id="version 5"
        ),
        pytest.param(
            icc.headed(icc.colour_profile(SRGB_TABLE), at=20, to=b"Lab "), id="Lab"
        ),
    ],
)
def test_profile_that_programs_may_read_differently_is_not_srgb(
    profile: bytes,
) -> None:
    """Where only some programs see the curves of sRGB, all ways are shown."""
    assert needs_conversion(profile)


def test_padding_behind_a_profile_changes_nothing() -> None:
    """A profile states its length, and browsers skip the rest."""
    padded = icc.colour_profile(INVERTED) + bytes(MAX_PROFILE_BYTES)

    assert needs_conversion(padded)
    assert transform_of(padded) is not None


@given(
    gamma=st.floats(2.0, 2.6),
    shift=st.floats(0.0, 0.1),
    moves=st.lists(st.floats(-0.006, 0.006), min_size=9, max_size=9),
)
def test_conversion_that_is_left_out_changes_little(
    gamma: float, shift: float, moves: list[float]
) -> None:
    """Where no conversion is needed, littlecms changes luma by 10 steps at most."""
    primaries = (np.array(icc.SRGB) + np.reshape(moves, (3, 3))).tolist()
    curve = icc.formula(
        3, gamma, 1 / (1 + shift), shift / (1 + shift), 1 / 12.92, 0.04045
    )
    profile = icc.colour_profile(curve, primaries)

    assert needs_conversion(profile) or luma_change(profile) <= 10


@given(profile=st.binary(max_size=400), at=st.integers(0, 600))
def test_no_bytes_raise(profile: bytes, at: int) -> None:
    """Whatever is put into a profile, or stands for one, ends as a value."""
    whole = icc.colour_profile(icc.SRGB_FORMULA, icc.DISPLAY_P3)
    for content in (profile, whole[:at] + profile + whole[at + len(profile) :]):
        needs_conversion(content)
        transform_of(content)


@pytest.mark.parametrize(
    ("profile", "mode"),
    [
        (icc.colour_profile(SRGB_TABLE), "RGB"),
        (icc.grey_profile(SRGB_TABLE), "L"),
        (icc.profile({}, samples=b"CMYK"), "CMYK"),
        (icc.profile({}, samples=b"Luv "), "RGB"),
        (b"short", None),
    ],
)
def test_profile_says_what_its_samples_are(profile: bytes, mode: str | None) -> None:
    """A profile is for the samples that its header names."""
    assert samples_of(profile) == mode


def test_transform_turns_a_negative_into_a_positive() -> None:
    """Browsers show the negative of a picture with falling curves."""
    transform = transform_of(icc.colour_profile(INVERTED))
    assert transform is not None
    stored = Image.fromarray(COLOURS)
    shown = np.asarray(transform.apply(stored)).astype(int)

    assert np.abs(shown - (255 - COLOURS)).max() <= 3


def test_refused_profile_has_no_transform() -> None:
    """Littlecms refuses a profile without curves; that is not an error."""
    assert transform_of(icc.profile({})) is None


def test_large_profile_is_read_like_a_small_one() -> None:
    """A profile that is too large for the cache is still converted."""
    padding = {b"padd": b"data" + bytes(100_000)}
    profile = icc.colour_profile(INVERTED, more=padding)

    assert needs_conversion(profile)
    assert transform_of(profile) is not None


def grey_change(curve: bytes) -> int:
    """Return by how much littlecms changes any grey with a curve."""
    transform = transform_of(icc.grey_profile(curve))
    assert transform is not None
    greys = np.arange(256, dtype=np.uint8)[None]
    shown = np.asarray(transform.apply(Image.fromarray(greys)).convert("L"))
    return int(np.abs(shown.astype(int) - greys).max())


@given(
    gamma=st.floats(1.8, 2.8),
    bend=st.floats(0.0, 0.12),
    slope=st.floats(0.05, 0.1),
    limit=st.floats(0.0, 0.1),
    lift=st.floats(-0.01, 0.01),
    kind=st.integers(0, 4),
)
def test_formulas_are_read_as_littlecms_reads_them(
    gamma: float, bend: float, slope: float, limit: float, lift: float, kind: int
) -> None:
    """Every type of formula that changes greys by more than six is converted."""
    a, b = 1 / (1 + bend), bend / (1 + bend)
    numbers = {
        0: (gamma,),
        1: (gamma, a, b),
        2: (gamma, a, b, lift),
        3: (gamma, a, b, slope, limit),
        4: (gamma, a, b, slope, limit, lift, 0.0),
    }[kind]
    curve = icc.formula(kind, *numbers)

    change = grey_change(curve)

    if needs_conversion(icc.grey_profile(curve)):
        assert change >= 1
    else:
        assert change <= 6


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        (1, (2.4, 1 / 1.055, 0.055 / 1.055)),
        (2, (2.4, 1 / 1.055, 0.055 / 1.055, 0.0)),
        (4, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0.0, 0.0)),
    ],
)
def test_srgb_in_other_formulas_needs_no_conversion(
    kind: int, numbers: tuple[float, ...]
) -> None:
    """All but the first type can say sRGB, or nearly."""
    assert not needs_conversion(icc.grey_profile(icc.formula(kind, *numbers)))


def test_formula_that_is_cut_off_needs_conversion() -> None:
    """An unreadable profile is left to littlecms."""
    profile = icc.profile({b"kTRC": icc.SRGB_FORMULA[:-4]}, samples=b"GRAY")

    assert needs_conversion(profile)


def test_curve_without_its_kind_needs_conversion() -> None:
    """So is a tag that is not a curve."""
    assert needs_conversion(icc.grey_profile(b"text" + bytes(40)))
    assert needs_conversion(icc.profile({}, samples=b"GRAY"))


@pytest.mark.parametrize("kind", [b"mft1", b"mft2", b"mAB "])
@pytest.mark.parametrize("inputs", [1, 2, 3, 4])
@pytest.mark.parametrize("samples", [b"RGB ", b"GRAY", b"CMYK"])
def test_table_for_other_samples_contradicts(
    samples: bytes, inputs: int, kind: bytes
) -> None:
    """Each colour of a sample goes into the table."""
    table = kind + bytes(4) + bytes((inputs, 3)) + bytes(40)
    profile = icc.profile({b"A2B1": table}, samples=samples)

    is_right = inputs == {b"RGB ": 3, b"GRAY": 1, b"CMYK": 4}[samples]
    assert contradicts_itself(profile) is not is_right


@given(content=st.binary(max_size=300), kept=st.integers(0, 600))
def test_any_bytes_may_contradict_themselves(content: bytes, kept: int) -> None:
    """Truncated or invalid bytes raise nothing."""
    profile = icc.profile({b"A2B0": b"mft1" + content})

    contradicts_itself(content)
    contradicts_itself(profile[:kept])
