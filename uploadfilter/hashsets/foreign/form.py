"""What a foreign format is: how it is recognised, and how its records are read."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import Any

from uploadfilter.hashsets.foreign.documents import DocumentShape, records
from uploadfilter.hashsets.lines.items import Item
from uploadfilter.hashsets.tally import ForeignFacts, Problem, Tally


@dataclass(frozen=True, kw_only=True)
class ForeignFormat:
    """A foreign format.

    Attributes:
        name: Its name in ``--format``.
        title: Its description.
        has_categories: Whether its records say their category. If not, the operator
            names one, as for a list.
        beginning: Fits the first thousand characters of such a file, which have neither
            a byte order mark nor white space before them.
        records: Yields the records of a file, in memory that does not grow with it; a
            problem for another value in their place. It raises ``HashSetFormatError``
            for a file that is broken, or cut off.
        item: Returns the item of a record, or the reason why it is left out.
        facts_of: Returns the facts that a beginning shows; ``None``: only the name.
    """

    name: str
    title: str
    has_categories: bool
    beginning: re.Pattern[str]
    records: Callable[[BufferedReader], Iterator[Any]]
    item: Callable[[Any, Tally], Item | Problem]
    facts_of: Callable[[str], ForeignFacts] | None = None

    def facts(self, text: str) -> ForeignFacts:
        """Return the facts that the beginning of a file shows."""
        if self.facts_of is None:
            return ForeignFacts(name=self.name, title=self.title)
        return self.facts_of(text)


def json_records(
    shape: DocumentShape,
) -> Callable[[BufferedReader], Iterator[dict[str, Any] | Problem]]:
    """Return the function that yields the records of JSON documents."""
    return lambda file: records(file, shape)
