"""Taking a signed set up: all or nothing, deltas and full sets, withdrawals."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.issuing.offices import Office, line_of
from tests.repository import ROOT
from tests.syncing.moments import epoch_s
from tests.syncing.sites import CHOSEN, Site, serving
from uploadfilter.errors import (
    HashSetNameError,
    HashSetTrustError,
    StoreError,
    StorePinnedError,
    UsageError,
)
from uploadfilter.hashsets.choices import Chosen
from uploadfilter.model import EntryState
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.signedsets import canaries
from uploadfilter.syncing.taking import look
from uploadfilter.syncing.trusting import Trusted

TWENTY = tuple(line_of(f"p-{n}", n) for n in range(20))
ALL = {f"p-{n}" for n in range(20)}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Return an issuer that has published twenty entries."""
    # Python-tuf looks at the clock of the machine.
    it = Office(tmp_path / "office", epoch_s=epoch_s())
    it.issue(*TWENTY)
    return it


@pytest.fixture
def site(tmp_path: Path, office: Office) -> Site:
    """Return an operator who has synced once."""
    it = Site(tmp_path / "state", office)
    it.sync()
    return it


def test_first_sync_is_the_full_set_and_says_who_signed(
    tmp_path: Path, office: Office
) -> None:
    """The entries of the named categories are in force, with the facts about them."""
    site = Site(tmp_path / "state", office)
    report = site.sync()

    assert site.ids() == ALL
    assert (report.older, report.is_full, report.is_new) == (0, True, True)
    assert report.set.issuer == "Police unit 7"
    assert report.set.enforced
    assert report.set.signed is not None
    assert report.set.signed.sequence == 1
    assert report.set.signed.signers == ("dora", "eve")
    assert site.status.expires == "snapshot"
    assert not list(site.trusted.path.glob("downloads/*"))


def test_second_sync_of_the_same_changes_nothing(site: Site) -> None:
    """There is no new generation, and the set is fresh again."""
    number = site.number()
    site.epoch_s += 60

    assert not site.sync().is_new
    assert site.number() == number
    assert site.status.synced_at == int(site.epoch_s)


def test_deltas_lead_where_the_full_set_does(
    site: Site, office: Office, tmp_path: Path
) -> None:
    """After any changes, deltas give the same set as a full set."""
    office.issue(line_of("new", 50), line_of("p-1", 99))
    office.remove("p-2", "p-3")
    office.issue(line_of("newer", 51), line_of("other", 52, "2"))
    report = site.sync()
    newcomer = Site(tmp_path / "state2", office)
    newcomer.sync()

    assert (report.older, report.is_full) == (1, False)
    assert site.ids() == newcomer.ids() == ALL - {"p-2", "p-3"} | {"new", "newer"}
    assert report.set.source.withdrawn == 2


def test_entry_whose_category_is_not_taken_any_more_goes(
    site: Site, office: Office
) -> None:
    """A new choice of categories takes effect for entries in force too."""
    office.issue(line_of("p-5", 5, "2"))
    site.sync()

    assert site.ids() == ALL - {"p-5"}


def test_new_category_is_taken_from_the_full_set(site: Site, office: Office) -> None:
    """Entries that were left out before come with the whole set."""
    office.issue(line_of("x", 60, "2"))
    site.sync()
    assert site.ids() == ALL
    report = site.sync(Chosen(categories=["1", "2"]))

    assert report.is_full
    assert site.ids() == ALL | {"x"}
    with pytest.raises(UsageError, match="does not"):
        site.sync(Chosen(categories=["2"]))


def test_gap_falls_back_to_the_full_set(site: Site, office: Office) -> None:
    """An operator who was away too long for the deltas reads the whole set."""
    lines = [line_of(f"q-{n}", 100 + n) for n in range(30)]
    office.issue(*lines)
    office.issue(line_of("last", 90))
    hashset = office.now.hashset
    assert hashset is not None
    # An issuer who serves the last delta only, as after two months.
    from uploadfilter.issuing import proposing  # noqa: PLC0415

    proposing_kept = proposing._KEPT_DELTAS  # noqa: SLF001
    proposing._KEPT_DELTAS = 1  # type: ignore[misc]  # noqa: SLF001
    try:
        office.issue(line_of("very-last", 91))
    finally:
        proposing._KEPT_DELTAS = proposing_kept  # type: ignore[misc]  # noqa: SLF001
    report = site.sync()

    assert report.is_full
    assert site.ids() == ALL | {f"q-{n}" for n in range(30)} | {"last", "very-last"}


def test_withdrawal_takes_effect_without_a_new_set(site: Site, office: Office) -> None:
    """The list of one officer puts an entry out of force for good."""
    office.withdraw("p-7")
    report = site.sync()

    assert (report.withdrawn, report.is_new, report.older) == (1, True, 1)
    assert site.ids() == ALL - {"p-7"}
    office.issue(line_of("new", 50))
    site.sync()
    assert site.ids() == ALL - {"p-7"} | {"new"}
    with site.directory.writer() as writer:
        writer.rollback()
        writer.release()
    assert site.ids() == ALL - {"p-7"}


def test_newcomer_never_has_what_is_withdrawn(tmp_path: Path, office: Office) -> None:
    """The set and the withdrawals from it come into force together."""
    office.withdraw("p-7", "p-8")
    site = Site(tmp_path / "state", office)

    assert site.sync().withdrawn == 2
    assert site.ids() == ALL - {"p-7", "p-8"}


