"""Count the cost of a walk, and end the whole walk or only its search.

Contents that begin like a picture are looked at up to the budgets of the content. The
*search* looks for more pictures: in the middle of bytes, and in strings of contents
that no site reads as text. It has a share of each budget, so that an expensive search
does not keep the walk from later contents that begin like a picture. When the share is
used up, contents that were not searched fall short for that reason.

Rules this module keeps: it only counts; the clock is a parameter.
"""

from collections.abc import Callable, Iterator
from typing import Final

from uploadfilter.model import Reason

SEARCH_SHARE: Final = 0.5
"""Share of CPU seconds, contents and signals that the search may use. The rest is for
contents that begin like a picture."""

_SEARCH_S: Final = 0.2
_SEARCH_PER_MIB_S: Final = 0.15
"""Most CPU seconds of the search for each MiB that was sent: short contents cost
little, whatever is packed into them. A package of 3,700 texts in 8 MiB takes about one
second."""

_PATIENCE_S: Final = 0.05
_PATIENCE_PER_GIB_S: Final = 2.0
"""CPU seconds for candidates that do not decode, for each GiB that is carved.

A content and all contents nested in it share one account, since each of them could
otherwise cost as much. Random bytes take a hundredth of a second for each GiB. Bytes
that consist only of beginnings, each of which fails late, would take all of it.
"""


_FOUND_S: Final = 0.1
_FOUND_PER_MIB_S: Final = 0.02
"""CPU seconds for pictures in the middle of bytes, for each MiB that was sent: enough
for one or two large ones in any file, and for all that a file holds unchanged: a photo
of twelve megapixels has four MiB and takes 0.08 s. A video has thousands."""


_VIDEO_S: Final = 1.0
_VIDEO_PER_MIB_S: Final = 0.1
_MOST_VIDEO_S: Final = 30.0
"""CPU seconds for the frames of videos, for each MiB that was sent, and at most. A
minute of a phone's camera in full HD has 120 MiB; all of its frames take 12 s."""

_VIDEO_SHARE: Final = 0.5
"""Share of the seconds that are left which one video may use: others may follow."""


