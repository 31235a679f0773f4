"""What a signed set's files change, and how their lines become entries.

Rules this module keeps: a full set only adds, and what deltas change behind it is left
out of it; a malformed line ends it all, since it was signed.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import msgspec
from typing_extensions import override

from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets import formats
from uploadfilter.hashsets.listblocks import ListedBlock
from uploadfilter.hashsets.lists import ListedSignal
from uploadfilter.hashsets.tally import Tally
from uploadfilter.model import Entry
from uploadfilter.reference.collecting import EntryBlock, TableBuilder
from uploadfilter.signedsets import operations as ops

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class _Named(msgspec.Struct):
    """The one field of a line that says which entry it is."""

    id: str


class _Bytes(io.RawIOBase):
    """Bytes that are read like a file."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._rest = memoryview(data)

    @override
    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    @override
    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read into a buffer; return how many bytes."""
        room = memoryview(buffer)
        count = min(len(room), len(self._rest))
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


_name_of = msgspec.json.Decoder(_Named).decode


@dataclass(slots=True)
class FetchedChange:
    """What was fetched, ready to come into force.

    Attributes:
        have: Number of the set that it changes; ``None`` for none.
        is_full: Whether it is the whole set.
        shards: Names of the files of a full set, which are on disk by now.
        net: What deltas do behind it: the JSON line of each id, ``None`` for none.
        present: Which of the withdrawn ids the full set has.
        read: Returns a file by its name.
    """

    have: int | None
    is_full: bool
    read: Callable[[str], bytes]
    shards: list[str] = field(default_factory=list)
    net: dict[str, bytes | None] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)

    def add_delta(self, text: bytes) -> None:
        """Take the operations of a delta in, behind those before it.

        Raises:
            HashSetFormatError: They are malformed.
        """
        found = ops.operations(text)
        for line in found.additions.splitlines():
            self.net[id_of(line)] = line
        for entry_id in found.deleted:
            self.net[entry_id] = None

    def shard(self, path: str) -> bytes:
        """Return a shard as JSON lines, without what deltas change behind it.

        Raises:
            HashSetFormatError: It takes entries away, or is malformed.
        """
        found = ops.operations(ops.unpacked(self.read(path)))
        if found.deleted:
            raise HashSetFormatError(
                "a full set takes entries away",
                hint="Nothing was changed. Tell the issuer: it was made by another "
                "tool.",
            )
        if not self.net:
            return found.additions
        lines = found.additions.splitlines(keepends=True)
        return b"".join(line for line in lines if id_of(line) not in self.net)

    def keeps(self, entry_id: str) -> bool:
        """Tell of a withdrawn entry whether the set will still list it."""
        if entry_id in self.net:
            return self.net[entry_id] is not None
        return not self.is_full or entry_id in self.present

    def collect(
        self, collected: TableBuilder, allowed: frozenset[str], name: str
    ) -> Tally:
        """Take the entries in that are new, or all of a full set.

        Args:
            collected: Gets them.
            allowed: The categories that are taken.
            name: Of the set, for people.

        Raises:
            HashSetFormatError: A line is malformed.
        """
        tally = Tally()
        for path in self.shards:
            _collect(collected, self.shard(path), allowed, tally)
        lines = (line + b"\n" for line in self.net.values() if line is not None)
        _collect(collected, b"".join(lines), allowed, tally)
        if tally.malformed:
            first = next(it for it in tally.problems if it.problem.is_malformed)
            raise HashSetFormatError(
                f"the signed set {name!r} has {tally.malformed:,} malformed lines, the "
                f"first with {first.problem.words}",
                hint="Nothing was changed. If the issuer uses a newer release than "
                "this one, install it; else tell the issuer.",
            )
        return tally


def id_of(line: bytes) -> str:
    """Return the id of an entry's line.

    Raises:
        HashSetFormatError: It has none.
    """
    try:
        return _name_of(line).id
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise HashSetFormatError(
            "a line of the signed set has no id",
            hint="Nothing was changed. Tell the issuer: it was made by another tool.",
        ) from exc


def _collect(
    collected: TableBuilder, text: bytes, allowed: frozenset[str], tally: Tally
) -> None:
    file = cast("io.BufferedReader", io.BufferedReader(_Bytes(text)))
    for item in formats.read(
        file,
        categories=allowed,
        signal_type=None,
        tally=tally,
        tick=lambda: None,
    ):
        match item:
            case EntryBlock():
                collected.add_block(item)
            case Entry():
                collected.add(item)
            case ListedSignal() | ListedBlock():
                raise AssertionError("lines of JSON are no list")
