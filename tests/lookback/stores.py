"""Stores of made-up scans, and reference sets near to them."""

import contextlib
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from hypothesis import strategies as st

from uploadfilter.lookback.rows import unkeyed
from uploadfilter.lookback.scanning import ScannedFile, row_of
from uploadfilter.lookback.sources import Item
from uploadfilter.lookback.store import LookBackStore, StoreInfo
from uploadfilter.model import (
    EXACT_TYPES,
    Entry,
    EntrySignal,
    Geometry,
    Reason,
    Scan,
    Signal,
    SignalRow,
    SignalType,
    View,
)
from uploadfilter.reference.entries.secret import Secret
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.store import (
    REFERENCE_DIRECTORY,
    ReferenceDirectory,
    ReferenceReader,
)


def made_scan(number: int, *, nested: int = 0, reason: Reason | None = None) -> Scan:
    """Return a scan with views that the number decides, and nested contents."""
    return _scan(random.Random(number), f"f{number}", nested, reason)  # noqa: S311 -- a test


def _scan(chance: random.Random, path: str, nested: int, reason: Reason | None) -> Scan:
    views = tuple(_view(chance, name) for name in ("stored", "alpha", "frame:1/trim:1"))
    return Scan(
        path=path,
        kind="jpeg",
        size=9,
        exact=tuple(
            Signal(type=kind, value=chance.randbytes(kind.width_bytes))
            for kind in EXACT_TYPES
        ),
        views=views[: chance.randrange(4)] or views[:1],
        reason=reason,
        contents=tuple(
            _scan(chance, f"{path}!/{number}", 0, None) for number in range(nested)
        ),
    )


def _view(chance: random.Random, name: str) -> View:
    geometries = (*Geometry,)
    pdq = tuple(
        SignalRow(
            type=SignalType.PDQ, values=chance.randbytes(8 * 32), geometry=geometry
        )
        for geometry in geometries
    )
    phash = SignalRow(type=SignalType.PHASH, values=chance.randbytes(8 * 8))
    return View(name=name, rows=(*pdq, phash), plane=b"plane")


@st.composite
def scans(draw: st.DrawFn) -> list[Scan]:
    """Draw up to six scans, some with nested contents or a reason."""
    count = draw(st.integers(0, 6))
    base = draw(st.integers(0, 2**32 - 1))
    return [
        made_scan(
            base + number,
            nested=draw(st.integers(0, 2)),
            reason=draw(st.sampled_from([None, Reason.TRUNCATED])),
        )
        for number in range(count)
    ]


def entries_near(state: Path, scanned: Sequence[Scan], seed: int) -> None:
    """Make a reference set: entries by chance, and some near to signals of scans."""
    chance = random.Random(seed)  # noqa: S311 -- a test
    entries = [
        Entry(id="far", category="a", signals=_signals(chance, SignalType.PDQ, None)),
        Entry(
            id="far2", category="a", signals=_signals(chance, SignalType.PHASH, None)
        ),
    ]
    inner = [it for scan in scanned for it in scan.walk()]
    for number, scan in enumerate(inner):
        if number and chance.random() < 0.3:
            continue
        entries.append(
            Entry(
                id=f"exact{number}",
                category="a",
                signals=(EntrySignal(signal=chance.choice(scan.exact)),),
            )
        )
        view = chance.choice(scan.views)
        for row in view.rows:
            width = row.type.width_bytes
            place = chance.randrange(len(row))
            value = row.values[place * width : (place + 1) * width]
            entries.append(
                Entry(
                    id=f"near{number}{row.type}{row.geometry}",
                    category="a",
                    signals=_signals(chance, row.type, value),
                )
            )
    directory = ReferenceDirectory(state / REFERENCE_DIRECTORY)
    with directory.writer() as writer:
        collected = writer.collect()
        for entry in entries:
            collected.add(entry)
        info = SetInfo(
            name="demo", issuer="x", categories=("a",), enforced=True, imported_at=0
        )
        writer.replace_set(collected, info)


def _signals(
    chance: random.Random, kind: SignalType, near: bytes | None
) -> tuple[EntrySignal, ...]:
    """Return one signal: by chance, or so many bits from a value, or its negative."""
    value = int.from_bytes(near or chance.randbytes(kind.width_bytes))
    bits = 8 * kind.width_bytes
    if near is not None and chance.random() < 0.3:
        value ^= (1 << (bits if kind is SignalType.PDQ else bits - 1)) - 1
    for place in chance.sample(range(bits), chance.randrange(bits // 5)):
        value ^= 1 << place
    signal = Signal(type=kind, value=value.to_bytes(kind.width_bytes))
    quality = chance.choice([None, 40, 90]) if kind is SignalType.PDQ else None
    geometry = chance.choice([None, *Geometry]) if kind is SignalType.PDQ else None
    return (EntrySignal(signal=signal, quality=quality, geometry=geometry),)


def secret_of(state: Path) -> Secret:
    """Return the secret of a reference set."""
    return ReferenceDirectory(state / REFERENCE_DIRECTORY).secret()


@contextlib.contextmanager
def keyed_generation(state: Path) -> Iterator[LayeredGeneration]:
    """Open the generation in force, asked by keys."""
    with ReferenceReader.open(state / REFERENCE_DIRECTORY) as reader:
        yield reader.current().keyed()


def store_of(
    path: Path,
    scanned: Sequence[Scan],
    secret: Secret,
    types: tuple[SignalType, ...],
    *,
    version: str = "1",
) -> None:
    """Add scans to a store, as a scan of a source does."""
    info = StoreInfo(source="/s", types=types, secret=secret.check_value())
    with LookBackStore.create_or_open(path, info) as store:
        for scan in scanned:
            item = Item(path=scan.path.encode(), size=scan.size, version=version)
            content = unkeyed(scan, types=types, quality_of=lambda _: 77)
            store.add(
                row_of(ScannedFile(item, None, scan.reason, content), types, secret)
            )
