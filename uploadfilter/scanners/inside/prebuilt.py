"""Keep the automata of all patterns beside the compiled modules of Python.

To build them takes as long as to load everything else that a template needs. So the
first template that may write there keeps them in ``__pycache__``, and later ones load
them in a millisecond. The rules are those of Python's compiled modules: the file is
used if it fits this program, and is written again if not; ``PYTHONDONTWRITEBYTECODE``
forbids it. A user who could write a false one could write a false module, too; the
digest in front only finds damage.
"""

import contextlib
import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from uploadfilter.contents import patterns

_DIGEST_BYTES: Final = hashlib.sha256().digest_size

_MODE: Final = 0o644
"""As that of modules: root may write what the service then reads."""


def place() -> Path:
    """Return the path of the file, in the folder of the compiled ``patterns.py``."""
    compiled = importlib.util.cache_from_source(patterns.__file__)
    return Path(compiled).with_suffix(".automata")


def build_patterns(path: Path) -> None:
    """Build the automata of all patterns that are imported, or load them.

    Args:
        path: The file of automata; it is written if it lacks some or has others, and
            if this process may.
    """
    known = _read(path)
    built = patterns.build_all(known)
    if built != known and not sys.dont_write_bytecode:
        with contextlib.suppress(OSError):
            _write(path, built)


def _read(path: Path) -> dict[str, bytes]:
    """Return the automata of a file, by their keys; none if it is not whole."""
    with contextlib.suppress(OSError, msgspec.DecodeError):
        data = path.read_bytes()
        digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if hashlib.sha256(body).digest() == digest:
            return msgspec.msgpack.decode(body, type=dict[str, bytes])
    return {}


def _write(path: Path, built: Mapping[str, bytes]) -> None:
    """Write a file at once or not at all.

    Raises:
        OSError: This process may not write there, or the disk is full.
    """
    body = msgspec.msgpack.encode(built)
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with open(fd, "wb") as file:  # noqa: PTH123 - an open descriptor
            os.fchmod(fd, _MODE)
            file.write(hashlib.sha256(body).digest() + body)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
