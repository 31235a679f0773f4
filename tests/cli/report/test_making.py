"""The command line of reports."""

import json
from pathlib import Path

import pytest

from tests.cli.running import Terminal
from tests.decisions.files.trees import end_of
from tests.reporting.site import write_site
from uploadfilter.decisions.files.growing import GrowingTree

TIME = ("--from", "2026-11-25", "--to", "2026-11-26")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the logs of a site."""
    return write_site(tmp_path_factory.mktemp("site"), days=2, uploads=12)


def test_report_is_written_and_verifies(
    site: list[Path], tmp_path: Path, terminal: Terminal
) -> None:
    """A page and a table, made from two logs, are what the logs give."""
    logs = [str(directory) for directory in site]
    cache, file = str(tmp_path / "cache"), ""
    for name in ("report.html", "report.csv"):
        file = str(tmp_path / name)
        made = terminal.run("report", *TIME, "--by", "day", "--cache", cache,
            *("--price", "0.04", "--language", "nl", "-o", file, *logs),
        )  # fmt: skip

        assert made == 0
        assert terminal.run("verify", file, *logs) == 0
    terminal.read()

    assert terminal.run("verify", "--json", file, logs[0]) == 1
    found = json.loads(terminal.read().out)
    assert found["ok"] is False
    assert found["reports"][0]["findings"][0]["problem"] == "log_missing"


def test_figures_are_printed_as_json(site: list[Path], terminal: Terminal) -> None:
    """Without a file, the document is printed for programs."""
    state = site[0].parent.parent.parent

    code = terminal.run("report", *TIME, "--json", "--state", str(state))

    assert code == 0
    document = json.loads(terminal.read().out)
    totals = {it["query"]: it["total"] for it in document["figures"]}
    assert totals["uploads"] == 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*TIME,), "no file to write"),
        (("-o", "r.html"), "a report needs --from and --to"),
        (("--from", "2026-11-25", "-o", "r.html"), "a report needs --from and --to"),
        (("--from", "x", "--to", "2026-11-26", "-o", "r.html"), "'x' is not a day"),
        (("--from", "2026-11-27", *TIME[2:], "-o", "r.csv"), "--to is before"),
        ((*TIME, "-o", "r.doc"), "the form of 'r.doc' is not known"),
        ((*TIME, "-o", "r.html", "--least", "2"), "could not be guessed"),
        (("--from", "1990-01-01", *TIME[2:], "-o", "r.html"), "more than 3700 days"),
        (
            ("--from", "2026-01-01", *TIME[2:], "-o", "r.html", "--by", "day"),
            "330 periods, at most 100",
        ),
        ((*TIME, "-o", "/none/r.html"), "cannot write"),
        ((*TIME, "-o", "r.html", "--published", "/none"), "cannot read"),
        ((*TIME, "-o", "r.html", "--published", __file__), "does not say when"),
    ],
)
def test_wrong_choices_are_refused(
    site: list[Path], terminal: Terminal, arguments: tuple[str, ...], message: str
) -> None:
    """A choice that gives no report, or one that shows too much, is refused."""
    assert terminal.run("report", *arguments, str(site[0])) == 2
    assert message in " ".join(terminal.read().err.split())


def test_pdf_without_its_library_is_refused(
    site: list[Path],
    tmp_path: Path,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message says what to install, and what to do instead."""
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    file = tmp_path / "report.pdf"

    code = terminal.run("report", *TIME, "-o", str(file), str(site[0]))

    assert code == 2
    assert "pip install 'uploadfilter[report]'" in terminal.read().err
    assert not file.exists()


def test_damaged_log_is_reported_and_the_exit_code_is_1(
    tmp_path: Path, terminal: Terminal
) -> None:
    """The report is written, says the damage, and no script takes it for whole."""
    directory = write_site(tmp_path, days=1, uploads=3)[0]
    newest = max(directory.glob("*.jsonl"))
    newest.write_bytes(newest.read_bytes().replace(b'"POST"', b'"PUT"', 1))
    GrowingTree(directory, instance="north").grow(end_of(directory))
    file = tmp_path / "report.html"
    time = ("--from", "2026-11-25", "--to", "2026-11-25")

    code = terminal.run("report", *time, "-o", str(file), str(directory))

    assert code == 1
    assert "the chain is broken in 1 places" in terminal.read().err
    assert "the chain is broken in 1 places" in file.read_text()
