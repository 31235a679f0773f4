"""Keys to which evidence is sealed."""

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from uploadfilter.sealing.envelope import Recipient

ID = "20261125-0123456789abcdef0123"
TEXT = b'{"account":"ann"}'


def holders(number: int) -> tuple[list[Recipient], list[X25519PrivateKey]]:
    """Make keys, and their public halves."""
    keys = [X25519PrivateKey.from_private_bytes(bytes([n + 1] * 32)) for n in range(9)]
    public = [it.public_key().public_bytes_raw() for it in keys]
    named = [Recipient(name=f"h{n}", key=key) for n, key in enumerate(public)]
    return named[:number], keys[:number]


def ring(*keys: X25519PrivateKey) -> dict[bytes, X25519PrivateKey]:
    """Return private keys by their public keys."""
    return {it.public_key().public_bytes_raw(): it for it in keys}
