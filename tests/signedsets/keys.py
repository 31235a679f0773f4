"""Keys for tests: made from their names, so that signatures are always the same."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, SSlibKey

from uploadfilter.signedsets.metadata import Holders, named


def signer(name: str) -> CryptoSigner:
    """Return the one who signs under a name."""
    seed = hashlib.sha256(f"a key for tests: {name}".encode()).digest()
    private = Ed25519PrivateKey.from_private_bytes(seed)
    plain = CryptoSigner(private).public_key
    return CryptoSigner(private, named(plain, name))


def public(name: str) -> SSlibKey:
    """Return the public key under a name."""
    return signer(name).public_key


def holders(threshold: int, *names: str) -> Holders:
    """Return the holders of a role."""
    return Holders(keys=tuple(map(public, names)), threshold=threshold)
