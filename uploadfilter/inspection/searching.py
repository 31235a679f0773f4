"""Search the reference set for the signals of an upload: exact ones first, then all.

What matches by PDQ is then judged against a background: how often would chance bring an
entry so near? Where the policy does not accept altered copies, contents that match
nothing are searched for them; else that is done after the answer (``afterwards.py``).

Rules this module keeps: one upload is searched in one generation, whatever is imported
meanwhile; a search that takes longer than a millisecond goes to a thread; nothing that
matches within the threshold can be lost by the judgement, which is one of the places
that may catch ``Exception``: a content that it fails for never counts as checked. One
upload of each client is judged at a time, so that nobody waits for many of another.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, Protocol

import structlog

from uploadfilter.errors import HashSetKnownGoodError, StoreError
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.weighing import (
    JudgedMatches,
    is_judged,
    judged_matches,
)
from uploadfilter.inspection.commands import (
    Command,
    LookUp,
    MatchSignals,
    unscanned,
)
from uploadfilter.inspection.tripwire import Tripwire
from uploadfilter.inspection.upload import Upload
from uploadfilter.model import Match, Reason, Scan
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.reference.search.matching import match_scans
from uploadfilter.reference.search.near.asking import NearGeneration
from uploadfilter.signals import pdq
from uploadfilter.web.counting.labels import Phase
from uploadfilter.web.counting.metrics import Metrics

log: structlog.stdlib.BoundLogger = structlog.get_logger()

NO_COHORT: Final = "the known-good corpora have too few pictures to judge by"

COHORT_HINT: Final = (
    "No altered copy is found until this is mended, and uploads have the reason "
    "evidence_unfinished. See 'uploadfilter hashset list --known-good', or set "
    'copies = "never" in [evidence].'
)

THREADS: Final = 2
"""Threads that judge: while one judges an animation, photographs go through the other.
More would only share the interpreter's lock with the event loop."""

FREE_JUDGEMENT_S: Final = 0.05
"""CPU seconds of a judgement that are free for an upload: three views at ten million
entries. The rest is charged to the client like time of the event loop, since both share
the interpreter's lock."""

_LOOK_UP_ON_LOOP = 40
"""Contents whose three digests are looked up in under a millisecond, measured."""

_SEARCH_ON_LOOP_PAIRS = 320_000
"""Pairs of signal and entry up to which a search takes under a millisecond, measured
(32 signals of one picture, 10,000 entries), so that a thread would cost more than it
saves. A form of a thousand pictures is another matter."""


class Reference(Protocol):
    """An object that knows the newest generation of the reference set."""

    def at_hand(self) -> NearGeneration | None:
        """Return it if that takes no time, ``None`` if it must be opened first."""

    def current(self) -> NearGeneration:
        """Return the newest generation.

        Raises:
            StoreError: There is no usable one.
        """


