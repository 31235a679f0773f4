"""Entries that are off: switched off, listed, and on again when all let them go."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Terminal, json_lines
from tests.issuing.offices import line_of
from tests.syncing.gated import Case
from uploadfilter.doctor.machine import examine_reference
from uploadfilter.doctor.results import Grade
from uploadfilter.hashsets.choices import Chosen
from uploadfilter.reference.entries.off import Off, Party
from uploadfilter.signedsets import canaries

OFF = ("hashset", "off", "unit7", "p-5", "--why", "stock picture")
PEOPLE = ("--by", "ab", "--by", "cd")


class Site:
    """A site with a signed set, and the output of its commands."""

    def __init__(self, case: Case, terminal: Terminal) -> None:
        self.case, self._terminal = case, terminal

    def run(self, *words: str) -> int:
        """Run a command; return its exit code."""
        self._terminal.read()
        return self._terminal.run(*words)

    def said(self) -> str:
        """Return the output for people of the last command."""
        printed = self._terminal.read()
        return " ".join((printed.out + printed.err).split())

    def documents(self, *words: str) -> list[dict[str, Any]]:
        """Run a command; return the JSON objects that it prints."""
        assert self.run(*words, "--json") == 0
        return json_lines(self._terminal.read().out)

    def off(self) -> set[tuple[str, str]]:
        """Return the entries that are off, each with the party."""
        (found,) = self.documents("hashset", "list", "--off")
        return {(it["entry"], it["party"]) for it in found["off"]}

    def switch_off(self, party: str, entry: str) -> None:
        """Let a party switch an entry off; the gate has p-7 already."""
        match party:
            case "issuer":
                self.case.office.withdraw(entry)
                self.case.site.sync()
            case "operator":
                assert self.run("hashset", "off", "unit7", entry, "--why", "stock") == 0
            case "tripwire":
                row = Off(
                    set="unit7",
                    entry=entry,
                    party=Party.TRIPWIRE,
                    why="perceptual matches from 100 networks",
                )
                with self.case.site.directory.writer() as writer:
                    assert writer.demote(row)


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Return a site with one entry that the gate has switched off, p-7."""
    found = Case(tmp_path)
    found.site.sync()
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(found.site.state))
    return found


@pytest.fixture
def site(case: Case, terminal: Terminal) -> Site:
    """Return that site with its commands."""
    return Site(case, terminal)


def test_entries_of_all_parties_are_in_one_table(site: Site) -> None:
    """Each row says by whom, until when and why; status and set count them."""
    for party, entry in (("issuer", "p-3"), ("operator", "p-5"), ("tripwire", "p-1")):
        site.switch_off(party, entry)
    (found,) = site.documents("hashset", "list", "--off")
    rows = {it.pop("party"): it for it in found["off"]}
    assert site.run("hashset", "list", "--off") == 0
    table = site.said()
    assert site.run("hashset", "list") == 0
    status = site.said()
    graded = list(examine_reference(site.case.site.state))

    assert {it: rows[it]["entry"] for it in rows} == {
        "gate": "p-7",
        "issuer": "p-3",
        "operator": "p-5",
        "tripwire": "p-1",
    }
    assert [it for it in rows if rows[it]["until"]] == ["operator"]
    assert rows["gate"]["why"] == "exact match of 'own', 0 bits"
    assert "100 networks" in rows["tripwire"]["why"]
    assert all(it in table for it in ("p-1", "p-3", "p-5", "p-7", "stock"))
    assert "1 in quarantine" in status
    assert "1 demoted" in status
    assert graded[0].grade is Grade.FAILED
    assert "1 entries are demoted" in graded[0].text


@pytest.mark.parametrize("party", ["operator", "tripwire", "gate"])
def test_entry_is_on_again_when_its_only_party_lets_it_go(
    site: Site, party: str
) -> None:
    """One command lifts the row of any party, and the entry is off no more."""
    entry = "p-7" if party == "gate" else "p-5"
    site.switch_off(party, entry)
    (done,) = site.documents("hashset", "on", "unit7", entry, *PEOPLE, "--why", "right")

    assert (done["lifted"], done["off"]) == ([party], [])
    assert (entry, party) not in site.off()
    assert site.run("hashset", "on", "unit7", entry, *PEOPLE, "--why", "right") == 2


