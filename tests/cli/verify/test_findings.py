"""Findings as text."""

from uploadfilter.cli.verify.findings import (
    SHOWN,
    FindingJSON,
    finding_lines,
    verdict_line,
)


def test_what_to_do_is_said_once_for_findings_in_a_row() -> None:
    """A person reads it once, whatever the number of places."""
    found = [FindingJSON("a", f"place {at}", "ask") for at in range(3)]
    found.append(FindingJSON("b", "other", "copy"))

    assert [it.plain for it in finding_lines(found)] == [
        *("- place 0", "- place 1", "- place 2", "  ask", "- other", "  copy")
    ]


def test_long_list_is_cut_and_counted() -> None:
    """A log that was written anew has thousands of findings."""
    found = [FindingJSON("a", f"place {at}", "ask") for at in range(SHOWN + 5)]

    *_, todo, rest = finding_lines(found)
    assert todo.plain == "  ask"
    assert rest.plain == "- and 5 more (--json names all)"


def test_foreign_text_is_escaped() -> None:
    """A file name cannot act on the terminal."""
    (line, _) = finding_lines([FindingJSON("a", "\x1b[2J", "ask")])

    assert line.plain == "- \\x1b[2J"


def test_verdict_names_what_was_checked() -> None:
    """One word and one style for each outcome."""
    assert verdict_line("log", 0, "all").plain == "verified: log: all"
    assert verdict_line("log", 1, "x").plain == "NOT VERIFIED, 1 finding: log: x"
    assert verdict_line("log", 2000, "x").plain.startswith("NOT VERIFIED, 2,000 find")
