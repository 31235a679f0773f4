"""Bring a file of signals into the reference set, and look at what is in it.

An import reads the whole file first and puts one new generation in force at its end, or
changes nothing: on a malformed line (unless those are skipped by request), when nothing
can be accepted, on a full disk, on Ctrl-C.

Nobody signed such a file, so that its issuer is ``local`` and its entries are monitored
unless the operator enforces them. Categories are an explicit allow-list.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BufferedReader
from pathlib import Path
from typing import Final

from uploadfilter.errors import (
    UsageError,
)
from uploadfilter.hashsets import formats
from uploadfilter.hashsets.foreign.foreign import ForeignFormat, known_by
from uploadfilter.hashsets.foreign.recognising import (
    HEAD_BYTES,
    is_table,
    refuse_foreign,
)
from uploadfilter.hashsets.lines.columns import Layout
from uploadfilter.hashsets.lines.csvlines import CSVRequest
from uploadfilter.hashsets.lines.hashdeep import is_hashdeep
from uploadfilter.hashsets.lines.items import UNNAMED_CATEGORY, IdOf, any_id
from uploadfilter.hashsets.lines.jsonlines import MOST_CATEGORY_CHARACTERS, is_category
from uploadfilter.hashsets.lines.listblocks import ListedBlock
from uploadfilter.hashsets.lines.lists import ListedSignal
from uploadfilter.hashsets.opening import HashedFile, opened
from uploadfilter.hashsets.refusing import (
    MOST_NAMED_CATEGORIES,
    BadLines,
    check_outcome,
)
from uploadfilter.hashsets.tally import (
    OTHER_WORDS,
    ForeignFacts,
    ProblemCount,
    TableFacts,
    Tally,
)
from uploadfilter.model import Entry, SignalType
from uploadfilter.reference.entries.collecting import EntryBlock, TableBuilder
from uploadfilter.reference.entries.sets import (
    LOCAL_ISSUER,
    ImportSource,
    SetInfo,
    check_set_name,
    no_such_set,
)
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.writing.writing import ReferenceWriter

MOST_CATEGORIES = 1000
"""Longest allow-list: classification schemes have some dozens of categories."""

FIRST_IDS = 5
"""How many ids ``show_set`` returns: enough to recognise a set by."""

_BATCH_LINES = 4096
"""Lines of a list that are taken in at a time."""


Progress = Callable[[int, int], None]
"""Is told the bytes read so far, and the size of the file in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBefore:
    """What is known of a file before it is opened.

    Attributes:
        signal_type: What a list consists of; ``None``: digests, known by their length.
        layout: What is known of it if it is CSV; ``None`` if it is not.
        foreign: The format of somebody else that it is in; ``None``: its beginning
            tells.
    """

    signal_type: SignalType | None = None
    layout: Layout | None = None
    foreign: ForeignFormat | None = None


NOTHING_SAID: Final = KnownBefore()


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a file holds.

    Attributes:
        lines: Lines read, comments and blank ones included.
        accepted: Entries that may be matched, repeated ones included.
        problems: What was left out, the first line of each reason.
        categories: Entries by category, allowed or not, the most frequent first; empty
            for a list, which has none.
        ignored_fields: How often each field came up that is not known.
        no_pictures: Entries by the suffix of their name, where no picture has it.
        table: How the file is read, if it is CSV.
        foreign: What it is, if it is in a format of somebody else; then ``lines`` are
            its records.
        not_compared: Signals that nobody here compares, by what they are.
        sha256: Of the file, in hex; empty of an import, whose set has it.
    """

    lines: int
    accepted: int
    problems: tuple[ProblemCount, ...]
    categories: Mapping[str, int]
    ignored_fields: Mapping[str, int]
    no_pictures: Mapping[str, int] = field(default_factory=dict)
    table: TableFacts | None = None
    foreign: ForeignFacts | None = None
    not_compared: Mapping[str, int] = field(default_factory=dict)
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did.

    Attributes:
        set: The hash set as it is in force now.
        generation: Number of the generation that it came with.
        replaced: What a set of the same name was before; ``None`` if there was none.
        survey: What the file held.
    """

    set: SetInfo
    generation: int
    replaced: SetInfo | None
    survey: Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDetails:
    """A hash set, as ``hashset show`` shows it; never its signals.

    Attributes:
        info: Names, origin and numbers.
        first_ids: Ids of its first entries.
    """

    info: SetInfo
    first_ids: tuple[str, ...]


