"""Describe the lasting records in words: changes, and the totals of a day."""

from collections import Counter
from collections.abc import Mapping

from uploadfilter.decisions.records.lasting import (
    By,
    ChangeRecord,
    DayTotals,
    TotalRecord,
)
from uploadfilter.model import Verdict

SHOWN_CHARACTERS = 400
"""Most characters of a change's details in a table; the JSON has all of them."""


def change_words(record: ChangeRecord) -> str:
    """Return a change in words: its kind, subject, author and details."""
    words = [f"{record.change}"]
    if record.subject:
        words.append(record.subject)
    words.append(f"by {by_words(record.by)}")
    if record.at != record.time:
        words.append(f"at {record.at:%Y-%m-%d %H:%M:%S}")
    if record.generation is not None:
        words.append(f"generation {record.generation}")
    details = _details(record.details)
    if details:
        words.append(details)
    return "  ".join(words)


def by_words(by: By | None) -> str:
    """Return the author of a change in words."""
    if by is None:
        return "an unknown user"
    user = by.user or f"uid {by.uid}"
    for other in (by.sudo_user, by.login):
        if other not in (None, by.user):
            return f"{user} ({other})"
    return user


def _details(details: Mapping[str, object]) -> str:
    words = ", ".join(f"{name}: {_value(value)}" for name, value in details.items())
    if len(words) <= SHOWN_CHARACTERS:
        return words
    return words[: SHOWN_CHARACTERS - 3] + "..."


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return f"({_details(value)})"
    if isinstance(value, list | tuple):
        return " ".join(_value(item) for item in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def total_words(record: TotalRecord) -> str:
    """Return the totals of a day in words."""
    return f"{record.totals.day}  {totals_words(record.totals)}"


def totals_words(totals: DayTotals) -> str:
    """Return counts in words: uploads, verdicts, and effects."""
    verdicts: Counter[str] = Counter()
    effects: Counter[str] = Counter()
    for row in totals.uploads:
        verdicts[row.verdict] += row.uploads
        effects[row.effect] += row.uploads
    words = [f"{verdicts.total():,} uploads"]
    words += [f"{verdicts[it]:,} {it}" for it in Verdict if verdicts[it]]
    words += [f"{count:,} {effect}" for effect, count in sorted(effects.items())]
    sheds = sum(row.uploads for row in totals.sheds)
    if sheds:
        words.append(f"{sheds:,} without a decision")
    return ", ".join(words)
