"""An entry that the operator switches off for a while, and who asks for it.

Rules this module keeps: it is pure; a suppression without a reason, without a person or
without an end cannot be made.
"""

import re
from dataclasses import dataclass

from uploadfilter.errors import UsageError

SUPPRESSED_S = 72 * 3600
"""How long a suppression holds unless the operator chooses another time: over a
weekend, so that its issuer can be asked."""

MOST_SUPPRESSED_S = 30 * 24 * 3600
"""Longest suppression: the issuer should revoke an entry that is wrong for longer."""

MOST_REASON_CHARACTERS = 200
"""One sentence; the details belong in a case file elsewhere."""

_BY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""An account or initials. It is never an address, because ``@`` is not allowed."""

Key = tuple[str, str]
"""Name of a hash set, and id of one of its entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An entry that the operator switched off for a while.

    Attributes:
        set: Name of its hash set.
        entry: Id of the entry.
        reason: Text for people: one line of at most ``MOST_REASON_CHARACTERS``.
        by: Account or initials of the person who switched it off.
        since: When it was switched off, in seconds since the epoch.
        expires_at: When the suppression ends by itself, in seconds since the epoch.
    """

    set: str
    entry: str
    reason: str
    by: str
    since: int
    expires_at: int

    def holds(self, now: float) -> bool:
        """Tell whether it holds at a time, in seconds since the epoch.

        It does not if its end is further away than any end may be: then it was made
        under a clock that went ahead, and would hold until that time.
        """
        return now < self.expires_at <= now + MOST_SUPPRESSED_S

    @property
    def key(self) -> Key:
        """The entry that is suppressed."""
        return self.set, self.entry


def new_suppression(
    name: str,
    entry: str,
    *,
    reason: str,
    by: str,
    now: float,
    expires_at: float | None,
) -> Suppression:
    """Return a suppression, if its reason, name and end are acceptable.

    Args:
        name: Name of the hash set.
        entry: Id of the entry.
        reason: Text for people. It stands in files that many can read: no names.
        by: Account or initials of the person who asks for it.
        now: Seconds since the epoch.
        expires_at: When it ends, in seconds since the epoch; ``None`` means after
            ``SUPPRESSED_S``.

    Raises:
        UsageError: The reason, the account or the end cannot be used.
    """
    ends = now + SUPPRESSED_S if expires_at is None else expires_at
    if not now < ends <= now + MOST_SUPPRESSED_S:
        days = MOST_SUPPRESSED_S // 86400
        raise UsageError(
            "the end of the suppression is not in the future"
            if ends <= now
            else f"the suppression would last longer than {days} days",
            hint=f"Choose an end within the next {days} days.",
        )
    text = reason.strip()
    if not 0 < len(text) <= MOST_REASON_CHARACTERS or not _is_plain(text):
        raise UsageError(
            "a suppression needs a reason, in one line",
            hint=f"Use 1 to {MOST_REASON_CHARACTERS} printable characters, without '@':"
            " no names and no addresses.",
        )
    check_account(by, "a suppression")
    return Suppression(
        set=name,
        entry=entry,
        reason=text,
        by=by,
        since=int(now),
        expires_at=int(ends),
    )


def check_account(by: str, what: str) -> None:
    """Refuse a text that is neither an account nor initials.

    Args:
        by: The account or the initials of the person who asks for something.
        what: The thing that is asked for, as the message names it.

    Raises:
        UsageError: It is something else.
    """
    if not _BY.fullmatch(by):
        raise UsageError(
            f"{what} needs the account or the initials of the person who asks for it",
            hint="Use 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'; no address.",
        )


def _is_plain(text: str) -> bool:
    return text.isprintable() and "@" not in text
