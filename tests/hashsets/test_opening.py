"""A file is known by its digest once it was read; an error says which it was."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from uploadfilter.errors import HashSetError, HashSetFormatError
from uploadfilter.hashsets.opening import opened


@pytest.mark.parametrize("size", [0, 1, 70_000])
@pytest.mark.parametrize("read", [0, 10, -1])
def test_digest_is_that_of_the_whole_file(tmp_path: Path, size: int, read: int) -> None:
    """However much of it was read in the meantime."""
    path = tmp_path / "set"
    path.write_bytes(b"x" * size)

    with opened(path) as (file, raw):
        file.read(read)
        digest = raw.sha256()

    assert digest == hashlib.sha256(b"x" * size).hexdigest()
    assert raw.count == size


def test_pipe_has_a_digest_too(tmp_path: Path) -> None:
    """It can be read only once, which is enough."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"line\n",))
    writer.start()

    with opened(path) as (file, raw):
        line, digest = file.readline(), raw.sha256()
    writer.join()

    assert (line, digest) == (b"line\n", hashlib.sha256(b"line\n").hexdigest())


def test_hint_names_the_file_as_a_shell_takes_it(tmp_path: Path) -> None:
    """A command in it can be run as it stands there."""
    path = tmp_path / "the case.json"
    path.write_bytes(b"")

    with pytest.raises(HashSetFormatError) as caught, opened(path):
        raise HashSetFormatError("odd", hint="Run: jq . FILE > NEW, not PROFILE")

    assert caught.value.hint == f"Run: jq . '{path}' > NEW, not PROFILE"
    assert str(path) in str(caught.value)


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    """The message says which, and why."""
    with pytest.raises(HashSetError, match="No such file"), opened(tmp_path / "none"):
        pass
