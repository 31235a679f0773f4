"""Publishing: by those who may, whole or not at all, and withdrawing within a bound."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from tests.issuing.offices import HOLDERS, Office, line_of
from tests.reference.crashing import CrashedError, crashing
from tests.signedsets.keys import holders, signer
from uploadfilter.errors import IssuerError
from uploadfilter.issuing import allowance, holding, publishing
from uploadfilter.issuing.published import published
from uploadfilter.signedsets.roles import GATHERED, REVOKE, ROOT, TIMESTAMP

TWENTY = tuple(line_of(f"p-{n}", n) for n in range(20))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Return an issuer that has published twenty entries."""
    it = Office(tmp_path / "o")
    it.issue(*TWENTY)
    return it


def test_below_the_threshold_nothing_is_published(office: Office) -> None:
    """One analyst alone cannot publish, and is told who else may sign."""
    office.stage(line_of("new", 99))
    office.propose()
    office.sign("dora")

    with pytest.raises(IssuerError, match="hashset") as caught:
        office.publish()

    assert "eve, gus" in caught.value.hint
    assert "new" not in office.ids()


def test_only_the_machine_says_what_is_newest(office: Office) -> None:
    """An analyst's key cannot sign in place of the machine's key."""
    office.stage(line_of("new", 99))
    office.propose()
    office.sign("dora", "eve")

    with pytest.raises(IssuerError, match="may not sign that this is the newest"):
        office.publish("dora")


def test_crash_publishes_all_or_nothing(office: Office, tmp_path: Path) -> None:
    """After a crash at any step, operators see the old set or the new one."""
    office.stage(line_of("new", 99))
    office.propose()
    office.sign("dora", "eve")
    kept = tmp_path / "kept"
    shutil.copytree(office.folder.path, kept)
    seen = set()
    for step in range(1, 400, 7):
        shutil.rmtree(office.folder.path)
        shutil.copytree(kept, office.folder.path)
        try:
            with crashing(step):
                office.publish()
        except CrashedError:
            seen.add("new" in office.ids())
            with office.folder.locked():
                pass
            if "new" not in office.ids():
                office.publish()
            assert "new" in office.ids()
            continue
        break

    assert seen == {False, True}


def test_withdrawal_takes_one_person(office: Office) -> None:
    """The list names the entry at once, and the set keeps it until its next number."""
    assert office.withdraw("p-3") == (1, 1)
    assert office.withdraw("p-4") == (1, 2)
    assert office.now.revoke is not None
    assert office.now.revoke.withdrawn() == ("p-3", "p-4")
    assert office.now.sequence == 1

    office.issue(line_of("new", 99))
    assert office.withdraw() == (0, 0)


def test_withdrawal_is_bounded(office: Office) -> None:
    """One person may withdraw a tenth of a small set, and no more."""
    with pytest.raises(IssuerError, match="more than the 2"):
        office.withdraw("p-1", "p-2", "p-3")

    assert office.now.versions[REVOKE] == 1


def test_commands_of_a_day_are_added_up(office: Office) -> None:
    """The error states how many are left today, and when more are possible."""
    office.withdraw("p-1")
    office.epoch_s += 3600

    with pytest.raises(
        IssuerError, match=r"more than the 2 .* 1 is left now"
    ) as caught:
        office.withdraw("p-2", "p-3")
    assert "withdrawn. 1 can be withdrawn now." in caught.value.hint
    assert "from 2026-11-19 12:07 UTC on" in caught.value.hint
    assert "propose --remove" in caught.value.hint
    assert office.withdraw("p-2") == (1, 2)
    assert office.withdraw("p-2") == (0, 2)
    assert publishing.left_today(office.folder, office.now, office.epoch_s) == 0
    office.epoch_s += allowance.WINDOW_S
    assert office.withdraw("p-3", "p-4") == (2, 4)


def test_crash_in_a_withdrawal_counts_once(office: Office) -> None:
    """After a crash at any step the same command is possible again, and counts once."""
    for step in range(1, 200, 3):
        try:
            with crashing(step):
                office.withdraw("p-1", "p-2")
        except CrashedError:
            continue
        break
    assert office.now.revoke is not None
    assert office.now.revoke.withdrawn() == ("p-1", "p-2")
    assert publishing.left_today(office.folder, office.now, office.epoch_s) == 0


def test_note_of_the_day_is_private_and_can_be_damaged(office: Office) -> None:
    """Only its owner can read it; a damaged note is reported with its remedy."""
    office.withdraw("p-1")
    path = office.folder.path / "withdrawals.json"

    assert path.stat().st_mode & 0o777 == 0o600
    for data in (b"", b"[]", b'{"p-1": "x"}', b"\xff"):
        path.write_bytes(data)
        with pytest.raises(IssuerError, match="cannot be read") as caught:
            office.withdraw("p-2")
        assert "Remove the file" in caught.value.hint


def test_withdrawal_of_what_is_not_there_is_refused(office: Office) -> None:
    """A mistyped id withdraws nothing, and is named."""
    with pytest.raises(IssuerError, match="no entry 'p-99'"):
        office.withdraw("p-99")


def test_analyst_is_no_duty_officer(office: Office) -> None:
    """An analyst, who may add, may not withdraw alone."""
    with pytest.raises(IssuerError, match="not a duty officer"):
        office.withdraw("p-1", by="dora")


