"""The folder of rows: Parquet files, and a manifest that says which of them count.

::

    STORE/             0700
      store.json       source, options, check value of the secret
      manifest.jsonl   one line for each part: number, rows, SHA-256
      parts/
        part-00000001.parquet
      lock

A row has ``path``, ``size``, ``version``, ``trouble`` (why it has no scan), ``reason``
(why it is not checked, although nothing matches), ``keys`` (keyed hashes of 16 bytes,
joined), a column for each perceptual type (its values, joined) and ``scan``
(``rows.py``). The joined columns are for a quick search; a file that it finds is
matched by its scan.

Rules this module keeps: a part is on the disk before its line in the manifest; what the
manifest does not name does not count; a part with another SHA-256 is damaged: it is
never matched, and its files are scanned again. A later row of a path replaces earlier
ones.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from uploadfilter.errors import LookBackError
from uploadfilter.extras import load_extra
from uploadfilter.lookback.sources import Item, Trouble
from uploadfilter.model import Reason, SignalType
from uploadfilter.state import (
    PRIVATE_FILE,
    make_private,
    only_one,
    sync_directory,
    write_private,
)

FORMAT: Final = 1

PART_ROWS: Final = 4096
"""Rows of a part: at most a few minutes of work that a crash loses."""

PART_BYTES: Final = 64 * 1024 * 1024
"""Bytes of the scans in a part, which bounds the memory of its writer and readers."""

_MARK_BYTES: Final = 16
"""Bytes of a mark: two of 10^9 files share 128 bits once in 10^20 stores."""

_DONE_COLUMNS: Final = ("path", "version", "trouble", "reason")


class StoreInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about a store that hold as long as it exists.

    Attributes:
        types: The perceptual types whose values are kept; empty if none are.
        secret: Check value of the secret that keyed the digests.
    """

    format: int = FORMAT
    source: str
    types: tuple[SignalType, ...]
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One row.

    Attributes:
        trouble: Why it has no scan; ``None`` if it has one.
        reason: Why it is not checked, although nothing matches it.
        keys: Keyed hashes of all digests, joined.
        values: All values of each perceptual type, joined.
        scan: The encoded scan; empty without one.
    """

    item: Item
    trouble: Trouble | None = None
    reason: Reason | None = None
    keys: bytes = b""
    values: Mapping[SignalType, bytes] = field(default_factory=dict)
    scan: bytes = b""


class _Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the manifest; ``dropped`` takes back an earlier line of the part."""

    part: int
    rows: int = 0
    sha256: str = ""
    dropped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePart:
    """A part that counts.

    Attributes:
        number: Its number, from 1.
    """

    number: int
    rows: int
    sha256: str
    path: Path


@dataclass(slots=True)
class _Pending:
    """The rows of the part in the making."""

    rows: list[FileRow] = field(default_factory=list)
    size: int = 0


