"""Decide whether an upload shows enough of a listed film.

An entry may list the frames of a film (vPDQ). One of them says little: an opening title
is in many films. So such frames count together, as a share of the *listed* film: what
else an upload holds does not matter, or padding would hide every film.

Rules this module keeps: it is pure; a film of which one picture is found is not found.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from math import ceil
from typing import Final, Generic, TypeVar

from uploadfilter.model import Match

FILM_WINDOW: Final = "film:"
"""The window of a signal that is one of so many frames of a film: ``film:37``."""

SHARE: Final = 0.2
"""Share of the frames of a listed film that an upload has to show."""

LEAST_FRAMES: Final = 2
"""Fewest frames, of the list and of the upload."""

_FRAME: Final = re.compile(r"(?:track:\d+/)?(?:ms|frame):\d+")

T = TypeVar("T")


def film_frames(window: str) -> int:
    """Return of how many frames of a film a signal is one; 0 if it is of a picture.

    >>> film_frames("film:37"), film_frames("full")
    (37, 0)
    """
    is_of_film = window.startswith(FILM_WINDOW)
    return int(window.removeprefix(FILM_WINDOW)) if is_of_film else 0


class FilmSearch(Generic[T]):
    """Frames of listed films, until it is known whether there are enough."""

    def __init__(self) -> None:
        self._found: defaultdict[tuple[str, str], list[T]] = defaultdict(list)
        self._values: defaultdict[tuple[str, str], set[bytes]] = defaultdict(set)
        self._shown: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(
            set
        )
        self._frames: dict[tuple[str, str], int] = {}

    def add(self, found: T, match: Match, frames: int, value: bytes) -> None:
        """Note that a frame of a film is shown.

        Args:
            found: Anything that ``enough`` yields for this frame.
            match: Where it is shown; the views of one frame of an upload count as one.
            frames: How many frames of the film are listed.
            value: Signal of the listed frame.
        """
        film = (match.set, match.entry)
        shown = _FRAME.search(match.view or "")
        self._found[film].append(found)
        self._values[film].add(value)
        self._shown[film].add((match.content, shown[0] if shown else ""))
        self._frames[film] = max(frames, self._frames.get(film, 0))

    def enough(self) -> Iterator[T]:
        """Yield everything that was noted of films with enough frames."""
        for film, found in self._found.items():
            least = max(LEAST_FRAMES, ceil(SHARE * self._frames[film]))
            has_list = len(self._values[film]) >= least
            if has_list and len(self._shown[film]) >= LEAST_FRAMES:
                yield from found
