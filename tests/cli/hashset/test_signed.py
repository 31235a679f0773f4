"""Signed sets from the command line of an operator."""

import io
import re

import pytest
from typing_extensions import override

from tests.cli.hashset.shells import Shell, shell
from tests.cli.running import json_lines
from tests.issuing.offices import line_of
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory

__all__ = ["shell"]


class Keyboard(io.StringIO):
    """A person at a terminal, who types this."""

    @override
    def isatty(self) -> bool:
        return True


def test_from_trust_to_list(shell: Shell) -> None:
    """Root, sync, and the set in force, in the words of each command."""
    assert shell.trust("--digest", shell.digest, "--category", "1") == 0
    assert "number 1, 10 entries, signed by dora, eve" in shell.said()[1]
    shell.office.withdraw("p-1")
    assert shell.type("sync", "--json") == 0
    (report,) = json_lines(shell.terminal.read().out)
    assert (report["withdrawn"], report["entries"]) == (1, 9)
    assert shell.type("list", "unit7") == 0
    out, _ = shell.said()
    assert "issuer Police unit 7 categories 1 enforced yes" in out
    assert "in force 9" in out
    assert "signed sequence 1 signed signers dora, eve" in out
    assert "signed expires at" in out


def test_trust_is_one_dialogue_on_a_terminal(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest is confirmed, categories are shown and chosen, the set is taken."""
    monkeypatch.setattr("sys.stdin", Keyboard("y\n2 1\n1\n"))
    assert shell.trust("--monitored") == 0
    out, err = shell.said()
    assert shell.type("list") == 0

    assert "Did the issuer read out the same digest?" in err
    assert "unit7 of Police unit 7, number 1 signed by dora, eve; 20 entries" in out
    assert "category 0: 10 category 1: 10" in out
    assert "the set has no category '2'" in err
    assert "number 1, 10 entries" in err
    assert "unit7 Police unit 7 monitored 1 " in shell.said()[0]


def test_trust_without_an_answer_takes_nothing_yet(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The root is trusted, and the next command is named."""
    monkeypatch.setattr("sys.stdin", Keyboard("y\n\n"))
    assert shell.trust("--from", str(shell.office.served)) == 0

    assert "next: uploadfilter hashset sync unit7 --category C" in shell.said()[1]


def test_mistyped_names_do_no_harm(shell: Shell) -> None:
    """Of a set nothing is left at which later syncs fail; of a category it is said."""
    shell.trust()
    assert shell.type("sync", "unti7", "--category", "1") == 2
    assert "no root is trusted for a signed set 'unti7'" in shell.said()[1]
    assert shell.type("sync", "unit7", "--category", "l") == 2
    assert "'0' (10), '1' (10)" in shell.said()[1]
    assert shell.type("sync", "unit7", "--category", "1", "--category", "l") == 0
    assert "no entry has the category 'l'" in shell.said()[1]
    assert shell.type("sync") == 0


def test_root_is_compared(shell: Shell) -> None:
    """A root with another digest, or without a person to compare it, is not trusted."""
    assert shell.trust("--digest", "00" * 32) == 2
    assert "does not have the given digest" in shell.said()[1]
    assert shell.trust("--json") == 2
    assert "only if its digest was compared" in shell.said()[1]
    assert shell.type("sync") == 2
    assert "no root is trusted" in shell.said()[1]


def test_generations_are_said_in_their_order(shell: Shell) -> None:
    """The base that a sync makes room for is written, and said, after the sync."""
    shell.trust("--digest", shell.digest, "--category", "0", "--category", "1")
    with ReferenceDirectory(shell.path / "state" / REFERENCE_DIRECTORY).writer() as it:
        assert it.compact()
    shell.office.remove(*(f"p-{n}" for n in range(15)))
    shell.office.issue()
    assert shell.type("sync") == 0
    _, err = shell.said()

    assert "wrote a new base" in err
    numbers = [int(it) for it in re.findall(r"generation (\d+)", err)]
    assert numbers == sorted(numbers)
    assert len(numbers) == 2


def test_list_says_what_needs_a_person(shell: Shell) -> None:
    """Of a set that was never synced, or is held back."""
    shell.trust()
    assert shell.type("list") == 0
    assert "unit7 - not in force never synced 0" in shell.said()[0]
    assert shell.type("list", "unit7") == 0
    assert "never synced" in shell.said()[0]
    shell.type("sync", "--category", "1", "--category", "0", "--monitored")
    assert shell.type("list") == 0
    assert " monitored " in shell.said()[0]
    shell.office.withdraw("p-1", "p-2")
    shell.type("sync")
    shell.office.withdraw("p-3", "p-4", is_thief=True)
    assert shell.type("sync") == 1
    assert "2 withdrawals are held back" in shell.said()[1]
    assert shell.type("list") == 0
    assert "2 withdrawals are held back" in shell.said()[0]
    assert shell.type("list", "--json") == 0
    (shape,) = json_lines(shell.terminal.read().out)
    assert shape["sets"][0]["signed"]["held_back"] == 2
    assert shape["sets"][0]["signed"]["freshness"] == "fresh"


def test_failed_sync_is_said_and_remembered(shell: Shell) -> None:
    """An old stick is refused, and the list says so until a sync succeeds."""
    shell.trust()
    shell.type("sync", "--category", "1")
    stick = shell.path / "stick"
    stick.mkdir()
    assert shell.type("sync", "unit7", "--from", str(stick)) == 2
    assert "a file cannot be fetched" in shell.said()[1]
    shell.type("list")
    assert "the last sync failed: a file cannot be fetched" in shell.said()[0]
    shell.type("sync")
    shell.type("list")
    assert "the last sync failed" not in shell.said()[0]


def test_unsigned_import_does_not_take_the_place_of_a_signed_set(shell: Shell) -> None:
    """Or what enough people signed could be exchanged by anybody with a shell."""
    shell.trust()
    shell.type("sync", "--category", "1")
    path = shell.path / "in.jsonl"
    path.write_text(line_of("x", 1) + "\n")

    assert shell.type("import", str(path), "--name", "unit7", "--category", "1") == 2
    assert "is signed" in shell.said()[1]


def test_options_of_one_set_need_its_name(shell: Shell) -> None:
    """With several sets, categories and sources are of one of them."""
    shell.trust()
    root, source = str(shell.path / "root.json"), str(shell.office.served)
    words = ("trust", root, "--name", "other", "--from", source)
    shell.type(*words, "--digest", shell.digest)

    assert shell.type("sync", "--category", "1") == 2
    assert "Name one of: other, unit7" in shell.said()[1]
