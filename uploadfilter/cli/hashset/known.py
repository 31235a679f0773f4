"""``uploadfilter hashset known-good``: build, import and remove such corpora.

The filter's own scanners read the files in their sandbox, and return only signals.
Rules this module keeps: memory does not grow with the number of files; an interrupted
build continues where it stopped.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer
from msgspec import Struct

from uploadfilter.cli.hashset.sets import CorpusJSON
from uploadfilter.cli.options import JobsOption, JSONOption, present_s
from uploadfilter.cli.output import document_of, print_json, say
from uploadfilter.cli.progress import Board, board, counted_aside
from uploadfilter.cli.writing import directory_to_write, reference_writer
from uploadfilter.errors import HashSetFormatError
from uploadfilter.issuing.wording import counted
from uploadfilter.knowngood.corpus import is_corpus, opened
from uploadfilter.knowngood.foreign import HEAD_BYTES, KnownForm, form_of
from uploadfilter.knowngood.gathering import FileSignals, Gathering, gather
from uploadfilter.knowngood.store import KnownGood, ListedCorpus
from uploadfilter.model import SignalType
from uploadfilter.reference.entries.secret import Secret
from uploadfilter.scanners.files import FoundFile, find
from uploadfilter.scanners.filescanning import FileScanner
from uploadfilter.scanners.in_order import WINDOW_PER_JOB, in_order
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.signals import pdq
from uploadfilter.unfinished import mark_of

_TYPES: Final = frozenset({SignalType.PDQ})


class NewCorpusJSON(CorpusJSON):
    """A known-good corpus that was imported."""

    bad: int


class BuiltCorpusJSON(Struct):
    """The numbers of a corpus that was built."""

    files: int
    pictures: int
    digests: int
    no_picture: int
    unreadable: int
    resumed: int


def build_command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FOLDER_OR_FILE...",
            help="Folders and files of harmless pictures; archives and packages too.",
        ),
    ],
    *,
    to: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The new file.")
    ],
    notes: Annotated[
        list[str] | None,
        typer.Option(
            "--note",
            metavar="TEXT",
            help="A source of the files, as text; give one option for each package.",
        ),
    ] = None,
    upright: Annotated[
        bool,
        typer.Option(
            "--upright",
            help="Keep one value of each picture instead of four: a quarter of the "
            "size, but turned copies are found less reliably.",
        ),
    ] = False,
    jobs: JobsOption = None,
    json: JSONOption = False,
) -> None:
    """Compute the signals of harmless pictures, for a known-good corpus.

    The corpus holds no part and no name of a picture. After an interruption, the same
    command continues where it stopped.

    **Example**

        uploadfilter hashset known-good themes/ wallpapers.tar.xz -o own.corpus
    """
    out = Gathering(to)
    settings = ScannerSettings() if jobs is None else ScannerSettings(workers=jobs)
    try:
        with board("building") as shown, counted_aside(shown, lambda: find(sources)):
            asyncio.run(_build(sources, out, settings, shown))
        out.finish(notes or (), each=1 if upright else 4)
    finally:
        out.close()
    numbers = out.numbers
    if json:
        print_json(document_of(BuiltCorpusJSON, numbers))
        return
    words = " and ".join(
        (counted(numbers.pictures, "picture"), counted(numbers.digests, "digest"))
    )
    files = counted(numbers.files, "file")
    say(f"built {str(to)!r} of {words}, out of {files}", style="green")
    say(f"no picture in {counted(numbers.no_picture, 'file')}", style="dim")
    if numbers.unreadable:
        say(f"could not be read: {numbers.unreadable:,}", style="yellow")
    say(f"next: uploadfilter hashset import {to} --known-good --name NAME", style="dim")


def import_known_good(file: Path, name: str, state: Path | None, *, json: bool) -> None:
    """Import a known-good corpus, or a list of harmless files.

    Only the exact digests of a list are used. The next sync of each signed set compares
    all entries of the set with the corpus.
    """
    # Root may open what the owner of the state directory may not.
    with opened(file) as given:
        head = given.read(HEAD_BYTES)
        form = form_of(head)
        if form is None and not is_corpus(head):
            raise HashSetFormatError(
                f"{str(file)!r} is not a known-good corpus or a list of such files",
                hint="Build a corpus with 'uploadfilter hashset known-good', or "
                "give a list of NSRL (NSRLFile.txt, or SQLite), HashKeeper or EnCase.",
            )
        directory = directory_to_write(state, create=True)
        with reference_writer(state, create=True) as writer:
            secret = writer.secret
        kept = KnownGood(directory.path.parent)
        put, bad = _taken(kept, name, file, given, form, secret)
    if json:
        print_json(document_of(NewCorpusJSON, put, bad=bad))
        return
    words = f"{put.pictures:,} pictures, {put.digests:,} digests"
    say(f"known-good: {name!r} with {words}", style="green")
    if bad:
        say(f"left out: {bad:,} records without a digest", style="yellow")
    say("the next sync of each signed set compares all of its entries", style="dim")


def _taken(
    kept: KnownGood,
    name: str,
    path: Path,
    file: BinaryIO,
    form: KnownForm | None,
    secret: Secret,
) -> tuple[ListedCorpus, int]:
    """Import a corpus or a list; return it, and the number of bad records."""
    epoch_s = present_s()
    if form is None:
        put = kept.add_corpus(name, path, file, secret=secret, epoch_s=epoch_s)
        return put, 0
    with board("reading", in_bytes=True) as shown:
        put, read = kept.add_list(
            name, path, file, form, secret=secret, epoch_s=epoch_s, progress=shown.move
        )
    return put, read.bad


def remove_known_good(name: str, state: Path | None, *, json: bool) -> None:
    """Remove a known-good corpus."""
    directory = directory_to_write(state, create=False)
    item = KnownGood(directory.path.parent).remove(name)
    if json:
        print_json(document_of(CorpusJSON, item))
    else:
        say(f"removed {name!r}")


async def _build(
    sources: list[str], out: Gathering, settings: ScannerSettings, shown: Board
) -> None:
    async with ScannerPool.open(settings) as pool:
        scanner = FileScanner(pool, types=_TYPES, workers=settings.workers)

        def report(done: tuple[str, FileSignals | None, bool]) -> None:
            mark, made, is_read = done
            out.add(mark, made, is_read=is_read)
            shown.advance()

        work = (_read(scanner, *it) for it in _to_do(sources, out, shown))
        await in_order(work, report, window=settings.workers * WINDOW_PER_JOB)


def _to_do(
    sources: list[str], out: Gathering, shown: Board
) -> Iterator[tuple[str, FoundFile]]:
    for found in find(sources):
        try:
            place = os.path.abspath(found.path)  # noqa: PTH100 - names stay as given
            mark = mark_of(place, os.stat(found.path))  # noqa: PTH116 - likewise
        except OSError:
            mark = "unreadable"
        if out.is_done(mark):
            shown.advance()
        else:
            yield mark, found


async def _read(
    scanner: FileScanner, mark: str, found: FoundFile
) -> tuple[str, FileSignals | None, bool]:
    """Return the mark of a file, its signals, and whether it could be read."""
    if found.problem is not None:
        return mark, None, False
    try:
        scan = await scanner.scan(found.path)
    except OSError:
        return mark, None, False
    return mark, gather(scan, quality_of=pdq.quality), True
