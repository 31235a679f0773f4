"""Signals to matches: the contract, the linear scan, and the store in LMDB."""