def test_too_many_withdrawals_are_held_back(site: Site, office: Office) -> None:
    """A stolen key withdraws a limited number, and an alarm reports it."""
    office.withdraw("p-1", "p-2")
    assert site.sync().withdrawn == 2
    office.withdraw("p-3", "p-4", is_thief=True)
    report = site.sync()

    assert (report.withdrawn, report.status.held_back) == (0, 2)
    assert site.ids() == ALL - {"p-1", "p-2"}
    site.sync()
    assert site.ids() == ALL - {"p-1", "p-2"}
    office.remove("p-3", "p-4")
    office.issue()
    assert site.sync().status.held_back == 0
    assert site.ids() == ALL - {"p-1", "p-2", "p-3", "p-4"}


def test_pinned_set_takes_withdrawals_only(site: Site, office: Office) -> None:
    """After a rollback, no entry is added until an operator releases it."""
    office.issue(line_of("new", 50))
    site.sync()
    with site.directory.writer() as writer:
        writer.rollback()
    office.withdraw("p-9")
    office.issue(line_of("newer", 51))

    with pytest.raises(StorePinnedError, match="pinned"):
        site.sync()
    assert site.ids() == ALL - {"p-9"}
    with site.directory.writer() as writer:
        writer.release()
    site.sync()
    assert site.ids() == ALL - {"p-9"} | {"new", "newer"}


def test_categories_are_named_first(tmp_path: Path, office: Office) -> None:
    """Before a choice nothing is taken, and the error shows the choices."""
    office.issue(line_of("x", 60, "2"))
    site = Site(tmp_path / "state", office)
    seen = look(site.trusted)

    with pytest.raises(UsageError, match="no category") as caught:
        site.sync(Chosen())
    assert "'1' (20), '2' (1)" in caught.value.hint
    assert seen.manifest.categories == {"1": 20, "2": 1}
    assert site.ids() is None


def test_category_that_no_entry_has_is_refused(tmp_path: Path, office: Office) -> None:
    """A mistyped name never puts a set in force that holds only the canary."""
    site = Site(tmp_path / "state", office)

    with pytest.raises(UsageError, match="no category") as caught:
        site.sync(Chosen(categories=["l"]))
    assert "'1' (20)" in caught.value.hint
    assert site.ids() is None
    # One of several may come later.
    assert site.sync(Chosen(categories=["1", "3"])).set.categories == ("1", "3")
    assert site.ids() == ALL


def test_set_may_be_monitored_and_then_enforced(tmp_path: Path, office: Office) -> None:
    """An operator may begin with a pilot; later syncs keep the state."""
    site = Site(tmp_path / "state", office)
    first = site.sync(Chosen(categories=["1"], state=EntryState.MONITORED))
    office.issue(line_of("new", 50))
    second = site.sync()
    third = site.sync(Chosen(state=EntryState.ACTIVE))

    assert (first.set.enforced, second.set.enforced) == (False, False)
    assert third.set.enforced
    assert third.is_new


def test_signed_and_unsigned_sets_do_not_replace_each_other(
    tmp_path: Path, office: Office
) -> None:
    """The name of an import is not reused, and its permissions are not inherited."""
    site = Site(tmp_path / "state", office)
    info = SetInfo(
        name="unit7", issuer="local", categories=("1",), enforced=True, imported_at=1
    )
    with site.directory.writer() as writer:
        writer.replace_set(writer.collect(), info)

    with pytest.raises(HashSetNameError, match="is not signed"):
        site.sync(CHOSEN)


@pytest.mark.parametrize(
    "served",
    [pytest.param(False, marks=pytest.mark.slow), True],
    ids=["stick", "server"],
)
def test_crash_at_any_step_leaves_old_or_new(
    site: Site, office: Office, served: bool
) -> None:
    """After a crash at any step, one whole set is in force; the next sync goes on."""
    office.withdraw("p-1")
    office.issue(line_of("new", 50))
    with serving(office.served) as url:
        source = url if served else str(office.served)
        program = [sys.executable, "-m", "tests.syncing.dying"]
        died = subprocess.run(  # noqa: S603 - our own program
            [*program, str(site.state), source, "97"],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )

    assert died.returncode == 0, died.stderr
    steps, old, _ = map(int, died.stdout.split())
    assert steps > 100
    assert old > 1


def test_lost_notes_do_not_lose_the_set(site: Site, office: Office) -> None:
    """A damaged status is reported; verified data stays valid."""
    (site.trusted.path / "status.json").write_text("{")

    with pytest.raises(Exception, match="is lost"):
        site.sync()
    site.trusted.trust(office.root, str(office.served))
    assert not site.sync().is_new
    assert msgspec.json.decode((site.trusted.path / "status.json").read_bytes())


def test_full_disk_is_said_and_not_what_follows_from_it(
    site: Site, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note that cannot be written does not hide the cause."""
    (office.served / "metadata" / "timestamp.json").write_text("{}")

    def full(*_: object) -> None:
        raise StoreError("no space")

    monkeypatch.setattr(Trusted, "put_status", full)
    with pytest.raises(HashSetTrustError, match="damaged"):
        site.sync()
    assert site.ids() == ALL


def test_canary_is_taken_with_whatever_categories(tmp_path: Path) -> None:
    """The other entries are of the chosen categories; a delta keeps the canary."""
    office = Office(tmp_path / "office", epoch_s=epoch_s(), canaries=canaries.entries())
    office.issue(line_of("a", 1, "1"), line_of("b", 2, "2"))
    site = Site(tmp_path / "state", office)
    site.sync()
    assert site.ids() == {"a", *canaries.IDS}
    office.issue(line_of("c", 3, "1"))
    report = site.sync()

    assert not report.is_full
    assert site.ids() == {"a", "c", *canaries.IDS}
    assert report.set.categories == ("1",)
