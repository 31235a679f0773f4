"""Which warnings end a test: those that our code causes."""

import subprocess
import sys
import tomllib
from collections.abc import Mapping

import pytest

from tests.repository import ROOT

LIBRARY = """
import warnings

warnings.warn("comes with the next version", DeprecationWarning)

def say():
    warnings.warn("of the library itself", DeprecationWarning)

def scold():
    warnings.warn("is called in an old way", DeprecationWarning, stacklevel=2)
"""

OURS = """
import threading, warnings
import library

def say():
    warnings.warn("of ours", UserWarning)

def scolded():
    library.scold()

def leave_open():
    file = open(__file__)
    del file

async def work():
    pass

def forget():
    work()

def end_a_thread():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()

class Finalised:
    def __del__(self):
        1 / 0

def finalise():
    Finalised()
"""

TESTS = """
import warnings
import pytest
import library
from uploadfilter import ours

def test_library_says(): library.say()
def test_we_say(): ours.say()
def test_test_says(): warnings.warn("of a test", UserWarning)
def test_library_scolds(): ours.scolded()
def test_file_is_left_open(): ours.leave_open()
def test_coroutine_is_forgotten(): ours.forget()
def test_thread_ends(): ours.end_a_thread()
def test_finaliser_ends(): ours.finalise()
def test_we_compile(): compile("'\\\\d'", "/srv/uploadfilter/ours.py", "exec")
def test_library_compiles(): compile("'\\\\d'", "/x/site-packages/tests/it.py", "exec")
"""

EXPECTED = {
    "library_says": "PASSED",
    "library_compiles": "PASSED",
    "we_say": "FAILED",
    "test_says": "FAILED",
    "library_scolds": "FAILED",
    "file_is_left_open": "FAILED",
    "coroutine_is_forgotten": "FAILED",
    "thread_ends": "FAILED",
    "finaliser_ends": "FAILED",
    "we_compile": "FAILED",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return how tests that warn end under the rule of ``pyproject.toml``."""
    folder = tmp_path_factory.mktemp("checkout")
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    rule = options["tool"]["pytest"]["ini_options"]["filterwarnings"]
    files = {
        "pytest.ini": "\n  ".join(
            ("[pytest]\npythonpath = . site-packages\nfilterwarnings =", *rule)
        ),
        "site-packages/library.py": LIBRARY,
        "uploadfilter/__init__.py": "",
        "uploadfilter/ours.py": OURS,
        "tests/__init__.py": "",
        "tests/test_ours.py": TESTS,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    # Each test runs whatever order, plugins and options surround this one.
    plugins = ("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist")
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "pytest", "-rA", "--import-mode=importlib", *plugins],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    found = {
        words[1].rpartition("::test_")[2]: words[0]
        for words in lines
        if len(words) > 1 and words[1].startswith("tests/test_ours.py::")
    }
    assert found, done.stdout + done.stderr
    return found


@pytest.mark.parametrize(("name", "outcome"), EXPECTED.items())
def test_warning_is_an_error_if_it_is_ours(
    outcomes: Mapping[str, str], name: str, outcome: str
) -> None:
    """What we cause ends a test; what a library says of itself does not."""
    assert outcomes[name] == outcome
