"""A file becomes one new generation, or changes nothing."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conformance.generations import ask
from uploadfilter.errors import (
    HashSetError,
    HashSetFormatError,
    HashSetNameError,
    UsageError,
)
from uploadfilter.hashsets.formats import KnownBefore
from uploadfilter.hashsets.importing import (
    MOST_CATEGORIES,
    ImportReport,
    Progress,
    import_file,
    survey_file,
)
from uploadfilter.hashsets.refusing import BadLines
from uploadfilter.hashsets.tally import Problem
from uploadfilter.model import EntryState, Geometry, Signal, SignalType
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.search.matching import Query
from uploadfilter.reference.store import ReferenceDirectory, ReferenceReader

ONE = "d131dd02c5e6eec4693d9a0698aff95c"
TWO = "e131dd02c5e6eec4693d9a0698aff95c"
PDQ = "f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22"
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
NOW = 1_700_000_000.9


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return an empty reference directory."""
    path = tmp_path / "reference"
    ReferenceDirectory(path).init()
    return path


def write(directory: Path, *lines: object) -> Path:
    """Write a file of lines; those that are not text as JSON."""
    path = directory.parent / "set.txt"
    path.write_text(
        "".join(
            f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines
        )
    )
    return path


def bring(
    directory: Path,
    path: Path,
    *,
    name: str = "s",
    categories: Sequence[str] = ("A",),
    enforced: bool = False,
    signal_type: SignalType | None = None,
    bad_lines: BadLines = BadLines.REFUSE,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file into a reference directory."""
    with ReferenceDirectory(directory).writer() as writer:
        return import_file(
            path,
            name=name,
            categories=categories,
            enforced=enforced,
            writer=writer,
            clock=lambda: NOW,
            said=KnownBefore(signal_type=signal_type),
            bad_lines=bad_lines,
            progress=progress,
        )


def current(directory: Path) -> LayeredGeneration:
    """Return the generation in force."""
    with ReferenceReader.open(directory) as reader:
        return reader.current()


def ids(directory: Path, digits: str) -> list[str]:
    """Return the entries that hold an MD5."""
    value = bytes.fromhex(digits)
    found = ask(current(directory), value, signal_type=SignalType.MD5)
    return [name for name, _ in found]


def test_list_is_imported(directory: Path) -> None:
    """Every line is an entry of the one category, found by its digest."""
    report = bring(directory, write(directory, ONE, f"{TWO}  secret-name.jpg"))

    assert report.generation == 2
    assert report.replaced is None
    assert (report.set.entries, report.set.imported_at) == (2, int(NOW))
    assert report.set.counts == {"A": {"entries": 2, "md5": 2}}
    assert (report.survey.lines, report.survey.problems) == (2, ())
    assert len(ids(directory, ONE)) == len(ids(directory, TWO)) == 1


def test_neither_names_nor_digests_are_kept(directory: Path) -> None:
    """The reference directory has no readable value of a list."""
    bring(directory, write(directory, f"{ONE}  secret-name.jpg"))
    (name,) = ids(directory, ONE)

    stored = b"".join(p.read_bytes() for p in directory.rglob("*") if p.is_file())
    for secret in (b"secret-name", ONE.encode(), bytes.fromhex(ONE)):
        assert secret not in stored
    assert ONE not in name
    assert name.encode() in stored


def test_entry_of_a_list_keeps_its_id(directory: Path) -> None:
    """However the list is sorted or grows, a line has the id that it had."""
    bring(directory, write(directory, ONE, TWO))
    before = ids(directory, ONE), ids(directory, TWO)
    bring(directory, write(directory, TWO, "# new", ONE.upper(), ONE[::-1]))

    assert (ids(directory, ONE), ids(directory, TWO)) == before


def test_json_lines_are_imported(directory: Path) -> None:
    """Each signal is found with its maker's facts."""
    path = write(
        directory,
        {"id": "p-1", "category": "A", "md5": ONE, "pdq": PDQ, "pdq_quality": 87},
        {
            "id": "p-2",
            "category": 7,
            "signals": [{"type": "pdq", "value": PDQ, "geometry": "squash512"}],
        },
        {"id": "p-3", "category": "A", "exact_only": True, "md5": ONE, "pdq": PDQ},
    )
    bring(directory, path, categories=["A", "7"], enforced=True)
    query = Query(
        signal=Signal(type=SignalType.PDQ, value=bytes.fromhex(PDQ)),
        threshold=31,
        geometry=Geometry.SQUASH512,
    )
    (found,) = current(directory).search([query])

    assert {(c.entry, c.category, c.quality, c.geometry, c.state) for c in found} == {
        ("p-1", "A", 87, None, EntryState.ACTIVE),
        ("p-2", "7", None, Geometry.SQUASH512, EntryState.ACTIVE),
    }
    assert ids(directory, ONE) == ["p-1", "p-3"]


@pytest.mark.parametrize(
    ("enforce", "state"), [(False, EntryState.MONITORED), (True, EntryState.ACTIVE)]
)
def test_unsigned_set_is_monitored_unless_enforced(
    directory: Path, enforce: bool, state: EntryState
) -> None:
    """An unsigned list stops nothing by accident."""
    report = bring(directory, write(directory, ONE), enforced=enforce)
    query = Query(
        signal=Signal(type=SignalType.MD5, value=bytes.fromhex(ONE)), threshold=0
    )
    ((candidate,),) = current(directory).search([query])

    assert candidate.state is state
    assert (report.set.enforced, report.set.issuer) == (enforce, "local")


def test_list_of_pdq_needs_to_be_called_so(directory: Path) -> None:
    """64 digits are SHA-256 unless the operator says that they are PDQ."""
    path = write(directory, PDQ)
    assert bring(directory, path).set.counts["A"] == {"entries": 1, "sha256": 1}
    assert bring(directory, path, signal_type=SignalType.PDQ).set.counts["A"] == {
        "entries": 1,
        "pdq": 1,
    }

    assert len(ask(current(directory), bytes.fromhex(PDQ))) == 1


def test_same_name_replaces_the_set(directory: Path) -> None:
    """The report names the earlier set."""
    first = bring(directory, write(directory, ONE))
    second = bring(directory, write(directory, TWO))

    assert second.replaced == first.set
    assert (ids(directory, ONE), len(ids(directory, TWO))) == ([], 1)
    assert [info.name for info in current(directory).sets] == ["s"]


def test_duplicates_are_counted_and_harmless(directory: Path) -> None:
    """A digest that is listed often is one entry."""
    report = bring(directory, write(directory, ONE, ONE.upper(), f"{ONE}  x", TWO))

    assert (report.set.entries, report.set.source.duplicates) == (2, 2)
    assert len(ids(directory, ONE)) == 1


def test_only_allowed_categories_are_imported(directory: Path) -> None:
    """The report counts all found and all left-out entries."""
    path = write(
        directory,
        *({"id": str(n), "category": c, "md5": ONE} for n, c in enumerate("ABBC")),
        {"id": "none", "md5": ONE},
    )
    report = bring(directory, path, categories=["A", "C"])

    assert ids(directory, ONE) == ["0", "3"]
    assert report.survey.categories == {"B": 2, "A": 1, "C": 1, "(none)": 1}
    assert report.set.source.refused == {"category": 3}


def test_malformed_line_refuses_the_file(directory: Path) -> None:
    """One is enough: the message counts the reasons, and nothing has changed."""
    path = write(directory, ONE, ONE[:-1], "zz", EMPTY, ONE[:-1])

    with pytest.raises(HashSetFormatError, match="malformed lines") as caught:
        bring(directory, path)
    assert "2 odd_length (first in line 2)" in str(caught.value)
    assert "1 not_hex (first in line 3)" in str(caught.value)
    assert ONE[:-1] not in str(caught.value)
    assert current(directory).number == 1


def test_table_that_is_read_as_a_list_is_refused_with_the_way_to_read_it(
    directory: Path,
) -> None:
    """The hint names the option that says that the file is CSV."""
    path = write(directory, "id;md5", f"1;{ONE}")

    with pytest.raises(HashSetFormatError) as caught:
        bring(directory, path)
    assert "--map" in (caught.value.hint or "")


def test_objects_are_not_taken_for_a_table(directory: Path) -> None:
    """A bad value in the first JSON object has nothing to do with columns."""
    path = write(directory, {"id": "x", "category": "1", "md5": "zz"})

    with pytest.raises(HashSetFormatError) as caught:
        bring(directory, path)
    assert "not_hex (first in line 1)" in str(caught.value)
    assert "--map" not in caught.value.hint


def test_malformed_lines_are_skipped_by_request(directory: Path) -> None:
    """The rest is imported, and the report names the left-out lines."""
    path = write(directory, ONE, ONE[:-1], "zz", TWO)
    report = bring(directory, path, bad_lines=BadLines.SKIP)

    assert report.set.entries == 2
    assert report.set.source.refused == {"odd_length": 1, "not_hex": 1}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param([], "no entry", id="empty"),
        pytest.param(["# nothing", ""], "no entry", id="comments"),
        pytest.param([EMPTY], r"1 empty_file \(first in line 1\)", id="empty-file"),
        pytest.param(["0" * 32], "1 degenerate", id="zeros"),
        pytest.param(
            [{"id": "x", "category": "B", "md5": ONE}],
            "1 category .*; categories found: 'B' 1",
            id="category",
        ),
    ],
)
def test_file_without_a_usable_entry_is_refused(
    directory: Path, lines: list[object], message: str
) -> None:
    """An import that would only remove the old set is a mistake."""
    bring(directory, write(directory, ONE))

    with pytest.raises(HashSetFormatError, match=message):
        bring(directory, write(directory, *lines), bad_lines=BadLines.SKIP)
    assert len(ids(directory, ONE)) == 1


