"""Uploads in pieces for tests: begun, put together, and read back."""

from pathlib import Path

from uploadfilter.proxy.assembling.settings import StoreSettings
from uploadfilter.proxy.assembling.store import HeldUpload, UploadStore
from uploadfilter.uploads.assembly.assembly import Denial, Fault
from uploadfilter.uploads.assembly.journal import UploadHead

DATA = b"some bytes of an upload"


class Clock:
    """A clock that only a test moves."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def stored(path: Path, **limits: int) -> UploadStore:
    """Return a store below a folder."""
    settings = StoreSettings(**limits)  # type: ignore[arg-type] # all are numbers
    return UploadStore(path / "uploads", settings, clock=Clock(0))


def head(store: UploadStore, client: str = "", **changes: object) -> UploadHead:
    """Return the head of an upload."""
    fields: dict[str, object] = {
        "protocol": "tus",
        "created": 1,
        "client": store.client_of(client),
        "total": len(DATA),
        "most": 10**6,
    }
    return UploadHead(**(fields | changes))  # type: ignore[arg-type] # fields by name


async def begun(store: UploadStore, *words: str, **changes: object) -> HeldUpload:
    """Begin an upload that has to be taken."""
    made = await store.create(store.name_of(*words), head(store, **changes))  # type: ignore[arg-type] # fields by name
    assert isinstance(made, HeldUpload)
    return made


async def put(held: HeldUpload, at: int, data: bytes) -> Fault | Denial | None:
    """Put one piece in."""
    return held.begin(at, len(data)) or await held.write(data) or await held.commit()


async def opened(store: UploadStore, name: str) -> HeldUpload:
    """Open an upload that has to be there."""
    held = await store.open(name)
    assert isinstance(held, HeldUpload)
    return held


async def whole(held: HeldUpload) -> bytes:
    """Return the bytes of an upload."""
    return b"".join([data async for data in held.read()])
