"""The settings of the upload store."""

from dataclasses import dataclass

_GIB = 1024**3
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Limits of uploads that come in several requests, until their verdict.

    Attributes:
        directory: Folder of their bytes; by default ``uploads`` in the state directory.
            Proxies of several machines may share one, on a file system with locks.
        expire_s: Seconds after its last piece for which an upload is held. A day: a
            person who closed a laptop in the evening goes on in the morning.
        uploads_total: Most uploads that are held. 10,000 take some 80 MB of disk
            without any bytes.
        uploads_per_client: Most uploads of one client. Parts of a parallel upload
            count, and large offices share an address.
        disk_total_bytes: Disk space of all of them; ten uploads of the largest size.
        disk_per_client_bytes: Disk space of those of one client; 0 is a quarter of all.
    """

    directory: str = ""
    expire_s: float = _DAY_S
    uploads_total: int = 10_000
    uploads_per_client: int = 1_000
    disk_total_bytes: int = 20 * _GIB
    disk_per_client_bytes: int = 0

    def __post_init__(self) -> None:
        """Refuse a limit that is not positive."""
        if self.disk_per_client_bytes == 0:
            quarter = max(self.disk_total_bytes // 4, 1)
            object.__setattr__(self, "disk_per_client_bytes", quarter)
        for name in self.__slots__:
            if name != "directory" and getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")
