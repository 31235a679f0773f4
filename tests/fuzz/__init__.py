"""Test decoders and unpackers with random bytes."""
