"""A witness and its key."""

from uploadfilter.decisions.tree.notes import COSIGNATURE, Signer

WITNESS = Signer("witness.example/1", bytes(range(32)), kind=COSIGNATURE)
KEY = WITNESS.verifier