class LookBackStore:
    """A store that is open; made by ``create_or_open`` and ``open_to_read``."""

    def __init__(
        self, path: Path, info: StoreInfo, parts: dict[int, StorePart]
    ) -> None:
        self.path = path
        self.info = info
        self._parts = parts
        self._pending = _Pending()
        self._last = max(parts, default=0)
        self._unchecked: set[bytes] = set()
        self._done: NDArray[np.bytes_] = np.empty(0, f"S{_MARK_BYTES}")

    @classmethod
    @contextlib.contextmanager
    def create_or_open(cls, path: Path, info: StoreInfo) -> Iterator["LookBackStore"]:
        """Open a store for writing during the block; make it if it is not there.

        Damaged parts are set aside, so that their files are scanned again.

        Raises:
            LookBackError: It is the store of another source, or made with other
                options, or another command works on it, or it cannot be used.
        """
        with _file_errors(path), contextlib.ExitStack() as held:
            make_private(path / "parts")
            try:
                held.enter_context(only_one(path / "lock"))
            except BlockingIOError as exc:
                raise LookBackError(
                    f"another command is working on {str(path)!r}",
                    hint="Wait until it has ended.",
                ) from exc
            if not (path / "store.json").exists():
                write_private(path / "store.json", msgspec.json.encode(info))
            known = _info(path)
            _check_same(path, known, info)
            store = cls(path, known, _parts(path))
            store._tidy()
            store._read_done()
            try:
                yield store
            finally:
                # Added rows are whole, also if the command was interrupted.
                store.flush()

    @classmethod
    def open_to_read(cls, path: Path) -> "LookBackStore":
        """Open a store for reading.

        Raises:
            LookBackError: It is not a store, or cannot be read.
        """
        with _file_errors(path):
            return cls(path, _info(path), _parts(path))

    @property
    def rows(self) -> int:
        """The number of rows on the disk, replaced ones included."""
        return sum(it.rows for it in self._parts.values())

    @property
    def parts(self) -> tuple[StorePart, ...]:
        """The parts that count, the oldest first."""
        return tuple(self._parts[number] for number in sorted(self._parts))

    def is_done(self, item: Item) -> bool:
        """Return whether this version of a file has a scan on the disk."""
        mark = _mark(item.path, item.version)
        at = int(np.searchsorted(self._done, np.bytes_(mark)))
        # numpy takes zeros off the end of what it returns.
        return at < len(self._done) and self._done[at].ljust(_MARK_BYTES, b"\0") == mark

    def is_unchecked(self, item: Item) -> bool:
        """Return whether the scan of a version on the disk is incomplete."""
        return _mark(item.path, item.version) in self._unchecked

    def add(self, row: FileRow) -> None:
        """Add a row; it is on the disk after the next ``flush``."""
        self._pending.rows.append(row)
        self._pending.size += len(row.keys) + 2 * len(row.scan)
        if len(self._pending.rows) >= PART_ROWS or self._pending.size >= PART_BYTES:
            self.flush()

    def flush(self) -> None:
        """Put the added rows on the disk, as one part."""
        rows, self._pending = self._pending.rows, _Pending()
        if not rows:
            return
        data = _encoded(rows, self.info.types)
        self._last += 1
        line = _Line(
            part=self._last, rows=len(rows), sha256=hashlib.sha256(data).hexdigest()
        )
        path = _part_file(self.path, line.part)
        write_private(path, data)
        self._note(line)
        self._parts[line.part] = StorePart(
            number=line.part, rows=line.rows, sha256=line.sha256, path=path
        )

    def table(self, part: StorePart, columns: Sequence[str]) -> Any:  # noqa: ANN401 -- a pyarrow.Table, which has no types
        """Read columns of a part, as a table of pyarrow.

        Raises:
            LookBackError: The part is damaged or missing.
        """
        arrow, parquet = _arrow()
        try:
            data = part.path.read_bytes()
            if hashlib.sha256(data).hexdigest() == part.sha256:
                return parquet.read_table(arrow.BufferReader(data), columns=[*columns])
        except (OSError, arrow.ArrowException):
            pass
        raise LookBackError(
            f"{str(part.path)!r} is missing or damaged",
            hint="Run the same 'uploadfilter lookback scan' again: it sets the part "
            "aside and scans its files again. Nothing was matched.",
        )

    def _note(self, line: _Line) -> None:
        path = self.path / "manifest.jsonl"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        with os.fdopen(fd, "ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        sync_directory(self.path)

    def _tidy(self) -> None:
        """Remove what a killed command left, and number new parts behind the old."""
        manifest = self.path / "manifest.jsonl"
        if manifest.exists():
            data = manifest.read_bytes()
            if not data.endswith(b"\n"):
                write_private(manifest, data[: data.rfind(b"\n") + 1])
        named = {it.path.name for it in self._parts.values()}
        for path in (self.path / "parts").iterdir():
            if path.name not in named and path.suffix != ".damaged":
                path.unlink()

    def _read_done(self) -> None:
        """Read which versions are scanned, and set damaged parts aside."""
        done: list[NDArray[np.bytes_]] = []
        for part in self.parts:
            try:
                table = self.table(part, _DONE_COLUMNS)
            except LookBackError:
                self._note(_Line(part=part.number, dropped=True))
                del self._parts[part.number]
                if part.path.exists():
                    part.path.rename(part.path.with_suffix(".damaged"))
                continue
            columns = (table.column(name).to_pylist() for name in _DONE_COLUMNS)
            marks = []
            for path, version, trouble, reason in zip(*columns, strict=True):
                if trouble is None:
                    marks.append(mark := _mark(path, version))
                    if reason is not None:
                        self._unchecked.add(mark)
            # 16 bytes for each file, instead of a hundred in a set.
            done.append(np.array(marks, f"S{_MARK_BYTES}"))
        if done:
            self._done = np.sort(np.concatenate(done))


def _mark(path: bytes, version: str) -> bytes:
    text = version.encode() + b"\0" + path
    return hashlib.blake2b(text, digest_size=_MARK_BYTES).digest()


def _part_file(path: Path, number: int) -> Path:
    return path / "parts" / f"part-{number:08}.parquet"


def _encoded(rows: Sequence[FileRow], types: Sequence[SignalType]) -> bytes:
    arrow, parquet = _arrow()
    columns = {
        "path": arrow.array([it.item.path for it in rows], arrow.binary()),
        "size": arrow.array([it.item.size for it in rows], arrow.int64()),
        "version": arrow.array([it.item.version for it in rows], arrow.string()),
        "trouble": arrow.array([it.trouble for it in rows], arrow.string()),
        "reason": arrow.array([it.reason for it in rows], arrow.string()),
        "keys": arrow.array([it.keys for it in rows], arrow.large_binary()),
        "scan": arrow.array([it.scan for it in rows], arrow.large_binary()),
    }
    for kind in types:
        values = [it.values.get(kind, b"") for it in rows]
        columns[kind.value] = arrow.array(values, arrow.large_binary())
    sink = arrow.BufferOutputStream()
    # Hashes do not compress; names and scans do a little, which zstd does at no cost.
    parquet.write_table(arrow.table(columns), sink, compression="zstd")
    found: bytes = sink.getvalue().to_pybytes()
    return found


def _arrow() -> tuple[Any, ...]:
    return load_extra(
        "pyarrow",
        "pyarrow.parquet",
        purpose="looking back",
        extra="lookback",
        error=LookBackError,
    )


def _info(path: Path) -> StoreInfo:
    try:
        info = msgspec.json.decode((path / "store.json").read_bytes(), type=StoreInfo)
    except FileNotFoundError as exc:
        raise LookBackError(
            f"{str(path)!r} is not a store of 'uploadfilter lookback scan'",
            hint="Name the folder that its option -o named.",
        ) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise LookBackError(
            f"{str(path / 'store.json')!r} cannot be read: {exc}",
            hint="Make a new store in another folder.",
        ) from exc
    if info.format != FORMAT:
        raise LookBackError(
            f"{str(path)!r} has format {info.format}, but this version knows {FORMAT}",
            hint="Use the release that made it, or make a new store.",
        )
    return info


def _parts(path: Path) -> dict[int, StorePart]:
    """Return the parts that the manifest names; a half last line does not count."""
    manifest = path / "manifest.jsonl"
    if not manifest.exists():
        return {}
    found: dict[int, StorePart] = {}
    whole, _, _ = manifest.read_bytes().rpartition(b"\n")
    for text in filter(None, whole.split(b"\n")):
        try:
            line = msgspec.json.decode(text, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise LookBackError(
                f"{str(manifest)!r} is damaged: {exc}",
                hint="Make a new store in another folder.",
            ) from exc
        found.pop(line.part, None)
        if not line.dropped:
            found[line.part] = StorePart(
                number=line.part,
                rows=line.rows,
                sha256=line.sha256,
                path=_part_file(path, line.part),
            )
    return found


def _check_same(path: Path, known: StoreInfo, wanted: StoreInfo) -> None:
    for name, word in (
        ("source", "source"),
        ("types", "perceptual types"),
        ("secret", "reference set's key"),
    ):
        if getattr(known, name) != getattr(wanted, name):
            raise LookBackError(
                f"{str(path)!r} was made with another {word}",
                hint="Name another folder with -o, or the same source and options.",
            )


@contextlib.contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        at = exc.filename or path
        raise LookBackError(
            f"cannot use {str(at)!r}: {exc.strerror or exc}",
            hint="Check the path, the disk, and that this user may write there. "
            "Finished parts are kept: the same command goes on.",
        ) from exc
