"""Signed sets on the operator's page."""

import dataclasses
from pathlib import Path

import msgspec

from tests.proxy.admin.desk import NOON, watched
from tests.proxy.admin.observed import facts_of
from tests.proxy.site import exact_entry, list_entries
from uploadfilter.proxy.admin.page import render
from uploadfilter.reference.entries.sets import Signed
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.signedsets.freshness import Failure, Status
from uploadfilter.syncing.trusting import Trusted

DAY_S = 86_400
SYNCED = Status(
    set="unit7",
    source="https://example.org/u7",
    root="00",
    synced_at=int(NOON) - 3 * 3600,
    expires_at=int(NOON) + 7 * DAY_S,
    expires="timestamp",
    sequence=8,
    held_back=1200,
)


def signed(state: Path, status: Status) -> None:
    """Have a signed set of two entries in force, one of them suppressed."""
    list_entries(state, [exact_entry(1, b"a"), exact_entry(2, b"b")], name="unit7")
    with ReferenceDirectory(state / REFERENCE_DIRECTORY).writer() as writer:
        (info,) = writer.sets
        by = Signed(root="00", sequence=7, signers=("dora", "eve"))
        new = dataclasses.replace(info, signed=by)
        writer.replace_set(writer.collect(), new, without=[])
        writer.switch_off("unit7", "entry-1", why="a test", by="x")
    Trusted.of(state, status.set).put_status(status)


async def test_page_shows_who_signed_what_is_in_force_and_how_fresh(
    tmp_path: Path,
) -> None:
    """The number is that of the set in force, whatever the note of the sync says."""
    signed(tmp_path, SYNCED)
    async with watched(tmp_path) as proxy:
        facts = await facts_of(proxy)

    (shown,) = facts.signed
    assert (shown.number, shown.signers) == ("7", "dora, eve")
    assert (shown.freshness, shown.verified) == ("fresh", "3 h ago")
    assert shown.expires == "2026-11-09 12:00 (timestamp)"
    assert (shown.suppressed, shown.held_back) == ("1", "1,200")
    assert shown.failure == ""
    page = render(facts)
    for text in ("dora, eve", "3 h ago", "2026-11-09 12:00", "fresh"):
        assert text in page


async def test_page_shows_a_root_that_was_never_synced(tmp_path: Path) -> None:
    """No set of it is in force; the page states the cause as text, not as markup."""
    failure = Failure(at=1, code="hash_set_source", text="no <b>stick</b>")
    status = Status(set="unit8", source="stick", root="", failure=failure)
    Trusted.of(tmp_path, "unit8").put_status(status)
    async with watched(tmp_path) as proxy:
        facts = await facts_of(proxy)

    (shown,) = facts.signed
    assert (shown.number, shown.freshness, shown.failure) == (
        "–",  # noqa: RUF001 - a dash for nothing
        "never synced",
        "no <b>stick</b>",
    )
    assert "no &lt;b&gt;stick" in render(facts)


async def test_page_is_made_anew_when_a_set_changes_and_not_when_time_passes(
    tmp_path: Path,
) -> None:
    """Otherwise an open page would be loaded again each minute."""
    signed(tmp_path, SYNCED)
    async with watched(tmp_path) as proxy:
        before = await facts_of(proxy)
        later = await facts_of(dataclasses.replace(proxy, clock=lambda: NOON + 3600))
        Trusted.of(tmp_path, "unit7").put_status(
            msgspec.structs.replace(SYNCED, held_back=0)
        )
        changed = await facts_of(proxy)

    assert before.shape == later.shape
    assert before.signed != later.signed
    assert changed.shape != before.shape
