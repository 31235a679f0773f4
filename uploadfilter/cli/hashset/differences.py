"""``uploadfilter hashset diff``: compare two hash sets by the files that they match.

Rules this module keeps: nothing comes into force; a file of a hash set is imported into
a temporary directory, which is removed afterwards.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec
import typer
from msgspec import Struct
from rich.text import Text

from uploadfilter.cli.hashset.generations import reference_directory
from uploadfilter.cli.options import JobsOption, JSONOption, StateOption, present_s
from uploadfilter.cli.output import FOUND, harmless, say
from uploadfilter.cli.progress import Board, board, counted_aside
from uploadfilter.cli.scan import check
from uploadfilter.cli.shapes import CheckedFile
from uploadfilter.cli.writing import writer_apart
from uploadfilter.errors import StoreError, UsageError
from uploadfilter.gate.differing import (
    Difference,
    Differences,
    Side,
    of_pictures,
    of_scan,
)
from uploadfilter.hashsets.importing import import_file, survey_file
from uploadfilter.issuing.wording import counted
from uploadfilter.knowngood.corpus import is_corpus, opened, read_file
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.files.opening import open_generation
from uploadfilter.scanners.files import find
from uploadfilter.signals import pdq

CURRENT = "current"
"""The word for the generation in force."""

_MAGIC_BYTES = 64
_ONE_CATEGORY = "compared"
"""The category of a list's lines, which have no category of their own."""

_SHOWN = 20
"""Entries that the summary names, those of the most files first."""


class EntryJSON(Struct):
    """An entry of a set."""

    set: str
    entry: str


class DifferenceJSON(Struct):
    """A file that would begin or cease to match."""

    path: str
    begins: list[EntryJSON]
    ends: list[EntryJSON]


def diff_command(
    one: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="The old state: 'current', the number of a generation, or a file.",
        ),
    ],
    two: Annotated[str, typer.Argument(metavar="B", help="The new state.")],
    *,
    against: Annotated[
        list[str],
        typer.Option(
            "--against",
            metavar="PATH",
            help="A file, a folder, or a known-good corpus; give the option once for "
            "each.",
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--set",
            metavar="NAME",
            help="Compare only this hash set; a file stands for it.  [required with "
            "a file]",
        ),
    ] = None,
    jobs: JobsOption = None,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """List the files that would begin or cease to match if B replaced A.

    Nothing is changed. Exit code 1 if any file would match differently, or could not be
    read.

    **Examples**

        uploadfilter hashset diff 12 current --against /srv/uploads

        uploadfilter hashset diff current new.jsonl --set unit7 --against own.corpus
    """
    with contextlib.ExitStack() as held:
        before, after = (_side(it, name, state, held) for it in (one, two))
        total = Differences()
        with board("comparing") as shown:

            def report(item: Difference) -> None:
                total.add(item)
                if item.begins or item.ends:
                    _print(item, shown, json=json)

            # A path that is not a corpus is a file or folder.
            files = [
                path
                for path in against
                if not _compare_corpus(path, before, after, report=report)
            ]
            with counted_aside(shown, lambda: find(files)):

                def compare(checked: CheckedFile) -> None:
                    shown.advance()
                    if checked.scan is None:
                        total.unread += 1
                        return
                    report(of_scan(checked.scan, before, after, quality_of=pdq.quality))

                if files:
                    types = before.generation.signal_types
                    types |= after.generation.signal_types
                    asyncio.run(
                        check(find(files), None, jobs=jobs, report=compare, types=types)
                    )
    if not json:
        _print_total(total)
    if total.begins or total.ends or total.unread:
        raise typer.Exit(FOUND)


def _side(
    word: str, name: str | None, state: Path | None, held: contextlib.ExitStack
) -> Side:
    sets = None if name is None else frozenset({name})
    directory = reference_directory(state)
    if word == CURRENT:
        reader = held.enter_context(directory.reader())
        return Side(generation=reader.current(), sets=sets)
    if word.isdecimal():
        for item in directory.generations():
            if item.generation == int(word):
                found = open_generation(directory.path, item, clock=present_s)
                if found is not None:
                    return Side(generation=found, sets=sets)
        raise StoreError(
            f"generation {word} is not kept",
            hint="'uploadfilter hashset list --generations' lists the kept ones.",
        )
    if name is None:
        raise UsageError(
            f"{word!r} is a file, and its hash set is not named",
            hint="Give --set NAME: the set that the file would replace.",
        )
    return Side(generation=_imported(Path(word), name, held), sets=sets)


def _imported(path: Path, name: str, held: contextlib.ExitStack) -> LayeredGeneration:
    categories = tuple(survey_file(path).categories) or (_ONE_CATEGORY,)
    folder = held.enter_context(TemporaryDirectory(prefix="uploadfilter-"))
    with writer_apart(Path(folder)) as (apart, writer):
        import_file(
            path,
            name=name,
            categories=categories,
            enforced=False,
            writer=writer,
            clock=present_s,
        )
    return held.enter_context(apart.reader()).current()


def _compare_corpus(
    path: str, before: Side, after: Side, *, report: Callable[[Difference], None]
) -> bool:
    """Compare for the pictures of a corpus; return whether the path is a corpus."""
    if not Path(path).is_file():
        return False
    with opened(Path(path)) as file:
        if not is_corpus(file.read(_MAGIC_BYTES)):
            return False
        corpus = read_file(Path(path), file)
    for item in of_pictures(corpus.values, before, after, name=path):
        report(item)
    return True


def _print(item: Difference, shown: Board, *, json: bool) -> None:
    if json:
        begin, end = (
            [EntryJSON(*it) for it in keys] for keys in (item.begins, item.ends)
        )
        shape = DifferenceJSON(item.name, begin, end)
        shown.print_data(msgspec.json.encode(shape) + b"\n")
        return
    begins = [f"+{name}/{entry}" for name, entry in item.begins]
    ends = [f"-{name}/{entry}" for name, entry in item.ends]
    shown.print(Text(harmless(f"{item.name}  {' '.join([*begins, *ends])}")))


def _print_total(total: Differences) -> None:
    words = f"{counted(total.files, 'file')} compared"
    begins, ends = len(total.begins), len(total.ends)
    say(f"{words}: {begins:,} entries begin to match, {ends:,} end")
    for key, count in sorted(total.begins.items(), key=lambda it: -it[1])[:_SHOWN]:
        say(harmless(f"  {'/'.join(key)} begins to match {counted(count, 'file')}"))
    if total.unread:
        say(f"could not be read: {counted(total.unread, 'file')}", style="yellow")