def test_renewal_says_only_that_it_is_the_newest(office: Office) -> None:
    """Two versions increase, and nothing else changes."""
    before = office.now
    office.epoch_s += 3600
    office.renew()
    after = office.now

    changed = {r for r in after.versions if after.versions[r] != before.versions[r]}
    assert changed == {GATHERED, TIMESTAMP}
    assert after.expires[TIMESTAMP] == before.expires[TIMESTAMP] + 3600


def test_old_files_go_after_the_next_publication(office: Office) -> None:
    """The files of the set before are kept, and no older ones."""
    for number in range(4):
        office.epoch_s += 60
        office.issue(line_of(f"q-{number}", 100 + number))
    manifests = list(office.folder.targets.glob("*.manifest.json"))
    metadata = list(office.folder.metadata.glob("*.hashset.json"))

    assert (len(manifests), len(metadata)) == (2, 2)


def test_export_is_what_operators_read(office: Office, tmp_path: Path) -> None:
    """A stick has every file that the newest metadata names, and no other."""
    size = publishing.export(office.folder, office.now, tmp_path / "stick")
    found = {
        path.relative_to(tmp_path / "stick")
        for path in (tmp_path / "stick").rglob("*.*")
    }
    served = {path.relative_to(office.served) for path in office.served.rglob("*.*")}

    assert found == served
    assert size > 0
    with pytest.raises(IssuerError, match="inside"):
        publishing.export(office.folder, office.now, office.folder.path / "stick")


def test_stick_that_cannot_be_written_is_named(office: Office, tmp_path: Path) -> None:
    """The error names the stick, and not the issuer's folder."""
    stick = tmp_path / "stick"

    (stick / "metadata").mkdir(parents=True)
    (stick / "metadata" / "1.root.json.tmp").symlink_to("/dev/full")

    with (
        pytest.raises(IssuerError, match=r"stick.*No space left") as caught,
        office.folder.locked(),
    ):
        publishing.export(office.folder, office.now, stick)
    assert "copy is not complete" in caught.value.hint


def test_entries_are_written_as_json_lines(office: Office, tmp_path: Path) -> None:
    """Exported lines can be staged again, and give the same set."""
    publishing.export_lines(office.now, tmp_path / "all.jsonl")
    lines = (tmp_path / "all.jsonl").read_text().splitlines()
    office.stage(*lines, whole=True)

    assert len(lines) == 20
    assert office.propose().is_renewal


def test_lost_key_is_replaced_by_the_others(office: Office) -> None:
    """Two of three holders of the root put a new one in the place of a lost key."""
    changed = HOLDERS | {ROOT: holders(2, "ann", "bob", "ned")}
    holding.propose_holders(office.folder, office.now, changed, epoch_s=office.epoch_s)
    office.sign("ann", "bob")
    office.publish()

    assert office.now.versions[ROOT] == 2
    assert len(list(office.folder.metadata.glob("*.root.json"))) == 2


def test_duty_officer_who_leaves_has_the_list_signed_anew(office: Office) -> None:
    """Operators would refuse a list signed by a former holder."""
    office.withdraw("p-1")
    changed = HOLDERS | {REVOKE: holders(1, "ian")}
    holding.propose_holders(office.folder, office.now, changed, epoch_s=office.epoch_s)
    office.sign("ann", "bob")

    with pytest.raises(IssuerError, match="revoke"):
        office.publish()
    office.sign("ian")
    office.publish()

    assert office.now.revoke is not None
    assert office.now.revoke.withdrawn() == ("p-1",)


def test_stale_proposal_is_refused(office: Office) -> None:
    """A proposal that follows another version than the published one is made again."""
    office.stage(line_of("new", 99))
    office.propose()
    office.sign("dora", "eve")
    kept = (office.folder.proposal / "hashset.json").read_bytes()
    office.publish()
    (office.folder.proposal).mkdir()
    (office.folder.proposal / "hashset.json").write_bytes(kept)

    with pytest.raises(IssuerError, match="does not follow the published version"):
        office.publish()


def test_first_publication_needs_all(tmp_path: Path) -> None:
    """It needs entries and their signatures."""
    it = Office(tmp_path / "o")

    with pytest.raises(IssuerError, match="needs entries"):
        it.publish()
    with pytest.raises(IssuerError, match="nothing was published"):
        it.renew()
    assert published(it.folder).sequence == 0
    assert signer("ann").public_key in HOLDERS[ROOT].keys


def test_what_a_withdrawal_would_do_is_told_before(office: Office) -> None:
    """It states the number in each category, the size of the set, and the limit."""
    office.withdraw("p-1")
    ask = partial(publishing.withdrawable, office.folder, epoch_s=office.epoch_s)
    found = ask(office.now, ["p-1", "p-2"])

    assert (found.new, found.known) == (("p-2",), ("p-1",))
    assert (found.categories, found.entries) == ({"1": 1}, 20)
    assert (found.most, found.left) == (2, 1)
    with pytest.raises(IssuerError, match="more than the 2"):
        ask(office.now, ["p-3", "p-4", "p-5"])


def test_ids_that_are_not_in_the_set_are_counted(office: Office) -> None:
    """The first one is named, and the others are counted."""
    publishing.check_listed(office.now, ["p-1"])

    with pytest.raises(IssuerError, match=r"no entry 'x-1'$"):
        publishing.check_listed(office.now, ["p-1", "x-1"])
    with pytest.raises(IssuerError, match=r"'x-1', nor 1 other$"):
        publishing.check_listed(office.now, ["x-2", "x-1"])
