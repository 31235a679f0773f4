"""The picture format of a seed."""

from uploadfilter.pictures.formats import Format, formats_named


def format_of(name: str) -> Format:
    """Return the format of a seed."""
    return formats_named(frozenset({name.split("/", maxsplit=1)[0]}))[0]
