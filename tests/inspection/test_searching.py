"""Altered copies on their way through the whole filter, and a judgement that fails."""

import io
import ipaddress
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image, ImageDraw
from structlog.testing import capture_logs

from tests.corpus import pictures
from tests.inspection.tripped import tripped
from tests.pictures.sketches import decoded
from tests.proxy.site import Site, entry, file_part, form, list_entries, site
from tests.proxy.wire import status
from tests.waiting import until
from uploadfilter.copies import process, queue
from uploadfilter.decisions.policy import Policy
from uploadfilter.decisions.records.records import (
    CopyRecord,
    DecisionRecord,
    UnsearchedRecord,
)
from uploadfilter.evidence.chance import ALTERED
from uploadfilter.evidence.finding import AlteredCopies
from uploadfilter.evidence.settings import EvidenceSettings
from uploadfilter.inspection import searching
from uploadfilter.knowngood.store import KNOWN_GOOD, LIST
from uploadfilter.model import (
    Action,
    Entry,
    MatchKind,
    Reason,
    Signal,
    SignalType,
    Verdict,
)
from uploadfilter.outlines import Outline
from uploadfilter.service import running
from uploadfilter.signals import views
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.requests.limits import ProxyLimits

ORIGINAL = pictures.photograph(1, width=640, height=480)
SEARCHED = EvidenceSettings()
REJECTED = Policy(altered=Action.REJECT)
UNLISTED = pictures.jpeg(pictures.photograph(2, width=640, height=480))
PDQ_ONLY = frozenset({SignalType.PDQ})


def listed() -> Entry:
    """List the original by PDQ alone."""
    view = views.view_of(
        decoded(pictures.jpeg(ORIGINAL)), name="stored", types=PDQ_ONLY
    )
    value = view.value(SignalType.PDQ)
    assert value is not None
    return entry(1, Signal(type=SignalType.PDQ, value=value))


