"""Programs that tests start as separate processes, to be killed or limited.

``start`` runs ``python -m tests.decisions.children NAME DIRECTORY``.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.decisions.logs import ACCEPTED, Clock, decision
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.errors import LogWriteError

NOBODY = 65534
ROOT = Path(__file__).parents[2]


def start(program: Callable[[Path], None], directory: Path) -> subprocess.Popen[str]:
    """Start one of the programs below."""
    return subprocess.Popen(  # noqa: S603 -- it is this file
        [sys.executable, "-m", "tests.decisions.children", program.__name__, directory],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(program: Callable[[Path], None], directory: Path) -> tuple[str, str]:
    """Run one of the programs below to its end; return its output and errors."""
    with start(program, directory) as child:
        return child.communicate(timeout=60)


def say(word: str) -> None:
    """Write a word on its own line, at once."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def write_until_killed(directory: Path) -> None:
    """Append accepted decisions in groups and name each one that is durable."""
    with DecisionLog.open(directory, instance="main", clock=Clock()) as log:
        number = 0
        while True:
            names = [f"d{number + i}" for i in range(20)]
            futures = [log.append(decision(name, ACCEPTED)) for name in names]
            for name, future in zip(names, futures, strict=True):
                future.result()
                say(name)
            number += len(names)


def hold_until_told(directory: Path) -> None:
    """Hold the log open until standard input ends."""
    with DecisionLog.open(directory, instance="main", clock=Clock()):
        say("open")
        sys.stdin.read()


def fill_the_disk(directory: Path) -> None:
    """Append until a limit on file sizes says no, raise it, and append again.

    The limit acts like a full disk: the last write takes a part, the next one nothing.
    """
    # Otherwise Python leaves an incomplete compiled module, for all later tests.
    sys.dont_write_bytecode = True
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    with DecisionLog.open(directory, instance="main", clock=Clock()) as log:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
        written = 0
        try:
            while True:
                log.append(decision(f"d{written}")).result()
                written += 1
        except LogWriteError as exc:
            say(f"{exc.code} {log.writable} {written}")
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        log.checkpoint().result()
        say(f"{log.writable}")
        log.append(decision("last")).result()


def open_read_only(directory: Path) -> None:
    """Open a log in a directory that this user may only read."""
    if os.geteuid() == 0:
        os.setresuid(NOBODY, NOBODY, NOBODY)
    try:
        with DecisionLog.open(directory, instance="main", clock=Clock()):
            say("open")
    except LogWriteError as exc:
        say(f"{exc.code}: {exc}")


PROGRAMS: dict[str, Callable[[Path], None]] = {
    program.__name__: program
    for program in (
        write_until_killed,
        hold_until_told,
        fill_the_disk,
        open_read_only,
    )
}


if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](Path(sys.argv[2]))
