"""``uploadfilter hashset list --findings``: what the gate found, for the issuer."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from uploadfilter.cli.output import print_json, print_text, say, table
from uploadfilter.reference.entries.off import Off, Party
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.syncing.gating import GateNote, read_note
from uploadfilter.syncing.trusting import trusted_sets

_COLUMNS = ("finding", "set", "number", "entry", "match", "corpus", "since")


def list_findings(
    base: Path, generation: LayeredGeneration | None, name: str | None, *, json: bool
) -> None:
    """List which entries match harmless files, and how; as JSON a line for each.

    They name entries, and say nothing about an upload or its client.

    Args:
        base: The state directory.
        generation: The generation in force, if any.
        name: The only hash set of interest; ``None`` for all.
        json: Whether they are printed as JSON.
    """
    notes = {it.name: read_note(it.path) for it in trusted_sets(base)}
    lines = list(_lines(generation, notes, name))
    if json:
        for line in lines:
            print_json(line)
        return
    if lines:
        print_text(table(*_COLUMNS, rows=map(_row, lines)))
    else:
        say("the gate found nothing")


def _lines(
    generation: LayeredGeneration | None,
    notes: dict[str, GateNote | None],
    name: str | None,
) -> Iterator[dict[str, object]]:
    """Yield the lines for quarantined entries, refused sets, and generic entries."""
    if generation is not None:
        numbers = {
            info.name: info.signed.sequence for info in generation.sets if info.signed
        }
        for item in sorted(generation.off_by(Party.GATE), key=lambda it: it.key):
            if name in (None, item.set):
                number = numbers.get(item.set, 0)
                yield _line("quarantined", number, _document_of(item))
    for set_name, note in sorted(notes.items()):
        if note is None or name not in (None, set_name):
            continue
        for item in note.refused:
            yield _line("refused", note.sequence, _document_of(item))
        for near in note.generic:
            shape = {"set": set_name, "entry": near.entry, "near": near.near}
            yield _line("near", note.sequence, shape)


def _line(what: str, sequence: int, shape: dict[str, object]) -> dict[str, object]:
    return {"finding": what, "sequence": sequence, **shape}


def _document_of(item: Off) -> dict[str, object]:
    """Return an entry in quarantine as a JSON object."""
    found = item.finding
    return {
        "set": item.set,
        "entry": item.entry,
        "match": found and found.kind,
        "bits": found and found.distance,
        "corpus": found and found.corpus,
        "since": datetime.fromtimestamp(item.since or 0, UTC),
    }


def _row(line: dict[str, object]) -> tuple[str, ...]:
    match = line.get("match") or "-"
    if line.get("bits"):
        match = f"{match}, {line['bits']} bits"
    if "near" in line:
        match = f"{line['near']} pictures or more"
    since = line.get("since")
    when = f"{since:%Y-%m-%d %H:%M}" if isinstance(since, datetime) else "-"
    cells = (line["finding"], line["set"], line["sequence"], line["entry"], match)
    return (*map(str, cells), str(line.get("corpus") or "-"), when)
