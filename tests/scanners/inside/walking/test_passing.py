"""A tar file that is too long to be held is read as if it were held."""

import gzip
import io
import random
import tarfile
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contents.archives.libraries import needs_libarchive
from tests.corpus import pictures
from tests.scanners.scans import scanned
from uploadfilter.contents.archives.archives import PASSING_TAR
from uploadfilter.contents.archives.tars import TarContainer
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Member, Shortfall, UnpackLimits, UnpackMeter
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import Reason, Scan
from uploadfilter.scanners.inside.walking import passing
from uploadfilter.scanners.inside.walking.holding import WINDOW_BYTES, HeldChunks
from uploadfilter.scanners.inside.walking.tree import Node
from uploadfilter.scanners.inside.walking.walk import Walk
from uploadfilter.scanners.inside.walking.wanted import WalkSettings
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import ProcessKind
from uploadfilter.signals.views import ALWAYS

_METER = UnpackMeter(UnpackLimits())
_PHOTO = pictures.jpeg(pictures.photograph(5, width=120, height=90))
_KINDS = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.CONTTYPE)


def noise_of(size: int) -> bytes:
    """Return bytes that are the same for the same size."""
    return random.Random(size).randbytes(size)  # noqa: S311 -- not a secret


def tarred(
    members: list[tuple[str, bytes, bytes]], dialect: int, *, mode: str = "w"
) -> bytes:
    """Return a tar file of members: name, kind and bytes."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=dialect) as archive:  # type: ignore[call-overload] # the mode is one of its literals
        for name, kind, data in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "l" * 120
            info.size = len(data) if kind in {tarfile.REGTYPE, tarfile.CONTTYPE} else 0
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def chunks_of(data: bytes, size: int) -> Iterator[bytes | Shortfall]:
    """Return bytes in chunks."""
    return iter([data[at : at + size] for at in range(0, len(data), size)])


def all_of(item: Member | Shortfall) -> tuple[str, bytes] | Reason:
    """Return the name and the bytes of a member, or the reason that stands for it."""
    if isinstance(item, Shortfall):
        return item.reason
    if isinstance(item.content, Iterator):
        pieces = [piece for piece in item.content if isinstance(piece, bytes)]
        return item.name, b"".join(pieces)
    return item.name, item.content.read(0, item.content.size)


@needs_libarchive
@given(
    members=st.lists(
        st.tuples(
            st.sampled_from(["a", "long/" * 30 + "a", "é" * 70, "b"]),
            st.sampled_from(_KINDS),
            st.integers(0, 30_000),
        ),
        min_size=1,
        max_size=8,
    ),
    dialect=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    zeros=st.integers(0, 40),
)
def test_file_that_passes_gives_what_it_gives_when_it_is_held(
    members: list[tuple[str, bytes, int]], dialect: int, zeros: int
) -> None:
    """Also behind the mark of its end, where another one may follow."""
    filled = [(name, kind, noise_of(size)) for name, kind, size in members]
    file = tarred(filled, dialect) + bytes(512 * zeros) + tarred(filled, dialect)

    held, passing = (
        [all_of(item) for item in each.members(MemorySource(file), _METER)]
        for each in (TarContainer(), PASSING_TAR)
    )

    assert passing == held


def views_of(scan: Scan) -> dict[str, list[str]]:
    """Return the views of every content that has some."""
    return {c.path: [view.name for view in c.views] for c in scan.walk() if c.views}


@pytest.mark.parametrize("length", [0, 5000, 60_000])
def test_pictures_of_a_long_backup_are_found(length: int) -> None:
    """Besides short members and those longer than a window, each of them once."""
    noise = noise_of(length)
    members = [
        (name, tarfile.REGTYPE, data)
        for name, data in [
            ("a.jpg", _PHOTO),
            ("noise", noise),
            ("deep.tar.gz", gzip.compress(tarred([("b", b"0", _PHOTO)], 1))),
            ("deep.tar", tarred([("n", b"0", noise), ("c", b"0", _PHOTO)], 1)),
            ("d.jpg", _PHOTO),
        ]
    ]
    backup = gzip.compress(tarred(members, tarfile.PAX_FORMAT))

    long = scanned(backup, budgets=Budgets(max_held_bytes=len(_PHOTO) * 3))
    held = scanned(backup)

    assert views_of(long) == views_of(held)
    assert len(views_of(held)) == 4
    assert [c.reason for c in long.walk() if c.reason] == []


def test_long_archive_in_a_long_backup_is_not_seen_as_a_whole() -> None:
    """A zip that cannot be kept gives a reason; the bytes after it are inspected."""
    noise = noise_of(50_000)
    members = [("z.zip", b"0", b"PK\3\4" + noise), ("a.jpg", b"0", _PHOTO)]
    backup = gzip.compress(tarred(members, tarfile.GNU_FORMAT))

    scan = scanned(backup, budgets=Budgets(max_held_bytes=len(_PHOTO) * 3))

    assert list(views_of(scan)) == ["0!/1!/a.jpg"]
    assert {c.path: c.reason for c in scan.walk() if c.reason} == {
        "0!/1!/z.zip": Reason.TOO_MANY_BYTES
    }


def test_what_follows_a_long_backup_is_searched() -> None:
    """A picture after its end is found, as after any other file."""
    backup = tarred([("n", b"0", noise_of(60_000))], tarfile.GNU_FORMAT)
    junk = b"junk" * 40_000 + _PHOTO

    scan = scanned(
        gzip.compress(backup + junk), budgets=Budgets(max_held_bytes=len(_PHOTO) * 3)
    )

    assert list(views_of(scan)) == ["0!/1!/embedded:1"]


def test_one_window_of_a_long_backup_is_held() -> None:
    """The window before is gone when the next one is filled."""
    window = 2 << 20
    noise = noise_of(300_000)
    members = [(str(number), tarfile.REGTYPE, noise) for number in range(20)]
    backup = tarred(members, tarfile.PAX_FORMAT)
    sizes = list[int]()

    def chunks() -> Iterator[bytes | Shortfall]:
        for at in range(0, len(backup), 1 << 16):
            sizes.append(tracemalloc.get_traced_memory()[0])
            yield backup[at : at + (1 << 16)]

    budgets = Budgets(max_held_bytes=window)
    settings = WalkSettings(
        types=ALWAYS,
        budgets=budgets,
        also=frozenset(),
        process=ProcessKind.ALONE,
        clock=lambda: 0,
    )
    node = Node(path="0", kind=Kind.TAR.value, size=len(backup))
    tracemalloc.start()
    try:
        held = HeldChunks(chunks(), most=window)
        walk = Walk(settings, content_bytes=len(backup))
        for _ in passing.member(walk, held, node, depth=1):
            pass
    finally:
        tracemalloc.stop()

    assert len(sizes) == -(-len(backup) // (1 << 16))
    assert max(sizes) < 1.5 * window


def test_less_of_a_backup_is_held_than_of_anything_else() -> None:
    """Its members are looked at one by one, whatever window they lie in."""
    backup = tarred([("a", tarfile.REGTYPE, bytes(WINDOW_BYTES))], tarfile.PAX_FORMAT)

    held = HeldChunks(chunks_of(backup, 1 << 20), most=2 * WINDOW_BYTES)
    other = HeldChunks(chunks_of(b"a" + backup, 1 << 20), most=2 * WINDOW_BYTES)

    assert held.source.size == WINDOW_BYTES
    assert held.has_more
    assert other.source.size == len(backup) + 1
