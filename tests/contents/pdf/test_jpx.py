"""A document may override the colours of a picture in JPEG 2000."""

from collections.abc import Mapping

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from tests.contents.pdf.made import document
from tests.contents.pdf.test_jpxheader import coloured, packed
from tests.scanners.scans import scanned
from uploadfilter.contents.pdf.jpx import Override, override_of
from uploadfilter.model import Reason

UNSAID = pytest.param({}, Override(), id="nothing")
SAID = [
    pytest.param({"ColorSpace": Name.DeviceRGB}, Override(count=3), id="colours"),
    pytest.param({"ColorSpace": Name.DeviceGray}, Override(count=1), id="grey"),
    pytest.param(
        {"ColorSpace": Name.DeviceRGB, "Decode": Array([0, 1] * 3)},
        Override(count=3),
        id="usual-decode",
    ),
]
ODD = [
    pytest.param({"ColorSpace": Name.DeviceCMYK}, id="inks"),
    pytest.param({"ColorSpace": Name.Pattern}, id="pattern"),
    pytest.param({"Decode": Array([1, 0])}, id="decode"),
    pytest.param({"Mask": Array([0, 9])}, id="colour-key"),
    pytest.param(
        {"ColorSpace": Array([Name.Indexed, Name.DeviceRGB, 1, b"\0\0\0abc"])},
        id="palette",
    ),
]


@pytest.mark.parametrize(("entries", "expected"), [UNSAID, *SAID])
def test_document_overrides_colours(
    entries: Mapping[str, object], expected: Override
) -> None:
    """By a space that decoders know."""
    with pikepdf.new():
        assert (
            override_of(
                Dictionary({f"/{key}": value for key, value in entries.items()})
            )
            == expected
        )


@pytest.mark.parametrize("entries", ODD)
def test_picture_in_odd_colours_is_not_passed_over(
    entries: Mapping[str, object],
) -> None:
    """Whatever its samples show, a page may show something else."""
    picture = {"Type": Name.XObject, "Subtype": Name.Image, "Filter": Name.JPXDecode}

    found = scanned(document((packed("L"), picture | dict(entries))))

    reasons = {reason for each in found.walk() for reason in each.reasons}
    assert reasons == {Reason.UNDECODABLE}
    assert any(each.views for each in found.walk())


@pytest.mark.parametrize(
    ("data", "entries", "views"),
    [
        pytest.param(packed(), {}, {"image"}, id="nothing-said"),
        pytest.param(
            packed(), {"ColorSpace": Name.DeviceRGB}, {"image"}, id="said-twice"
        ),
        pytest.param(
            coloured(18),
            {"ColorSpace": Name.DeviceRGB},
            {"image", "painted"},
            id="overridden",
        ),
    ],
)
def test_picture_in_a_document_needs_no_switch(
    data: bytes, entries: dict[str, object], views: set[str]
) -> None:
    """Scanned pages are packed so; the parts that readers may show are compared."""
    picture = {"Type": Name.XObject, "Subtype": Name.Image, "Filter": Name.JPXDecode}

    found = scanned(document((data, picture | entries)))

    seen = {each.path.rpartition("!/")[2].partition(":")[0] for each in found.contents}
    assert seen == views
    assert all(each.views and not each.reasons for each in found.contents)


def test_components_that_do_not_fit_their_space_are_not_passed_over() -> None:
    """Readers make different pictures of them."""
    picture = {
        "Subtype": Name.Image,
        "Filter": Name.JPXDecode,
        "ColorSpace": Name.DeviceGray,
    }

    found = scanned(document((packed(), picture)))

    assert Reason.UNDECODABLE in {each.reason for each in found.walk()}


def test_picture_by_itself_still_needs_the_switch() -> None:
    """The same holds in an archive, and attached to a document."""
    assert scanned(packed()).reason is Reason.UNDECODABLE
