"""Read files in foreign formats directly, record by record.

Each record becomes the equivalent JSON line (ADR 0024), so that records follow all
rules of lines: ids, categories, lengths, degenerate signals, counts.

To add a format, write a ``ForeignFormat`` like that of ``vics.py``, add it to
``FOREIGN``, to ``NamedFormat`` (``cli/hashset/layouts.py``) and as a ``Subject`` to
``tests/hashsets/test_foreign.py``, which runs ``tests/conformance/foreign.py``; then
its clauses in ``hashsets/FORMAT.md``.
"""

from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import Any, Final

import msgspec

from uploadfilter.hashsets.foreign.exchanges import STOP_NCII, THREAT_EXCHANGE
from uploadfilter.hashsets.foreign.form import ForeignFormat
from uploadfilter.hashsets.foreign.misp import MISP
from uploadfilter.hashsets.foreign.ncmec import NCMEC
from uploadfilter.hashsets.foreign.recognising import text_of
from uploadfilter.hashsets.foreign.vics import VICS
from uploadfilter.hashsets.lines.items import IdOf, common_category, made_id
from uploadfilter.hashsets.lines.rows import Numbered
from uploadfilter.hashsets.tally import Problem, Tally

TICK_RECORDS: Final = 1 << 13
"""Records between two reports of progress: some 50 ms of VICS."""

FOREIGN: Final[tuple[ForeignFormat, ...]] = (
    VICS,
    NCMEC,
    STOP_NCII,
    THREAT_EXCHANGE,
    MISP,
)
"""All foreign formats, in the order in which they are tried."""


def known_by(head: bytes) -> ForeignFormat | None:
    """Return the format of a file, by its beginning; ``None`` if it is unknown."""
    text = text_of(head)
    if text is None:
        return None
    return next((form for form in FOREIGN if form.beginning.match(text)), None)


def foreign_rows(
    file: BufferedReader,
    form: ForeignFormat,
    *,
    categories: frozenset[str] | None,
    id_of: IdOf,
    tally: Tally,
    tick: Callable[[], None],
) -> Iterator[Numbered]:
    """Yield the records of a file as JSON lines, each with its number.

    Args:
        file: At its start.
        form: The format that it is in.
        categories: The allowed categories, ``None`` allows all. If records have none,
            it must be exactly one, which every entry gets.
        id_of: Makes ids if records have none.
        tally: Counts omissions.
        tick: Called every ``TICK_RECORDS`` records.

    Raises:
        HashSetFormatError: The file is broken, or cut off.
        UsageError: Records have no category, and there is not exactly one.
    """
    common = None
    if not form.has_categories:
        common = common_category(
            categories,
            what="no record of this format",
            hint="Give exactly one --category, which every entry gets.",
        )
    harmless = tally.foreign.harmless if tally.foreign else frozenset()
    for record in form.records(file):
        tally.lines += 1
        if not tally.lines % TICK_RECORDS:
            tick()
        is_problem = isinstance(record, Problem)
        made = record if is_problem else form.item(record, tally)
        if isinstance(made, Problem):
            tally.note(made)
            continue
        category = common or _text_of(made.get("category"))
        if isinstance(category, str) and category in harmless:
            tally.saw_category(category)
            tally.note(Problem.HARMLESS)
            continue
        made["category"] = category
        entry_id = _text_of(made.get("id"))
        made["id"] = made_id(made, id_of) if entry_id is None else entry_id
        try:
            yield tally.lines, msgspec.json.encode(made)
        except UnicodeEncodeError:
            # JSON can hold a lone surrogate, which no valid text has.
            tally.note(Problem.NOT_JSON)


def _text_of(value: Any) -> Any:  # noqa: ANN401 -- what it is, the line's parser judges
    """Return an integer as text, so that the line is plain."""
    # A boolean is not a number.
    return str(value) if type(value) is int else value
