"""``uploadfilter hashset``: import, list, show and remove hash sets."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from uploadfilter.cli.options import (
    JSONOption,
    StateOption,
    state_directory,
)
from uploadfilter.cli.output import harmless, print_json, print_text, say, table
from uploadfilter.errors import UsageError
from uploadfilter.reference.sets import ENTRIES, SetInfo
from uploadfilter.reference.store import (
    REFERENCE_DIRECTORY,
    ReferenceDirectory,
    ReferenceReader,
    no_such_set,
)

SHOWN_IDS = 10
"""Ids of entries that ``show`` prints, for a look at what the set is like."""

app = typer.Typer(
    name="hashset",
    no_args_is_help=True,
    help="Import, list, show and remove hash sets.",
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Its name.")]


@app.command("list")
def list_sets(*, json: JSONOption = False, state: StateOption = None) -> None:
    """List the hash sets of the reference set.

    **Example**

        uploadfilter hashset list --json
    """
    with _reader(state) as reader:
        generation = reader.current()
    if json:
        sets = [set_document(info) for info in generation.sets]
        print_json({"generation": generation.number, "sets": sets})
        return
    rows = [
        (
            info.name,
            info.issuer,
            _state(info),
            ", ".join(info.categories),
            _when(info),
            f"{info.entries:,}",
        )
        for info in generation.sets
    ]
    columns = ("name", "issuer", "state", "categories", "imported", "entries")
    print_text(table(*columns, rows=rows, numeric=1))
    say(f"generation {generation.number}, {generation.entry_count:,} entries")


@app.command()
def show(
    name: NameArgument, *, json: JSONOption = False, state: StateOption = None
) -> None:
    """Show one hash set: where it came from, and how many signals of which type.

    **Example**

        uploadfilter hashset show unit7
    """
    with _reader(state) as reader:
        generation = reader.current()
        ids = generation.first_ids(name, SHOWN_IDS)
    found = [info for info in generation.sets if info.name == name]
    if not found:
        raise no_such_set(name, generation.sets)
    if json:
        print_json({**set_document(found[0]), "first_ids": ids})
    else:
        print_text(*set_lines(found[0]), counts_table(found[0]))
        print_text(Text(harmless(f"first ids: {', '.join(ids) or 'none'}")))


@app.command()
def remove(
    name: NameArgument,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before removing.")
    ] = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Take a hash set out of the reference set.

    A running proxy takes the change up within two seconds.

    **Example**

        uploadfilter hashset remove unit7
    """
    directory = ReferenceDirectory(state_directory(state) / REFERENCE_DIRECTORY)
    if not yes:
        _confirm(name)
    with directory.writer(create=False) as writer:
        info = writer.remove_set(name)
        number = writer.number
    if json:
        print_json({**set_document(info), "generation": number})
    else:
        say(f"removed {name!r} with {info.entries:,} entries; generation {number}")


def set_document(info: SetInfo) -> dict[str, object]:
    """Return what programs read about a hash set."""
    return {
        "name": info.name,
        "issuer": info.issuer,
        "categories": info.categories,
        "enforced": info.enforced,
        "imported_at": datetime.fromtimestamp(info.imported_at, UTC),
        "entries": info.entries,
        "counts": info.counts,
        "source": {
            "lines": info.source.lines,
            "refused": info.source.refused,
            "duplicates": info.source.duplicates,
        },
    }


def set_lines(info: SetInfo) -> Iterator[Text]:
    """Yield what people read about a hash set, above its numbers."""
    words = {
        "name": info.name,
        "issuer": info.issuer,
        "state": _state(info),
        "categories": ", ".join(info.categories),
        "imported": _when(info),
        "entries": f"{info.entries:,}",
        "read": f"{info.source.lines:,} lines, {info.source.duplicates:,} duplicates",
    }
    for reason, count in info.source.refused.items():
        words[f"refused: {reason}"] = f"{count:,}"
    width = max(map(len, words))
    for label, value in words.items():
        yield Text(harmless(f"{label:<{width}}  {value}"))


def counts_table(info: SetInfo) -> Table:
    """Return the numbers of entries and signals by category."""
    types = sorted({word for counts in info.counts.values() for word in counts})
    types = [ENTRIES, *(word for word in types if word != ENTRIES)]
    rows = [
        (category, *(f"{counts.get(word, 0):,}" for word in types))
        for category, counts in sorted(info.counts.items())
    ]
    return table("category", *types, rows=rows, numeric=len(types))


def _confirm(name: str) -> None:
    """Ask whether a hash set is to be removed.

    Raises:
        UsageError: There is nobody to ask.
        typer.Abort: No.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            f"hash set {name!r} is not removed without being asked for",
            hint="Say --yes where there is no terminal.",
        )
    question = f"Remove hash set {harmless(name)} from the reference set?"
    typer.confirm(question, abort=True, err=True)


def _reader(state: Path | None) -> ReferenceReader:
    return ReferenceReader.open(state_directory(state) / REFERENCE_DIRECTORY)


def _state(info: SetInfo) -> str:
    """Return whether the entries of a set may reject, in the words of the glossary."""
    return "active" if info.enforced else "monitored"


def _when(info: SetInfo) -> str:
    return f"{datetime.fromtimestamp(info.imported_at, UTC):%Y-%m-%d %H:%M}"
