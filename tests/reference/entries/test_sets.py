"""A hash set's name can be used everywhere."""

import pytest

from uploadfilter.reference.entries.sets import LOCAL_ISSUER, SetInfo


def info(name: str) -> SetInfo:
    """Return the description of a set of that name."""
    return SetInfo(
        name=name, issuer=LOCAL_ISSUER, categories=(), enforced=False, imported_at=0
    )


@pytest.mark.parametrize("name", ["a", "0", "unit-7", "x.y_z-1", "a" * 63])
def test_plain_names_are_taken(name: str) -> None:
    """Small letters, digits, dots, dashes and underscores make a name."""
    assert info(name).name == name


@pytest.mark.parametrize(
    "name",
    ["", "A", "a b", "-a", ".a", "..", "a/b", "a\n", "a" * 64, "é", "a\x1b[31m", "~"],
)
def test_names_that_could_not_be_used_everywhere_are_refused(name: str) -> None:
    """A text that a shell, a path, a terminal or a label could misread is refused."""
    with pytest.raises(ValueError, match="hash set name"):
        info(name)
