"""Signed sets and the gate: from an issuer's folder into force."""

import json
import shutil
from pathlib import Path

import pytest

from tests.issuing.offices import line_of, md5_of
from tests.knowngood.corpora import corpus_file
from tests.syncing.gated import HARMLESS, Case
from uploadfilter.errors import HashSetGateError, HashSetKnownGoodError
from uploadfilter.gate.judging import GateSettings
from uploadfilter.syncing.gating import Passage, gate_for, read_note


def test_harmless_entry_is_quarantined_and_stays_so(tmp_path: Path) -> None:
    """It stays out of force after the first sync, and after a delta without it."""
    case = Case(tmp_path)
    report = case.site.sync()
    assert (report.quarantined, case.held()) == (1, {"p-7"})

    case.office.issue(line_of("new", 100))
    report = case.site.sync()

    assert not report.is_full
    assert (report.quarantined, case.held()) == (1, {"p-7"})
    assert report.set.signed is not None
    assert report.set.signed.gated
    case.office.remove("p-7")
    case.office.issue(line_of("new-2", 101))
    case.site.sync()
    assert case.held() == set()


def test_change_of_a_delta_is_looked_at(tmp_path: Path) -> None:
    """An entry that a delta adds or changes passes through the gate."""
    case = Case(tmp_path, known=[100])
    assert case.site.sync().quarantined == 0
    case.office.issue(line_of("new", 100), line_of("p-3", 100))
    case.site.sync()

    assert case.held() == {"new", "p-3"}


def test_another_corpus_has_all_looked_at_again(tmp_path: Path) -> None:
    """Without a new publication, the next sync still compares the whole set."""
    case = Case(tmp_path, known=[100])
    case.site.sync()
    assert not case.site.sync().is_new
    case.know([4], name="more")

    report = case.site.sync()
    assert (report.is_new, report.is_full, case.held()) == (True, False, {"p-4"})
    assert not case.site.sync().is_new
    case.kept.remove("more")
    case.site.sync()
    assert case.held() == set()


def test_release_holds_until_the_entry_changes(tmp_path: Path) -> None:
    """It holds for another corpus, and ends when the entry gets other signals."""
    case = Case(tmp_path, known=[HARMLESS, 8, 200])
    case.site.sync()
    with case.site.directory.writer() as writer:
        writer.switch_on("unit7", ["p-7"], by=["ab", "cd"])
    case.know([3], name="more")
    case.site.sync()
    assert case.held() == {"p-8", "p-3"}

    case.office.issue(line_of("p-7", 200))
    case.site.sync()
    assert case.held() == {"p-8", "p-3", "p-7"}


def test_list_of_harmless_files_is_refused_whole(tmp_path: Path) -> None:
    """So many are not one wrong line: the set in force stays, with withdrawals."""
    case = Case(tmp_path, known=range(100, 110))
    case.site.sync()
    before = case.site.number()
    case.office.withdraw("p-1")
    case.office.issue(*(line_of(f"n-{n}", n) for n in range(100, 110)))
    strict = GateSettings(quarantined=5)

    with pytest.raises(HashSetGateError, match="10 entries match") as caught:
        case.site.sync(settings=strict)
    assert "hashset list --findings" in caught.value.hint
    assert case.revoked() == {"p-1"}
    assert case.site.ids() == {f"p-{n}" for n in range(20)} - {"p-1"}
    assert case.site.number() == before + 1
    status = case.site.status
    assert status.failure is not None
    assert status.failure.code == "hash_set_gate"
    assert sum(it.count for it in status.withdrawn) == 1
    note = read_note(case.site.trusted.path)
    assert note is not None
    assert {it.entry for it in note.refused} == {f"n-{n}" for n in range(100, 110)}
    assert case.site.sync().quarantined == 10


def test_unusual_growth_waits_for_a_person(tmp_path: Path) -> None:
    """The error has the numbers, and one option accepts the change."""
    case = Case(tmp_path)
    case.site.sync()
    case.office.issue(*(line_of(f"n-{n}", n) for n in range(100, 120)))
    strict = GateSettings(growth=5, growth_share=0.1)

    with pytest.raises(HashSetGateError, match="20 entries of 20 are new") as caught:
        case.site.sync(settings=strict)
    assert "--accept-change" in caught.value.hint
    report = case.site.sync(settings=strict, is_accepted=True)
    assert report.set.entries == 40


