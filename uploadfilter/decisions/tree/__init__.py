"""The records as a Merkle tree: hashes, tiles, proofs, signed checkpoints; all pure."""
