"""Judge what a log submits to a witness: C2SP tlog-witness, without HTTP.

A submission is a size that the log believes the witness knows, a proof that the new
tree continues that one, and the new signed checkpoint.

Source:
    https://c2sp.org/tlog-witness
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

from uploadfilter.decisions.tree.merkle import (
    EMPTY_ROOT,
    MOST_PROOF_HASHES,
    is_consistent,
)
from uploadfilter.decisions.tree.notes import (
    MOST_NOTE_BYTES,
    Note,
    TreeHead,
    Verifier,
    parse_size,
    read_hash,
    write_hash,
)

PATH: Final = "/add-checkpoint"

SIZE_TYPE: Final = "text/x.tlog.size"
"""Type of the answer that names the size which the witness knows."""

MOST_SUBMISSION_BYTES: Final = MOST_NOTE_BYTES + 64 * (MOST_PROOF_HASHES + 1)
"""Most bytes of a submission: the note, and lines of 44 characters before it."""

_OLD: Final = "old "


class WitnessRefusal(Enum):
    """Why a witness does not sign; the value is the status of the answer."""

    MALFORMED = 400
    UNSIGNED = 403
    UNKNOWN_LOG = 404
    OTHER_SIZE = 409
    FORKED = "409"
    INCONSISTENT = 422

    @property
    def status(self) -> int:
        """The status of HTTP."""
        return int(self.value)


@dataclass(frozen=True, slots=True)
class Submission:
    """What a log submits.

    Attributes:
        old: Size of the tree that the proof starts from.
        proof: The proof of consistency.
        note: The new checkpoint.
        head: Its content, which nothing proves yet.
    """

    old: int
    proof: tuple[bytes, ...]
    note: Note
    head: TreeHead

    @property
    def data(self) -> bytes:
        """The body of the request."""
        lines = [f"{_OLD}{self.old}", *map(write_hash, self.proof)]
        return "\n".join(lines).encode() + b"\n\n" + self.note.data

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse the body of a request.

        Raises:
            ValueError: It is not a submission.
        """
        if len(data) > MOST_SUBMISSION_BYTES:
            raise ValueError("the submission is too long")
        above, found, below = data.partition(b"\n\n")
        first, *hashes = above.decode("ascii").split("\n")
        old = parse_size(first.removeprefix(_OLD))
        if not found or not first.startswith(_OLD) or old is None:
            raise ValueError("a submission begins with the old size")
        if len(hashes) > MOST_PROOF_HASHES:
            raise ValueError(f"a proof has at most {MOST_PROOF_HASHES} hashes")
        note = Note.parse(below)
        head = TreeHead.parse(note.text)
        return cls(old, tuple(map(read_hash, hashes)), note, head)


def refusal(
    submission: Submission, log: Verifier | None, latest: TreeHead | None
) -> WitnessRefusal | None:
    """Return why a witness must not sign a submission; ``None`` if it may.

    Args:
        submission: A submission, as ``parse`` returns it.
        log: The key of the log with this origin; ``None`` if it is unknown.
        latest: The newest checkpoint of that log that was signed, if any.
    """
    if log is None:
        return WitnessRefusal.UNKNOWN_LOG
    if log.signed_time(submission.note) is None:
        return WitnessRefusal.UNSIGNED
    known = latest or TreeHead(log.name, 0, EMPTY_ROOT)
    return _contradiction(submission, known)


def _contradiction(submission: Submission, known: TreeHead) -> WitnessRefusal | None:
    """Return why a signed checkpoint does not continue the one that is known."""
    head = submission.head
    if submission.old > head.size:
        return WitnessRefusal.MALFORMED
    if submission.old != known.size:
        return WitnessRefusal.OTHER_SIZE
    if head.size == known.size and head.root != known.root:
        return WitnessRefusal.FORKED
    roots = known.size, known.root, head.size, head.root
    if not is_consistent(*roots, submission.proof):
        return WitnessRefusal.INCONSISTENT
    return None
