"""The facts on the operator's page, and their wording."""

import dataclasses
from pathlib import Path

import msgspec

from tests.decisions.logs import REJECTED
from tests.decisions.logs import decision as logged
from tests.proxy.admin.desk import NOON, watched
from tests.proxy.admin.observed import facts_of
from tests.proxy.site import exact_entry, list_entries
from tests.proxy.wire import wire_origin
from tests.scanners import standins_bare
from tests.scanners.memory import upload_of
from tests.web.counting.rejections import decision
from uploadfilter.decisions.judgement import Judgement
from uploadfilter.decisions.records.records import MatchRecord
from uploadfilter.model import (
    Action,
    EntryState,
    Geometry,
    MatchKind,
    Mode,
    Reason,
    SignalType,
    Variant,
    Verdict,
)
from uploadfilter.proxy.admin.facts import Facts, as_json
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.signals.views import ALWAYS


async def test_what_is_wrong_says_what_to_do(tmp_path: Path) -> None:
    """Each failed check has a remedy, and the other checks have none."""
    async with watched(tmp_path) as proxy:
        facts = await facts_of(proxy)

    assert not facts.is_ready
    assert facts.headline == "Not ready"
    assert {check.name: bool(check.to_do) for check in facts.checks} == {
        "Reference set": True,
        "Origin": True,
        "Decision log": False,
        "Scanners": True,
        "Service": False,
    }


async def test_hash_sets_are_shown_with_their_counts(tmp_path: Path) -> None:
    """Name, state and entries by category of every set in force."""
    list_entries(tmp_path, [exact_entry(1, b"a")], name="unit7", enforced=False)
    async with watched(tmp_path) as proxy:
        facts = await facts_of(proxy)

    (shown,) = facts.sets
    assert (shown.name, shown.issuer, shown.state) == ("unit7", "local", "monitored")
    assert shown.entries == "1"
    assert shown.categories == (("a", "1"),)
    assert "1 entries" in facts.generation


async def test_nearest_match_is_shown_with_its_chance(tmp_path: Path) -> None:
    """An altered copy has E and a drawing; an exact match has neither."""
    altered = MatchRecord(
        content="0",
        set="unit7",
        entry="p-1",
        category="1",
        state=EntryState.ACTIVE,
        signal_type=SignalType.PDQ,
        distance=52,
        view="stored",
        variant=Variant.UPRIGHT,
        geometry=Geometry.FULL,
        quality=90,
        kind=MatchKind.ALTERED,
        chance=3.2e-14,
        outline="crop 0.1 0 0 0",
    )
    exact = logged("e", REJECTED)
    async with watched(tmp_path) as proxy:
        proxy.metrics.decided(msgspec.structs.replace(exact, matches=(altered,)))
        proxy.metrics.decided(exact)
        facts = await facts_of(proxy)

    told, plain = facts.decisions[1], facts.decisions[0]
    assert told.match == "altered, 52 bits, E 3e-14"
    assert told.outline.startswith("M-11.11 0L100 0")
    assert (plain.match, plain.outline) == ("sha256", "")


async def test_decisions_are_shown_newest_first(tmp_path: Path) -> None:
    """A row states the decision and the reason, and names no one."""
    async with watched(tmp_path) as proxy:
        proxy.metrics.decided(decision(1, "unit7", client="0123456789abcdef"))
        proxy.metrics.decided(decision(2))
        facts = await facts_of(proxy)

    newest, oldest = facts.decisions
    assert newest.id == decision(2).id
    assert (oldest.verdict, oldest.effect, oldest.why) == ("MATCH", "REJECT", "unit7")
    assert (oldest.client, oldest.duration) == ("01234567", "1 ms")


async def test_what_should_be_known_is_said(tmp_path: Path) -> None:
    """These are easily forgotten: an empty reference set, and routes in MONITOR."""
    list_entries(tmp_path, ())
    async with watched(tmp_path, mode=Mode.MONITOR) as proxy:
        facts = await facts_of(proxy)

    said = " ".join(facts.warnings)
    assert "ideos" not in said
    assert "no entries" in said
    assert "MONITOR" in said
    assert "'default' cannot be reached" in said