@pytest.mark.parametrize("party", ["tripwire", "gate"])
def test_two_people_switch_on_what_a_machine_switched_off(
    site: Site, party: str
) -> None:
    """One person, or the same one twice, changes nothing, not even a suppression."""
    entry = "p-7" if party == "gate" else "p-5"
    site.switch_off(party, entry)
    site.switch_off("operator", entry)
    before = site.off()
    for by in ((), ("--by", "ab"), ("--by", "ab", "--by", "AB"), ("--by", "x@y")):
        assert site.run("hashset", "on", "unit7", entry, *by, "--why", "right") == 2
    mixed = ("--by", "ab", "--by", "x@y", "--why", "right")
    assert site.run("hashset", "on", "unit7", entry, *mixed) == 2

    assert site.off() == before


def test_tripwire_leaves_what_people_switched_on(site: Site) -> None:
    """A reason is on record with the people, and no name is in it."""
    site.switch_off("tripwire", "p-5")
    on = ("hashset", "on", "unit7", "p-5", *PEOPLE)
    for wrong in ("", "two\nlines", "a@b"):
        assert site.run(*on, "--why", wrong) == 2
        assert "switching an entry on needs a reason" in site.said()
    assert site.run(*on, "--why", "right") == 0
    with site.case.site.directory.writer() as writer:
        (kept,) = writer.generation.changes.released

    assert (kept.by, kept.why) == (("ab", "cd"), "right")


@pytest.mark.parametrize("order", [("operator", "issuer"), ("tripwire", "issuer")])
def test_entry_stays_off_until_all_parties_let_it_go(
    site: Site, order: tuple[str, ...]
) -> None:
    """What the issuer withdrew stays off, and the command says so."""
    for party in order:
        site.switch_off(party, "p-5")
    on = ("hashset", "on", "unit7", "p-5", *PEOPLE, "--why", "right")
    (done,) = site.documents(*on)

    assert done["off"] == ["issuer"]
    assert site.run(*on) == 2
    assert "was withdrawn" in site.said()
    assert ("p-5", "issuer") in site.off()


def test_row_of_an_operator_survives_updates_and_rollbacks(site: Site) -> None:
    """All rows do: a new number of the set, a fold and an older generation."""
    site.switch_off("operator", "p-5")
    site.switch_off("issuer", "p-3")
    site.switch_off("tripwire", "p-1")
    rows = site.off()
    site.case.office.issue(line_of("new", 100))
    site.case.site.sync()
    found = [site.off()]
    with site.case.site.directory.writer() as writer:
        assert writer.compact()
    for words in (("rollback", "--yes"), ("rollback", "--release")):
        assert site.run("hashset", *words) == 0
        found.append(site.off())

    assert all(rows <= it for it in found)


@pytest.mark.parametrize(
    ("options", "lasts"),
    [
        pytest.param((), timedelta(hours=72), id="usual"),
        pytest.param(("--until", "90m"), timedelta(minutes=90), id="from-now"),
        pytest.param(("--until", "30d"), timedelta(days=30), id="longest"),
    ],
)
def test_entry_is_off_as_long_as_asked(
    site: Site, options: tuple[str, ...], lasts: timedelta
) -> None:
    """Without another wish for 72 hours, in the name of the account."""
    (done,) = site.documents(*OFF, *options)
    ends = datetime.fromisoformat(done["expires_at"])
    minutes = (ends - datetime.fromisoformat(done["since"])) / timedelta(minutes=1)

    assert timedelta(minutes=round(minutes)) == lasts
    assert done["by"]
    assert (done["set"], done["entry"], done["reason"]) == (
        "unit7",
        "p-5",
        "stock picture",
    )


