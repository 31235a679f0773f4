"""The upload store: private, durable, bounded, and never half of an upload."""

import asyncio
import errno
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.proxy.assembling.held import (
    DATA,
    Clock,
    begun,
    head,
    opened,
    put,
    stored,
    whole,
)
from uploadfilter.errors import ServiceError
from uploadfilter.proxy.assembling.heldfile import DATA as DATA_FILE
from uploadfilter.proxy.assembling.heldfile import JOURNAL
from uploadfilter.proxy.assembling.settings import StoreSettings
from uploadfilter.proxy.assembling.store import (
    SEEN_S,
    DamagedUploadError,
    HeldUpload,
    UploadStore,
)
from uploadfilter.proxy.assembling.usage import StoreEvent
from uploadfilter.uploads.assembly.assembly import Denial, State


async def test_upload_outlives_its_process(tmp_path: Path) -> None:
    """Another store on the same folder goes on where the first stopped."""
    held = await begun(stored(tmp_path), "a")
    assert await put(held, 0, DATA[:5]) is None
    await held.close()
    again = await opened(stored(tmp_path), held.name)
    assert (again.offset, again.assembly.total, again.state) == (
        5,
        len(DATA),
        State.OPEN,
    )
    assert await put(again, 5, DATA[5:]) is None
    assert again.state is State.COMPLETE
    assert await whole(again) == DATA
    await again.close()


async def test_store_is_private_and_its_names_say_nothing(tmp_path: Path) -> None:
    """Folder 0700, files 0600, and names that only the key could tell."""
    held = await begun(stored(tmp_path), "route", "/files/holiday.jpg")
    await held.close()
    folder = tmp_path / "uploads"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "holiday" not in file.name
    other = tmp_path / "other"
    assert stored(other).name_of("route", "/files/holiday.jpg") != held.name
    same = stored(tmp_path).name_of("route", "/files/holiday.jpg")
    assert same == held.name


async def test_second_client_finds_it_busy(tmp_path: Path) -> None:
    """One lock for each upload, also between two proxies; a look needs none."""
    first, second = stored(tmp_path), stored(tmp_path)
    held = await begun(first, "a")
    assert await put(held, 0, DATA[:5]) is None
    assert await second.open(held.name) is Denial.BUSY
    peeked = await second.peek(held.name)
    assert not isinstance(peeked, Denial)
    assert peeked.assembly.offset == 5
    assert await first.create(held.name, head(first)) is Denial.EXISTS
    assert (len(first.usage), first.usage.total_bytes) == (1, 5)
    await held.close()
    await (await opened(second, held.name)).close()


async def test_complete_upload_without_a_verdict_is_not_shown_as_done(
    tmp_path: Path,
) -> None:
    """Its client would stop, though the origin has nothing."""
    store = stored(tmp_path)
    held = await begun(store, "a")
    await put(held, 0, DATA[:5])
    await put(held, 5, DATA[5:])
    peeked = await store.peek(held.name)
    assert not isinstance(peeked, Denial)
    assert peeked.assembly.offset == 5
    await held.close()
    again = await opened(store, held.name)
    assert (again.offset, again.state) == (5, State.OPEN)
    await again.close()


async def test_cut_off_replay_is_never_repeated(tmp_path: Path) -> None:
    """An upload that may be at the origin is unknown after a crash."""
    store = stored(tmp_path)
    held = await begun(store, "a")
    await put(held, 0, DATA)
    assert await held.decide("some-id") is None
    await held.close()
    assert await store.peek(held.name) is Denial.MISSING
    assert await store.open(held.name) is Denial.MISSING
    assert not list((tmp_path / "uploads").glob(f"{held.name}*"))


@pytest.mark.parametrize(
    ("suffix", "left"), [(DATA_FILE, 0), (JOURNAL, 0), (DATA_FILE, 4)]
)
async def test_upload_whose_bytes_are_gone_is_unknown(
    tmp_path: Path, suffix: str, left: int
) -> None:
    """A store that lost files, or bytes in a power cut, lets clients begin anew."""
    store = stored(tmp_path)
    held = await begun(store, "a")
    await put(held, 0, DATA[:5])
    await held.close()
    path = tmp_path / "uploads" / f"{held.name}{suffix}"
    if left:
        os.truncate(path, left)
    else:
        path.unlink()
    assert await store.open(held.name) is Denial.MISSING
    again = await begun(store, "a")
    assert again.offset == 0
    await again.close()


