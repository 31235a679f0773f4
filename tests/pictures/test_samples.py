"""The harmless picture in each format."""

from uploadfilter.contents.kinds.magic import Kind, sniff
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.samples import writers


def test_every_usual_format_has_a_sample_of_its_kind() -> None:
    """A new format needs one, too, so that ``doctor`` tries its decoder."""
    made = writers(())

    assert {it.name for it in FORMATS if it.is_usual} <= set(made)
    for kind, write in made.items():
        assert sniff(write()) == kind, kind
    assert {Kind.JP2, Kind.TGA} <= set(writers(("jp2", "tga")))