async def test_scanners_that_read_no_videos_are_named(tmp_path: Path) -> None:
    """PyAV is an extra, which is easily forgotten as well."""
    lacking = ScannerSettings(workers=1, module=standins_bare.MODULE)
    list_entries(tmp_path, ())
    async with ScannerPool.open(lacking) as pool, watched(tmp_path) as proxy:
        with upload_of(b"fine") as (fd, spans):
            await pool.scan(fd, spans, types=ALWAYS)
        facts = await facts_of(dataclasses.replace(proxy, scanners=pool))

    assert any("Videos are not inspected" in it for it in facts.warnings)


async def test_tiles_tell_what_was_counted(tmp_path: Path) -> None:
    """The figures of the page are those of the metrics."""
    async with watched(tmp_path) as proxy:
        proxy.metrics.decided(decision(1, "unit7"))
        proxy.metrics.scanned(0.02)
        facts = await facts_of(proxy)

    tiles = {tile.key: (tile.value, tile.note) for tile in facts.tiles}
    assert tiles["uploads"] == ("1", "0/s now")
    assert tiles["matches"] == ("1", "1 rejected, 1 would be")
    assert tiles["cost"] == ("20 ms", "1 scanned")
    assert tiles["requests"] == ("0", "0 open, 0 conn.")
    assert tiles["pieces"] == ("0", "0 B held, room for 21 GB")
    assert facts.up == "60 min"


async def test_shape_stays_while_only_figures_change(tmp_path: Path) -> None:
    """The script loads the page again for a new generation, and not for an upload."""
    async with wire_origin() as origin, watched(tmp_path, origin=origin.url) as proxy:
        list_entries(tmp_path, ())
        before = await facts_of(proxy)
        proxy.metrics.decided(decision(1))
        later = await facts_of(dataclasses.replace(proxy, clock=lambda: NOON + 9))
        list_entries(tmp_path, [exact_entry(1, b"a")])
        changed = await facts_of(proxy)

    assert before.shape == later.shape
    assert changed.shape != before.shape


async def test_json_is_what_the_page_was_rendered_from(tmp_path: Path) -> None:
    """The script gets the same facts, field by field."""
    async with watched(tmp_path) as proxy:
        facts = await facts_of(proxy)

    assert msgspec.json.decode(as_json(facts), type=Facts) == facts


async def test_last_day_is_shown_under_each_policy(tmp_path: Path) -> None:
    """The policy in force comes first, then the presets, with their reasons."""
    judged = Judgement(
        verdict=Verdict.INCONCLUSIVE,
        action=Action.ACCEPT,
        effect=Action.ACCEPT,
        reason=Reason.ENCRYPTED,
        would=Action.ACCEPT,
        would_reason=Reason.ENCRYPTED,
        reasons=(Reason.ENCRYPTED,),
    )
    async with watched(tmp_path) as proxy:
        proxy.metrics.decided(logged("d", judged, now=proxy.clock()))
        facts = await facts_of(proxy)

    assert [(it.label, it.accepted, it.rejected, it.why) for it in facts.presets] == [
        ("in force", "1", "0", ""),
        ("matches_only", "1", "0", ""),
        ("balanced", "1", "0", ""),
        ("strict", "0", "1", "encrypted 1"),
    ]


async def test_page_warns_of_enforce_that_rejects_no_match(tmp_path: Path) -> None:
    """A setting without effect is shown, with the remedy."""
    list_entries(tmp_path, [exact_entry(1, b"a")], enforced=False)
    async with watched(tmp_path) as proxy:
        facts = await facts_of(proxy)

    assert any("ENFORCE rejects no match" in it for it in facts.warnings)
    assert any("hashset enforce" in it for it in facts.warnings)


async def test_page_names_what_is_only_monitored_beside_others(tmp_path: Path) -> None:
    """One hash set of two that rejects nothing is easily missed."""
    list_entries(tmp_path, [exact_entry(1, b"a")])
    list_entries(tmp_path, [exact_entry(2, b"b")], name="unit7", enforced=False)
    async with watched(tmp_path) as proxy:
        facts = await facts_of(proxy)

    assert "Only monitored, so that their matches pass: unit7." in facts.warnings
