"""The store: what a crash, a killed command and damage leave of it."""

from pathlib import Path

import pytest

from tests.lookback.scanned import INFO, SECRET
from tests.lookback.stores import made_scan, store_of
from uploadfilter.errors import LookBackError
from uploadfilter.lookback.scanning import TYPES
from uploadfilter.lookback.sources import Item, Trouble
from uploadfilter.lookback.store import FileRow, LookBackStore, StoreInfo
from uploadfilter.model import Reason


def item(number: int, version: str = "1") -> Item:
    """Return a file."""
    return Item(path=f"f{number}".encode(), size=9, version=version)


def fill(path: Path, *numbers: int) -> None:
    """Add scans as one part."""
    store_of(path, [made_scan(it) for it in numbers], SECRET, TYPES)


def test_scanned_versions_are_known_after_a_restart(tmp_path: Path) -> None:
    """Another version is not known, nor is a file that could not be read."""
    with LookBackStore.create_or_open(tmp_path / "s", INFO) as store:
        store.add(FileRow(item=item(1), reason=Reason.TRUNCATED))
        store.add(FileRow(item=item(2), trouble=Trouble.UNREADABLE))
        store.flush()
        store.flush()
    with LookBackStore.create_or_open(tmp_path / "s", INFO) as store:
        assert (store.is_done(item(1)), store.is_unchecked(item(1))) == (True, True)
        assert not store.is_done(item(1, version="2"))
        assert not store.is_done(item(2))
        assert (store.rows, len(store.parts)) == (2, 1)
    assert (tmp_path / "s" / "parts" / "part-00000001.parquet").exists()
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700


def test_each_of_many_versions_is_known(tmp_path: Path) -> None:
    """Also those whose marks end with zeros, which numpy does not show."""
    count = 2000
    with LookBackStore.create_or_open(tmp_path, INFO) as store:
        for number in range(count):
            store.add(FileRow(item=item(number)))
    with LookBackStore.create_or_open(tmp_path, INFO) as store:
        assert [n for n in range(count) if not store.is_done(item(n))] == []
        assert [n for n in range(count) if store.is_done(item(n, "2"))] == []


def test_interrupted_scan_keeps_its_rows(tmp_path: Path) -> None:
    """Rows that were added are written, whatever ended the block."""

    def interrupted() -> None:
        with LookBackStore.create_or_open(tmp_path, INFO) as store:
            store.add(FileRow(item=item(1)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert LookBackStore.open_to_read(tmp_path).rows == 1


def test_killed_command_leaves_only_whole_parts(tmp_path: Path) -> None:
    """A part without a line, a temporary file and half a line do not count."""
    fill(tmp_path, 1)
    part = tmp_path / "parts" / "part-00000001.parquet"
    (tmp_path / "parts" / "part-00000002.parquet").write_bytes(part.read_bytes())
    (tmp_path / "parts" / "part-00000003.parquet.tmp").write_bytes(b"half")
    manifest = tmp_path / "manifest.jsonl"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole + b'{"part":2,"ro')
    assert LookBackStore.open_to_read(tmp_path).rows == 1
    fill(tmp_path, 2)
    assert [it.name for it in sorted((tmp_path / "parts").iterdir())] == [
        "part-00000001.parquet",
        "part-00000002.parquet",
    ]
    assert manifest.read_bytes().startswith(whole)
    store = LookBackStore.open_to_read(tmp_path)
    assert [it.number for it in store.parts] == [1, 2]


@pytest.mark.parametrize("is_missing", [True, False], ids=["missing", "flipped"])
def test_damaged_part_is_scanned_again(tmp_path: Path, *, is_missing: bool) -> None:
    """It is set aside, and its files are not known any more; the others are."""
    fill(tmp_path, 1)
    fill(tmp_path, 2)
    part = tmp_path / "parts" / "part-00000001.parquet"
    if is_missing:
        part.unlink()
    else:
        part.write_bytes(part.read_bytes()[:-1] + b"!")
    with LookBackStore.create_or_open(tmp_path, INFO) as store:
        assert not store.is_done(item(1))
        assert store.is_done(item(2))
    fill(tmp_path, 1)
    store = LookBackStore.open_to_read(tmp_path)
    assert [it.number for it in store.parts] == [2, 3]
    assert (tmp_path / "parts" / "part-00000001.damaged").exists() is not is_missing


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (StoreInfo(source="/t", types=TYPES, secret=INFO.secret), "another source"),
        (StoreInfo(source="/s", types=(), secret=INFO.secret), "another perceptual"),
        (StoreInfo(source="/s", types=TYPES, secret=""), "another reference set's"),
    ],
)
def test_store_is_of_one_source_and_one_set_of_options(
    tmp_path: Path, other: StoreInfo, words: str
) -> None:
    """Rows of two sources, or with two keys, are never mixed."""
    fill(tmp_path, 1)
    with (
        pytest.raises(LookBackError, match=words),
        LookBackStore.create_or_open(tmp_path, other),
    ):
        pytest.fail("it was opened")


def test_unusable_folders_are_told(tmp_path: Path) -> None:
    """A folder that is no store, a damaged manifest, a newer format, a file."""
    with pytest.raises(LookBackError, match="is not a store"):
        LookBackStore.open_to_read(tmp_path)
    fill(tmp_path, 1)
    with (
        LookBackStore.create_or_open(tmp_path, INFO),
        pytest.raises(LookBackError, match="another command is working"),
        LookBackStore.create_or_open(tmp_path, INFO),
    ):
        pytest.fail("two commands at once")
    manifest, facts = tmp_path / "manifest.jsonl", tmp_path / "store.json"
    manifest.write_bytes(b"nonsense\n")
    with pytest.raises(LookBackError, match="is damaged"):
        LookBackStore.open_to_read(tmp_path)
    facts.write_bytes(facts.read_bytes().replace(b'"format":1', b'"format":2'))
    with pytest.raises(LookBackError, match="has format 2"):
        LookBackStore.open_to_read(tmp_path)
    facts.write_bytes(b"{")
    with pytest.raises(LookBackError, match="cannot be read"):
        LookBackStore.open_to_read(tmp_path)
    with (
        pytest.raises(LookBackError, match="cannot use"),
        LookBackStore.create_or_open(facts, INFO),
    ):
        pytest.fail("a file is no store")
