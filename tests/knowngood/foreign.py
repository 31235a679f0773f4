"""Hash sets of known-good files in formats of others."""


def encase(*digests: bytes) -> bytes:
    """Return a hash set of EnCase."""
    start = (b"HASH\r\n\xff\0" + bytes(1152))[:1152]
    return start + b"".join(it + b"\0\0" for it in digests)
