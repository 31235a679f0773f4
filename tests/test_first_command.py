"""The words of the first command on a machine that lacks something."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository import ROOT


def made(place: Path, python: str) -> "subprocess.CompletedProcess[str]":
    """Let ``make`` make an environment, which is the first thing that it does."""
    make = shutil.which("make") or pytest.fail("make is needed to run the tests")
    target = place / "venv/bin/python"
    return subprocess.run(  # noqa: S603 - our own Makefile
        [make, f"VENV={place / 'venv'}", f"PYTHON={python}", target],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def without(module: str, place: Path) -> str:
    """Return the command of a Python that lacks a module of the standard library."""
    stub = place / "lacking" / f"{module}.py"
    stub.parent.mkdir()
    stub.write_text(f"raise ModuleNotFoundError({module!r})")
    return f"env PYTHONPATH={stub.parent} {sys.executable}"


def test_missing_python_is_named_with_its_package(tmp_path: Path) -> None:
    """On a machine without Python the message names the package to install."""
    done = made(tmp_path, "no-such-python3")

    assert done.returncode != 0
    assert "there is no no-such-python3" in done.stderr
    assert "apt install python3-venv" in done.stderr


def test_missing_venv_is_named_with_its_package(tmp_path: Path) -> None:
    """Debian has Python in one package, and the module for environments in another."""
    done = made(tmp_path, without("ensurepip", tmp_path))

    assert done.returncode != 0
    assert "apt install python3-venv" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "venv").exists()


def test_old_python_is_refused(tmp_path: Path) -> None:
    """A Python that is too old is told apart from one that is not there."""
    older = "import sys; sys.version_info = (3, 9)"
    (tmp_path / "sitecustomize.py").write_text(older)
    done = made(tmp_path, f"env PYTHONPATH={tmp_path} {sys.executable}")

    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr


def test_readme_names_what_the_first_command_needs() -> None:
    """The README installs the package that the first command asks for."""
    assert (
        "apt install git libarchive13 python3-venv make"
        in (ROOT / "README.md").read_text()
    )