def test_file_of_no_bytes_is_called_empty(directory: Path) -> None:
    """Comments and headings are not looked for in it."""
    with pytest.raises(HashSetFormatError, match="no entry") as refused:
        bring(directory, write(directory))

    assert "The file is empty" in refused.value.hint


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        pytest.param("xyz", "Line 2 has something other than hex digits", id="hex"),
        pytest.param({"id": "x", "md5": ONE}, "Give every entry", id="no-category"),
        pytest.param(
            {"id": "x", "category": "B", "md5": ONE}, "--category", id="category"
        ),
        pytest.param(EMPTY, "Line 2 has the digest of the empty file", id="left-out"),
    ],
)
def test_refused_file_comes_with_what_to_do(
    directory: Path, line: object, hint: str
) -> None:
    """The message tells the file's maker the place and the remedy."""
    with pytest.raises(HashSetFormatError) as caught:
        bring(directory, write(directory, "# made by hand", line))

    assert hint in caught.value.hint


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", "a b", "x" * 64])
def test_name_is_checked_before_the_file(directory: Path, name: str) -> None:
    """An unusable name gives the error for that, whatever the file is."""
    with pytest.raises(HashSetNameError, match="cannot be called"):
        bring(directory, directory / "nowhere", name=name)


@pytest.mark.parametrize(
    "categories",
    [[], [""], ["A", "x\n"], ["(none)"], [str(n) for n in range(MOST_CATEGORIES + 1)]],
)
def test_categories_are_checked_before_the_file(
    directory: Path, categories: list[str]
) -> None:
    """There is no default, and no category with a name that none can have."""
    with pytest.raises(UsageError, match="categor"):
        bring(directory, directory / "nowhere", categories=categories)


