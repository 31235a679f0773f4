"""``uploadfilter scan``: check files and folders with the same core as the proxy.

Rules this module keeps: output is in the order of the arguments and, within folders, of
the names; a file that cannot be read makes a line, and the scan goes on; a reference
set that cannot be read ends the scan, because "nothing matched" would be false; without
a reference set, signals are computed and no file counts as checked; memory does not
grow with the number of files.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated

import msgspec
import typer

from uploadfilter.cli.options import (
    JobsOption,
    JSONOption,
    StateOption,
    state_directory,
)
from uploadfilter.cli.output import FOUND, OK, encodable, say
from uploadfilter.cli.progress import Board, board, counted_aside
from uploadfilter.cli.shapes import CheckedFile, document, lines, verdict_words
from uploadfilter.errors import StoreMissingError
from uploadfilter.evidence.unfinished import marked
from uploadfilter.evidence.weighing import JudgedMatches, is_judged, judged_matches
from uploadfilter.knowngood.cohorts import Cohorts
from uploadfilter.model import EXACT_TYPES, Reason, Scan, SignalType, Verdict
from uploadfilter.reference.search.matching import Thresholds, match_scans
from uploadfilter.reference.search.near.asking import NearGeneration
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.scanners.files import FoundFile, find
from uploadfilter.scanners.filescanning import FileScanner
from uploadfilter.scanners.in_order import WINDOW_PER_JOB, in_order
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.signals import pdq

PRINTED_TYPES = frozenset({SignalType.PDQ, SignalType.PHASH})
"""Signal types that the output always shows."""


def scan(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE_OR_FOLDER...", help="The files and folders to check."
        ),
    ],
    *,
    json: JSONOption = False,
    jobs: JobsOption = None,
    state: StateOption = None,
) -> None:
    """Check files and folders against the reference set.

    Prints one line for each file, or with --json one object a line. Without a
    reference set the signals are computed, but nothing counts as checked.

    **Examples**

        uploadfilter scan holiday.jpg

        uploadfilter scan --json --jobs 4 /srv/uploads > scan.jsonl
    """
    verdicts: Counter[Verdict] = Counter()
    with ReferenceReader.open(state_directory(state) / REFERENCE_DIRECTORY) as reader:
        generation = current_generation(reader)
        with board("scanning") as shown, counted_aside(shown, lambda: find(paths)):

            def report(checked: CheckedFile) -> None:
                verdicts[checked.judged()[0]] += 1
                _print(checked, shown, as_json=json)
                shown.advance()

            work = check(
                find(paths),
                generation,
                jobs=jobs,
                report=report,
                cohorts=Cohorts(state_directory(state)),
            )
            asyncio.run(work)
    if not json:
        say(verdict_words(verdicts))
    raise typer.Exit(OK if set(verdicts) <= {Verdict.NO_MATCH} else FOUND)


def current_generation(reader: ReferenceReader) -> NearGeneration | None:
    """Return the current generation; without one, say so and return ``None``."""
    try:
        return reader.current()
    except StoreMissingError as exc:
        say(f"nothing is matched: there is no reference set: {exc}", style="yellow")
        return None


def _print(checked: CheckedFile, shown: Board, *, as_json: bool) -> None:
    if as_json:
        shape = document(checked, quality_of=pdq.quality)
        shown.print_data(msgspec.json.encode(shape) + b"\n")
        return
    for line in lines(checked, quality_of=pdq.quality):
        shown.print(line)


async def check(
    found: Iterable[FoundFile],
    generation: NearGeneration | None,
    *,
    jobs: int | None,
    report: Callable[[CheckedFile], None],
    types: frozenset[SignalType] = frozenset(),
    cohorts: Cohorts | None = None,
) -> None:
    """Scan and match files, several at a time, and report them in order.

    Args:
        found: The files to scan; it is read only as far ahead as files can be held.
        generation: The generation to match with, if any.
        jobs: Scanner processes; ``None`` is one for each CPU.
        report: Called for each file, in the order of ``found``.
        types: Further signal types to compute.
        cohorts: Knows the background by which matches are judged; ``None`` to judge
            none, and to look for no altered copies.
    """
    settings = ScannerSettings() if jobs is None else ScannerSettings(workers=jobs)
    async with ScannerPool.open(settings) as pool:
        checker = _Checker(
            pool, generation, workers=settings.workers, types=types, cohorts=cohorts
        )
        work = (checker.check(item) for item in found)
        await in_order(work, report, window=settings.workers * WINDOW_PER_JOB)


class _Checker:
    """Checks files one by one, several at the same time if asked."""

    def __init__(
        self,
        pool: ScannerPool,
        generation: NearGeneration | None,
        *,
        workers: int,
        types: frozenset[SignalType],
        cohorts: Cohorts | None,
    ) -> None:
        self._generation = generation
        self._cohorts = cohorts
        found = generation.signal_types if generation else frozenset[SignalType]()
        computed = PRINTED_TYPES | ((found | types) - frozenset(EXACT_TYPES))
        self._scanner = FileScanner(pool, types=computed, workers=workers)
        # One search at a time: it uses the cores by itself where the set is large.
        self._searching = asyncio.Lock()

    async def check(self, found: FoundFile) -> CheckedFile:
        """Scan and match one file."""
        path = encodable(found.path)
        if found.problem is not None:
            return CheckedFile(path=path, problem=found.problem, detail=found.detail)
        try:
            scan = await self._scanner.scan(found.path, path=path)
        except OSError as exc:
            detail = exc.strerror or str(exc)
            return CheckedFile(path=path, problem=Reason.UNREADABLE, detail=detail)
        return await self._matched(scan)

    async def _matched(self, scan: Scan) -> CheckedFile:
        if self._generation is None:
            return CheckedFile(
                path=scan.path, scan=scan, problem=Reason.NO_REFERENCE_SET
            )
        async with self._searching:
            judged = await asyncio.to_thread(self._judged, self._generation, scan)
        scan = marked(scan, judged.unfinished)
        return CheckedFile(path=scan.path, scan=scan, matches=judged.matches)

    def _judged(self, generation: NearGeneration, scan: Scan) -> JudgedMatches:
        matches = match_scans(
            generation, (scan,), thresholds=Thresholds(), quality_of=pdq.quality
        )
        judged = is_judged(generation, (scan,), matches, copies=True)
        if self._cohorts is None or not judged:
            return JudgedMatches(matches=matches)
        return judged_matches(
            generation,
            (scan,),
            matches,
            self._cohorts.background(),
            quality_of=pdq.quality,
            copies=True,
            turned=True,  # nobody waits for an answer here
        )
