"""Altered copies on their way through the whole filter, and a judgement that fails."""

import io
import ipaddress
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import ModuleType

import pytest
import pytest_asyncio
from PIL import Image, ImageDraw
from structlog.testing import capture_logs

from tests.corpus import pictures
from tests.pictures.sketches import decoded
from tests.proxy.inspecting.test_tripwire import tripped
from tests.proxy.site import Site, entry, file_part, form, list_entries, site
from tests.proxy.wire import status
from tests.waiting import until
from uploadfilter.decisions.judgement import CopySearch
from uploadfilter.decisions.policy import Policy
from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.evidence.finding import AlteredCopies
from uploadfilter.evidence.settings import Copies, EvidenceSettings
from uploadfilter.knowngood.store import KNOWN_GOOD, LIST
from uploadfilter.model import (
    Action,
    Entry,
    MatchKind,
    Mode,
    Reason,
    Signal,
    SignalType,
    Verdict,
)
from uploadfilter.outlines import Outline
from uploadfilter.proxy.inspecting import searching, sparing
from uploadfilter.proxy.requests.limits import ProxyLimits
from uploadfilter.signals import views

ORIGINAL = pictures.photograph(1, width=640, height=480)
COPIES = EvidenceSettings(copies=Copies.ALWAYS)
SPARE = EvidenceSettings(copies=Copies.SPARE)
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


