"""Keep the results of builds in the issuer's folder, until they are proposed.

A build is named by a digest of its arguments, never by the name of a folder of
pictures. So a build of the same folder goes on where it was interrupted, and the name
of a file discloses nothing. The counts that people are shown stand beside the lines,
and so does the list of files to look at, which has names.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from uploadfilter.errors import IssuerError
from uploadfilter.issuing.building import Built
from uploadfilter.issuing.folder import file_errors
from uploadfilter.issuing.leftout import list_beside
from uploadfilter.state import make_private, write_private

_FOLDER: Final = "builds"
_LINES: Final = ".jsonl"
_UNFINISHED: Final = ".jsonl.part"
_LAST_LIST: Final = "left-out.csv"
_NAME_BYTES: Final = 16


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of a build.

    Attributes:
        entries: Number of entries.
        categories: Entries by category.
        refused: Files without an entry, by reason.
    """

    entries: int
    categories: dict[str, int]
    refused: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A build that has ended, and was not proposed yet."""

    path: Path
    summary: Summary


class Builds:
    """The builds of an issuer's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / _FOLDER

    def place(
        self, source: Path, category: str | None, corpora: Iterable[str] = ()
    ) -> Path:
        """Return the path for the lines of a build, and make the folder for them.

        Args:
            source: The folder of pictures.
            category: The category of all pictures; ``None`` if their folders name it.
            corpora: The known-good corpora whose pictures are left out: a build
                without them is another one, and does not go on with this one.
        """
        with file_errors(self._folder):
            make_private(self._folder)
        what = "\0".join([str(source), category or "", *corpora])
        name = hashlib.blake2b(os.fsencode(what), digest_size=_NAME_BYTES).hexdigest()
        return self._folder / (name + _LINES)

    def note(self, path: Path, built: Built) -> None:
        """Write down the counts of a build, before its lines get their final path."""
        refused = {reason.value: count for reason, count in built.refused.items()}
        summary = Summary(
            entries=built.entries, categories=built.categories, refused=refused
        )
        with file_errors(path):
            write_private(_counts_of(path), msgspec.json.encode(summary))

    @property
    def finished(self) -> Finished | None:
        """The build that waits to be proposed, if there is one."""
        for path in self._files(_LINES):
            try:
                data = _counts_of(path).read_bytes()
                summary = msgspec.json.decode(data, type=Summary)
            except (OSError, msgspec.DecodeError, UnicodeDecodeError) as exc:
                raise IssuerError(
                    f"the counts of a build in {str(self._folder)!r} cannot be read",
                    hint="Remove that folder, and build again.",
                ) from exc
            return Finished(path=path, summary=summary)
        return None

    @property
    def is_broken_off(self) -> bool:
        """Whether a build was interrupted, and can go on."""
        return any(self._files(_UNFINISHED))

    @property
    def last_list(self) -> Path:
        """The list of files to look at, of the last build that was taken."""
        return self._folder.parent / _LAST_LIST

    def take(self, path: Path) -> None:
        """Delete a finished build, for example after it was staged; keep its list."""
        with file_errors(self._folder):
            self.last_list.unlink(missing_ok=True)
            if list_beside(path).exists():
                list_beside(path).replace(self.last_list)
            path.unlink()
            _counts_of(path).unlink()

    def holds(self, path: Path) -> bool:
        """Tell whether a file is the one of a build of this folder."""
        return path.parent == self._folder

    def discard(self) -> None:
        """Delete all builds."""
        with file_errors(self._folder):
            for path in self._files(""):
                path.unlink()

    def _files(self, ending: str) -> Iterator[Path]:
        if self._folder.is_dir():
            for path in sorted(self._folder.iterdir()):
                if path.name.endswith(ending):
                    yield path


def _counts_of(path: Path) -> Path:
    return path.with_suffix(".json")
