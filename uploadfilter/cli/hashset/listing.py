"""``uploadfilter hashset list``: what the reference set holds, in one command."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from msgspec import UNSET, Struct, UnsetType
from rich.table import Table
from rich.text import Text

from uploadfilter.cli.hashset.enforcement import lack_in, say_lack, say_lack_of_set
from uploadfilter.cli.hashset.findings import list_findings
from uploadfilter.cli.hashset.generations import list_generations, say_pinned
from uploadfilter.cli.hashset.off import list_off
from uploadfilter.cli.hashset.sets import (
    CorpusJSON,
    EntryNumbers,
    SourceJSON,
    numbers_of,
    source_of,
    state_word,
)
from uploadfilter.cli.hashset.stats import show_stats
from uploadfilter.cli.options import JSONOption, StateOption, present_s, state_directory
from uploadfilter.cli.output import (
    details_of,
    document_of,
    harmless,
    print_json,
    print_text,
    rows_of,
    say,
    table,
    when,
)
from uploadfilter.errors import StoreMissingError, UsageError
from uploadfilter.issuing.wording import entries as counted_entries
from uploadfilter.knowngood.store import KnownGood, shipped
from uploadfilter.reference.entries.sets import SetInfo, no_such_set
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.signedsets.freshness import Failure, Freshness, Status, freshness
from uploadfilter.syncing.statuses import last_found, read_statuses
from uploadfilter.web.routing.enforcing import OneSet

_FIRST_IDS: Final = 5
"""Ids that the details of a set name: enough to recognise it."""


class SignedStateJSON(Struct):
    """The state of a signed set; times that are not known are null."""

    issuer: str
    sequence: int
    signers: list[str]
    source: str
    root: str
    freshness: Freshness
    synced_at: datetime | None
    expires_at: datetime | None
    expires: str
    held_back: int
    failure: Failure | None


class ListedSetJSON(Struct, kw_only=True):
    """A hash set of the list; one that was trusted and never came lacks most of it."""

    name: str
    issuer: str | UnsetType = UNSET
    categories: list[str] | UnsetType = UNSET
    enforced: bool | UnsetType = UNSET
    imported_at: datetime | UnsetType = UNSET
    entries: int | UnsetType = UNSET
    revoked: int | UnsetType = UNSET
    exact_alone: int | UnsetType = UNSET
    counts: dict[str, dict[str, int]] | UnsetType = UNSET
    source: SourceJSON | UnsetType = UNSET
    in_force: int
    canaries: int
    suppressed: int
    quarantined: int
    withdrawn: int
    demoted: int
    signed: SignedStateJSON | None
    canary_found_at: datetime | None


class ShownSetJSON(ListedSetJSON, kw_only=True):
    """A hash set that was named."""

    first_ids: list[str] | UnsetType = UNSET
    lack: str | UnsetType | None = UNSET


class SetListJSON(Struct):
    """The hash sets."""

    generation: int
    lack: str | None
    sets: list[ListedSetJSON]


class CorpusListJSON(Struct):
    """The known-good corpora."""

    corpora: list[CorpusJSON]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSet:
    """A hash set as the list shows it."""

    name: str
    info: SetInfo | None
    status: Status | None
    numbers: EntryNumbers
    canary_s: int | None


def list_command(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Show the details of this hash set."),
    ] = None,
    *,
    off: Annotated[
        bool,
        typer.Option(
            "--off", help="List the entries that are off: by whom, until when, and why."
        ),
    ] = False,
    findings: Annotated[
        bool,
        typer.Option(
            "--findings",
            help="List which entries match harmless files, for the issuer; with NAME "
            "those of one set.",
        ),
    ] = False,
    generations: Annotated[
        bool,
        typer.Option(
            "--generations", help="List the generation in force and the kept ones."
        ),
    ] = False,
    stats: Annotated[
        bool,
        typer.Option(
            "--stats", help="Show the parts, how they are searched, and the costs."
        ),
    ] = False,
    known_good: Annotated[
        bool, typer.Option("--known-good", help="List the known-good corpora.")
    ] = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """List the hash sets in force, or what else the reference set holds.

    Of each set: the entries in force, and what needs a person; of a signed one the
    signers, and until when it is believed. Counting for --stats takes a second for ten
    million entries.

    **Examples**

        uploadfilter hashset list

        uploadfilter hashset list unit7 --json

        uploadfilter hashset list --off

        uploadfilter hashset list --findings --json > findings.jsonl
    """
    others = off + generations + stats + known_good
    if others + findings > 1 or (others and name is not None):
        raise UsageError(
            "one list at a time",
            hint="Give a NAME, or one of --off, --findings, --generations, --stats, "
            "--known-good.",
        )
    base = state_directory(state)
    if generations:
        list_generations(base, json=json)
    elif stats:
        show_stats(base, json=json)
    elif known_good:
        _list_known_good(base, json=json)
    else:
        with ReferenceReader.open(base / REFERENCE_DIRECTORY) as reader:
            generation = _current(reader, base)
            if off and generation is not None:
                list_off(generation, json=json)
            elif findings:
                list_findings(base, generation, name, json=json)
            elif name is None:
                _list_sets(base, generation, json=json)
            else:
                _show_set(base, generation, name, json=json)


def _current(reader: ReferenceReader, base: Path) -> LayeredGeneration | None:
    """Return the generation in force; ``None`` before the first sync of all sets."""
    try:
        return reader.current()
    except StoreMissingError:
        if not any(read_statuses(base)):
            raise
        return None


def listed_sets(base: Path, generation: LayeredGeneration | None) -> list[ListedSet]:
    """Return the hash sets in force and the trusted ones, by name."""
    infos = {} if generation is None else {it.name: it for it in generation.sets}
    statuses = {it.set: it for it in read_statuses(base)}
    canaries = last_found(base)
    found = []
    for name in sorted({*infos, *statuses}):
        info, numbers = infos.get(name), EntryNumbers()
        if generation is not None and info is not None:
            numbers = numbers_of(generation, info)
        found.append(
            ListedSet(
                name=name,
                info=info,
                status=statuses.get(name),
                numbers=numbers,
                canary_s=canaries.get(name),
            )
        )
    return found


def _list_sets(base: Path, generation: LayeredGeneration | None, *, json: bool) -> None:
    found, epoch_s = listed_sets(base, generation), present_s()
    number = 0 if generation is None else generation.number
    if json:
        lack = None if generation is None else lack_in(generation)
        shapes = [_document_of(ListedSetJSON, it, epoch_s) for it in found]
        print_json(SetListJSON(number, lack, shapes))
        return
    print_text(sets_table(found, epoch_s))
    if generation is None:
        return
    say(f"generation {number}, {counted_entries(generation.entry_count)}")
    say_lack(generation)
    if generation.pinned:
        say_pinned(number)


def _show_set(
    base: Path, generation: LayeredGeneration | None, name: str, *, json: bool
) -> None:
    found = {it.name: it for it in listed_sets(base, generation)}
    item, epoch_s = found.get(name), present_s()
    if item is None:
        raise no_such_set(name, () if generation is None else generation.sets)
    shape = _document_of(ShownSetJSON, item, epoch_s)
    if generation is not None and item.info is not None:
        shape.first_ids = list(generation.first_ids(name, _FIRST_IDS))
        shape.lack = lack_in(OneSet(generation=generation, name=name))
    if json:
        print_json(shape)
        return
    warnings = [Text(harmless(it), style="yellow") for it in warnings_of(item, epoch_s)]
    print_text(*details_of(shape), *warnings)
    if generation is not None and item.info is not None:
        say_lack_of_set(generation, name)


_Listed = TypeVar("_Listed", bound=ListedSetJSON)


def _document_of(shape: type[_Listed], it: ListedSet, epoch_s: float) -> _Listed:
    info, status, signed = it.info, it.status, None
    if status is not None:
        signed = document_of(
            SignedStateJSON,
            status,
            sequence=_sequence(info),
            freshness=freshness(status, epoch_s),
            synced_at=status.synced_at or None,
            expires_at=status.expires_at or None,
        )
    return document_of(
        shape,
        info,
        **asdict(it.numbers),
        name=it.name,
        source=UNSET if info is None else source_of(info),
        signed=signed,
        canary_found_at=it.canary_s or None,
    )


def warnings_of(it: ListedSet, epoch_s: float) -> list[str]:
    """Return in words what a person should look at."""
    status, numbers = it.status, it.numbers
    found = []
    if numbers.demoted:
        found.append(f"{numbers.demoted:,} demoted")
    if numbers.quarantined:
        found.append(f"{numbers.quarantined:,} in quarantine")
    if status is None:
        return found
    if not status.synced_at:
        found.append("never synced")
    elif (fresh := freshness(status, epoch_s)) is not Freshness.FRESH:
        found.append(f"its signatures are {fresh}")
    if status.held_back:
        found.append(f"{status.held_back:,} withdrawals are held back")
    if status.failure is not None:
        found.append(f"the last sync failed: {status.failure.text}")
    return found


def sets_table(found: Sequence[ListedSet], epoch_s: float) -> Table:
    """Return hash sets as a table, one row each."""
    rows = [
        (
            it.name,
            "-" if it.info is None else it.info.issuer,
            "not in force" if it.info is None else state_word(it.info),
            "" if it.info is None else ", ".join(it.info.categories),
            "" if it.info is None else when(it.info.imported_at),
            "; ".join(warnings_of(it, epoch_s)),
            f"{it.numbers.in_force:,}",
        )
        for it in found
    ]
    columns = ("name", "issuer", "state", "categories", "imported", "look at")
    return table(*columns, "in force", rows=rows, numeric=1)


def _list_known_good(base: Path, *, json: bool) -> None:
    found = document_of(CorpusListJSON, corpora=KnownGood(base).listed())
    if json:
        print_json(found)
        return
    columns = {it: it for it in ("name", "pictures", "digests", "source")}
    print_text(rows_of(found.corpora, columns | {"added": "added_at"}))
    if not found.corpora and shipped() is not None:
        say("the first sync adds the program's own corpus", style="dim")


def _sequence(info: SetInfo | None) -> int:
    return 0 if info is None or info.signed is None else info.signed.sequence
