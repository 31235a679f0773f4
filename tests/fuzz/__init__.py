"""Decoders and unpackers against bytes that nobody wrote on purpose."""
