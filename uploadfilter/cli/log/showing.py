"""Show records of the decision log: as JSON lines, as CSV, or as a table for people.

Rules this module keeps: JSON lines are the records byte for byte as they stand in the
log; a table fits 80 columns, and an id in it is never broken, so that it can be copied;
records that a table leaves out are counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, assert_never

from rich.table import Table
from rich.text import Text

from uploadfilter.cli.log.lasting import change_words, total_words
from uploadfilter.cli.output import (
    csv_line,
    harmless,
    print_text,
    say,
    table,
    write_data,
)
from uploadfilter.cli.shapes import chance_words
from uploadfilter.decisions.records.lasting import ChangeRecord, TotalRecord
from uploadfilter.decisions.records.records import (
    CanaryRecord,
    CheckpointRecord,
    CopyRecord,
    DecisionRecord,
    MatchRecord,
    OutcomeRecord,
    Record,
    SegmentRecord,
    ShedRecord,
    UnsearchedRecord,
    encode,
)
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.model import MatchKind, Variant

SHOWN_MATCHES = 3
"""Matches of one decision that a table shows; the JSON has all of them."""

COLUMNS: Final = (
    *("time", "id", "instance", "route", "mode", "verdict", "action", "effect"),
    *("would", "reason", "reasons", "status", "method", "size", "duration_ms"),
    *("contents", "matches"),
)
"""The columns of CSV; new ones come at the end."""


class RecordForm(StrEnum):
    """The form in which records are shown.

    ``DECISIONS`` is a table of decisions, and ``RECORDS`` one of records of every kind.
    """

    JSON = "json"
    CSV = "csv"
    DECISIONS = "decisions"
    RECORDS = "records"


def kind_of(record: Record) -> str:
    """Return the kind of a record, as the log names it."""
    return str(type(record).__struct_config__.tag)


def print_records(records: Iterable[Record], form: RecordForm) -> bool:
    """Print records; return whether there were any.

    Records that the form leaves out count as well, and are counted on stderr.
    """
    hidden: Counter[str] = Counter()
    shown = _shown(records, form, hidden)
    first = next(shown, None)
    if first is not None and form in (RecordForm.JSON, RecordForm.CSV):
        print_header(form)
        print_record(first, form)
        for record in shown:
            print_record(record, form)
    elif first is not None:
        print_text(_table(first, shown, form))
    if hidden:
        counts = ", ".join(f"{n:,} {kind}" for kind, n in hidden.most_common())
        say(f"not shown (see --all): {counts}", style="dim")
    return first is not None or bool(hidden)


def print_header(form: RecordForm) -> None:
    """Print what stands before the first record."""
    if form is RecordForm.CSV:
        write_data(csv_line(COLUMNS))


def print_record(record: Record, form: RecordForm) -> None:
    """Print one record as a line, if the form shows records of its kind."""
    match form:
        case RecordForm.JSON:
            write_data(encode(record) + b"\n")
        case RecordForm.CSV:
            if isinstance(record, DecisionRecord):
                write_data(csv_line(_csv_cells(record)))
        case RecordForm.DECISIONS:
            if isinstance(record, DecisionRecord | CopyRecord):
                time, id_, effect, why = _decision_cells(record)
                print_text(Text(harmless(f"{time}  {id_}  {effect:<11}  {why}")))
        case RecordForm.RECORDS:
            time, kind, what = cells(record)
            print_text(Text(harmless(f"{time}  {kind:<10}  {what}")))
        case _:
            assert_never(form)


def _shown(
    records: Iterable[Record], form: RecordForm, hidden: Counter[str]
) -> Iterator[Record]:
    """Yield the records that a form shows, and count the others by kind."""
    for record in records:
        is_shown = isinstance(record, DecisionRecord) or (
            form is RecordForm.DECISIONS and isinstance(record, CopyRecord)
        )
        if form in (RecordForm.JSON, RecordForm.RECORDS) or is_shown:
            yield record
        else:
            hidden[kind_of(record)] += 1


def _table(first: Record, rest: Iterator[Record], form: RecordForm) -> Table:
    records = (first, *rest)
    if form is RecordForm.RECORDS:
        return table("time", "record", "what", rows=map(cells, records))
    rows = (
        _decision_cells(it)
        for it in records
        if isinstance(it, DecisionRecord | CopyRecord)
    )
    names = ("time", "decision", "effect", "why")
    return table(*names, rows=rows, whole=names[:-1])


def _decision_cells(record: DecisionRecord | CopyRecord) -> tuple[str, str, str, str]:
    """Return the cells of a decision's row, or of copies that were found after it.

    The id of a decision has the year.
    """
    time = f"{record.time:%m-%d %H:%M:%S}"
    if isinstance(record, CopyRecord):
        return time, record.decision, "copy", _copy_words(record, 1)
    return time, record.id, record.effect, _why(record, 1)


def _copy_words(record: CopyRecord, most: int) -> str:
    words = [*map(_match_words, record.matches[:most])]
    hidden = len(record.matches) - most
    if hidden > 0:
        words.append(f"and {hidden} more")
    return " ".join(words)


def _csv_cells(record: DecisionRecord) -> tuple[object, ...]:
    would, _ = record.if_enforced
    return (
        record.time.isoformat(),
        record.id,
        record.instance,
        record.route or "",
        record.mode,
        record.verdict,
        record.action,
        record.effect,
        would,
        record.reason or "",
        " ".join(record.reasons),
        record.status or "",
        record.method,
        record.size,
        record.duration_ms,
        len(record.contents) + record.contents_omitted,
        " ".join(f"{it.set}/{it.entry}" for it in record.matches),
    )


def cells(record: Record) -> tuple[str, str, str]:
    """Return the cells of a record's row: its time, its kind, and the rest in words."""
    match record:
        case DecisionRecord() | CopyRecord():
            what = _decision_words(record)
        case CanaryRecord():
            what = _canary_words(record)
        case OutcomeRecord():
            what = f"{record.decision}: {record.outcome}"
        case CheckpointRecord():
            what = f"{record.count}:{record.head}"
        case ShedRecord() | UnsearchedRecord():
            what = _count_words(record)
        case SummaryRecord():
            what = _summary_words(record)
        case SegmentRecord():
            what = f"number {record.number} of {record.instance}"
        case ChangeRecord():
            what = change_words(record)
        case TotalRecord():
            what = total_words(record)
        case _:
            assert_never(record)
    return f"{record.time:%Y-%m-%d %H:%M:%S}", kind_of(record), what


