"""Sessions of reviewers in their browsers.

Rules this module keeps: it is pure, and gets random texts as arguments; a session ends
after some time without a request, at the end of a working day, and when its account
changes; each has a number for its forms, which no other site knows.
"""

import hmac
from dataclasses import dataclass
from typing import Final

COOKIE: Final = "uploadfilter_review"

IDLE_S: Final = 1800.0
"""Seconds without a request after which a session ends."""

LONGEST_S: Final = 36_000.0
"""Seconds after which one ends in any case: a long working day."""

MOST_SESSIONS: Final = 200
"""Sessions at a time: two browsers for each reviewer."""


@dataclass(slots=True, kw_only=True)
class ReviewSession:
    """The session of one reviewer.

    Attributes:
        reviewer: The account.
        mark: Changes with the account.
        form: The number in the forms of its pages.
        begun_s: When it began, in monotonic seconds.
        used_s: When it was used last, in monotonic seconds.
    """

    reviewer: str
    mark: str
    form: str
    begun_s: float
    used_s: float

    def is_over(self, *, now_s: float) -> bool:
        """Return whether it has ended.

        Args:
            now_s: Monotonic seconds.
        """
        return now_s - self.used_s >= IDLE_S or now_s - self.begun_s >= LONGEST_S

    def knows_form(self, number: str) -> bool:
        """Return whether a form is one of this session's pages."""
        return hmac.compare_digest(
            number.encode("utf-8", "replace"), self.form.encode()
        )


class ReviewSessions:
    """The sessions of all reviewers, in memory: a restart ends them."""

    def __init__(self) -> None:
        self._sessions: dict[str, ReviewSession] = {}

    def begin(
        self, reviewer: str, *, mark: str, cookie: str, form: str, now_s: float
    ) -> None:
        """Begin a session.

        Args:
            reviewer: The account.
            mark: Changes with the account.
            cookie: A random text, which the browser gets.
            form: A random text, which the forms get.
            now_s: Monotonic seconds.
        """
        self._forget(now_s)
        while len(self._sessions) >= MOST_SESSIONS:
            oldest = min(self._sessions, key=lambda it: self._sessions[it].used_s)
            del self._sessions[oldest]
        self._sessions[cookie] = ReviewSession(
            reviewer=reviewer, mark=mark, form=form, begun_s=now_s, used_s=now_s
        )

    def use(self, cookie: str, *, now_s: float) -> ReviewSession | None:
        """Return the session of a cookie; ``None`` if there is none.

        Args:
            cookie: The text that the browser sent. It has 256 random bits, so that the
                time of the look-up discloses nothing of use.
            now_s: Monotonic seconds.
        """
        found = self._sessions.get(cookie)
        if found is None or found.is_over(now_s=now_s):
            self._sessions.pop(cookie, None)
            return None
        found.used_s = now_s
        return found

    def end(self, cookie: str) -> None:
        """End a session."""
        self._sessions.pop(cookie, None)

    def _forget(self, now_s: float) -> None:
        over = [it for it, kept in self._sessions.items() if kept.is_over(now_s=now_s)]
        for cookie in over:
            del self._sessions[cookie]
