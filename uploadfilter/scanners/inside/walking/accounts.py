"""What a walk has used up, and what ends it: the whole walk, or its search alone.

What begins like a picture is looked at up to the budgets of the content. The *search*
looks for more: for pictures in the middle of bytes, and in the strings of what no site
reads as text. It has a share of each budget, so that a content that is dear
to search does not keep the walk from what begins like a picture further on. When its
share is used up, what was not searched falls short for that reason.

Rules this module keeps: it counts, and looks at nothing; the clock is a parameter.
"""

from collections.abc import Callable, Iterator
from typing import Final

from uploadfilter.model import Reason

SEARCH_SHARE: Final = 0.5
"""Of CPU seconds, contents and signals, what the search may use up. The rest is for
what begins like a picture."""

_SEARCH_S: Final = 0.2
_SEARCH_PER_MIB_S: Final = 0.15
"""CPU seconds that the search takes at most, by the length of what was sent: short
contents cost little, whatever is packed into them. A package of 3,700 texts in 8 MiB
takes about one."""

_PATIENCE_S: Final = 0.05
_PATIENCE_PER_GIB_S: Final = 2.0
"""CPU seconds for candidates that do not decode, by the length of all that is carved.

They are one account for a content and all that is nested in it, of which each could
else be as dear. Random bytes take a hundredth of a second for each GiB. Bytes that are
made of nothing but beginnings, each of which is followed far before it fails, would
take them all.
"""


_FOUND_S: Final = 0.1
_FOUND_PER_MIB_S: Final = 0.02
"""CPU seconds for pictures that are found in the middle of bytes, by the length of what
was sent: one or two large ones in any file, and as many as are kept in it as they are:
a photo of twelve megapixels has four MiB and takes 0.08. A film has thousands."""


class Ended(Exception):  # noqa: N818  # not an error: it becomes a reason
    """A budget of the whole content is used up."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class SearchOver(Exception):  # noqa: N818  # the same
    """The search ends here; the walk goes on after it."""


class Accounts:
    """What one walk through one content has used up.

    Args:
        clock: Tells the CPU seconds that this process used.
        deadline_s: When no further step is begun, on that clock; ``None`` is never.
        contents: Nested contents that the walk may find.
        signals: Signals that all views may have.
        content_bytes: Length of the content.

    Attributes:
        unsent_contents: Nested contents that were counted since somebody set it to 0.
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
        # Of the search:
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
        self._search_contents_left = int(SEARCH_SHARE * contents)
        self._search_signals_left = int(SEARCH_SHARE * signals)

    def check_time(self) -> None:
        """End the search or the walk if there is no time for another step.

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
            SearchOver: It is more than the search may find.
            Ended: It is more than the walk may find.
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
        """Count a member without bytes, which is no content: nobody lists nothing.

        Raises:
            SearchOver: The search has used up its share.
            Ended: The walk has used up everything.
        """
        self.count_content()
        self.check_time()

    @property
    def has_room(self) -> bool:
        """Whether another nested content may be found."""
        if self._is_searching and self._search_contents_left <= 0:
            return False
        return self._contents_left > 0

    def count_signals(self, count: int) -> None:
        """Count the signals of a view that was made.

        Raises:
            SearchOver: They are more than those of the search may be.
            Ended: They are more than all may be.
        """
        self._signals_left -= count
        if self._is_searching:
            self._search_signals_left -= count
            if self._search_signals_left < 0:
                raise SearchOver
        if self._signals_left < 0:
            raise self.end(Reason.TOO_MANY_SIGNALS)

    def end(self, reason: Reason) -> Ended | SearchOver:
        """Return what ends the walk, or in the middle of a search the search alone."""
        return SearchOver() if self._is_searching else Ended(reason)

    def searching(
        self, steps: Iterator[None], fall_short: Callable[[Reason], None]
    ) -> Iterator[None]:
        """Take the steps of a search, as far as its share allows.

        Args:
            steps: The steps; not begun where nothing is left to take them with.
            fall_short: Called if they were not taken to their end.
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

    # --- Candidates that do not decode ---------------------------------------------

    def carve(self, size: int) -> None:
        """Say that a content of so many bytes is about to be carved."""
        self._patience_s += _PATIENCE_PER_GIB_S * size / (1 << 30)

    @property
    def has_patience(self) -> bool:
        """Whether more candidates are tried, as too few of them were none so far.

        And whether there is time for another one that is a picture.
        """
        has_time = self._found_left_s is None or self._found_left_s > 0
        return has_time and self._patience_s > 0

    def waste(self, seconds: float) -> None:
        """Count the CPU seconds that a candidate took which does not decode."""
        self._patience_s -= seconds

    def found(self, seconds: float) -> None:
        """Count the CPU seconds of a picture that was found in the middle of bytes."""
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
