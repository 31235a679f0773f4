"""Keep results of a benchmark: a run of an hour goes on where it was ended.

Each result is a line of JSON in the folder of the originals. Delete the files to
measure anew, above all after a change of the judgement.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Kept:
    """Results by number, kept in a file."""

    def __init__(self, path: Path) -> None:
        """Read the results of runs before, if there are any."""
        self._path = path
        self._known: dict[int, Any] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                number, found = json.loads(line)
                self._known[number] = found

    def missing(self, numbers: list[int]) -> list[int]:
        """Return the numbers that have no result."""
        return [number for number in numbers if number not in self._known]

    def add(self, number: int, found: Any) -> None:  # noqa: ANN401 - JSON
        """Keep a result."""
        self._known[number] = found
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([number, found]) + "\n")

    def of(self, numbers: list[int]) -> Iterator[tuple[int, Any]]:
        """Yield the numbers that have a result, with it."""
        for number in numbers:
            if number in self._known:
                yield number, self._known[number]
