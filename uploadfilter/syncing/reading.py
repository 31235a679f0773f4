"""Read the changes in a signed set's files, and turn their lines into entries.

Rules this module keeps: a full set only adds, and entries that later deltas change are
left out of it; a malformed line ends everything, because it was signed.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets import formats
from uploadfilter.hashsets.tally import Tally
from uploadfilter.reference.entries.collecting import EntryBlock, TableBuilder
from uploadfilter.signedsets import operations as ops


class _Named(msgspec.Struct):
    """The field of a line that holds the id of the entry."""

    id: str


_name_of = msgspec.json.Decoder(_Named).decode


@dataclass(slots=True)
class FetchedChange:
    """The fetched changes, ready to come into force.

    Attributes:
        have: Sequence of the set that it changes; ``None`` if there is none.
        is_full: Whether it is the whole set.
        shards: Names of the files of a full set, which are already on disk.
        net: Effect of the deltas after it: the JSON line of each id, ``None`` for a
            removal.
        present: The withdrawn ids that the full set has.
        read: Returns a file by its name.
    """

    have: int | None
    is_full: bool
    read: Callable[[str], bytes]
    shards: list[str] = field(default_factory=list)
    net: dict[str, bytes | None] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)

    def add_delta(self, text: bytes) -> None:
        """Add the operations of a delta, after those of earlier deltas.

        Raises:
            HashSetFormatError: The operations are malformed.
        """
        found = ops.operations(text)
        for line in found.additions.splitlines():
            self.net[id_of(line)] = line
        for entry_id in found.deleted:
            self.net[entry_id] = None

    def shard(self, path: str) -> bytes:
        """Return a shard as JSON lines, without entries that later deltas change.

        Raises:
            HashSetFormatError: It removes entries, or is malformed.
        """
        found = ops.operations(ops.unpacked(self.read(path)))
        if found.deleted:
            raise HashSetFormatError(
                "a full set removes entries",
                hint="Nothing was changed. Tell the issuer: it was made by another "
                "tool.",
            )
        if not self.net:
            return found.additions
        lines = found.additions.splitlines(keepends=True)
        return b"".join(line for line in lines if id_of(line) not in self.net)

    def keeps(self, entry_id: str) -> bool:
        """Tell whether the set will still list a withdrawn entry."""
        if entry_id in self.net:
            return self.net[entry_id] is not None
        return not self.is_full or entry_id in self.present

    def collect(
        self, collected: TableBuilder, allowed: frozenset[str], name: str
    ) -> Tally:
        """Collect the new entries, or all entries of a full set.

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
                "this one, install it; otherwise tell the issuer.",
            )
        return tally


def id_of(line: bytes) -> str:
    """Return the id of an entry's line.

    Raises:
        HashSetFormatError: The line has no id.
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
    file: io.BufferedReader = io.BufferedReader(io.BytesIO(text))
    for item in formats.read(file, categories=allowed, tally=tally):
        if isinstance(item, EntryBlock):
            collected.add_block(item)
        else:
            collected.add(item)
