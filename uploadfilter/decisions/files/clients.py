"""Hash the addresses of clients, so that the log can distinguish them for a day.

The key of the hash is random bytes, kept in the instance directory for one UTC day and
then overwritten in place. So nobody, not even with the disk, can try all addresses
against yesterday's hashes, except with a copy of the disk from that day. (A key derived
from another key would not have this property.)
"""

import hashlib
import ipaddress
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from uploadfilter.decisions.files.segments import write_error
from uploadfilter.decisions.records.flooding import NETWORK_BITS
from uploadfilter.decisions.records.records import moment

_FILE = "client-key"
_DAY_S = 86_400
_DAY_BYTES = 8
_KEY_BYTES = 32
_HASH_BYTES = 16
"""128 bits: two clients of one day never collide by chance."""

_IPV6 = 6
_IPV4_BITS = 24
"""Bits of the smallest networks that are routed alone, so another network than this has
another owner."""

_PLACE = b"place:"
"""Prefix that keeps the hash of a place apart from the hash of a client."""

_IPV6_PREFIX = 64
"""Bits of the usual network of one subscriber, who chooses the addresses in it."""


@lru_cache(maxsize=4096)  # Clients come back, and an address takes 2 us to read.
def client_network(address: str) -> bytes:
    """Return the address that stands for a client: IPv4 whole, IPv6 by its /64.

    Args:
        address: The address as text; IPv4 inside IPv6 counts as IPv4, a zone is
            ignored. Any other text (empty for a unix socket) stands for itself.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address.encode("utf-8", "backslashreplace")
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return parsed.packed[: _IPV6_PREFIX // 8]
        parsed = parsed.ipv4_mapped
    return parsed.packed


class ClientHasher:
    """A keyed hash of addresses, with a new key every day."""

    def __init__(
        self,
        directory: Path,
        *,
        clock: Callable[[], float],
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._path = directory / _FILE
        self._clock = clock
        self._entropy = entropy
        self._day = -1  # UTC days since the epoch
        self._key = b""

    def hash(self, address: str) -> str:
        """Hash the address of a client; the first call of a UTC day makes its key.

        Returns:
            32 hex digits, the same for a client all through a UTC day.
        """
        return self._hashed(client_network(address))

    def hash_network(self, address: str) -> str | None:
        """Hash the network of a client, ``NETWORK_BITS`` of an IPv6 address.

        Returns:
            32 hex digits; ``None`` if the client does not use IPv6.
        """
        network = client_network(address)
        if len(network) != _IPV6_PREFIX // 8 or ":" not in address:
            return None
        return self._hashed(network[: NETWORK_BITS // 8])

    def hash_place(self, address: str) -> str | None:
        """Hash the place of a client: its /24 of IPv4, or its /48 of IPv6.

        Returns:
            32 hex digits; ``None`` if it has no address, or is this machine, which
            stands for all clients of an untrusted front end.
        """
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return None
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        if parsed.is_loopback:
            return None
        bits = NETWORK_BITS if parsed.version == _IPV6 else _IPV4_BITS
        return self._hashed(_PLACE + parsed.packed[: bits // 8])

    def _hashed(self, network: bytes) -> str:
        now = self._clock()
        day = int(now // _DAY_S)
        if day != self._day:
            self._key = self._key_of(f"{moment(now):%Y%m%d}".encode())
            self._day = day
        keyed = hashlib.blake2b(network, key=self._key, digest_size=_HASH_BYTES)
        return keyed.hexdigest()

    def _key_of(self, day: bytes) -> bytes:
        """Return the key of a day: the stored one, or a new one."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                return self._kept_or_new(file, day)
            finally:
                os.close(file)
        except OSError as exc:
            raise write_error(self._path, exc) from exc

    def _kept_or_new(self, file: int, day: bytes) -> bytes:
        kept = os.pread(file, _DAY_BYTES + _KEY_BYTES + 1, 0)
        if len(kept) == _DAY_BYTES + _KEY_BYTES and kept.startswith(day):
            return kept[_DAY_BYTES:]
        key = self._entropy(_KEY_BYTES)
        # In place, not by a rename, so that the old key's bytes are destroyed.
        os.pwrite(file, day + key, 0)
        os.ftruncate(file, _DAY_BYTES + _KEY_BYTES)
        os.fsync(file)
        return key