def test_entry_is_off_until_a_date(site: Site) -> None:
    """The last command about an entry sets its end."""
    (first,) = site.documents(*OFF)
    day = datetime.fromisoformat(first["since"]).date() + timedelta(days=9)
    (done,) = site.documents(*OFF, "--until", f"{day:%Y-%m-%d}", "--by", "j.doe")

    assert datetime.fromisoformat(done["expires_at"]).date() == day
    assert done["by"] == "j.doe"


def test_several_entries_are_switched_at_once(site: Site) -> None:
    """All of them or none, if one is unknown or on."""
    entries = ["p-4", "p-5", "p-6"]
    off = ("hashset", "off", "unit7", "--why", "stock")
    assert site.run(*off, *entries, "nobody") == 2
    assert site.off() == {("p-7", "gate")}
    done = site.documents(*off, *entries)
    assert [it["entry"] for it in done] == entries
    assert site.run("hashset", "on", "unit7", *entries, "p-8") == 2
    assert len(site.off()) == 4
    assert site.run("hashset", "on", "unit7", *entries) == 0
    assert site.off() == {("p-7", "gate")}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param((*OFF, "--until", "long"), id="no-length"),
        pytest.param((*OFF, "--until", "99999999999w"), id="beyond-time"),
        pytest.param((*OFF, "--until", "0s"), id="none"),
        pytest.param((*OFF, "--until", "31d"), id="too-long"),
        pytest.param((*OFF, "--until", "2001-01-01"), id="past"),
        pytest.param((*OFF, "--by", "me@example.org"), id="address"),
        pytest.param((*OFF, "--by", ""), id="nobody"),
        pytest.param((*OFF, "--why", ""), id="no-reason"),
        pytest.param((*OFF, "--why", "two\nlines"), id="two-lines"),
        pytest.param(("hashset", "off", "unit7", "p-5"), id="reason-missing"),
        pytest.param(("hashset", "off", "unit7", "x", "--why", "y"), id="entry"),
        pytest.param(("hashset", "off", "unit8", "p-5", "--why", "y"), id="set"),
        pytest.param(("hashset", "on", "unit7", "p-5"), id="not-off"),
    ],
)
def test_bad_switch_is_refused(site: Site, words: tuple[str, ...]) -> None:
    """What is invalid, unknown or without an end changes nothing."""
    assert site.run(*words) == 2
    assert site.said()
    assert site.off() == {("p-7", "gate")}


def test_each_entry_is_counted_as_what_it_is(case: Case, terminal: Terminal) -> None:
    """Counts of 20 entries and two canaries: in force, in quarantine, withdrawn.

    A withdrawn entry stays withdrawn when the whole set is imported again without it.
    """
    case.office.canaries = canaries.entries()
    case.office.withdraw("p-3")
    case.site.sync()
    case.office.issue(line_of("new", 100))
    case.site.sync()
    found, is_full = [], []
    for categories in (["1"], ["1", "2"]):
        report = case.site.sync(Chosen(categories=categories))
        is_full.append(report.is_full)
        terminal.read()
        terminal.run("hashset", "list", "--json")
        (listed,) = json_lines(terminal.read().out)[0]["sets"]
        assert terminal.run("hashset", "list", "unit7", "--json") == 0
        (shown,) = json_lines(terminal.read().out)
        words = ("in_force", "canaries", "quarantined", "withdrawn", "suppressed")
        found.append(tuple(listed[it] for it in words))
        assert shown == listed | {"first_ids": shown["first_ids"], "lack": None}
    terminal.run("hashset", "list")
    text = " ".join(terminal.read().out.split())
    terminal.run("hashset", "list", "unit7")
    details = " ".join(terminal.read().out.split())

    assert is_full == [False, True]
    assert found == [(19, 2, 1, 1, 0)] * 2
    assert "1 in quarantine 19" in text
    assert "in force 19 canaries 2 quarantined 1 withdrawn 1" in details
    assert "signed sequence 2 signed signers dora, eve" in details
