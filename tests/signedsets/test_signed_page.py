"""Section 9 of ``hashsets/FORMAT.md`` agrees with the code."""

import hashlib
import re

from tests.repository import ROOT
from tests.signedsets.keys import holders, signer
from uploadfilter.hashsets.lines.rows import entries_of_rows
from uploadfilter.hashsets.tally import Tally
from uploadfilter.model import Entry
from uploadfilter.signedsets import canaries, roles
from uploadfilter.signedsets import manifest as mf
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets import operations as ops

_, _, PAGE = (
    (ROOT / "hashsets" / "FORMAT.md")
    .read_text(encoding="utf-8")
    .partition("\n## 9. Signed sets\n")
)
PAGE, _, _ = PAGE.partition("\n## 10. ")
OPERATIONS, MANIFEST, CANARIES = re.findall(
    r"```(?:jsonl|js)\n(.*?)```", PAGE, re.DOTALL
)


def vector(name: str) -> str:
    """Return the value of a row of the vectors."""
    found = re.search(rf"^\| {re.escape(name)} \| `([^`]+)` \|$", PAGE, re.MULTILINE)
    assert found, f"section 9 has no vector {name!r}"
    return found[1]


def lines_of_additions() -> bytes:
    """Write the entries of the example again."""
    found = ops.operations(OPERATIONS.encode())
    tally, written = Tally(), b""
    rows = enumerate(found.additions.splitlines())
    for entry in entries_of_rows(rows, categories=None, tally=tally):
        assert isinstance(entry, Entry)
        written += ops.addition(entry)
    assert (tally.problems, tally.ignored_fields) == ((), {})
    return written


def test_operations_are_written_as_shown() -> None:
    """Each line of the example is the only form of its operation."""
    additions = [it for it in OPERATIONS.splitlines(keepends=True) if '"add"' in it]
    found = ops.operations(OPERATIONS.encode())

    assert lines_of_additions().decode() == "".join(additions)
    assert found.deleted == ("p-2",)
    digest = hashlib.sha256(OPERATIONS.encode()).hexdigest()
    assert digest == vector("SHA-256 of the operations of 9.3")


def test_manifest_is_written_as_shown() -> None:
    """The example is a manifest, byte by byte."""
    found = mf.parse(MANIFEST.encode())

    assert mf.written(found).decode() == MANIFEST.rstrip("\n")
    assert mf.plan(found, 6).paths == ("delta/6-7.jsonl.gz",)
    assert mf.plan(found, 4).is_full


def test_shards_are_those_of_the_vectors() -> None:
    """Other programs that write shards can check where an id belongs."""
    for entry_id in ("p-1", "p-2", "5", "ä"):
        written = f"{roles.shard_of(entry_id):02x}"
        assert written == vector(f"shard of the id `{entry_id}`")


def test_bounds_are_those_of_the_page() -> None:
    """The numbers on the page are those of the code."""
    for number in (
        roles.MOST_UNSHARDED,
        mf.MOST_DELTAS,
        mf.MOST_CATEGORIES,
        mf.MOST_ENTRIES,
    ):
        assert f" {number:,} " in PAGE
    for entries in (20, 1000, 1_000_000):
        most = roles.most_withdrawn_a_day(entries)
        assert vector(f"most withdrawn in a day of {entries:,} entries") == f"{most:,}"


def test_signed_bytes_are_those_of_the_vectors() -> None:
    """The same keys, names and times give the same root, byte by byte."""
    expires = md.ending(1_700_000_000, 365)
    root = md.new_root(
        {
            roles.ROOT: holders(2, "ann", "bob", "cid"),
            roles.TARGETS: holders(2, "ann", "bob", "cid"),
            roles.GATHERED: holders(1, "machine"),
            roles.TIMESTAMP: holders(1, "machine"),
        },
        version=1,
        expires=expires,
    )
    for name in ("ann", "bob"):
        root.sign(signer(name), append=True)

    found = hashlib.sha256(md.written(root)).hexdigest()
    assert found == vector("SHA-256 of the root of 9.9")


def test_canaries_are_those_of_the_page() -> None:
    """The page shows them as they are written into a set."""
    assert "".join(ops.addition(it).decode() for it in canaries.entries()) == CANARIES