@pytest.mark.parametrize("path", ["nowhere", "."])
def test_unreadable_file_is_an_error_of_ours(directory: Path, path: str) -> None:
    """The message names the file and the cause."""
    with pytest.raises(HashSetError, match="cannot read"):
        bring(directory, directory / path)
    with pytest.raises(HashSetError, match="cannot read"):
        survey_file(directory / path)


def test_progress_ends_at_the_size_of_the_file(directory: Path) -> None:
    """The progress reaches its end."""
    path = write(directory, *(f"{n:032x}" for n in range(1, 20_000)))
    seen: list[tuple[int, int]] = []
    bring(directory, path, progress=lambda read, size: seen.append((read, size)))
    size = path.stat().st_size

    assert len(seen) == 2
    assert seen[-1] == (size, size)
    assert seen == sorted(seen)


def test_survey_imports_nothing(directory: Path) -> None:
    """It shows which categories there are to choose from."""
    path = write(
        directory,
        *({"id": n, "category": c, "md5": ONE} for n, c in enumerate("ABB")),
        {"id": "x", "category": "A", "md5": "zz", "tag": 1},
    )
    seen: list[int] = []
    survey = survey_file(path, progress=lambda read, _size: seen.append(read))

    assert survey.categories == {"B": 2, "A": 1}
    assert (survey.lines, survey.accepted) == (4, 3)
    assert [item.problem for item in survey.problems] == [Problem.NOT_HEX]
    assert seen == [path.stat().st_size]
    assert survey_file(write(directory, ONE)).accepted == 1


IMPORTER = """
import signal
import sys
from pathlib import Path
# A job in the background inherits that Ctrl-C is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
from uploadfilter.hashsets.formats import KnownBefore
from uploadfilter.hashsets.importing import import_file
from uploadfilter.reference.store import ReferenceDirectory
try:
    with ReferenceDirectory(Path(sys.argv[1])).writer() as writer:
        import_file(
            Path("/dev/stdin"), name="s", categories=["A"], enforced=True,
            writer=writer, clock=lambda: 0.0,
        )
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL, None])
def test_import_that_is_stopped_changes_nothing(
    directory: Path, sent: signal.Signals | None
) -> None:
    """Ctrl-C in the middle of a file, or worse; a pipe that just ends is imported."""
    bring(directory, write(directory, ONE))
    before = {path.relative_to(directory) for path in directory.rglob("*")}
    # More than a pipe and a buffer hold: when it is written, the import has begun.
    lines = b"".join(b"%032x\n" % n for n in range(1, 20_000))
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", IMPORTER, str(directory)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as importer:
        assert importer.stdin is not None
        os.write(importer.stdin.fileno(), lines)
        if sent is not None:
            importer.send_signal(sent)
            importer.wait()
        importer.stdin.close()

    if sent is None:
        assert importer.returncode == 0
        assert current(directory).entry_count == 19_999
        return
    assert importer.returncode == (130 if sent is signal.SIGINT else -sent)
    assert {path.relative_to(directory) for path in directory.rglob("*")} == before
    assert len(ids(directory, ONE)) == 1
    bring(directory, write(directory, TWO))


def test_fields_that_are_called_otherwise_are_named(directory: Path) -> None:
    """A set without a known signal gives an error that names its unknown ones."""
    path = write(directory, '{"id":"a","category":"1","MD5":"x","SHA-1":"y"}')

    with pytest.raises(HashSetFormatError, match="no_signals") as caught:
        bring(directory, path)

    assert "Fields that are not known: 'MD5', 'SHA-1'." in caught.value.hint.replace(
        "'SHA-1', 'MD5'", "'MD5', 'SHA-1'"
    )