def import_file(
    path: Path,
    *,
    name: str,
    categories: Sequence[str],
    enforce_unsigned: bool,
    writer: ReferenceWriter,
    clock: Callable[[], float],
    said: KnownBefore = NOTHING_SAID,
    bad_lines: BadLines = BadLines.REFUSE,
    raw: HashedFile | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Put the entries of a file in force, in place of a set of the same name.

    Args:
        path: List, JSON lines or CSV; read once, so that it may be a pipe.
        name: What the set is called here.
        categories: Those that are allowed; for a list exactly one, which it gets.
        enforce_unsigned: Whether its entries may reject though nobody signed them.
        writer: Of the reference set.
        clock: Seconds since the epoch.
        said: What is known of it before it is opened.
        bad_lines: What becomes of the file if a line is malformed.
        raw: The file, if it is open already (``opening.open_file``).
        progress: Told how far the reading is; none for a pipe, which has no size.

    Raises:
        HashSetNameError: The name cannot be used.
        UsageError: The categories cannot.
        HashSetFormatError: The file is malformed, or holds nothing to be accepted.
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
            signal_type=said.signal_type,
            tally=tally,
            tick=ticking(file, progress),
            table=_request(said.layout, writer.opaque_id),
            foreign=said.foreign,
            id_of=writer.opaque_id,
        )
        _collect(
            collected,
            _until_malformed(items, tally, bad_lines),
            category=categories[0],
            writer=writer,
        )
        source = _source(tally, read)
    check_outcome(str(path), tally, bad_lines)
    replaced = _info_of(writer.sets, name)
    info = writer.replace_set(
        collected,
        SetInfo(
            name=name,
            issuer=LOCAL_ISSUER,
            categories=tuple(sorted(allowed)),
            enforced=enforce_unsigned,
            imported_at=int(clock()),
            source=source,
        ),
    )
    return ImportReport(
        set=info,
        generation=writer.number,
        replaced=replaced,
        survey=survey_of(tally, allowed),
    )


def survey_file(
    path: Path,
    *,
    categories: Sequence[str] = (),
    said: KnownBefore = NOTHING_SAID,
    progress: Progress | None = None,
) -> Survey:
    """Read a file and import nothing: which categories are there to choose from?

    Args:
        path: List, JSON lines or CSV.
        categories: Those that are allowed; none: all are, to see what there is.
        said: What is known of it before it is opened.
        progress: Told how far the reading is.

    Raises:
        UsageError: The categories cannot be used.
        HashSetFormatError: The file is no text, or no CSV as asked for.
        HashSetError: It cannot be read.
    """
    tally = Tally()
    allowed = checked_categories(categories) if categories else None
    with opened(path) as (file, raw):
        for _ in formats.read(
            file,
            categories=allowed,
            signal_type=said.signal_type,
            tally=tally,
            tick=ticking(file, progress),
            table=_request(said.layout, any_id),
            foreign=said.foreign,
        ):
            pass
        sha256 = raw.sha256()
    return replace(survey_of(tally, allowed or frozenset()), sha256=sha256)


def is_unsaid_table(path: Path) -> bool:
    """Tell whether a file is CSV beyond doubt, though nobody said so.

    Of a pipe nobody knows before it is read: False.

    Raises:
        HashSetError: The file cannot be read.
        HashSetFormatError: It is in a format of somebody else, which is CSV as well.
    """
    if not path.is_file():
        return False
    with opened(path) as (file, _):
        head = file.peek(HEAD_BYTES)[:HEAD_BYTES]
        if known_by(head) is not None or is_hashdeep(head):
            return False
        refuse_foreign(head)
        return is_table(head)


