"""Choose the decisions that the operator's page shows, by the query of its form.

Rules this module keeps: it reads text that anybody may write into an address; unknown
words are ignored, and no text in it may be long.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from uploadfilter.decisions.records.ids import written_id
from uploadfilter.web.counting.recent import (
    EVERYTHING,
    FIELDS,
    RecentDecisions,
    Wanted,
)

_MOST_CHARACTERS: Final = 64
"""Longest word that is searched for: a name of a route, or an id with blanks in it."""

_MOST_FIELDS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field of the form.

    Attributes:
        name: Its name in the address.
        label: Its name for people.
        options: The possible choices.
        chosen: The present choice; empty for any.
    """

    name: str
    label: str
    options: tuple[str, ...]
    chosen: str


def wanted_of(query: str) -> Wanted:
    """Return the filter that a query asks for.

    Args:
        query: The text after the question mark of an address.
    """
    try:
        found = parse_qs(query, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return EVERYTHING
    words = {
        name: found[name][0].strip()[:_MOST_CHARACTERS]
        for name in (*FIELDS, "id")
        if name in found
    }
    if "id" in words:
        words["id"] = written_id(words["id"]) or words["id"]
    return Wanted(**words)


def choices(recent: RecentDecisions, wanted: Wanted) -> Iterator[FormField]:
    """Yield the fields of the form, with the present choices."""
    for name, options in recent.choices().items():
        chosen: str = getattr(wanted, name)
        # A choice stays visible even if no kept decision has it any more.
        known = options if not chosen or chosen in options else (*options, chosen)
        yield FormField(
            name=name, label=name.capitalize(), options=known, chosen=chosen
        )


def words_for_none(wanted: Wanted) -> str:
    """Return why no decision is shown."""
    if wanted == EVERYTHING:
        return "Nothing was decided since the start."
    if wanted.id:
        return (
            "This decision is not among those that are kept here. The log has all of "
            f"them: uploadfilter log show --id {wanted.id}"
        )
    return "No decision that is kept here fits. The log has all of them."