def test_unusual_shrinkage_waits_and_withdrawals_do_not(tmp_path: Path) -> None:
    """A set that loses entries by a delta waits; withdrawals by officers apply."""
    case = Case(tmp_path)
    case.site.sync()
    case.office.withdraw("p-1")
    case.office.remove(*(f"p-{n}" for n in range(10, 20)))
    case.office.issue()
    strict = GateSettings(shrinkage=2, shrinkage_share=0.1)

    with pytest.raises(HashSetGateError, match="10 entries of 20 would go"):
        case.site.sync(settings=strict)
    assert case.revoked() == {"p-1"}
    assert case.site.ids() == {f"p-{n}" for n in range(20)} - {"p-1"}
    case.site.sync(settings=strict, is_accepted=True)
    assert case.site.ids() == {f"p-{n}" for n in range(10)} - {"p-1"}


@pytest.mark.parametrize("is_new", [False, True])
def test_damaged_corpus_lets_nothing_in(tmp_path: Path, *, is_new: bool) -> None:
    """Entries that could not be compared stay out, and this is reported."""
    case = Case(tmp_path)
    case.site.sync()
    path = case.damage()
    case.office.withdraw("p-2")
    if is_new:
        case.office.issue(line_of("new", 100))

    with pytest.raises(HashSetKnownGoodError, match="damaged"):
        case.site.sync()
    assert case.revoked() == {"p-2"}
    assert case.held() == {"p-7"}
    assert case.site.ids() == {f"p-{n}" for n in range(20)} - {"p-2"}
    path.unlink()
    with pytest.raises(HashSetKnownGoodError, match="cannot read"):
        case.site.sync()
    case.kept.remove("own")
    case.site.sync()
    assert case.held() == set()


def test_corpora_that_are_gone_are_said(tmp_path: Path) -> None:
    """After a restore without them, a quarantine does not end silently."""
    case = Case(tmp_path)
    case.site.sync()
    shutil.rmtree(case.kept.path)

    with pytest.raises(HashSetKnownGoodError, match="are gone"):
        case.site.sync()
    assert case.held() == {"p-7"}
    case.site.sync(is_accepted=True)
    assert case.held() == set()


def test_withdrawals_of_a_refused_change_count(tmp_path: Path) -> None:
    """While the gate refuses, a stolen key is still limited for the day."""
    case = Case(tmp_path)
    case.site.sync()
    case.damage()
    for number in range(4):
        case.office.withdraw(f"p-{number}", is_thief=True)
        with pytest.raises(HashSetKnownGoodError):
            case.site.sync()

    assert len(case.revoked()) == 2


def test_first_sync_of_a_refused_set_takes_nothing(tmp_path: Path) -> None:
    """Without a set in force, there is none afterwards either."""
    case = Case(tmp_path, known=range(20))
    with pytest.raises(HashSetGateError):
        case.site.sync(settings=GateSettings(quarantined=3))

    assert case.site.ids() is None


def test_corpus_of_the_program_is_used(tmp_path: Path) -> None:
    """It is used from the first gate on, and can be removed like any other."""
    case = Case(tmp_path)
    given = corpus_file(tmp_path / "shipped", md5=[bytes.fromhex(md5_of(3))])
    with case.site.directory.writer() as writer:
        secret = writer.secret
    passage = Passage(default=lambda: given)
    one = gate_for(case.site.state, secret, passage, epoch_s=1.0)

    assert [it.name for it in case.kept.listed()] == ["default", "own"]
    case.kept.remove("default")
    two = gate_for(case.site.state, secret, passage, epoch_s=2.0)
    assert one.identity != two.identity


def test_note_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    """The note is for people: without it, nothing else changes."""
    assert read_note(tmp_path) is None
    (tmp_path / "gate.json").write_text(json.dumps({"sequence": "x"}))
    assert read_note(tmp_path) is None
