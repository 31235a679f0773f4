"""Notices for tests."""

from tests.objecting.objections import NOON_S
from uploadfilter.noticing.notices import HotlineNotice


def notice(number: int = 1, *, where: str = "https://site.example/a") -> HotlineNotice:
    """Return a notice."""
    return HotlineNotice(
        id=f"{number:032x}",
        received_s=NOON_S + number,
        where=where,
        what="In the second post.",
        contact="a@example.org",
    )
