"""Rows of the table of entries that are off."""

from uploadfilter.reference.entries.off import (
    GateFinding,
    Likeness,
    Off,
    Party,
    new_off,
)

NOW = 1_700_000_000.5

GATED = Off(
    set="s",
    entry="1",
    party=Party.GATE,
    since=5,
    finding=GateFinding(kind=Likeness.NEAR, corpus="own", distance=7, digest="77"),
)

TRIPPED = Off(set="s", entry="1", party=Party.TRIPWIRE, why="9 networks", since=5)


def row(entry: str = "1", *, until: float | None = None) -> Off:
    """Return an operator's row that begins now."""
    return new_off(("s", entry), why="ours", by="me", now=NOW, until=until)