def marked(original: Image.Image) -> Image.Image:
    """Paste a black square into it: 32 to 60 bits differ."""
    made = original.copy()
    width, height = made.size
    box = (width // 2, height // 2, width * 7 // 10, height * 8 // 10)
    ImageDraw.Draw(made).rectangle(box, fill="black")
    return made


ALTERATIONS = [cropped, captioned, turned]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def monitored(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter in ENFORCE that has chosen nothing: altered copies are counted."""
    state = tmp_path_factory.mktemp("monitored")
    async with site(state, listed=[listed()], evidence=COPIES) as shared:
        yield shared


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rejecting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter whose operator chose to reject altered copies."""
    state = tmp_path_factory.mktemp("rejecting")
    policy = Policy(altered=Action.REJECT)
    async with site(state, listed=[listed()], evidence=SPARE, policy=policy) as shared:
        yield shared


pytestmark = pytest.mark.asyncio(loop_scope="module")


def last(shared: Site) -> DecisionRecord:
    """Return the newest decision on record."""
    return shared.decisions()[-1]


@pytest.mark.parametrize("change", ALTERATIONS, ids=lambda it: it.__name__)
async def test_altered_copy_is_recorded_and_passes_by_default(
    monitored: Site, change: Callable[[Image.Image], Image.Image]
) -> None:
    """Its record states E, the view that was found, and that no entry was within."""
    answer = await monitored.put(pictures.jpeg(change(ORIGINAL)))

    decision = last(monitored)
    (match,) = decision.matches
    assert status(answer) == 200
    assert (decision.verdict, decision.action) == (Verdict.MATCH, Action.ACCEPT)
    assert decision.altered
    assert (match.kind, match.entry) == (MatchKind.ALTERED, "entry-1")
    assert match.chance is not None
    assert 0 <= match.chance <= EvidenceSettings().altered
    assert match.outline is not None
    assert isinstance(Outline.parse(match.outline), Outline)


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


def counted(shared: Site, result: str) -> float | None:
    """Return how many uploads had a result."""
    assert shared.service is not None
    return shared.service.watched.metrics.registry.get_sample_value(
        "uploadfilter_evidence_total", {"result": result}
    )


async def test_each_record_says_whether_copies_were_looked_for(
    monitored: Site,
) -> None:
    """A search that found nothing differs from one that nothing was there for."""
    said = []
    for content in (UNLISTED, pictures.jpeg(ORIGINAL), b"a text"):
        await monitored.put(content)
        said.append(last(monitored).copies)

    assert said == [CopySearch.SEARCHED, None, None]


async def test_spare_capacity_finds_altered_copies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On a machine that has nothing else to do, it is as if they were always searched.

    The tests themselves keep this process busy, and others keep the machine busy, so
    that neither counts here.
    """
    monkeypatch.setattr(sparing, "MOST_SHARE", float("inf"))
    monkeypatch.setattr(sparing, "PAUSE_S", 0.0)
    monkeypatch.setattr(searching, "LONGEST_S", 60.0)
    async with site(tmp_path, listed=[listed()], evidence=SPARE) as shared:
        for content in (pictures.jpeg(cropped(ORIGINAL)), UNLISTED):
            assert status(await shared.put(content)) == 200
        altered, unlisted = shared.decisions()

        assert altered.altered
        assert altered.copies is unlisted.copies is CopySearch.SEARCHED
        assert unlisted.verdict is Verdict.NO_MATCH
        assert (counted(shared, "altered"), counted(shared, "nothing")) == (1, 1)


@pytest.mark.parametrize(
    ("module", "name", "value", "reason"),
    [
        (sparing, "MOST_SHARE", -1.0, CopySearch.BUSY),
        (sparing, "PLACES", 0, CopySearch.OCCUPIED),
        (searching, "LONGEST_S", 0.0, CopySearch.LATE),
    ],
)
async def test_upload_that_was_not_searched_says_so(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    module: ModuleType,
    name: str,
    value: float,
    reason: CopySearch,
) -> None:
    """It passes as without a search, and counts neither as nothing nor as failed."""
    monkeypatch.setattr(sparing, "MOST_SHARE", float("inf"))
    monkeypatch.setattr(sparing, "PAUSE_S", 0.0)
    monkeypatch.setattr(module, name, value)
    async with site(tmp_path, listed=[listed()], evidence=SPARE) as shared:
        assert status(await shared.put(pictures.jpeg(cropped(ORIGINAL)))) == 200
        decision = last(shared)
        assert (decision.verdict, decision.reasons) == (Verdict.NO_MATCH, ())
        assert decision.copies is reason
        assert counted(shared, reason) == 1
        assert counted(shared, "nothing") == 0

        both = form(file_part(pictures.jpeg(ORIGINAL, quality=50)), file_part(UNLISTED))
        await shared.post_form(both)
        decision = last(shared)
        assert decision.verdict is Verdict.MATCH
        assert decision.copies is not CopySearch.SEARCHED


async def test_promising_upload_is_searched_on_a_busy_site(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A copy within 60 bits is found; the next one waits for its share of the time."""
    monkeypatch.setattr(sparing, "MOST_SHARE", -1.0)
    monkeypatch.setattr(searching, "LONGEST_S", 60.0)
    near = pictures.jpeg(marked(ORIGINAL))
    async with site(tmp_path, listed=[listed()], evidence=SPARE) as shared:
        for content in (UNLISTED, near, near):
            assert status(await shared.put(content)) == 200
        unlisted, first, second = shared.decisions()

        assert unlisted.copies is second.copies is CopySearch.BUSY
        assert first.copies is CopySearch.SEARCHED
        assert first.altered
        assert second.verdict is Verdict.NO_MATCH


async def test_error_of_a_glimpse_loses_no_match(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is told, and the upload counts as one that was not searched."""

    def failing(*_: object) -> bool:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(sparing, "MOST_SHARE", -1.0)
    monkeypatch.setattr(searching, "is_promising", failing)
    both = form(file_part(UNLISTED), file_part(pictures.jpeg(ORIGINAL)))
    async with site(tmp_path, listed=[listed()], evidence=SPARE) as shared:
        with capture_logs() as logs:
            answer = await shared.post_form(both)

        decision = last(shared)
        assert status(answer) == 403
        assert decision.copies is CopySearch.BUSY
        assert "evidence_failed" in [it["event"] for it in logs]


async def test_match_within_the_threshold_states_its_chance(monitored: Site) -> None:
    """It is found as before, nothing else is looked for, and its record has E."""
    answer = await monitored.put(pictures.jpeg(ORIGINAL, quality=50))

    decision = last(monitored)
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
    policy = Policy(altered=Action.REJECT)
    async with site(tmp_path, listed=None, evidence=COPIES, policy=policy) as shared:
        answer = await shared.put(pictures.jpeg(cropped(ORIGINAL)))

        decision = last(shared)
        assert status(answer) == 200
        assert (decision.verdict, decision.would) == (Verdict.MATCH, Action.REJECT)


@pytest.mark.parametrize(
    ("policy", "demoted"), [(Policy(), 0), (Policy(altered=Action.REJECT), 1)]
)
async def test_only_altered_copies_with_an_effect_demote_an_entry(
    tmp_path: Path, policy: Policy, demoted: int
) -> None:
    """Pictures that are only counted do not end the rejection of others."""
    limits = ProxyLimits(tripwire_networks=1, drain_idle_s=0.05)
    async with site(
        tmp_path,
        listed=[listed()],
        evidence=COPIES,
        policy=policy,
        proxy=limits,
        trusted_proxies=(ipaddress.ip_network("127.0.0.1"),),
    ) as shared:
        altered = pictures.jpeg(cropped(ORIGINAL))
        await shared.put(altered, b"X-Forwarded-For: 198.51.100.1")

        assert last(shared).verdict is Verdict.MATCH
        assert shared.service is not None
        await until(lambda: len(tripped(tmp_path)) == demoted)


async def test_error_of_the_judgement_never_counts_as_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is told, counted and recorded; a listed picture is found all the same."""

    def failing(*_: object, **__: object) -> AlteredCopies:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(searching, "judged_matches", failing)
    async with site(tmp_path, listed=[listed()], evidence=COPIES) as shared:
        with capture_logs() as logs:
            answer = await shared.put(UNLISTED)
        decision = last(shared)

        assert status(answer) == 200
        assert decision.verdict is Verdict.INCONCLUSIVE
        assert decision.reasons == (Reason.EVIDENCE_UNFINISHED,)
        assert "evidence_failed" in [it["event"] for it in logs]
        assert counted(shared, "failed") == 1
        assert status(await shared.put(pictures.jpeg(ORIGINAL))) == 403


async def test_error_of_the_judgement_rejects_if_altered_copies_are_rejected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Otherwise an upload that makes it fail would pass."""

    def failing(*_: object, **__: object) -> AlteredCopies:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(searching, "judged_matches", failing)
    policy = Policy(altered=Action.REJECT)
    async with site(
        tmp_path, listed=[listed()], evidence=COPIES, policy=policy
    ) as shared:
        assert status(await shared.put(UNLISTED)) == 403
        assert last(shared).reason is Reason.EVIDENCE_UNFINISHED


async def test_damaged_cohort_is_told_once_and_nothing_counts_as_checked(
    tmp_path: Path,
) -> None:
    """Until it is mended, uploads say that nobody looked for altered copies."""
    (tmp_path / KNOWN_GOOD).mkdir(mode=0o700)
    (tmp_path / KNOWN_GOOD / LIST).write_bytes(b"not a list")
    async with site(
        tmp_path, listed=[listed()], evidence=COPIES, mode=Mode.ENFORCE
    ) as shared:
        with capture_logs() as logs:
            for _ in range(2):
                assert status(await shared.put(UNLISTED)) == 200
                assert last(shared).reasons == (Reason.EVIDENCE_UNFINISHED,)
            (tmp_path / KNOWN_GOOD / LIST).unlink()
            assert status(await shared.put(UNLISTED)) == 200

        told = [it["event"] for it in logs if "cohort_unusable" in it.values()]
        assert told == ["cohort_unusable", "fault_over"]
        assert last(shared).verdict is Verdict.NO_MATCH


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