async def test_changed_data_is_not_read(tmp_path: Path) -> None:
    """Bytes that are not the committed ones are an error, never an upload."""
    store = stored(tmp_path)
    held = await begun(store, "a")
    await put(held, 0, DATA)
    path = tmp_path / "uploads" / f"{held.name}{DATA_FILE}"
    path.write_bytes(DATA[:-1] + b"?")
    with pytest.raises(DamagedUploadError):
        await whole(held)
    path.write_bytes(b"")
    with pytest.raises(DamagedUploadError):
        await whole(held)
    await held.close()


async def test_uploads_are_bounded(tmp_path: Path) -> None:
    """Of one client and in all; what ends makes room."""
    store = stored(tmp_path, uploads_total=3, uploads_per_client=2)
    one = await begun(store, "1", client="x")
    two = await begun(store, "2", client="x")
    assert await store.create(store.name_of("3"), head(store, "x")) is Denial.FULL
    three = await begun(store, "3", client="y")
    assert await store.create(store.name_of("4"), head(store, "z")) is Denial.FULL
    await one.remove()
    fourth = await begun(store, "4", client="z")
    for held in (one, two, three, fourth):
        await held.close()
    again = stored(tmp_path, uploads_total=3)
    await again.survey()
    assert len(again.usage) == 3
    assert await again.create(one.name, head(again, "z")) is Denial.FULL


async def test_limits_hold_though_many_begin_at_once(tmp_path: Path) -> None:
    """As many as may be are begun, though none of them waits for another."""
    store = stored(tmp_path, uploads_total=4, uploads_per_client=3)
    names = [store.name_of(str(number)) for number in range(40)]
    heads = [head(store, "x" if n % 2 else f"{n}") for n in range(40)]
    made = await asyncio.gather(*map(store.create, names, heads))
    held = [each for each in made if isinstance(each, HeldUpload)]
    assert set(made) - set(held) == {Denial.FULL}
    assert len(held) == len(store.usage) == store.usage.counts[StoreEvent.BEGUN] == 4
    for each in held:
        await each.close()


async def test_two_that_begin_one_upload_at_once(tmp_path: Path) -> None:
    """One of them begins it, and the other one is told to wait."""
    store = stored(tmp_path)
    name = store.name_of("a")
    both = (store.replace(name, head(store)) for _ in range(2))
    made = await asyncio.gather(*both)
    (held,) = [each for each in made if isinstance(each, HeldUpload)]
    assert Denial.BUSY in made
    await held.close()


async def test_client_that_was_cut_off_replaces_nothing(tmp_path: Path) -> None:
    """It may have sent the same part again, which is there already."""
    store = stored(tmp_path)
    held = await begun(store, "a", is_part=True)
    await put(held, 0, DATA)
    await held.close()
    made = await store.replace(held.name, head(store), is_wanted=lambda: False)
    kept = await opened(store, held.name)

    assert made is Denial.BUSY
    assert kept.offset == len(DATA)
    await kept.close()


async def test_store_that_is_deleted_while_it_is_used(tmp_path: Path) -> None:
    """Nothing begins until the next survey; then all proxies know one key again."""
    stores = [stored(tmp_path), stored(tmp_path)]
    held = await begun(stores[0], "a")
    shutil.rmtree(tmp_path / "uploads")
    assert await put(held, 0, DATA) is None  # to files that have no name any more
    assert await stores[1].open(held.name) is Denial.MISSING
    name = stores[1].name_of("b")
    assert await stores[1].create(name, head(stores[1])) is Denial.UNUSABLE
    await held.close()
    for store in stores:
        await store.survey()
        again = await begun(store, "a")
        assert again.name == held.name
        await again.remove()
        await again.close()
    mode = (tmp_path / "uploads").stat().st_mode
    assert mode & 0o777 == 0o700


