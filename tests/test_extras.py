"""Packages that an installation may lack."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from uploadfilter.cli.lookback import EngineName, WorkOptions, _engine
from uploadfilter.errors import LookBackError, UploadFilterError, UsageError
from uploadfilter.extras import load_extra
from uploadfilter.issuing.tokens import token_key
from uploadfilter.lookback.s3 import S3Source
from uploadfilter.lookback.scanning import TYPES
from uploadfilter.lookback.sources import FolderSource
from uploadfilter.lookback.store import _encoded
from uploadfilter.reporting.page.pdfs import pdf_of

BROKEN = {
    "old": "from os import what_came_later",
    "without its library": "raise OSError('cannot load library libpango-1.0-0')",
    "of another version": "import os\nos.what_came_later",
    "for another Python": "def f(:",
    "half installed": "raise KeyError('version')",
}


@pytest.mark.parametrize("source", BROKEN.values(), ids=BROKEN)
def test_broken_package_is_an_error_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """However it fails, the error says which one, why, and what to install."""
    (tmp_path / "broken_extra.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(UsageError, match="'broken_extra', which cannot be") as raised:
        load_extra("broken_extra", purpose="PDF", extra="report", error=UsageError)
    assert "pip install 'uploadfilter[report]'" in raised.value.hint


@pytest.mark.parametrize("source", BROKEN.values(), ids=BROKEN)
def test_broken_reader_of_videos_is_none(tmp_path: Path, source: str) -> None:
    """Scanners start without it, and say that videos are not inspected."""
    (tmp_path / "av.py").write_text(source)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
        "from uploadfilter.pictures.readers import videos; print(videos.IS_THERE)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own program

    assert done.stdout == "False\n"


def test_absent_package_is_an_error() -> None:
    """A package that is not installed is no other case than a broken one."""
    with pytest.raises(LookBackError, match="No module named 'absent_extra'"):
        load_extra("absent_extra", purpose="x", extra="lookback", error=LookBackError)


def scan_by_dask() -> object:
    """Ask for a cluster, which needs Dask before anything else."""
    work = WorkOptions(jobs=1, engine=EngineName.DASK, scheduler="tcp://127.0.0.1:1")
    return _engine(work, FolderSource("/nowhere"), TYPES)


@pytest.mark.parametrize(
    ("package", "use"),
    [
        ("boto3", lambda: S3Source.of("s3://bucket", endpoint=None)),
        ("distributed", scan_by_dask),
        ("pkcs11", lambda: token_key("a", Path(__file__), label="", number=2, pin="")),
        ("pyarrow", lambda: _encoded([], TYPES)),
        ("weasyprint", lambda: pdf_of("")),
    ],
)
def test_each_extra_is_loaded_in_this_way(
    monkeypatch: pytest.MonkeyPatch, package: str, use: Callable[[], object]
) -> None:
    """A command that lacks one says its name and what to install."""
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(UploadFilterError, match=f"needs '{package}'") as raised:
        use()
    assert "pip install 'uploadfilter[" in raised.value.hint