def list_sets(generation: LayeredGeneration) -> tuple[SetInfo, ...]:
    """Return the hash sets of a generation, by name."""
    return tuple(sorted(generation.sets, key=lambda info: info.name))


def show_set(generation: LayeredGeneration, name: str) -> SetDetails:
    """Return what is known of one hash set.

    Raises:
        HashSetNameError: There is none of that name.
    """
    info = _info_of(generation.sets, name)
    if info is None:
        raise no_such_set(name, generation.sets)
    return SetDetails(info=info, first_ids=generation.first_ids(name, FIRST_IDS))


def remove_set(writer: ReferenceWriter, name: str) -> SetInfo:
    """Put a generation in force that lacks a hash set; return what it was.

    The number of the new generation is ``writer.number``.

    Raises:
        HashSetNameError: There is none of that name.
        StoreError: The reference set cannot be written.
    """
    return writer.remove_set(name)


def _request(layout: Layout | None, id_of: IdOf) -> CSVRequest | None:
    return None if layout is None else CSVRequest(layout=layout, id_of=id_of)


def _info_of(sets: Sequence[SetInfo], name: str) -> SetInfo | None:
    return next((info for info in sets if info.name == name), None)


def checked_categories(categories: Sequence[str]) -> frozenset[str]:
    """Return an allow-list of categories.

    Raises:
        UsageError: There are none, too many, or one that no entry can have.
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


def _collect(
    collected: TableBuilder,
    items: Iterable[Entry | EntryBlock | ListedSignal | ListedBlock],
    *,
    category: str,
    writer: ReferenceWriter,
) -> None:
    """Take in the entries of a file; the lines of a list some thousand at a time."""
    batch: list[ListedSignal] = []
    for item in items:
        if isinstance(item, EntryBlock):
            collected.add_block(item)
            continue
        if isinstance(item, Entry):
            collected.add(item)
            continue
        if isinstance(item, ListedBlock):
            ids = writer.opaque_ids(item.type, item.values)
            collected.add_listed_block(category, ids, item.type, item.values)
            continue
        batch.append(item)
        if len(batch) == _BATCH_LINES:
            collected.add_listed(category, [writer.opaque_id(*i) for i in batch], batch)
            batch.clear()
    collected.add_listed(category, [writer.opaque_id(*i) for i in batch], batch)


def _until_malformed(
    items: Iterable[Entry | EntryBlock | ListedSignal | ListedBlock],
    tally: Tally,
    bad_lines: BadLines,
) -> Iterator[Entry | EntryBlock | ListedSignal | ListedBlock]:
    """Yield what is worth keeping; read on for the report once the file is refused."""
    for item in items:
        if not tally.malformed or bad_lines is BadLines.SKIP:
            yield item


def ticking(file: BufferedReader, progress: Progress | None) -> Callable[[], None]:
    """Return what tells the caller how far the file has been read."""
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


def survey_of(tally: Tally, allowed: frozenset[str]) -> Survey:
    """Return what a file was found to hold, with the categories that were named."""
    return Survey(
        lines=tally.lines,
        accepted=tally.accepted,
        problems=tally.problems,
        categories=_named_categories(tally.categories, allowed),
        ignored_fields=tally.ignored_fields,
        no_pictures=tally.no_pictures,
        table=tally.table,
        foreign=tally.foreign,
        not_compared=tally.not_compared,
    )


def _named_categories(
    found: Mapping[str, int], allowed: frozenset[str]
) -> Mapping[str, int]:
    """Return a histogram that names nothing which is likely to be no category."""
    if not allowed and found.keys() == {UNNAMED_CATEGORY}:
        return {}
    if len(found) <= MOST_NAMED_CATEGORIES:
        return found
    named = {word: count for word, count in found.items() if word in allowed}
    return {**named, OTHER_WORDS: sum(found.values()) - sum(named.values())}
