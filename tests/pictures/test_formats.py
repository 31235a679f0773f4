"""The list names the formats that may be opened, and no other is opened."""

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.pictures.formats import (
    COMMON,
    FORMATS,
    SWITCHED_ON,
    decoded,
    formats_named,
)

INTERPRETERS = {"EPS", "WMF", "EMF", "FPX", "GBR", "HDF5", "GRIB", "BUFR", "FITS"}


def test_names_are_unique() -> None:
    """A format is found by its name."""
    assert len({item.name for item in FORMATS}) == len(FORMATS)


def test_no_interpreter_is_listed() -> None:
    """A format that needs a program to show a picture is never opened."""
    assert INTERPRETERS.isdisjoint(name for item in FORMATS for name in item.pillow)


def test_formats_are_switched_on_one_by_one() -> None:
    """An operator gets the usual formats and the named ones."""
    assert decoded().isdisjoint(SWITCHED_ON)
    assert decoded(frozenset({"psd"})) == decoded() | {"psd"}


def test_common_formats_are_jpeg_and_png() -> None:
    """Only their decoders meet content after content in one process."""
    assert {"jpeg", "png"} == COMMON
    assert [item.name for item in formats_named(COMMON)] == ["jpeg", "png"]


def test_usual_formats_have_their_magic() -> None:
    """Formats that are decoded by default are told by their first bytes."""
    assert decoded() <= {kind.value for kind in Kind}
