"""The tests pass in a checkout that others may not enter, as in the home of root.

A test that drops its rights cannot load modules from such a checkout any more. So each
is marked ``rightless``, and is run here in a private copy.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repository import ROOT, TESTS, files, name_of

_GIVES_UP = re.compile(r"os\.set(?:e|re|res)?uid\(")
_USES_A_DIRECTORY = """
import pytest

@pytest.mark.{mark}
def test_a_directory_is_made(tmp_path):
    assert tmp_path.is_dir()
"""
_MARK = "rightless"
_NOBODY = 65534  # a user that every Linux has
_COPIED = ("uploadfilter", "hashsets", "tests")


def rightless_tests() -> list[Path]:
    """Return the files with tests that are marked."""
    mark = f"pytest.mark.{_MARK}"
    found = [path for path in files(TESTS) if path.name.startswith("test_")]
    return [path for path in found if mark in path.read_text("utf-8")]


def test_rights_are_given_up_in_known_places() -> None:
    """Each such place belongs to tests that are marked; add the mark with the place."""
    found = [path for path in files(TESTS) if path.suffix == ".py"]
    places = {
        name_of(path) for path in found if _GIVES_UP.search(path.read_text("utf-8"))
    }

    assert places == {
        "tests/cli/test_places.py",  # in a separate process
        "tests/decisions/children.py",
        "tests/e2e/test_acting.py",  # in a separate process
        "tests/reference/test_restoring.py",
        "tests/test_hardening.py",
    }
    assert {name_of(path) for path in rightless_tests()} == {
        "tests/decisions/files/test_log.py",
        "tests/reference/test_restoring.py",
        "tests/test_hardening.py",
    }


@pytest.fixture
def private_checkout() -> Iterator[Path]:
    """Return a copy of the checkout in a directory that only its owner may enter.

    Whatever is installed is reached through that directory as well.
    """
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "checkout"
        for name in _COPIED:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, checkout / name, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", checkout)
        (checkout / ".venv").symlink_to(sys.prefix)
        yield checkout


@pytest.fixture
def what_earlier_runs_left() -> Iterator[Path]:
    """Return a directory with files of earlier runs that another user owns.

    Front ends that e2e starts as root leave such directories. pytest removes those of
    earlier runs, and a root without the right to overrule permissions cannot.
    """
    with tempfile.TemporaryDirectory() as folder:
        for number in range(5):  # pytest keeps the last three
            kept = (
                Path(folder) / "pytest-of-root" / f"pytest-{number}" / "site" / "front"
            )
            kept.mkdir(parents=True)
            (kept / "body").touch()
            os.chown(kept, _NOBODY, -1)
            kept.chmod(0o700)
        (Path(folder) / "pytest-of-root").chmod(0o700)
        yield Path(folder)
        for kept in Path(folder).glob("pytest-of-root/*/site/front"):
            os.chown(kept, os.geteuid(), -1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another")
def test_rightless_tests_pass_in_a_private_checkout(
    private_checkout: Path, what_earlier_runs_left: Path
) -> None:
    """Nothing is loaded from the checkout once rights are given up."""
    python = private_checkout / ".venv" / "bin" / Path(sys.executable).name
    (private_checkout / "tests" / "test_temporary.py").write_text(
        _USES_A_DIRECTORY.format(mark=_MARK), "utf-8"
    )
    names = [*(name_of(path) for path in rightless_tests()), "tests/test_temporary.py"]
    options = ("-q", "-p", "no:cacheprovider", "-m", "rightless")
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [python, "-m", "pytest", *options, *names],
        cwd=private_checkout,
        env={
            **os.environ,
            "PYTHONPATH": str(private_checkout),
            "PYTEST_DEBUG_TEMPROOT": str(what_earlier_runs_left),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout + done.stderr