class Ended(Exception):  # noqa: N818  # not an error: it becomes a reason
    """A budget of the whole content is used up."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class SearchOver(Exception):  # noqa: N818  # the same
    """The search ends here; the walk goes on after it."""


class Accounts:
    """The accounts of one walk through one content.

    Args:
        clock: Tells the CPU seconds that this process used.
        deadline_s: Time on that clock after which no further step is begun; ``None``
            for no limit.
        contents: Most nested contents that the walk may find.
        signals: Most signals of all views.
        content_bytes: Length of the content.

    Attributes:
        unsent_contents: Nested contents that were counted since it was last set to 0.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        deadline_s: float | None,
        contents: int,
        signals: int,
        content_bytes: int,
    ) -> None:
        self._clock = clock
        self._deadline_s = deadline_s
        self._contents_left = contents
        self.unsent_contents = 0
        self._signals_left = signals
        self._patience_s = _PATIENCE_S
        # The accounts of the search:
        self._is_searching = False
        self._search_begun_s = 0.0
        self._search_left_s: float | None = None
        if deadline_s is not None:
            self._search_left_s = min(
                SEARCH_SHARE * (deadline_s - clock()),
                _SEARCH_S + _SEARCH_PER_MIB_S * content_bytes / (1 << 20),
            )
        self._found_left_s: float | None = None
        if deadline_s is not None:
            mib = content_bytes / (1 << 20)
            self._found_left_s = _FOUND_S + _FOUND_PER_MIB_S * mib
        self._video_left_s = min(
            _VIDEO_S + _VIDEO_PER_MIB_S * content_bytes / (1 << 20), _MOST_VIDEO_S
        )
        self._search_contents_left = int(SEARCH_SHARE * contents)
        self._search_signals_left = int(SEARCH_SHARE * signals)

    def check_time(self) -> None:
        """End the search or the walk if no time is left for another step.

        Raises:
            SearchOver: The search has used up its share.
            Ended: The walk has used up everything.
        """
        if self._is_searching and self._is_search_spent:
            raise SearchOver
        if self._deadline_s is not None and self._clock() > self._deadline_s:
            raise self.end(Reason.OUT_OF_TIME)

    def count_content(self) -> None:
        """Count a nested content that was found.

        Raises:
            SearchOver: The search may not find more.
            Ended: The walk may not find more.
        """
        self._contents_left -= 1
        self.unsent_contents += 1
        if self._is_searching:
            self._search_contents_left -= 1
            if self._search_contents_left < 0:
                raise SearchOver
        if self._contents_left < 0:
            raise self.end(Reason.TOO_MANY_CONTENTS)

    def pass_over(self) -> None:
        """Count a member without bytes, which is not a content: no set lists it.

        Raises:
            SearchOver: The search has used up its share.
            Ended: The walk has used up everything.
        """
        self.count_content()
        self.check_time()

    @property
    def has_room(self) -> bool:
        """Return whether another nested content may be found."""
        if self._is_searching and self._search_contents_left <= 0:
            return False
        return self._contents_left > 0

    def count_signals(self, count: int) -> None:
        """Count the signals of a view that was made.

        Raises:
            SearchOver: The search has too many signals.
            Ended: The content has too many signals.
        """
        self._signals_left -= count
        if self._is_searching:
            self._search_signals_left -= count
            if self._search_signals_left < 0:
                raise SearchOver
        if self._signals_left < 0:
            raise self.end(Reason.TOO_MANY_SIGNALS)

    def end(self, reason: Reason) -> Ended | SearchOver:
        """Return the exception that ends the walk, or only the search in progress."""
        return SearchOver() if self._is_searching else Ended(reason)

    def searching(
        self, steps: Iterator[None], fall_short: Callable[[Reason], None]
    ) -> Iterator[None]:
        """Take the steps of a search, up to its share.

        Args:
            steps: The steps; they are not begun if nothing of the share is left.
            fall_short: Called if not all steps were taken.
        """
        if self._is_searching:
            yield from steps
            return
        if self._is_search_spent:
            fall_short(Reason.SEARCH_UNFINISHED)
            return
        self._is_searching = True
        self._search_begun_s = self._clock()
        try:
            yield from steps
        except SearchOver:
            fall_short(Reason.SEARCH_UNFINISHED)
        finally:
            self._is_searching = False
            if self._search_left_s is not None:
                self._search_left_s -= self._clock() - self._search_begun_s

    # --- Videos --------------------------------------------------------------------

    @property
    def signals_left(self) -> int:
        """The number of signals that may still be made."""
        left = self._signals_left
        return min(left, self._search_signals_left) if self._is_searching else left

    @property
    def video_until_s(self) -> float | None:
        """The time after which no frame of the next video is decoded."""
        if self._deadline_s is None:
            return None
        now_s = self._clock()
        left_s = min(self._video_left_s, _VIDEO_SHARE * (self._deadline_s - now_s))
        return now_s + left_s

    def count_video(self, seconds: float) -> None:
        """Count the CPU seconds of a video."""
        self._video_left_s -= seconds

    # --- Candidates that do not decode ---------------------------------------------

    def carve(self, size: int) -> None:
        """Note the length of a content that is about to be carved."""
        self._patience_s += _PATIENCE_PER_GIB_S * size / (1 << 30)

    @property
    def has_patience(self) -> bool:
        """Return whether more candidates are tried: few enough have failed so far.

        There must also be time for another one that is a picture.
        """
        has_time = self._found_left_s is None or self._found_left_s > 0
        return has_time and self._patience_s > 0

    def waste(self, seconds: float) -> None:
        """Count the CPU seconds of a candidate that does not decode."""
        self._patience_s -= seconds

    def found(self, seconds: float) -> None:
        """Count the CPU seconds of a picture in the middle of bytes."""
        if self._found_left_s is not None:
            self._found_left_s -= seconds

    @property
    def _is_search_spent(self) -> bool:
        if self._search_contents_left < 0 or self._search_signals_left < 0:
            return True
        if self._search_left_s is None:
            return False
        running = self._is_searching
        spent_s = self._clock() - self._search_begun_s if running else 0.0
        return spent_s >= self._search_left_s
