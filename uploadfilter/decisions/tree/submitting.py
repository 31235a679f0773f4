"""Submit checkpoints to witnesses: what a log sends, and the meaning of each answer.

A witness signs a checkpoint that continues the last one that it saw, and keeps it. So a
log that shows another history later is found out.

Rules this module keeps: a cosignature counts only if it verifies; what a witness claims
beside it is never believed, only told, since a witness may lie or lose its memory.

Source:
    https://c2sp.org/tlog-witness
"""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import urlsplit

from uploadfilter.decisions.tree.merkle import Read, consistency_proof
from uploadfilter.decisions.tree.notes import (
    COSIGNATURE,
    Note,
    TreeHead,
    Verifier,
    parse_size,
    write_hash,
)

PATH: Final = "/add-checkpoint"

SIZE_TYPE: Final = "text/x.tlog.size"
"""Type of the answer that names the size which the witness knows."""

MOST_ANSWER_BYTES: Final = 64 * 1024
"""A cosignature has some 200 bytes; a witness may add some of other keys."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Submission:
    """What a log submits.

    Attributes:
        old: Size of the tree that the proof starts from.
        proof: The proof of consistency.
    """

    old: int
    proof: tuple[bytes, ...]
    note: Note
    head: TreeHead

    @property
    def data(self) -> bytes:
        """The body of the request."""
        lines = [f"old {self.old}", *map(write_hash, self.proof)]
        return "\n".join(lines).encode() + b"\n\n" + self.note.data


@dataclass(frozen=True, slots=True)
class KnownWitness:
    """A witness that a log submits to.

    Attributes:
        url: Its address, without the slash at the end.
    """

    url: str
    key: Verifier

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``URL KEY``.

        Raises:
            ValueError: It is not the address and the key of a witness.
        """
        url, _, key = text.strip().partition(" ")
        try:
            parts, verifier = urlsplit(url), Verifier.parse(key)
        except ValueError as exc:
            raise ValueError(
                f"{text!r} is not a URL, a blank, and the key of a witness, "
                "such as 'https://w.example NAME+ID+KEY'"
            ) from exc
        is_safe = parts.scheme == "https" or (
            parts.scheme == "http" and parts.hostname in _LOOPBACK
        )
        if not is_safe or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is not a URL with https://")
        if verifier.kind != COSIGNATURE:
            raise ValueError(f"{verifier.name!r} is the key of a log, not of a witness")
        return cls(url.rstrip("/"), verifier)


class Cosigning(StrEnum):
    """What came of a submission."""

    COSIGNED = "cosigned"
    CONTRADICTED = "contradicted"
    AHEAD = "ahead"
    FORGOT = "forgot"
    INVALID = "invalid"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What an answer of a witness means.

    Attributes:
        result: What came of the submission; ``None`` to submit again from ``size``.
        size: Size of the tree that the witness knows, if it names one.
        note: The checkpoint with the cosignature, if there is one.
        why: The reason, in words; empty for a cosignature.
    """

    result: Cosigning | None
    size: int = 0
    note: Note | None = None
    why: str = ""


def submission(note: Note, old: int, read: Read) -> Submission:
    """Return a checkpoint with the proof that it continues an older tree.

    Raises:
        ValueError: The older tree is larger.
    """
    head = TreeHead.parse(note.text)
    proof = tuple(consistency_proof(old, head.size, read))
    return Submission(old, proof, note, head)


def answered(
    sent: Submission, key: Verifier, *, status: int, kind: str, body: bytes
) -> Answered:
    """Return what an answer means."""
    if status == HTTPStatus.OK:
        return _cosigned(sent, key, body)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY or (
        status == HTTPStatus.CONFLICT and kind != SIZE_TYPE
    ):
        why = f"it saw another history of this log (status {status})"
        return Answered(result=Cosigning.CONTRADICTED, why=why)
    if status != HTTPStatus.CONFLICT:
        return Answered(result=Cosigning.REFUSED, why=f"it answered {status}")
    size = parse_size(body.decode("ascii", "replace").removesuffix("\n"))
    if size is None or size == sent.old:
        why = "it names no size, or the one that was sent"
        return Answered(result=Cosigning.INVALID, why=why)
    if size > sent.head.size:
        why = f"it names a tree of {size} leaves, and the log has {sent.head.size}"
        return Answered(result=Cosigning.AHEAD, size=size, why=why)
    return Answered(result=None, size=size)


def _cosigned(sent: Submission, key: Verifier, body: bytes) -> Answered:
    """Return the checkpoint with the cosignature, if that is valid."""
    why = "its answer has no valid signature of its key"
    wrong = Answered(result=Cosigning.INVALID, why=why)
    try:
        below = Note.parse(sent.note.text.encode() + b"\n" + body).signatures
    except ValueError:
        return wrong
    its = tuple(it for it in below if (it.name, it.key_id) == (key.name, key.key_id))
    note = Note(sent.note.text, (*sent.note.signatures, *its[:1]))
    if not key.signed_time(note):
        return wrong
    return Answered(result=Cosigning.COSIGNED, size=sent.head.size, note=note)
