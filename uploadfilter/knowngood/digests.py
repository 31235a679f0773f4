"""Sort very many digests in little memory.

Digests are spread evenly, so those with the same first six bits are a sixty-fourth of
all. Each such part is collected in a file of its own and sorted separately. A hundred
million digests need some 60 MB of memory.
"""

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Final, Self

import numpy as np

_PARTS: Final = 64
_PART_SHIFT: Final = 2
_HELD_BYTES: Final = 1 << 20
"""Bytes of one part in memory, before they are written to its file."""


class DigestSorter:
    """Takes digests of one width in any order, and returns each once, sorted.

    Args:
        width: Bytes of a digest.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._held = [bytearray() for _ in range(_PARTS)]
        self._files: list[IO[bytes] | None] = [None] * _PARTS
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, digest: bytes) -> None:
        """Add a digest.

        Raises:
            OSError: There is no room for temporary files.
        """
        part = digest[0] >> _PART_SHIFT
        held = self._held[part]
        held += digest
        if len(held) >= _HELD_BYTES:
            self._spill(part)

    def sorted(self) -> Iterator[bytes]:
        """Yield the digests in pieces, each digest once.

        Raises:
            OSError: A temporary file cannot be read.
        """
        self.count = 0
        for part in range(_PARTS):
            data = bytes(self._held[part])
            file = self._files[part]
            if file is not None:
                file.seek(0)
                data = file.read() + data
            # Each once; bytes that end in zeros compare correctly, because all are
            # equally long.
            found = np.unique(np.frombuffer(data, f"S{self._width}"))
            self.count += len(found)
            yield found.tobytes()

    def counted(self) -> int:
        """Return how many different digests there are.

        Raises:
            OSError: A temporary file cannot be read.
        """
        for _ in self.sorted():
            pass
        return self.count

    def close(self) -> None:
        """Remove the temporary files."""
        for file in self._files:
            if file is not None:
                file.close()

    def _spill(self, part: int) -> None:
        file = self._files[part]
        if file is None:
            # Without a name, so that it is gone when this process ends.
            file = self._files[part] = tempfile.TemporaryFile()  # noqa: SIM115 - closed
        file.write(self._held[part])
        self._held[part] = bytearray()