def _count_words(record: ShedRecord | UnsearchedRecord) -> str:
    if isinstance(record, UnsearchedRecord):
        return f"{record.count:,} uploads were not searched for altered copies"
    return f"{record.count:,} uploads answered {record.status}, {record.reason}"


def _decision_words(record: DecisionRecord | CopyRecord) -> str:
    if isinstance(record, CopyRecord):
        return f"{record.decision}  {_copy_words(record, SHOWN_MATCHES)}"
    size = f"{len(record.contents)} contents, {record.size:,} bytes"
    return f"{record.id}  {record.effect}  {_why(record, SHOWN_MATCHES)}  {size}"


def _why(record: DecisionRecord, most: int) -> str:
    words = [record.verdict.value]
    if record.reason is not None:
        words.append(record.reason)
    if record.effect is not record.action:
        words.append(f"(policy: {record.action})")
    would, _ = record.if_enforced
    if would is not record.action:
        words.append(f"(would: {would})")
    words.extend(map(_match_words, record.matches[:most]))
    hidden = max(len(record.matches) - most, 0) + record.matches_omitted
    if hidden > 0:
        words.append(f"and {hidden} more")
    return " ".join(words)


def _canary_words(record: CanaryRecord) -> str:
    sets = ", ".join(sorted({it.set for it in record.matches})) or "no set"
    effect = f"would be {record.effect}" if record.status is None else record.effect
    return f"{record.id}  {record.verdict}  {effect}  known to {sets}"


def _summary_words(record: SummaryRecord) -> str:
    reasons = ", ".join(f"{it.uploads:,} {it.reason}" for it in record.reasons)
    size = sum(row.bytes for row in record.uploads)
    return f"{record.count:,} uploads refused: {reasons}  {size:,} bytes"


def _match_words(match: MatchRecord) -> str:
    words = f"{match.set}/{match.entry} {match.signal_type} {match.distance}"
    if match.variant not in (None, Variant.UPRIGHT):
        words += f" {match.variant}"
    if match.kind is not MatchKind.WITHIN:
        words += f" {match.kind}"
    if match.frame_s is not None:
        words += f" at {match.frame_s:g} s"
    return words if match.chance is None else f"{words} {chance_words(match.chance)}"
