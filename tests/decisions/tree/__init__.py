"""Tests of the Merkle tree over the records."""
