"""``uploadfilter hashset findings``: what the gate found, for the issuer."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from uploadfilter.cli.hashset.generations import reference_directory
from uploadfilter.cli.options import StateOption, state_directory
from uploadfilter.cli.output import say
from uploadfilter.errors import UsageError
from uploadfilter.reference.entries.off import Off, Party
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.syncing.gating import GateNote, read_note
from uploadfilter.syncing.trusting import trusted_sets


def findings_command(
    *,
    to: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The new file."),
    ],
    name: Annotated[
        str | None,
        typer.Option("--set", metavar="SET", help="Report only this hash set."),
    ] = None,
    state: StateOption = None,
) -> None:
    """Write for the issuer which entries match harmless files, and how.

    The file is JSON lines with ids of entries. It says nothing about an upload or its
    client.

    **Example**

        uploadfilter hashset findings -o findings.jsonl
    """
    base = state_directory(state)
    notes = {it.name: read_note(it.path) for it in trusted_sets(base)}
    with reference_directory(state).reader() as reader:
        lines = list(_lines(reader.current(), notes, name))
    try:
        fd = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.writelines(msgspec.json.encode(line) + b"\n" for line in lines)
    except OSError as exc:
        raise UsageError(
            f"cannot write {str(to)!r}: {exc.strerror}", hint="Name another file."
        ) from exc
    say(f"wrote {len(lines):,} lines to {str(to)!r}")


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


def _lines(
    generation: LayeredGeneration, notes: dict[str, GateNote | None], name: str | None
) -> Iterator[dict[str, object]]:
    """Yield the lines for quarantined entries, refused sets, and generic entries."""
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
