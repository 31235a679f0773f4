"""The families of kinds."""

from uploadfilter.contents.kinds.families import (
    FAMILIES,
    FileFamily,
    described,
    families_of,
    holds_no_files,
)
from uploadfilter.contents.kinds.magic import Kind, is_drawing, is_picture

HOMELESS = {Kind.OTHER, Kind.SQLITE, Kind.WOFF, Kind.EMPTY, Kind.DATA}
"""Kinds of no family: unknown, or nothing that a site is made for."""


def test_each_kind_has_a_family_or_is_known_to_have_none() -> None:
    """A kind that is added is placed deliberately."""
    assert {kind for kind in Kind if not families_of(kind)} == HOMELESS


def test_pictures_are_only_what_is_compared_as_a_picture() -> None:
    """A drawing is no picture, nor are files that other tools open."""
    pictures = {kind for kind in Kind if FileFamily.PICTURES in families_of(kind)}

    assert pictures == {kind for kind in Kind if is_picture(kind)} - HOMELESS
    assert not any(is_drawing(kind) for kind in pictures)
    assert all(map(holds_no_files, pictures))


def test_families_are_described_in_their_order() -> None:
    """All of them are everything."""
    assert described(FAMILIES) == "everything"
    assert (
        described(frozenset({FileFamily.TEXTS, FileFamily.PICTURES}))
        == "pictures, texts"
    )
