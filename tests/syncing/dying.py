"""Syncs that are killed at every step on files, in a forked child for each.

``python -m tests.syncing.dying STATE SOURCE STRIDE`` kills a sync of a state directory
at every STRIDE-th step, each time from the same beginning. After each it checks, in
another child, that the old set or the new one is in force, whole, and that one more
sync brings the new one. Prints how many steps there were, and which was found how
often.

It is a program of its own: forking needs a process without threads, and one that goes
on after a crash would still have the files open.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.reference.dying import kill
from uploadfilter.hashsets.choices import Chosen
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.syncing.gating import Passage
from uploadfilter.syncing.taking import sync
from uploadfilter.syncing.trusting import Trusted

OLD = {f"p-{n}" for n in range(20)}
NEW = OLD - {"p-1"} | {"new"}
_OLD, _NEW, _WRONG = 3, 4, 5


def synced(state: Path, source: str) -> int:
    """Sync once."""
    sync(
        Trusted.of(state, "unit7"),
        ReferenceDirectory(state / REFERENCE_DIRECTORY),
        chosen=Chosen(),
        clock=time.time,  # noqa: TID251 - python-tuf has no other
        source=source,
        passage=Passage(default=lambda: None),
    )
    return 0


def found(state: Path) -> int:
    """Return which set is in force."""
    with ReferenceDirectory(state / REFERENCE_DIRECTORY).writer() as writer:
        ids = set(writer.generation.first_ids("unit7", 100))
    return {frozenset(OLD): _OLD, frozenset(NEW): _NEW}.get(frozenset(ids), _WRONG)


def in_child(work: Callable[[], int]) -> int:
    """Do something in a forked child; return its exit code, negative if killed."""
    pid = os.fork()
    if not pid:
        code = 70
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(state: Path, source: str, stride: int) -> int:
    """Kill at every step in turn."""
    kept = state.with_name("kept")
    shutil.copytree(state, kept, symlinks=True)
    seen = dict.fromkeys((_OLD, _NEW), 0)

    def dying(step: int) -> int:
        kill(step)
        return synced(state, source)

    step = 1
    while in_child(lambda at=step: dying(at)) != 0:  # type: ignore[misc]  # bound now
        which = in_child(lambda: found(state))
        if which not in seen:
            sys.stderr.write(f"killed at step {step}: another set is in force\n")
            return 1
        seen[which] += 1
        again = in_child(lambda: synced(state, source))
        if again or in_child(lambda: found(state)) != _NEW:
            sys.stderr.write(f"killed at step {step}: the next sync fails\n")
            return 1
        shutil.rmtree(state)
        shutil.copytree(kept, state, symlinks=True)
        step += stride
    sys.stdout.write(f"{step} {seen[_OLD]} {seen[_NEW]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
