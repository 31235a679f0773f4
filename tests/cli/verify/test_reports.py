"""The command line that checks reports."""

from pathlib import Path

import pytest

from tests.cli.running import Terminal
from tests.reporting.site import write_site


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot read"), (b"", "no report"), (b"<html>", "no report")],
)
def test_file_that_is_no_report_is_refused(
    tmp_path: Path, terminal: Terminal, content: bytes | None, message: str
) -> None:
    """Exit code 2, and never 0, for a file that cannot be checked."""
    directory = write_site(tmp_path, days=1, uploads=1)[0]
    file = tmp_path / "report.html"
    if content is not None:
        file.write_bytes(content)

    assert terminal.run("verify", str(file), str(directory)) == 2
    assert message in "".join(terminal.read())


def test_report_without_its_logs_says_what_is_missing(
    tmp_path: Path, terminal: Terminal
) -> None:
    """Exit code 2, and the message asks for the logs; those of the state will do."""
    directory = write_site(tmp_path, days=1, uploads=1)[0]
    file, days = str(tmp_path / "report.csv"), ("--from", "2026-11-25")
    terminal.run("report", *days, "--to", "2026-11-25", "-o", file, str(directory))
    nowhere, state = str(tmp_path / "nowhere"), str(directory.parents[2])

    assert terminal.run("verify", file, "--state", nowhere) == 2
    assert "no path names the log of the report" in terminal.read().err
    assert terminal.run("verify", file, "--state", state) == 0
