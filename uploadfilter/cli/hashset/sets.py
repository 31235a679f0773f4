"""Format hash sets and imports, as text and as JSON.

Rules this module keeps: names and numbers are shown, but never a signal.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from uploadfilter.cli.hashset.statuses import EntryNumbers
from uploadfilter.cli.hashset.surveys import survey_document, survey_lines, unit_of
from uploadfilter.cli.output import harmless, table
from uploadfilter.hashsets.importing import ImportReport
from uploadfilter.issuing.wording import counted, entries
from uploadfilter.reference.entries.sets import ENTRIES, SetInfo


def report_document(report: ImportReport) -> dict[str, object]:
    """Return the report of an import as a JSON object."""
    return {
        "set": set_document(report.set),
        "generation": report.generation,
        "replaced": None if report.replaced is None else set_document(report.replaced),
        **survey_document(report.survey),
    }


def report_lines(report: ImportReport) -> Iterator[Text | Table]:
    """Yield the report of an import as lines and tables."""
    survey, info = report.survey, report.set
    yield Text(
        harmless(
            f"imported {info.name!r}: {entries(info.entries)} ({_state(info)}) from "
            f"{counted(survey.lines, unit_of(survey))}; generation {report.generation}"
        ),
        style="green",
    )
    yield Text(f"signals: {', '.join(_signals(info)) or 'none'}")
    if report.replaced is not None:
        yield Text(f"replaced a set of {entries(report.replaced.entries)}")
    yield Text(f"SHA-256 of the file: {info.source.sha256}")
    if info.exact_alone:
        yield _exact_alone_line(info)
    yield from _turnover_lines(info)
    if info.source.duplicates:
        yield Text(f"{info.source.duplicates:,} entries repeat the id of another")
    yield from survey_lines(survey, info.categories)


def _exact_alone_line(info: SetInfo) -> Text:
    """Return a warning that the set may list files that are not pictures."""
    return Text(
        f"{info.exact_alone:,} entries have only exact signals, though others have "
        "perceptual ones: check that they are pictures (FORMAT.md, 6.3)",
        style="yellow",
    )


def _turnover_lines(info: SetInfo) -> Iterator[Text]:
    """Yield how many entries an import withdrew, and how many it brought back."""
    if info.source.withdrawn:
        yield Text(
            f"{info.source.withdrawn:,} earlier entries are withdrawn: the file "
            "lacks them, and no rollback brings them back",
            style="yellow",
        )
    if info.source.listed_again:
        yield Text(
            f"{info.source.listed_again:,} entries that were withdrawn are listed "
            "again and are in force",
            style="yellow",
        )


def _signals(info: SetInfo) -> Iterator[str]:
    """Yield the number of signals of each type, so that a wrong type is noticed."""
    sums: Counter[str] = Counter()
    for counts in info.counts.values():
        sums.update(counts)
    for word, count in sorted(sums.items()):
        if word != ENTRIES:
            yield f"{count:,} {word}"


def set_document(info: SetInfo) -> dict[str, object]:
    """Return a hash set as a JSON object."""
    return {
        "name": info.name,
        "issuer": info.issuer,
        "categories": info.categories,
        "enforced": info.enforced,
        "imported_at": datetime.fromtimestamp(info.imported_at, UTC),
        "entries": info.entries,
        "revoked": info.revoked,
        "exact_alone": info.exact_alone,
        "counts": info.counts,
        "source": {
            "sha256": info.source.sha256 or None,
            "bytes": info.source.bytes,
            "lines": info.source.lines,
            "refused": info.source.refused,
            "duplicates": info.source.duplicates,
            "withdrawn": info.source.withdrawn,
            "listed_again": info.source.listed_again,
        },
    }


def numbers_document(numbers: EntryNumbers) -> dict[str, int]:
    """Return the numbers of entries of a hash set, by state, as a JSON object."""
    return {
        "in_force": numbers.in_force,
        "canaries": numbers.canaries,
        "suppressed": numbers.suppressed,
        "quarantined": numbers.quarantined,
        "withdrawn": numbers.withdrawn,
    }


def set_lines(info: SetInfo, numbers: EntryNumbers) -> Iterator[Text]:
    """Yield the description of a hash set, which precedes its numbers."""
    words = {
        "name": info.name,
        "issuer": info.issuer,
        "state": _state(info),
        "categories": ", ".join(info.categories),
        "imported": _when(info),
        "entries": f"{info.entries:,}",
        "in force": f"{numbers.in_force:,}",
        "read": _read(info),
        "SHA-256": info.source.sha256 or "not known: an older version imported it",
    }
    if numbers.canaries:
        words["canaries"] = f"{numbers.canaries:,}"
    if numbers.quarantined:
        words["in quarantine"] = f"{numbers.quarantined:,}"
    if numbers.suppressed:
        words["suppressed"] = f"{numbers.suppressed:,}"
    if info.exact_alone:
        words["exact alone"] = f"{info.exact_alone:,}"
    if info.source.withdrawn:
        words["withdrew"] = f"{info.source.withdrawn:,} earlier entries"
    if info.source.listed_again:
        words["listed again"] = f"{info.source.listed_again:,}"
    if numbers.withdrawn:
        words["revoked"] = f"{numbers.withdrawn:,}"
    for reason, count in info.source.refused.items():
        words[f"refused: {reason}"] = f"{count:,}"
    width = max(map(len, words))
    for label, value in words.items():
        yield Text(harmless(f"{label:<{width}}  {value}"))


def _read(info: SetInfo) -> str:
    """Return the source of a set: lines of a file, or a number of a signed set."""
    if info.signed is not None:
        by = ", ".join(info.signed.signers) or "nobody"
        return f"number {info.signed.sequence:,} of a signed set, signed by {by}"
    lines = counted(info.source.lines, "line")
    return f"{lines}, {counted(info.source.duplicates, 'duplicate')}"


def counts_table(info: SetInfo) -> Table:
    """Return the numbers of entries and signals by category."""
    types = sorted({word for counts in info.counts.values() for word in counts})
    types = [ENTRIES, *(word for word in types if word != ENTRIES)]
    rows = [
        (category, *(f"{counts.get(word, 0):,}" for word in types))
        for category, counts in sorted(info.counts.items())
    ]
    return table("category", *types, rows=rows, numeric=len(types))


def sets_table(sets: Sequence[SetInfo]) -> Table:
    """Return hash sets as a table, one row each."""
    rows = [
        (
            info.name,
            info.issuer,
            _state(info),
            ", ".join(info.categories),
            _when(info),
            f"{info.entries:,}",
        )
        for info in sets
    ]
    columns = ("name", "issuer", "state", "categories", "imported", "entries")
    return table(*columns, rows=rows, numeric=1)


def _state(info: SetInfo) -> str:
    """Return whether the entries of a set may reject, in the words of the glossary."""
    return "active" if info.enforced else "monitored"


def _when(info: SetInfo) -> str:
    return f"{datetime.fromtimestamp(info.imported_at, UTC):%Y-%m-%d %H:%M}"
