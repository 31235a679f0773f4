"""A writer that ends early, wherever it is, leaves a whole generation in force."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in memory where there is one: a disk syncs a thousand times."""
    memory = Path("/dev/shm")  # noqa: S108 - only to find out whether it is there
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as name:
        yield Path(name)


@pytest.mark.parametrize(
    ("way", "change", "least_steps"),
    [
        ("kill", "small_import", 20),
        pytest.param("kill", "large_import", 30, marks=pytest.mark.slow),
        pytest.param("kill", "compact", 30, marks=pytest.mark.slow),
        pytest.param("kill", "roll_back", 30, marks=pytest.mark.slow),
        pytest.param("interrupt", "small_import", 20, marks=pytest.mark.slow),
        ("fill_disk", "small_import", 5),
        pytest.param("fill_disk", "compact", 5, marks=pytest.mark.slow),
    ],
)
def test_writer_that_ends_early_changes_nothing_or_all(
    folder: Path, way: str, change: str, least_steps: int
) -> None:
    """At any step, a killed or failed writer leaves the old state or the new one."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "tests.reference.dying", way, change, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) >= least_steps
