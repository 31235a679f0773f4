"""Turn signals into matches: the contract, the linear scan, and the store in LMDB."""