def cropped(original: Image.Image) -> Image.Image:
    """Cut 5 % off each side."""
    width, height = original.size
    return original.crop(
        (width // 20, height // 20, width - width // 20, height - height // 20)
    )


def captioned(original: Image.Image) -> Image.Image:
    """Write over the lower eighth."""
    made = original.copy()
    width, height = made.size
    draw = ImageDraw.Draw(made)
    draw.rectangle((0, height * 7 // 8, width, height), fill="white")
    draw.text((20, height * 7 // 8 + 10), "when it is Monday again", fill="black")
    return made


def turned(original: Image.Image) -> Image.Image:
    """Turn it by three degrees."""
    return original.rotate(3, resample=Image.Resampling.BICUBIC)


ALTERATIONS = [cropped, captioned, turned]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rejecting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter whose operator chose to reject altered copies."""
    state = tmp_path_factory.mktemp("rejecting")
    async with site(
        state, listed=[listed()], evidence=SEARCHED, policy=REJECTED
    ) as shared:
        yield shared


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a stop wait for every search, however busy the machine is."""
    monkeypatch.setattr(queue, "DRAIN_S", 60.0)


pytestmark = pytest.mark.asyncio(loop_scope="module")


def last(shared: Site) -> DecisionRecord:
    """Return the newest decision on record."""
    return shared.decisions()[-1]


def copies(shared: Site) -> list[CopyRecord]:
    """Return the altered copies that were put on record after an answer."""
    return [it for it in shared.records() if isinstance(it, CopyRecord)]


async def test_altered_copies_are_recorded_after_the_answer_by_default(
    tmp_path: Path,
) -> None:
    """A record names the decision, the entry and E; the decision says nothing of it.

    What is left at the stop is searched before the log ends.
    """
    async with site(tmp_path, listed=[listed()], evidence=SEARCHED) as shared:
        for change in ALTERATIONS:
            assert status(await shared.put(pictures.jpeg(change(ORIGINAL)))) == 200
        assert status(await shared.put(UNLISTED)) == 200
        metrics = shared.metrics

    *altered, _ = shared.decisions()
    assert {it.verdict for it in altered} == {Verdict.NO_MATCH}
    assert [it.decision for it in copies(shared)] == [it.id for it in altered]
    for found in copies(shared):
        (match,) = found.matches
        assert (match.kind, match.entry) == (MatchKind.ALTERED, "entry-1")
        assert (match.content, match.set) == ("0", "demo")
        assert match.chance is not None
        assert 0 <= match.chance <= ALTERED
        assert match.outline is not None
        assert isinstance(Outline.parse(match.outline), Outline)
    assert (counted(metrics, "altered"), counted(metrics, "nothing")) == (3, 1)


@pytest.mark.parametrize("bound", ["MOST_WAITING", "MOST_BYTES", "MOST_OF_CLIENT"])
async def test_upload_beyond_the_queue_is_counted_and_passes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bound: str
) -> None:
    """The count is in the metrics, on record, and in the totals of its day."""
    monkeypatch.setattr(queue, bound, 0)
    trusted = (ipaddress.ip_network("127.0.0.1"),)
    async with site(
        tmp_path, listed=[listed()], evidence=SEARCHED, trusted_proxies=trusted
    ) as shared:
        for _ in range(2):
            answer = await shared.put(UNLISTED, b"X-Forwarded-For: 198.51.100.1")
            assert status(answer) == 200
        metrics = shared.metrics

    records = shared.records()
    assert [it.count for it in records if isinstance(it, UnsearchedRecord)] == [2]
    assert counted(metrics, "dropped") == 2


async def test_search_that_crashes_is_counted_and_starts_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No upload notices; the next one is searched by a new process."""
    monkeypatch.setattr(queue, "AGAIN_S", 0.0)
    starts = iter(["tests.copies.dying"])
    start = process.searching
    monkeypatch.setattr(
        running,
        "searching",
        lambda state: start(state, module=next(starts, process.MODULE)),
    )
    with capture_logs() as logs:
        async with site(tmp_path, listed=[listed()], evidence=SEARCHED) as shared:
            for _ in range(2):
                content = pictures.jpeg(cropped(ORIGINAL))
                assert status(await shared.put(content)) == 200
            metrics = shared.metrics

    assert len(copies(shared)) == 1
    assert "copy_search_failed" in [it["event"] for it in logs]
    assert (counted(metrics, "failed"), counted(metrics, "altered")) == (1, 1)


async def test_known_or_rejected_upload_is_not_searched_afterwards(
    rejecting: Site, tmp_path: Path
) -> None:
    """A match within the threshold needs no search, nor does what was searched."""
    async with site(tmp_path, listed=[listed()], evidence=SEARCHED) as shared:
        both = form(file_part(pictures.jpeg(ORIGINAL)), file_part(UNLISTED))
        assert status(await shared.post_form(both)) == 403
        assert status(await shared.put(b"a text")) == 200
        metrics = shared.metrics

    assert copies(shared) == copies(rejecting) == []
    assert counted(metrics, "nothing") == counted(metrics, "altered") == 0


@pytest.mark.parametrize("change", ALTERATIONS, ids=lambda it: it.__name__)
async def test_altered_copy_is_rejected_if_the_operator_chose_so(
    rejecting: Site, change: Callable[[Image.Image], Image.Image]
) -> None:
    """The origin gets nothing of it, in a form as well."""
    before = len(rejecting.origin.got)
    content = pictures.jpeg(change(ORIGINAL))

    assert status(await rejecting.put(content)) == 403
    assert status(await rejecting.post_form(form(file_part(content)))) == 403
    assert last(rejecting).effect is Action.REJECT
    assert len(rejecting.origin.got) == before


async def test_unlisted_picture_does_not_match(rejecting: Site) -> None:
    """Nothing that only looks like a picture is taken for a copy."""
    for content in (UNLISTED, pictures.jpeg(cropped(pictures.photograph(3)))):
        assert status(await rejecting.put(content)) == 200

        decision = last(rejecting)
        assert (decision.verdict, decision.reasons) == (Verdict.NO_MATCH, ())
        assert decision.matches == ()


def counted(metrics: Metrics, result: str) -> float | None:
    """Return how many uploads had a result."""
    return metrics.registry.get_sample_value(
        "uploadfilter_evidence_total", {"result": result}
    )


async def test_match_within_the_threshold_states_its_chance(rejecting: Site) -> None:
    """It is found as before, nothing else is looked for, and its record has E."""
    answer = await rejecting.put(pictures.jpeg(ORIGINAL, quality=50))

    decision = last(rejecting)
    assert status(answer) == 403
    assert not decision.altered
    assert {match.kind for match in decision.matches} == {MatchKind.WITHIN}
    chances = [match.chance for match in decision.matches]
    assert all(it is not None and 0 <= it < 1e-9 for it in chances)


async def test_altered_copy_beside_the_listed_picture_is_found_too(
    rejecting: Site,
) -> None:
    """Each content is searched by itself: one that matches hides no other."""
    both = form(
        file_part(pictures.jpeg(ORIGINAL)), file_part(pictures.jpeg(cropped(ORIGINAL)))
    )
    await rejecting.post_form(both)

    kinds = {(match.content, match.kind) for match in last(rejecting).matches}
    assert ("0", MatchKind.WITHIN) in kinds
    assert ("1", MatchKind.ALTERED) in kinds


async def test_altered_copy_of_a_monitored_set_is_not_rejected(tmp_path: Path) -> None:
    """An altered copy has the rights of its entry, and no more."""
    list_entries(tmp_path, [listed()], enforced=False)
    async with site(
        tmp_path, listed=None, evidence=SEARCHED, policy=REJECTED
    ) as shared:
        answer = await shared.put(pictures.jpeg(cropped(ORIGINAL)))

        decision = last(shared)
        assert status(answer) == 200
        assert (decision.verdict, decision.would) == (Verdict.MATCH, Action.REJECT)


async def test_altered_copies_with_an_effect_demote_an_entry(tmp_path: Path) -> None:
    """One that is only counted does not end the rejection of others."""
    limits = ProxyLimits(tripwire_networks=1, drain_idle_s=0.05)
    async with site(
        tmp_path,
        listed=[listed()],
        evidence=SEARCHED,
        policy=REJECTED,
        proxy=limits,
        trusted_proxies=(ipaddress.ip_network("127.0.0.1"),),
    ) as shared:
        altered = pictures.jpeg(cropped(ORIGINAL))
        await shared.put(altered, b"X-Forwarded-For: 198.51.100.1")

        assert last(shared).verdict is Verdict.MATCH
        assert shared.service is not None
        await until(lambda: len(tripped(tmp_path)) == 1)


async def test_error_of_the_judgement_never_counts_as_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is told, counted and recorded, and the upload does not pass."""

    def failing(*_: object, **__: object) -> AlteredCopies:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(searching, "judged_matches", failing)
    async with site(
        tmp_path, listed=[listed()], evidence=SEARCHED, policy=REJECTED
    ) as shared:
        with capture_logs() as logs:
            assert status(await shared.put(UNLISTED)) == 403

        assert last(shared).reason is Reason.EVIDENCE_UNFINISHED
        assert "evidence_failed" in [it["event"] for it in logs]
        assert counted(shared.metrics, "failed") == 1
        assert status(await shared.put(pictures.jpeg(ORIGINAL))) == 403


@pytest.mark.parametrize("policy", [Policy(), REJECTED], ids=["counted", "rejected"])
async def test_damaged_cohort_is_told_and_nothing_counts_as_checked(
    tmp_path: Path, policy: Policy
) -> None:
    """Until it is mended, no upload passes for searched."""
    (tmp_path / KNOWN_GOOD).mkdir(mode=0o700)
    (tmp_path / KNOWN_GOOD / LIST).write_bytes(b"not a list")
    with capture_logs() as logs:
        async with site(
            tmp_path, listed=[listed()], evidence=SEARCHED, policy=policy
        ) as shared:
            answers = [status(await shared.put(UNLISTED)) for _ in range(2)]
            metrics = shared.metrics

    events = [it["event"] for it in logs]
    assert answers == ([200, 200] if policy == Policy() else [403, 403])
    assert {"cohort_unusable", "copy_search_impossible"} & set(events)
    assert counted(metrics, "failed") == 2


async def test_pictures_of_this_module_are_beyond_the_threshold() -> None:
    """An alteration that PDQ finds by itself would prove nothing here."""
    value = listed().signals[0].signal.value
    for change in ALTERATIONS:
        content = pictures.jpeg(change(ORIGINAL))
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.size[0] > 500
        view = views.view_of(decoded(content), name="stored", types=PDQ_ONLY)
        shown = view.value(SignalType.PDQ)
        assert shown is not None
        distance = (int.from_bytes(value) ^ int.from_bytes(shown)).bit_count()
        assert distance > 31, change.__name__
