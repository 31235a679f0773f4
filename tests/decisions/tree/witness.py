"""What a witness does (C2SP tlog-witness): it judges submissions, and signs some.

The filter is the other side. A real witness keeps what it signed on disk; this one
forgets it with the test.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum

from aiohttp import web

from tests.decisions.tree.twin import is_consistent
from tests.decisions.tree.vectors import ROOTS, read
from uploadfilter.decisions.tree.merkle import (
    EMPTY_ROOT,
    consistency_proof,
)
from uploadfilter.decisions.tree.notes import (
    COSIGNATURE,
    Note,
    Signature,
    Signer,
    TreeHead,
    Verifier,
    parse_size,
    read_hash,
)
from uploadfilter.decisions.tree.submitting import (
    PATH,
    SIZE_TYPE,
    KnownWitness,
    Submission,
)
from uploadfilter.web.clients.addresses import TCPAddress
from uploadfilter.web.serving import serving

NOW = 1_795_608_000
LOG = Signer("example.com/log", bytes(range(32)))


def head_of(size: int, root: bytes | None = None) -> TreeHead:
    """Return the head of the tree of this size, or of another one."""
    return TreeHead("example.com/log", size, ROOTS[size] if root is None else root)


def submitted(old: int, size: int, *, root: bytes | None = None) -> Submission:
    """Return a submission with the proof from one size to another."""
    head = head_of(size, root)
    note = Note(head.text, (LOG.sign(head.text),))
    proof = tuple(consistency_proof(old, size, read)) if old <= size else ()
    return Submission(old, proof, note, head)


def parsed(data: bytes) -> Submission:
    """Parse the body of a request.

    Raises:
        ValueError: It is not a submission.
    """
    above, found, below = data.partition(b"\n\n")
    first, *hashes = above.decode("ascii").split("\n")
    old = parse_size(first.removeprefix("old "))
    if not found or not first.startswith("old ") or old is None:
        raise ValueError("a submission begins with the old size")
    note = Note.parse(below)
    head = TreeHead.parse(note.text)
    return Submission(old, tuple(map(read_hash, hashes)), note, head)


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


class Witness:
    """A witness of one log.

    Attributes:
        public: Its key.
        latest: The newest checkpoint that it signed; ``None`` if it signed none.
    """

    def __init__(self, name: str, log: Verifier) -> None:
        self._signer = Signer(name, name.encode().ljust(32), kind=COSIGNATURE)
        self._log = log
        self.public = self._signer.verifier
        self.latest: TreeHead | None = None

    def add(self, submission: Submission) -> Signature | WitnessRefusal:
        """Sign a checkpoint if it continues the last one."""
        is_known = submission.head.origin == self._log.name
        why = refusal(submission, self._log if is_known else None, self.latest)
        if why is not None:
            return why
        self.latest = submission.head
        return self._signer.sign(submission.note.text, time_s=NOW)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer one request."""
        assert (request.method, request.path) == ("POST", PATH)
        found = self.add(parsed(await request.read()))
        if isinstance(found, Signature):
            return web.Response(text=found.line)
        if found is WitnessRefusal.OTHER_SIZE:
            size = 0 if self.latest is None else self.latest.size
            return web.Response(
                status=found.status,
                body=f"{size}\n".encode(),
                headers={"Content-Type": SIZE_TYPE},
            )
        return web.Response(status=found.status, text=f"{found.name.lower()}\n")

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[KnownWitness]:
        """Serve it during the block."""
        address = TCPAddress(host="127.0.0.1", port=0)
        async with serving(self.answer, address, who="a witness", hint="") as bound:
            yield KnownWitness(f"http://{bound}", self.public)
