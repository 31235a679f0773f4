"""Writers that are killed, interrupted, or run out of disk, at every step in turn.

``python -m tests.reference.dying WAY CHANGE FOLDER`` tries one way to end a writer at
every step of a change, in a forked child for each, and after each step checks that the
old generation or the new one is in force, whole, and that the next writer tidies up.
Prints how many steps there were. It is a program of its own, because forking needs a
process without threads, and a limit on file sizes concerns the whole process.
"""

import itertools
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conformance.generations import ask, entry, exactly
from tests.reference.stores import put_set
from uploadfilter.errors import StoreError
from uploadfilter.model import Signal, SignalType
from uploadfilter.reference.files import overlay
from uploadfilter.reference.store import ReferenceDirectory, ReferenceReader

MD5 = Signal(type=SignalType.MD5, value=bytes(range(16)))
OLD = [entry("old", *exactly(MD5))]
NEW = [entry("new", *exactly(MD5))]

REFUSED = 3
"""A child that got a ``StoreError`` ends with this code."""

INTERRUPTED = 4
"""A child that got a ``KeyboardInterrupt`` ends with this code."""

_STEPS = ("os.", "open", "shutil.")
"""Audit events that are steps: whatever touches files."""


def at_step(number: int, act: Callable[[], None]) -> None:
    """Act when this process takes its ``number``-th step on files, from now on."""
    left = number

    def hook(event: str, _args: tuple[object, ...]) -> None:
        nonlocal left
        if event.startswith(_STEPS):
            left -= 1
            if left == 0:
                act()

    sys.addaudithook(hook)


def kill(number: int) -> None:
    """End the process at once, as a crash of the machine would."""
    at_step(number, lambda: os.kill(os.getpid(), signal.SIGKILL))


def interrupt(number: int) -> None:
    """Press Ctrl-C."""

    def press() -> None:
        raise KeyboardInterrupt

    at_step(number, press)


def fill_disk(number: int) -> None:
    """Let no file grow beyond some 2 KiB a step, so that writing fails further on."""
    # Without this, Python can leave half of a compiled module for all later tests.
    sys.dont_write_bytecode = True
    limit = (number - 1) * 2048
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


WAYS = {"kill": kill, "interrupt": interrupt, "fill_disk": fill_disk}


def small_import(directory: Path) -> None:
    """Replace a set in the overlay."""
    put_set(directory, "s", NEW)


def large_import(directory: Path) -> None:
    """Replace a set in a new base."""
    overlay.OVERLAY_MOST_ROWS = 0
    put_set(directory, "s", NEW)


def compact(directory: Path) -> None:
    """Make base and overlay one."""
    with ReferenceDirectory(directory).writer() as writer:
        writer.compact()


def roll_back(directory: Path) -> None:
    """Return to the generation before the last import."""
    with ReferenceDirectory(directory).writer() as writer:
        writer.rollback()


CHANGES = {
    "small_import": small_import,
    "large_import": large_import,
    "compact": compact,
    "roll_back": roll_back,
}


def change_and_die(change: Callable[[], None], prepare: Callable[[], None]) -> int:
    """Change something in a child that is to end early; return how it ended."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    code = 1
    try:
        prepare()
        change()
        code = 0
    except StoreError:
        code = REFUSED
    except KeyboardInterrupt:
        code = INTERRUPTED
    finally:
        os._exit(code)


def in_force(directory: Path) -> tuple[int, list[str]]:
    """Return number and content of the generation in force."""
    with ReferenceReader.open(directory) as reader:
        generation = reader.current()
        names = ask(generation, MD5.value, signal_type=SignalType.MD5)
        return generation.number, [name for name, _ in names]


def leavings(directory: Path) -> list[str]:
    """Return the files that no generation needs."""
    return [path.name for path in directory.rglob(".*")]


def check_step(directory: Path, change: str, way: str, step: int) -> bool:
    """Let one writer end early; return whether it got to its end instead."""
    old = in_force(directory)
    code = change_and_die(lambda: CHANGES[change](directory), lambda: WAYS[way](step))
    before = in_force(directory)
    new = AFTER[change]
    if before not in (old, new) or (code == 0 and before != new):
        raise AssertionError(f"step {step}: {before} is in force after {code}")
    if code == REFUSED and (before != old or leavings(directory)):
        raise AssertionError(f"step {step}: refused, but {leavings(directory)}")
    with ReferenceDirectory(directory).writer() as writer:
        writer.revoke("nowhere", ["nothing"])
    number, names = in_force(directory)
    if number <= before[0] or names != before[1] or leavings(directory):
        raise AssertionError(f"step {step}: {names} and {leavings(directory)} at last")
    return code == 0


AFTER = {
    "small_import": (4, ["new"]),
    "large_import": (4, ["new"]),
    "compact": (4, ["old"]),
    "roll_back": (4, ["old"]),
}
"""The state in force after each change."""


def main() -> None:
    """Try every step until a writer gets through."""
    way, change, folder = sys.argv[1:]
    template = Path(folder) / "template"
    ReferenceDirectory(template).init()
    put_set(template, "s", OLD)
    put_set(template, "t", [])
    for step in itertools.count(1):
        directory = Path(folder) / str(step)
        shutil.copytree(template, directory)
        if check_step(directory, change, way, step):
            break
        shutil.rmtree(directory)
    sys.stdout.write(f"{step}\n")


if __name__ == "__main__":
    main()
