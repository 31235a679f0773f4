"""The known-good corpora of an operator, in the state directory.

::

    DIR/known-good/        0700
      list.json            the corpora, with the SHA-256 of each file
      <name>.<sha256>      a corpus, with digests that are keyed like the reference
      set's
      lock

The corpus that comes with the program is one of them, called ``default``, from the
first sync until an operator removes it. Rules this module keeps: ``list.json`` alone
says which corpora exist, and is replaced by rename; a corpus that it names and that is
missing, or is another file, is an error.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from uploadfilter.errors import HashSetKnownGoodError
from uploadfilter.knowngood import corpus as corpora
from uploadfilter.knowngood.corpus import (
    FORMAT,
    KEYED,
    Corpus,
    Head,
    opened,
    read,
    read_file,
    write,
)
from uploadfilter.knowngood.digests import DigestSorter
from uploadfilter.knowngood.foreign import KnownForm, Progress, Read, digests_in
from uploadfilter.model import SignalType
from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES, Secret
from uploadfilter.reference.entries.sets import check_set_name
from uploadfilter.state import make_private, only_one, write_private

KNOWN_GOOD: Final = "known-good"
"""Folder of the corpora, in the state directory."""

DEFAULT: Final = "default"
"""The name of the corpus that comes with the program."""

MOST_CORPORA: Final = 64
"""Every entry is compared with each corpus; an operator with more can join several."""

LIST: Final = "list.json"
_MOST_LIST_BYTES: Final = 1 << 20
_NAME_DIGITS: Final = 16


class ListedCorpus(msgspec.Struct, frozen=True, kw_only=True):
    """A corpus of the list.

    Attributes:
        name: Name of the corpus at this operator.
        sha256: SHA-256 of its file, in hex.
        origin: SHA-256 of the file that it was made from, in hex.
        pictures: Pictures with PDQ values.
        digests: Exact digests.
        source: The imported file, for people.
        added_at: When it was added, in seconds since the epoch.
    """

    name: str
    sha256: str
    origin: str = ""
    pictures: int = 0
    digests: int = 0
    source: str = ""
    added_at: int = 0


class _List(msgspec.Struct, frozen=True, kw_only=True):
    """The file ``list.json``.

    Attributes:
        format: ``FORMAT``.
        corpora: The corpora, by name.
        without_default: Whether the corpus of the program was removed.
    """

    format: int = FORMAT
    corpora: tuple[ListedCorpus, ...] = ()
    without_default: bool = False


class KnownGood:
    """The corpora of one state directory.

    Args:
        state: The state directory.
        default: The corpus that comes with the program; ``None`` if there is none.
    """

    def __init__(self, state: Path, default: Path | None = None) -> None:
        self.path = state / KNOWN_GOOD
        self._default = default

    def listed(self) -> tuple[ListedCorpus, ...]:
        """Return the corpora, by name.

        Raises:
            HashSetKnownGoodError: The list is damaged.
        """
        return self._list().corpora

    def add_corpus(
        self,
        name: str,
        path: Path,
        file: BinaryIO,
        *,
        secret: Secret,
        epoch_s: float,
    ) -> ListedCorpus:
        """Add a corpus that ``hashset known-good`` made, or replace one of its name.

        Raises:
            HashSetNameError: The name is not allowed.
            HashSetKnownGoodError: The file is damaged, or the corpus could not be
                written.
        """
        check_set_name(name)
        given = read_file(path, file)
        if KEYED in given.head.digests:
            raise HashSetKnownGoodError(
                f"{str(path)!r} is a corpus from a state directory",
                hint="Import the file that 'hashset known-good' made.",
            )
        with DigestSorter(EXACT_KEY_BYTES) as sorter:
            for word, rows in given.digests.items():
                kind = SignalType(word)
                for row in rows:
                    sorter.add(secret.exact_key(kind, row.tobytes()))
            return self._put(
                name,
                sorter,
                secret,
                given=given,
                source=", ".join(given.head.sources[:1]) or "built",
                epoch_s=epoch_s,
            )

    def add_list(
        self,
        name: str,
        path: Path,
        file: BinaryIO,
        form: KnownForm,
        *,
        secret: Secret,
        epoch_s: float,
        progress: Progress | None = None,
    ) -> tuple[ListedCorpus, Read]:
        """Add a list of harmless files in a format of others.

        Raises:
            HashSetNameError: The name is not allowed.
            HashSetFormatError: The file is damaged, or has no digests.
            HashSetKnownGoodError: It cannot be read, or the corpus could not be
                written.
        """
        check_set_name(name)
        found = Read()
        with DigestSorter(EXACT_KEY_BYTES) as sorter:
            try:
                for kind, digest in digests_in(path, file, form, found, progress):
                    sorter.add(secret.exact_key(kind, digest))
            except OSError as exc:
                raise corpora.unwritable(path, exc) from exc
            put = self._put(
                name, sorter, secret, given=None, source=form.value, epoch_s=epoch_s
            )
        return put, found

    def remove(self, name: str) -> ListedCorpus:
        """Remove a corpus.

        Raises:
            HashSetKnownGoodError: There is no corpus of that name.
        """
        with self._locked():
            known = self._list()
            for item in known.corpora:
                if item.name == name:
                    self._write(
                        [it for it in known.corpora if it.name != name],
                        without_default=known.without_default or name == DEFAULT,
                    )
                    return item
        names = ", ".join(repr(it.name) for it in known.corpora) or "none"
        raise HashSetKnownGoodError(
            f"there is no known-good corpus {name!r}", hint=f"There are: {names}."
        )

    def with_default(self, secret: Secret, *, epoch_s: float) -> None:
        """Add the corpus that comes with the program, unless it exists or was removed.

        Raises:
            HashSetKnownGoodError: The corpus is damaged, or cannot be written.
        """
        known = self._list()
        if self._default is None or known.without_default:
            return
        origin = _origin_of(self._default)
        mine = next((it for it in known.corpora if it.name == DEFAULT), None)
        if mine is None or mine.origin != origin:
            with opened(self._default) as file:
                self.add_corpus(
                    DEFAULT, self._default, file, secret=secret, epoch_s=epoch_s
                )

    def read(self, secret: Secret) -> dict[str, Corpus]:
        """Map all corpora, by name.

        Raises:
            HashSetKnownGoodError: One is missing, damaged, or keyed with another
                secret.
        """
        found = {}
        for item in self.listed():
            corpus = read(self._file(item))
            if corpus.sha256 != item.sha256:
                raise _wrong(item.name, "its file is not the one that the list names")
            if corpus.head.secret != secret.check_value():
                raise _wrong(item.name, "it was made with another key")
            found[item.name] = corpus
        return found

    def values(self) -> list[NDArray[np.uint64]]:
        """Return the PDQ values of all corpora, with those that come with the program.

        They need no key, unlike the digests.

        Raises:
            HashSetKnownGoodError: A corpus is missing or damaged.
        """
        known = self._list()
        found = []
        for item in known.corpora:
            corpus = read(self._file(item))
            if corpus.sha256 != item.sha256:
                raise _wrong(item.name, "its file is not the one that the list names")
            found.append(corpus.values)
        has_default = any(item.name == DEFAULT for item in known.corpora)
        if self._default and not has_default and not known.without_default:
            found.append(read(self._default).values)
        return found

    def _put(
        self,
        name: str,
        sorter: DigestSorter,
        secret: Secret,
        *,
        given: Corpus | None,
        source: str,
        epoch_s: float,
    ) -> ListedCorpus:
        head = Head(
            format=FORMAT,
            pictures=0 if given is None else given.head.pictures,
            each=4 if given is None else given.head.each,
            digests={KEYED: sorter.counted()},
            secret=secret.check_value(),
            sources=() if given is None else given.head.sources,
        )
        if not head.pictures and not sorter.count:
            raise HashSetKnownGoodError(
                "nothing in the file can be used as known-good",
                hint="Nothing was changed. Check that it is the right file.",
            )
        with self._locked():
            new = self.path / "new"
            sha256 = write(
                new,
                head,
                values=b"" if given is None else given.values.tobytes(),
                qualities=b"" if given is None else given.qualities.tobytes(),
                digests={KEYED: sorter.sorted()},
            )
            item = ListedCorpus(
                name=name,
                sha256=sha256,
                origin="" if given is None else given.sha256,
                pictures=head.pictures,
                digests=sorter.count,
                source=source,
                added_at=int(epoch_s),
            )
            known = self._list()
            others = [it for it in known.corpora if it.name != name]
            if len(others) >= MOST_CORPORA:
                raise HashSetKnownGoodError(
                    f"there are {len(others)} known-good corpora, which is the most",
                    hint="Remove one: 'uploadfilter hashset remove NAME --known-good'.",
                )
            new.replace(self._file(item))
            self._write(
                sorted([*others, item], key=lambda it: it.name),
                without_default=known.without_default and name != DEFAULT,
            )
        return item

    def _file(self, item: ListedCorpus) -> Path:
        return self.path / f"{item.name}.{item.sha256[:_NAME_DIGITS]}"

    def _list(self) -> _List:
        path = self.path / LIST
        try:
            with path.open("rb") as file:
                return msgspec.json.decode(file.read(_MOST_LIST_BYTES), type=_List)
        except FileNotFoundError as exc:
            if self.path.is_dir() and any(self.path.glob("*.*")):
                raise _wrong("all", "the list of them is missing") from exc
            return _List()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise _wrong("all", f"the list of them cannot be read: {exc}") from exc

    def _write(self, items: list[ListedCorpus], *, without_default: bool) -> None:
        """Replace the list, then remove the files that it does not name."""
        made = _List(corpora=tuple(items), without_default=without_default)
        write_private(self.path / LIST, msgspec.json.encode(made))
        kept = {self._file(item) for item in items}
        for path in self.path.glob("*.*"):
            if path.name != LIST and path not in kept:
                path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            make_private(self.path)
            with only_one(self.path / "lock"):
                yield
        except BlockingIOError as exc:
            raise HashSetKnownGoodError(
                "another process is changing the known-good corpora",
                hint="Wait until it has ended.",
            ) from exc
        except OSError as exc:
            raise corpora.unwritable(self.path, exc) from exc


def shipped() -> Path | None:
    """Return the corpus that comes with the program, if it has one."""
    # Not by importlib.resources, which imports more when it is first used.
    path = Path(__file__).with_name("default.corpus")
    return path if path.is_file() else None


def identity(corpora_by_name: Mapping[str, Corpus]) -> str:
    """Return 16 hex digits that change whenever the corpora do."""
    texts = sorted(f"{name}\0{it.sha256}\n" for name, it in corpora_by_name.items())
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:_NAME_DIGITS]


def _origin_of(path: Path) -> str:
    """Return the SHA-256 at the end of a corpus."""
    try:
        with path.open("rb") as file:
            file.seek(-hashlib.sha256().digest_size, 2)
            return file.read().hex()
    except OSError as exc:
        raise _wrong(DEFAULT, str(exc.strerror)) from exc


def _wrong(name: str, why: str) -> HashSetKnownGoodError:
    return HashSetKnownGoodError(
        f"the known-good corpus {name!r} cannot be used: {why}",
        hint="Nothing was changed. Remove it with 'uploadfilter hashset remove NAME "
        "--known-good', or restore the state directory; then import it again.",
    )
