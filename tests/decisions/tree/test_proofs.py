"""Proofs as files."""

from dataclasses import replace

import pytest

from uploadfilter.decisions.tree.merkle import inclusion_proof, leaf_hash, root
from uploadfilter.decisions.tree.notes import Note, Signer, TreeHead
from uploadfilter.decisions.tree.proofs import Proof
from uploadfilter.decisions.tree.tiles import Edge, TileReader

LOG = Signer("example.com/log", bytes(range(32)))
RECORDS = [b'{"number":%d}' % number for number in range(5)]


def proof(index: int = 2) -> Proof:
    """Return the proof of one record out of five."""
    edge = Edge()
    for record in RECORDS:
        edge.add(leaf_hash(record))
    read = TileReader(edge.size, dict(edge.partial()).__getitem__)
    head = TreeHead("example.com/log", edge.size, root(edge.size, read))
    return Proof(
        record=RECORDS[index],
        index=index,
        hashes=tuple(inclusion_proof(index, edge.size, read)),
        checkpoint=Note(head.text, (LOG.sign(head.text),)),
    )


@pytest.mark.parametrize("index", range(5))
def test_proof_is_read_as_it_was_written(index: int) -> None:
    """And it proves its record, by the key of the log alone."""
    made = proof(index)
    read = Proof.parse(made.text)

    assert read == made
    assert read.proves(LOG.verifier)
    assert read.text.startswith("c2sp.org/tlog-proof@v1\nextra ")


def test_proof_of_something_else_proves_nothing() -> None:
    """Another record, another place, another key, another checkpoint."""
    made = proof()
    unsigned = TreeHead("example.com/log", 4, bytes(32)).text
    stranger = Signer("example.com/log", bytes(32)).verifier
    other = Signer("example.com/other", bytes(range(32)))
    text = made.checkpoint.text

    assert not replace(made, record=b"{}").proves(LOG.verifier)
    assert not replace(made, index=3).proves(LOG.verifier)
    assert not replace(made, hashes=made.hashes[:-1]).proves(LOG.verifier)
    assert not made.proves(stranger)
    changed = Note(unsigned, made.checkpoint.signatures)
    assert not replace(made, checkpoint=changed).proves(LOG.verifier)
    foreign = Note(text, (other.sign(text),))
    assert not replace(made, checkpoint=foreign).proves(other.verifier)
    no_head = Note("hello\n", (LOG.sign("hello\n"),))
    assert not replace(made, checkpoint=no_head).proves(LOG.verifier)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@v1", "@v2"),
        ("extra ", "other "),
        ("extra ", "extra !"),
        ("index 2", "index 02"),
        ("index 2", "number 2"),
        ("\n\n", "\n"),
    ],
)
def test_what_is_no_proof(old: str, new: str) -> None:
    """Each line has its form."""
    with pytest.raises(ValueError):  # noqa: PT011 -- of several kinds
        Proof.parse(proof().text.replace(old, new))