async def test_key_of_a_store_that_others_made_anew_is_taken_over(
    tmp_path: Path,
) -> None:
    """Otherwise two proxies would name one upload differently for ever."""
    store = stored(tmp_path)
    old = store.name_of("a")
    shutil.rmtree(tmp_path / "uploads")
    new = stored(tmp_path).name_of("a")
    assert old != new
    await store.survey()
    assert store.name_of("a") == new


async def test_bytes_are_bounded(tmp_path: Path) -> None:
    """Of one client and in all; the committed bytes stay, and there is room again."""
    store = stored(tmp_path, disk_total_bytes=30, disk_per_client_bytes=20)
    held = await begun(store, "a", client="x", total=1000)
    assert await put(held, 0, b"x" * 15) is None
    assert await put(held, 15, b"x" * 6) is Denial.FULL
    await held.drop()
    assert (held.offset, store.usage.total_bytes) == (15, 15)
    other = await begun(store, "b", client="y", total=1000)
    assert await put(other, 0, b"y" * 16) is Denial.FULL
    await other.drop()
    await held.remove()
    assert await put(other, 0, b"y" * 16) is None
    await held.close()
    await other.close()


async def test_full_disk_is_a_denial_and_keeps_what_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No byte of a failed piece counts, and the upload goes on later."""
    store = stored(tmp_path)
    held = await begun(store, "a")
    await put(held, 0, DATA[:5])
    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", _failing(errno.ENOSPC))
        assert await put(held, 5, DATA[5:]) is Denial.FULL
    await held.drop()
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", _failing(errno.EIO))
        assert await put(held, 5, DATA[5:]) is Denial.UNUSABLE
    assert (held.offset, held.state) == (5, State.OPEN)
    assert await put(held, 5, DATA[5:]) is None
    assert await whole(held) == DATA
    await held.close()


async def test_read_only_disk_is_a_denial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing begins, and nothing is forgotten."""
    store = stored(tmp_path)
    held = await begun(store, "a")
    await held.close()
    monkeypatch.setattr(os, "open", _failing(errno.EROFS))
    assert await store.create("b" * 40, head(store)) is Denial.UNUSABLE
    assert await store.open(held.name) is Denial.UNUSABLE


def test_unusable_folder_ends_the_start(tmp_path: Path) -> None:
    """The operator learns it before the first upload."""
    (tmp_path / "uploads").write_text("a file")
    with pytest.raises(ServiceError, match="cannot hold uploads in pieces"):
        stored(tmp_path)


async def test_upload_expires(tmp_path: Path) -> None:
    """After its time, and not while somebody has its lock."""
    clock, elapsed = Clock(0), Clock(0)
    store = UploadStore(tmp_path, StoreSettings(), clock=clock, elapsed=elapsed)
    held = await begun(store, "a")
    clock.now_s = held_s = (tmp_path / f"{held.name}.journal").stat().st_mtime
    await store.survey()
    elapsed.now_s, clock.now_s = 90_000, held_s + 90_000
    await store.survey()
    assert len(store.usage) == 1
    await held.close()
    await store.survey()
    assert len(store.usage) == 0
    assert await store.open(held.name) is Denial.MISSING


@pytest.mark.parametrize("jump_s", [10**8, -(10**8)])
async def test_clock_that_jumps_ends_no_living_upload(
    tmp_path: Path, jump_s: int
) -> None:
    """What this process saw change lately goes on, whatever the clock says."""
    clock, elapsed = Clock(0), Clock(0)
    store = UploadStore(tmp_path, StoreSettings(), clock=clock, elapsed=elapsed)
    held = await begun(store, "a")
    await held.close()
    clock.now_s = jump_s
    await store.survey()
    elapsed.now_s = SEEN_S - 1
    await store.survey()
    assert len(store.usage) == 1
    elapsed.now_s = SEEN_S
    await store.survey()
    assert len(store.usage) == 0


async def test_cancelled_work_ends_before_its_files_close(tmp_path: Path) -> None:
    """A descriptor is never closed under a thread."""
    store = stored(tmp_path)
    held = await begun(store, "a")
    held.begin(0, len(DATA))
    await held.write(DATA)
    task = asyncio.ensure_future(held.commit())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await held.close()
    again = await opened(store, held.name)
    assert again.offset in {0, len(DATA)}
    await again.close()


def _failing(number: int) -> Callable[..., int]:
    def fail(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    return fail
