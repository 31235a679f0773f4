"""Write and read proofs that a record is in the log: C2SP tlog-proof.

The record itself stands in the proof as its ``extra`` line, so that one file is enough
to check it without the log.

Source:
    https://c2sp.org/tlog-proof
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final, Self

from uploadfilter.decisions.tree.merkle import (
    MOST_PROOF_HASHES,
    is_included,
    leaf_hash,
)
from uploadfilter.decisions.tree.notes import (
    Note,
    TreeHead,
    Verifier,
    parse_size,
    read_hash,
    write_hash,
)

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
"""The first line of a proof (C2SP, tlog-proof)."""

_EXTRA: Final = "extra "
_INDEX: Final = "index "


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A proof that a record is in the log.

    Attributes:
        record: The record's line, without its newline.
        index: Number of its leaf, from 0.
        hashes: The proof of inclusion.
    """

    record: bytes
    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Note

    @property
    def text(self) -> str:
        """The proof as text."""
        record = base64.b64encode(self.record).decode("ascii")
        lines = [FIRST_LINE, _EXTRA + record, f"{_INDEX}{self.index}"]
        lines += map(write_hash, self.hashes)
        return "\n".join(lines) + "\n\n" + self.checkpoint.data.decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a proof that has its record in its ``extra`` line.

        Raises:
            ValueError: It is no such proof.
        """
        above, found, checkpoint = text.partition("\n\n")
        lines = above.split("\n")
        if not found or len(lines) < len(("first", "extra", "index")):
            raise ValueError("a proof has a proof of inclusion and a checkpoint")
        first, extra, index, *hashes = lines
        number = parse_size(index.removeprefix(_INDEX))
        if (
            first != FIRST_LINE
            or not extra.startswith(_EXTRA)
            or not index.startswith(_INDEX)
            or number is None
            or len(hashes) > MOST_PROOF_HASHES
        ):
            raise ValueError("a proof has an extra line and an index")
        try:
            record = base64.b64decode(extra.removeprefix(_EXTRA), validate=True)
        except binascii.Error as exc:
            raise ValueError("the extra line is not base64") from exc
        return cls(
            record=record,
            index=number,
            hashes=tuple(map(read_hash, hashes)),
            checkpoint=Note.parse(checkpoint.encode()),
        )

    def proves(self, verifier: Verifier) -> bool:
        """Return whether it proves that the record is in the log of this key."""
        if verifier.signed_time(self.checkpoint) is None:
            return False
        try:
            head = TreeHead.parse(self.checkpoint.text)
        except ValueError:
            return False
        leaf = leaf_hash(self.record)
        return head.origin == verifier.name and is_included(
            leaf, self.index, head.size, self.hashes, head.root
        )
