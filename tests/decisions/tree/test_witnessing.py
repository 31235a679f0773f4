"""What a witness signs, and what it refuses."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decisions.tree.test_merkle import LEAVES, ROOTS, read
from uploadfilter.decisions.tree.merkle import consistency_proof
from uploadfilter.decisions.tree.notes import Note, Signer, TreeHead
from uploadfilter.decisions.tree.witnessing import (
    MOST_SUBMISSION_BYTES,
    Submission,
    WitnessRefusal,
    refusal,
)

LOG = Signer("example.com/log", bytes(range(32)))

SIZES = (0, 1, 2, 3, 7, 8, 9, 64, len(LEAVES))
"""Around powers of two, where the form of a proof changes."""


def head_of(size: int, root: bytes | None = None) -> TreeHead:
    """Return the head of the tree of this size, or of another one."""
    return TreeHead("example.com/log", size, ROOTS[size] if root is None else root)


def submitted(old: int, size: int, *, root: bytes | None = None) -> Submission:
    """Return a submission with the proof from one size to another."""
    head = head_of(size, root)
    note = Note(head.text, (LOG.sign(head.text),))
    proof = tuple(consistency_proof(old, size, read)) if old <= size else ()
    return Submission(old, proof, note, head)


def test_each_growth_is_signed() -> None:
    """From nothing, from each size, and the same again."""
    for size in SIZES:
        assert refusal(submitted(0, size), LOG.verifier, None) is None
        for old in [it for it in SIZES if it <= size]:
            item = Submission.parse(submitted(old, size).data)
            assert item == submitted(old, size)
            assert refusal(item, LOG.verifier, head_of(old)) is None


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (submitted(5, 4), WitnessRefusal.MALFORMED),
        (submitted(4, 9), WitnessRefusal.OTHER_SIZE),
        (submitted(0, 9), WitnessRefusal.OTHER_SIZE),
        (submitted(3, 3), WitnessRefusal.OTHER_SIZE),
        (submitted(5, 5, root=ROOTS[6]), WitnessRefusal.FORKED),
        (submitted(5, 9, root=ROOTS[8]), WitnessRefusal.INCONSISTENT),
        (replace(submitted(5, 9), proof=()), WitnessRefusal.INCONSISTENT),
        (replace(submitted(5, 5), proof=(ROOTS[5],)), WitnessRefusal.INCONSISTENT),
    ],
)
def test_what_contradicts_is_refused(item: Submission, why: WitnessRefusal) -> None:
    """A witness that knows five leaves."""
    assert refusal(item, LOG.verifier, head_of(5)) is why


def test_proof_from_nothing_is_empty() -> None:
    """The specification demands that."""
    item = replace(submitted(0, 5), proof=(ROOTS[5],))
    assert refusal(item, LOG.verifier, None) is WitnessRefusal.INCONSISTENT


def test_who_signed_counts() -> None:
    """An unknown log, and a note without a signature of the known key."""
    other = Signer("example.com/log", bytes(32)).verifier
    assert refusal(submitted(0, 5), None, None) is WitnessRefusal.UNKNOWN_LOG
    assert refusal(submitted(0, 5), other, None) is WitnessRefusal.UNSIGNED


def test_statuses_are_those_of_the_specification() -> None:
    """Two refusals have one status, and different answers."""
    assert [it.status for it in WitnessRefusal] == [400, 403, 404, 409, 409, 422]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("old 5", "old 05"),
        ("old 5", "new 5"),
        ("old 5\n", "old 5\nAAAA\n"),
        ("\n9\n", "\nx\n"),
    ],
)
def test_what_is_no_submission(old: str, new: str) -> None:
    """Each line has its form."""
    text = submitted(5, 9).data.decode()
    with pytest.raises(ValueError):  # noqa: PT011 -- of several kinds
        Submission.parse(text.replace(old, new, 1).encode())


def test_submissions_are_bounded() -> None:
    """By bytes, and by the hashes of the proof."""
    item = replace(submitted(5, 9), proof=(ROOTS[5],) * 64)
    with pytest.raises(ValueError, match="at most 63"):
        Submission.parse(item.data)
    with pytest.raises(ValueError, match="too long"):
        Submission.parse(bytes(MOST_SUBMISSION_BYTES + 1))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Nothing else than a ``ValueError``."""
    for candidate in (data, submitted(5, 9).data + data, b"old 1\n" + data):
        try:
            item = Submission.parse(candidate)
        except ValueError:
            continue
        assert Submission.parse(item.data) == item
