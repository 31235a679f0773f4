"""Cut the centre out of a picture, for the *windows* that an issuer publishes.

A copy that was cut shows less than the whole, but nearly always the whole of a window
of the centre: nothing of it must be guessed. So the PDQ of two windows, beside that of
the whole, lets cuts be found that the whole alone does not tell from chance.

Only an issuer's scans make them: an upload is searched for windows by the soft views of
its plane (``soft/windows.py``).
"""

from collections.abc import Iterator, Mapping
from typing import Final

from uploadfilter.pictures.picture import Blend, Picture, part_of

WINDOWS: Final[Mapping[str, float]] = {"c60": 0.6, "c80": 0.8}
"""The windows that are made, by ``EntrySignal.window``: the share of each side that the
centre has. A copy without a fifth at any side still shows all of ``c60``; ``c80`` has
more detail in common with a copy that lost a little."""

ATOM: Final = "window"
"""The word of a window in the name of a view: ``window:60``."""


def atom_of(window: str) -> str:
    """Return the part of a view's name that says that it shows a window."""
    return f"{ATOM}:{window.removeprefix('c')}"


def window_of(view: str) -> str | None:
    """Return the window that a view shows, by its name; ``None`` if it shows none."""
    word, _, share = view.rpartition("/")[2].partition(":")
    return f"c{share}" if word == ATOM else None


def windows_of(picture: Picture | Blend) -> Iterator[tuple[str, Picture | Blend]]:
    """Yield the windows of a picture, and the name of each."""
    for name, share in WINDOWS.items():
        yield name, _centre(picture, share)


def _centre(picture: Picture | Blend, share: float) -> Picture | Blend:
    if isinstance(picture, Blend):
        one, other = (_cut(each, share) for each in (picture.one, picture.other))
        return Blend(one=one, other=other, share=picture.share)
    return _cut(picture, share)


def _cut(picture: Picture, share: float) -> Picture:
    rows, columns = (_kept(side, share) for side in picture.plane.shape)
    return part_of(picture.plane, picture.shape, rows, columns)


def _kept(side: int, share: float) -> slice:
    """Return the pixels of the centre: at least one, the same at both ends."""
    cut = min(round(side * (1 - share) / 2), (side - 1) // 2)
    return slice(cut, side - cut)
