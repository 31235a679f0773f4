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
_COPIED = ("uploadfilter", "hashsets", "tests")


def rightless_tests() -> list[Path]:
    """Return the files with tests that are marked."""
    mark = "pytest.mark." + "rightless"
    found = [path for path in files(TESTS) if path.name.startswith("test_")]
    return [path for path in found if mark in path.read_text("utf-8")]


def test_rights_are_given_up_in_known_places() -> None:
    """Each such place belongs to tests that are marked; add the mark with the place."""
    found = [path for path in files(TESTS) if path.suffix == ".py"]
    places = {
        name_of(path) for path in found if _GIVES_UP.search(path.read_text("utf-8"))
    }

    assert places == {
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another")
def test_rightless_tests_pass_in_a_private_checkout(private_checkout: Path) -> None:
    """Nothing is loaded from the checkout once rights are given up."""
    python = private_checkout / ".venv" / "bin" / Path(sys.executable).name
    names = [name_of(path) for path in rightless_tests()]
    options = ("-q", "-p", "no:cacheprovider", "-m", "rightless")
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [python, "-m", "pytest", *options, *names],
        cwd=private_checkout,
        env={**os.environ, "PYTHONPATH": str(private_checkout)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout + done.stderr