class Searching:
    """The step that finds matches.

    Args:
        reference: Knows the newest generation of the reference set.
        tripwire: Softens matches with entries that were demoted.
        faults: Tells the operator about lasting faults.
        background: Returns the prepared cohort, ``None`` if it is too small. It raises
            ``HashSetKnownGoodError`` if it is damaged.
        metrics: Counts the results of the judgement.
    """

    def __init__(
        self,
        reference: Reference,
        tripwire: Tripwire,
        *,
        faults: OngoingFaults,
        background: Callable[[], Background | None],
        metrics: Metrics,
    ) -> None:
        self._reference = reference
        self._tripwire = tripwire
        self._faults = faults
        self._cohort = OngoingFaults(log)
        self._background = background
        self._metrics = metrics
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="judging")

    async def look_up(self, upload: Upload, command: LookUp) -> list[Command]:
        """Look up the exact signals of the contents in the newest generation."""
        try:
            generation = self._reference.at_hand()
            if generation is None:
                # A new generation is opened and verified here, which may take a while.
                generation = await asyncio.to_thread(self._reference.current)
        except StoreError as exc:
            self._faults.fail(
                "reference_set_unusable",
                code=exc.code,
                error=str(exc),
                hint=exc.hint,
            )
            return upload.inspection.failed(Reason.NO_REFERENCE_SET)
        self._faults.recover("reference_set_unusable")
        upload.generation = generation
        known = [unscanned(content) for content in command.contents]
        if len(known) <= _LOOK_UP_ON_LOOP:
            found = self._matches(upload, generation, known)
        else:
            found = await asyncio.to_thread(self._matches, upload, generation, known)
        return upload.inspection.looked_up(found)

    async def match(self, upload: Upload, command: MatchSignals) -> list[Command]:
        """Search for all signals, in the generation of the look-up."""
        found = await self._found(upload, command.scans)
        judged = await self._weighed(upload, command.scans, found)
        return upload.inspection.matched(judged.matches, judged.unfinished)

    async def _found(self, upload: Upload, scans: Sequence[Scan]) -> tuple[Match, ...]:
        """Return the matches within the thresholds."""
        generation = upload.searched_generation
        signals = sum(map(_signal_count, scans))
        is_short = len(scans) <= _LOOK_UP_ON_LOOP
        if is_short and signals * generation.entry_count <= _SEARCH_ON_LOOP_PAIRS:
            return self._matches(upload, generation, scans)
        return await asyncio.to_thread(self._matches, upload, generation, scans)

    async def _weighed(
        self, upload: Upload, scans: Sequence[Scan], found: tuple[Match, ...]
    ) -> JudgedMatches:
        """Judge the matches, and look for altered copies if the policy needs that."""
        settings = upload.settings.evidence
        copies = settings.is_before_answer(upload.arrival.route.policy)
        generation = upload.searched_generation
        is_wanted = settings.enabled and is_judged(
            generation, scans, found, copies=copies
        )
        if not is_wanted:
            return JudgedMatches(matches=found)
        begun_s = upload.clock()
        judged = await self._judged_in_turn(upload, scans, found, copies=copies)
        self._metrics.took(Phase.EVIDENCE, upload.clock() - begun_s)
        self._metrics.judged(judged.result)
        return judged

    def _matches(
        self, upload: Upload, generation: NearGeneration, scans: Sequence[Scan]
    ) -> tuple[Match, ...]:
        found = match_scans(
            generation,
            scans,
            thresholds=upload.settings.thresholds,
            quality_of=pdq.quality,
        )
        return self._tripwire.soften(found)

    async def _judged_in_turn(
        self,
        upload: Upload,
        scans: Sequence[Scan],
        found: tuple[Match, ...],
        *,
        copies: bool,
    ) -> JudgedMatches:
        """Judge one upload of a client at a time, and charge the client for it."""
        async with upload.meter.one_at_a_time():
            judged, cpu_s = await self._in_thread(upload, scans, found, copies=copies)
        upload.meter.spend(max(cpu_s - FREE_JUDGEMENT_S, 0.0))
        return judged

    def _in_thread(
        self,
        upload: Upload,
        scans: Sequence[Scan],
        found: tuple[Match, ...],
        *,
        copies: bool,
    ) -> asyncio.Future[tuple[JudgedMatches, float]]:
        """Judge the matches in a thread; return the CPU seconds that it took, too."""

        def judge() -> tuple[JudgedMatches, float]:
            begun_s = time.thread_time()
            judged = self._judged_or_failed(upload, scans, found, copies=copies)
            return judged, time.thread_time() - begun_s

        return asyncio.get_running_loop().run_in_executor(self._threads, judge)

    def _judged_or_failed(
        self,
        upload: Upload,
        scans: Sequence[Scan],
        found: tuple[Match, ...],
        *,
        copies: bool,
    ) -> JudgedMatches:
        try:
            background = self._background()
            self._say_cohort(NO_COHORT if background is None else "")
            judged = judged_matches(
                upload.searched_generation,
                scans,
                found,
                background,
                quality_of=pdq.quality,
                copies=copies,
            )
            return replace(judged, matches=self._tripwire.soften(judged.matches))
        except HashSetKnownGoodError as exc:
            self._say_cohort(str(exc))
        except Exception:
            log.exception("evidence_failed", decision=upload.ticket.id)
        return JudgedMatches.failed(scans, found, copies=copies)

    def _say_cohort(self, problem: str) -> None:
        """Tell the operator that no altered copy is found, and that it is again."""
        if problem:
            self._cohort.fail("cohort_unusable", error=problem, hint=COHORT_HINT)
        else:
            self._cohort.recover("cohort_unusable")


def _signal_count(scan: Scan) -> int:
    """Return the number of signals of a content and of all contents in it."""
    own = sum([view.signal_count for view in scan.views])
    return own + sum(map(_signal_count, scan.contents)) if scan.contents else own
