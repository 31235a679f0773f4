"""``uploadfilter hashset quarantine``: entries that the gate keeps out of force."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from uploadfilter.cli.acting import reference_writer
from uploadfilter.cli.hashset.enforcement import say_lack
from uploadfilter.cli.hashset.generations import reference_directory, when
from uploadfilter.cli.options import JSONOption, StateOption, state_directory
from uploadfilter.cli.output import print_json, print_text, say, table
from uploadfilter.errors import UsageError
from uploadfilter.reference.entries.quarantining import Quarantine
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.syncing.gating import GateNote, read_note
from uploadfilter.syncing.trusting import trusted_sets


def list_command(*, json: JSONOption = False, state: StateOption = None) -> None:
    """List the entries in quarantine, with the reason and the date.

    **Example**

        uploadfilter hashset quarantine list
    """
    with reference_directory(state).reader() as reader:
        generation = reader.current()
        found = sorted(generation.changes.quarantined, key=lambda it: it.key)
    if json:
        shapes = [document_of(it) for it in found]
        print_json({"generation": generation.number, "quarantined": shapes})
        return
    rows = [
        (it.set, it.entry, it.kind.value, str(it.distance), it.corpus, when(it.since))
        for it in found
    ]
    print_text(
        table("set", "entry", "match", "bits", "corpus", "since (UTC)", rows=rows)
    )


def release_command(
    name: Annotated[str, typer.Argument(metavar="SET", help="Name of the hash set.")],
    entry: Annotated[
        str, typer.Argument(metavar="ENTRY", help="Id of the entry in it.")
    ],
    *,
    by: Annotated[
        list[str],
        typer.Option(
            "--by",
            metavar="WHO",
            help="An account or initials; give it once for each of two people.",
        ),
    ],
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Release an entry from quarantine into force; two people are named for it.

    Ask the issuer first: the entry matches a known harmless file. If the issuer changes
    its signals, the gate checks the entry again.

    **Example**

        uploadfilter hashset quarantine release unit7 a17 --by ab --by cd
    """
    with reference_writer(state) as writer:
        release = writer.release_entry(name, entry, by=by)
        number = writer.number
        generation = writer.generation
    if json:
        print_json(
            {
                "set": release.set,
                "entry": release.entry,
                "by": release.by,
                "at": datetime.fromtimestamp(release.at, UTC),
                "generation": number,
            }
        )
    else:
        say(f"{name}/{entry} is in force; generation {number}")
    say_lack(generation)


def report_command(
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
    """Write a report for the issuer: the entries that match harmless files, and how.

    The report is JSON lines with ids of entries. It says nothing about an upload or its
    client.

    **Example**

        uploadfilter hashset quarantine report -o report.jsonl
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


def document_of(item: Quarantine) -> dict[str, object]:
    """Return an entry in quarantine as a JSON object."""
    return {
        "set": item.set,
        "entry": item.entry,
        "match": item.kind,
        "bits": item.distance,
        "corpus": item.corpus,
        "since": datetime.fromtimestamp(item.since, UTC),
    }


def _lines(
    generation: LayeredGeneration, notes: dict[str, GateNote | None], name: str | None
) -> Iterator[dict[str, object]]:
    """Yield the lines for quarantined entries, refused sets, and generic entries."""
    numbers = {
        info.name: info.signed.sequence for info in generation.sets if info.signed
    }
    for item in sorted(generation.changes.quarantined, key=lambda it: it.key):
        if name in (None, item.set):
            number = numbers.get(item.set, 0)
            yield _line("quarantined", number, document_of(item))
    for set_name, note in sorted(notes.items()):
        if note is None or name not in (None, set_name):
            continue
        for item in note.refused:
            yield _line("refused", note.sequence, document_of(item))
        for near in note.generic:
            shape = {"set": set_name, "entry": near.entry, "near": near.near}
            yield _line("near", note.sequence, shape)


def _line(what: str, sequence: int, shape: dict[str, object]) -> dict[str, object]:
    return {"finding": what, "sequence": sequence, **shape}
