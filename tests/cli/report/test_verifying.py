"""The command line that checks reports."""

from pathlib import Path

import pytest

from tests.cli.running import run
from tests.reporting.site import write_site


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot read"), (b"", "no report"), (b"<html>", "no report")],
)
def test_file_that_is_no_report_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    message: str,
) -> None:
    """Exit code 2, and never 0, for a file that cannot be checked."""
    directory = write_site(tmp_path, days=1, uploads=1)[0]
    file = tmp_path / "report.html"
    if content is not None:
        file.write_bytes(content)

    assert run(monkeypatch, "report", "verify", str(file), str(directory)) == 2
    assert message in capsys.readouterr().err
