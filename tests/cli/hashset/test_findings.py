"""``uploadfilter hashset list --findings``: what the gate found, for the issuer."""

from pathlib import Path

import pytest

from tests.cli.running import Terminal, json_lines
from tests.syncing.gated import Case
from uploadfilter.errors import HashSetGateError
from uploadfilter.gate.judging import GateSettings


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Return a site with one entry that the gate has switched off, p-7."""
    found = Case(tmp_path)
    found.site.sync()
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(found.site.state))
    return found


def test_findings_name_entries(case: Case, terminal: Terminal) -> None:
    """Lines for the issuer, a table for people; of another set there is nothing."""
    findings = ("hashset", "list", "--findings")
    assert terminal.run(*findings, "--json") == 0
    (line,) = json_lines(terminal.read().out)
    assert (line["finding"], line["sequence"]) == ("quarantined", 1)
    assert (line["entry"], line["match"]) == ("p-7", "exact")
    assert terminal.run(*findings, "unit7") == 0
    assert "quarantined  unit7  1       p-7" in terminal.read().out
    assert terminal.run(*findings, "other") == 0
    out, said = terminal.read()
    assert (out, "found nothing" in said) == ("", True)
    assert case.held() == {"p-7"}


def test_findings_of_a_refused_first_change(tmp_path: Path, terminal: Terminal) -> None:
    """The issuer gets them, too: the gate has noted what it refused."""
    case = Case(tmp_path, known=range(20))
    with pytest.raises(HashSetGateError):
        case.site.sync(settings=GateSettings(quarantined=3))
    state = ("--state", str(case.site.state))
    assert terminal.run("hashset", "list", "--findings", "--json", *state) == 0

    assert {(it["finding"], it["match"]) for it in json_lines(terminal.read().out)} == {
        ("refused", "exact")
    }


@pytest.mark.parametrize(
    "words",
    [("--findings", "--off"), ("--off", "unit7"), ("--stats", "--generations")],
    ids=" ".join,
)
def test_two_lists_are_refused(
    case: Case, terminal: Terminal, words: tuple[str, ...]
) -> None:
    """None of the two is left out in silence."""
    assert terminal.run("hashset", "list", *words) == 2
    assert "one list at a time" in terminal.read().err
    assert case.held() == {"p-7"}
