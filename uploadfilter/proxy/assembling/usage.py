"""Count what uploads in pieces hold, of each client and in all.

Plain bookkeeping without files. The proxies of a machine share the files, and each has
an account of its own: it knows its own uploads at once, and those of the others from
the last survey. So the limits of all may be passed by as much as the others took since.
"""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from uploadfilter.proxy.assembling.settings import StoreSettings


class StoreEvent(StrEnum):
    """An event in the upload store that is counted.

    The first two say what becomes of uploads; the others say why a request to begin an
    upload, or to go on with it, was refused.
    """

    BEGUN = "begun"
    EXPIRED = "expired"
    UPLOADS_FULL = "uploads_full"
    CLIENT_UPLOADS_FULL = "client_uploads_full"
    BYTES_FULL = "bytes_full"
    CLIENT_BYTES_FULL = "client_bytes_full"
    DISK_FULL = "disk_full"
    UNUSABLE = "unusable"
    BUSY = "busy"


class Holding(NamedTuple):
    """One upload: the keyed hash of its client, and its bytes on disk."""

    client: str
    size: int


class StoreUsage:
    """The uploads that are held, and their bytes.

    Attributes:
        limits: The same.
        total_bytes: Bytes of all uploads.
        counts: Events in the store since the start.
    """

    def __init__(self, limits: StoreSettings) -> None:
        self.limits = limits
        self._held: dict[str, Holding] = {}
        self._bytes: Counter[str] = Counter()
        self._uploads: Counter[str] = Counter()
        self.total_bytes = 0
        self.counts: Counter[StoreEvent] = Counter()

    def __len__(self) -> int:
        """Return the number of uploads."""
        return len(self._held)

    def begin(self, name: str, client: str) -> bool:
        """Count an upload that begins; false if there is no room for one more."""
        if len(self._held) >= self.limits.uploads_total:
            self.counts[StoreEvent.UPLOADS_FULL] += 1
            return False
        if client and self._uploads[client] >= self.limits.uploads_per_client:
            self.counts[StoreEvent.CLIENT_UPLOADS_FULL] += 1
            return False
        if name not in self._held:
            self._set(name, Holding(client, 0))
        return True

    def take(self, name: str, client: str, size: int) -> bool:
        """Reserve bytes for an upload; false if there is no room."""
        most = self.limits.disk_per_client_bytes
        if self.total_bytes + size > self.limits.disk_total_bytes:
            self.counts[StoreEvent.BYTES_FULL] += 1
            return False
        if client and self._bytes[client] + size > most:
            self.counts[StoreEvent.CLIENT_BYTES_FULL] += 1
            return False
        known = self._held.get(name, Holding(client, 0))
        self._set(name, Holding(client, known.size + size))
        return True

    def is_now(self, name: str, size: int) -> None:
        """Note the bytes that an upload has on disk."""
        known = self._held.get(name)
        if known is not None:
            self._set(name, Holding(known.client, size))

    def end(self, name: str) -> None:
        """Forget an upload."""
        known = self._held.pop(name, None)
        if known is not None:
            self._add(known, -1)

    def take_survey(self, found: Mapping[str, Holding]) -> None:
        """Take the uploads on disk, those of other proxies included."""
        for name in list(self._held):
            self.end(name)
        for name, holding in found.items():
            self._set(name, holding)

    def clients(self) -> dict[str, str]:
        """Return the client of each upload."""
        return {name: holding.client for name, holding in self._held.items()}

    def _set(self, name: str, holding: Holding) -> None:
        self.end(name)
        self._held[name] = holding
        self._add(holding, 1)

    def _add(self, holding: Holding, sign: int) -> None:
        self.total_bytes += sign * holding.size
        self._bytes[holding.client] += sign * holding.size
        self._uploads[holding.client] += sign
        if not self._uploads[holding.client]:
            del self._bytes[holding.client], self._uploads[holding.client]
