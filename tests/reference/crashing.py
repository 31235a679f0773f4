"""A crash of the writer, made inside the process that tests it.

From a chosen step on, everything that touches files raises, also the code that would
tidy up. The disk then holds what a killed process leaves. (``dying.py`` kills real
processes; it is slower, and a random test needs many.)
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STEPS = ("os.", "open", "shutil.")


class CrashedError(BaseException):
    """No ``except Exception`` or ``OSError`` may stop it."""


class _Fuse:
    """How many steps the one thread that is to crash has left."""

    def __init__(self) -> None:
        self.thread: int | None = None
        self.left = 0
        self.is_installed = False

    def hook(self, event: str, _args: tuple[object, ...]) -> None:
        if self.thread != threading.get_ident() or not event.startswith(_STEPS):
            return
        self.left -= 1
        if self.left <= 0:
            raise CrashedError


_FUSE = _Fuse()


@contextmanager
def crashing(step: int | None) -> Iterator[None]:
    """Crash this thread at its ``step``-th step on files in the block.

    The block ends with ``CrashedError`` then. ``None`` never crashes.
    """
    if not _FUSE.is_installed:
        # A hook cannot be removed: there is one for all tests, and it does nothing
        # between them.
        sys.addaudithook(_FUSE.hook)
        _FUSE.is_installed = True
    _FUSE.left = step or 0
    _FUSE.thread = None if step is None else threading.get_ident()
    try:
        yield
    finally:
        _FUSE.thread = None
