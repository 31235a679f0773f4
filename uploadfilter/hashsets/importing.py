"""Import a hash-set file into the reference set, or only survey it.

An import reads the whole file and then puts one new generation into force. It changes
nothing after a malformed line (unless the operator skips these), if no entry can be
accepted, on a full disk, and on Ctrl-C.

Such a file is not signed, so its issuer is ``local`` and its entries are monitored
unless the operator enforces them. Categories are an explicit allow-list.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from uploadfilter.errors import UsageError
from uploadfilter.hashsets import formats
from uploadfilter.hashsets.foreign.foreign import known_by
from uploadfilter.hashsets.foreign.recognising import (
    HEAD_BYTES,
    is_table,
    refuse_foreign,
)
from uploadfilter.hashsets.formats import NOTHING_SAID, KnownBefore
from uploadfilter.hashsets.lines.hashdeep import is_hashdeep
from uploadfilter.hashsets.lines.rows import MOST_CATEGORY_CHARACTERS, is_category
from uploadfilter.hashsets.opening import HashedFile, opened
from uploadfilter.hashsets.refusing import (
    BadLines,
    check_outcome,
)
from uploadfilter.hashsets.tally import (
    Tally,
)
from uploadfilter.reference.entries.collecting import EntryBlock
from uploadfilter.reference.entries.sets import (
    LOCAL_ISSUER,
    ImportSource,
    SetInfo,
    check_set_name,
)
from uploadfilter.reference.writing.writing import ReferenceWriter

MOST_CATEGORIES = 1000
"""Longest allow-list: classification schemes have some dozens of categories."""

Progress = Callable[[int, int], None]
"""Gets the number of bytes read so far, and the size of the file in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """The report of an import.

    Attributes:
        replaced: The old set of the same name; ``None`` if there was none.
    """

    set: SetInfo
    generation: int
    replaced: SetInfo | None
    survey: Tally


def import_file(
    path: Path,
    *,
    name: str,
    categories: Sequence[str],
    enforced: bool,
    writer: ReferenceWriter,
    clock: Callable[[], float],
    said: KnownBefore = NOTHING_SAID,
    bad_lines: BadLines = BadLines.REFUSE,
    raw: HashedFile | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Put the entries of a file into force; they replace a set of the same name.

    Args:
        path: A list, JSON lines or CSV; it is read once, so it may be a pipe.
        name: The local name of the set.
        categories: The allowed categories; for a list exactly one, which it gets.
        enforced: Whether its matches may reject.
        writer: The writer of the reference set.
        clock: Returns seconds since the epoch.
        said: The options for the file.
        bad_lines: How to treat a file with malformed lines.
        raw: The file, if it is open already (``opening.open_file``).
        progress: Gets the progress; not called for a pipe, which has no size.

    Raises:
        HashSetNameError: The name cannot be used.
        UsageError: The categories cannot be used.
        HashSetFormatError: The file is malformed, or holds no entry to accept.
        HashSetError: The file cannot be read.
        StoreError: The reference set cannot be written.
    """
    check_set_name(name)
    allowed = checked_categories(categories)
    tally = Tally()
    collected = writer.collect()
    with opened(path, raw) as (file, read):
        items = formats.read(
            file,
            categories=allowed,
            tally=tally,
            said=said,
            id_of=writer.opaque_id,
            tick=ticking(file, progress),
        )
        for item in items:
            # After a refusal the file is only read on for the report.
            if tally.malformed and bad_lines is BadLines.REFUSE:
                continue
            if isinstance(item, EntryBlock):
                collected.add_block(item)
            else:
                collected.add(item)
        source = _source(tally, read)
    check_outcome(str(path), tally, bad_lines)
    tally.hide_remarks(allowed)
    replaced = _info_of(writer.sets, name)
    info = writer.replace_set(
        collected,
        SetInfo(
            name=name,
            issuer=LOCAL_ISSUER,
            categories=tuple(sorted(allowed)),
            enforced=enforced,
            imported_at=int(clock()),
            source=source,
        ),
    )
    return ImportReport(
        set=info,
        generation=writer.number,
        replaced=replaced,
        survey=tally,
    )


def survey_file(
    path: Path,
    *,
    categories: Sequence[str] = (),
    said: KnownBefore = NOTHING_SAID,
    progress: Progress | None = None,
) -> Tally:
    """Survey a file without importing it, for example to choose categories.

    Args:
        path: A list, JSON lines or CSV.
        categories: The allowed categories; empty allows all, for an overview.
        said: The options for the file.
        progress: Gets the progress.

    Raises:
        UsageError: The categories cannot be used.
        HashSetFormatError: The file is not text, or CSV that does not fit the request.
        HashSetError: The file cannot be read.
    """
    tally = Tally()
    allowed = checked_categories(categories) if categories else None
    with opened(path) as (file, raw):
        for _ in formats.read(
            file,
            categories=allowed,
            tally=tally,
            said=said,
            tick=ticking(file, progress),
        ):
            pass
        tally.sha256 = raw.sha256()
    tally.hide_remarks(allowed or frozenset())
    return tally


def is_unsaid_table(path: Path) -> bool:
    """Return whether a file is certainly CSV, although no option says so.

    For a pipe, this is unknown before it is read: False.

    Raises:
        HashSetError: The file cannot be read.
        HashSetFormatError: The file is in a foreign format that is CSV as well.
    """
    if not path.is_file():
        return False
    with opened(path) as (file, _):
        head = file.peek(HEAD_BYTES)[:HEAD_BYTES]
        if known_by(head) is not None or is_hashdeep(head):
            return False
        refuse_foreign(head)
        return is_table(head)


def _info_of(sets: Sequence[SetInfo], name: str) -> SetInfo | None:
    return next((info for info in sets if info.name == name), None)


def checked_categories(categories: Sequence[str]) -> frozenset[str]:
    """Return a checked allow-list of categories.

    Raises:
        UsageError: There are no categories, too many, or an invalid one.
    """
    allowed = frozenset(categories)
    if not 0 < len(allowed) <= MOST_CATEGORIES:
        raise UsageError(
            f"{len(allowed) or 'no'} categories are named, but an import takes 1 to "
            f"{MOST_CATEGORIES}",
            hint="Name each category to be taken with --category; --preview shows "
            "those of the file.",
        )
    for category in sorted(allowed):
        if not is_category(category):
            raise UsageError(
                f"a category cannot be called {category[:MOST_CATEGORY_CHARACTERS]!r}",
                hint=f"Use 1 to {MOST_CATEGORY_CHARACTERS} printable characters, the "
                "first of which is not '('.",
            )
    return allowed


def ticking(file: BufferedReader, progress: Progress | None) -> Callable[[], None]:
    """Return a function that reports the progress to the caller."""
    if progress is None:
        return lambda: None
    size = os.fstat(file.fileno()).st_size
    return lambda: progress(file.tell(), size)


def _source(tally: Tally, file: HashedFile) -> ImportSource:
    return ImportSource(
        lines=tally.lines,
        refused={item.problem.value: item.count for item in tally.problems},
        sha256=file.sha256(),
        bytes=file.count,
    )
