"""A disk that fills up and a clock that jumps, under processes that run meanwhile.

``interposed.c`` is loaded before libc into every process that is started within
``interposed``; what it does is changed at any time through a file that all of them map.
"""

import contextlib
import errno
import mmap
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).with_name("interposed.c")

_NO_LIMIT = -1
_INT64 = struct.Struct("=q")
_LEFT, _SEEN, _FAILED, _ERROR, _OFFSET = (8 * place for place in range(5))
_SIZE_BYTES = 40


class Faults:
    """The failure; see ``struct control`` in ``interposed.c``.

    Args:
        control: The file that all processes map.
    """

    def __init__(self, control: mmap.mmap) -> None:
        self._control = control
        self.mend()

    def fill_up(self, *, after: int, error: int = errno.ENOSPC) -> None:
        """Let a number of changes succeed, and no later ones.

        Args:
            after: Writes, syncs, new names and directories, below the directory.
            error: What the others fail with.
        """
        self._put(_LEFT, 0)
        self._put(_ERROR, error)
        self._put(_FAILED, 0)
        self._put(_LEFT, after)

    def mend(self) -> None:
        """Let everything succeed again, and the clock be right."""
        self._put(_LEFT, _NO_LIMIT)
        self._put(_OFFSET, 0)

    def jump(self, seconds: int) -> None:
        """Set the wall clock a number of seconds ahead, or back."""
        self._put(_OFFSET, seconds)

    @property
    def seen(self) -> int:
        """Changes until now, failed or not."""
        return self._get(_SEEN)

    @property
    def failed(self) -> int:
        """Changes that failed since the disk was filled up."""
        return self._get(_FAILED)

    def _put(self, place: int, value: int) -> None:
        _INT64.pack_into(self._control, place, value)

    def _get(self, place: int) -> int:
        value: int = _INT64.unpack_from(self._control, place)[0]
        return value


def library(folder: Path) -> Path:
    """Compile the library that the processes load, and return it."""
    built = folder / "interposed.so"
    subprocess.run(  # noqa: S603 -- our own source
        ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-o", built, SOURCE, "-ldl"],  # noqa: S607 -- whichever gcc there is
        check=True,
    )
    return built


@contextlib.contextmanager
def interposed(built: Path, *, below: Path) -> Iterator[Faults]:
    """Have the processes that are started within the block suffer faults.

    Args:
        built: From ``library``.
        below: The directory whose disk may fill up.
    """
    path = built.with_suffix(".control")
    path.write_bytes(bytes(_SIZE_BYTES))
    wanted = {
        "LD_PRELOAD": str(built),
        "FAULTS_CONTROL": str(path),
        "FAULTS_BELOW": str(below),
    }
    with path.open("r+b") as file, mmap.mmap(file.fileno(), _SIZE_BYTES) as control:
        faults = Faults(control)
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            yield faults
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
