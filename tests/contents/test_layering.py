"""Two files become one, or say why they do not."""

from uploadfilter.contents.kinds import magic
from uploadfilter.contents.layering import layered
from uploadfilter.contents.unpackers import DAMAGED


def test_two_files_stand_behind_each_other() -> None:
    """Behind the magic comes the length of the first."""
    file = b"".join(
        part
        for part in layered(iter([b"co", b"lours"]), iter([b"alpha"]))
        if isinstance(part, bytes)
    )

    assert file == magic.LAYERED_MAGIC + (7).to_bytes(8, "big") + b"coloursalpha"
    assert magic.sniff(file) is magic.Kind.LAYERED


def test_shortfall_of_either_is_that_of_both() -> None:
    """Half of it shows nothing that anybody sees."""
    assert list(layered(iter([b"a", DAMAGED]), iter([b"b"]))) == [DAMAGED]
    assert list(layered(iter([b"a"]), iter([DAMAGED]))) == [DAMAGED]
