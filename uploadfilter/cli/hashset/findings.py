"""``uploadfilter hashset list --findings``: what the gate found, for the issuer."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from uploadfilter.cli.output import print_json, print_text, rows_of, say
from uploadfilter.reference.entries.off import Off, Party
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.syncing.gating import GateNote, read_note
from uploadfilter.syncing.trusting import trusted_sets


class GateFindingJSON(Struct, kw_only=True):
    """An entry that matches harmless files, or lies near some."""

    finding: Literal["quarantined", "refused", "near"]
    sequence: int
    set: str
    entry: str
    match: str | UnsetType | None = UNSET
    bits: int | UnsetType | None = UNSET
    corpus: str | UnsetType | None = UNSET
    since: datetime | UnsetType = UNSET
    near: int | UnsetType = UNSET


_COLUMNS = {
    "finding": "finding",
    "set": "set",
    "number": "sequence",
    "entry": "entry",
    "match": "match",
    "bits": "bits",
    "near": "near",
    "corpus": "corpus",
    "since": "since",
}


def list_findings(
    base: Path, generation: LayeredGeneration | None, name: str | None, *, json: bool
) -> None:
    """List which entries match harmless files, and how; as JSON a line for each.

    They name entries, and say nothing about an upload or its client.
    """
    notes = {it.name: read_note(it.path) for it in trusted_sets(base)}
    lines = list(_lines(generation, notes, name))
    if json:
        for line in lines:
            print_json(line)
        return
    if lines:
        print_text(rows_of(lines, _COLUMNS))
    else:
        say("the gate found nothing")


def _lines(
    generation: LayeredGeneration | None,
    notes: dict[str, GateNote | None],
    name: str | None,
) -> Iterator[GateFindingJSON]:
    if generation is not None:
        numbers = {
            info.name: info.signed.sequence for info in generation.sets if info.signed
        }
        for item in sorted(generation.off_by(Party.GATE), key=lambda it: it.key):
            if name in (None, item.set):
                yield _line("quarantined", numbers.get(item.set, 0), item)
    for set_name, note in sorted(notes.items()):
        if note is None or name not in (None, set_name):
            continue
        for item in note.refused:
            yield _line("refused", note.sequence, item)
        for near in note.generic:
            yield GateFindingJSON(
                finding="near",
                sequence=note.sequence,
                set=set_name,
                entry=near.entry,
                near=near.near,
            )


def _line(
    what: Literal["quarantined", "refused"], sequence: int, item: Off
) -> GateFindingJSON:
    found = item.finding
    return GateFindingJSON(
        finding=what,
        sequence=sequence,
        set=item.set,
        entry=item.entry,
        match=None if found is None else found.kind,
        bits=None if found is None else found.distance,
        corpus=None if found is None else found.corpus,
        since=datetime.fromtimestamp(item.since or 0, UTC),
    )
