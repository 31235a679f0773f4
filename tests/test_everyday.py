"""Everyday files pass: those that the benchmark makes, and how it chooses others."""

from pathlib import Path

import pytest

from benchmarks.everyday.files import File, chosen, evenly, files_of
from benchmarks.everyday.made import MAKERS
from benchmarks.everyday.run import Row, explanation_of, report_of
from benchmarks.packages import Package
from tests.scanners.scans import scanned
from uploadfilter.decisions.policy import Policy, decide
from uploadfilter.model import Action, Mode, Reason

_LARGE = ("phone", "camera")


@pytest.mark.parametrize(
    "name", [name for name in MAKERS if not name.startswith(_LARGE)]
)
def test_everyday_file_is_not_rejected(name: str) -> None:
    """Old names, passwords, covers in a file of tables, word lists: all accepted."""
    scan = scanned(MAKERS[name][1]())

    judged = decide([scan], [], mode=Mode.ENFORCE, policy=Policy())
    assert (judged.action, judged.reason) in {
        (Action.ACCEPT, reason) for reason in (None, *judged.reasons)
    }


def test_share_is_spread_over_all() -> None:
    """A tenth is every tenth, in the same order each time."""
    assert evenly(range(100), 10) == [*range(0, 100, 10)]
    assert evenly(range(3), 10) == [0, 1, 2]


def test_files_are_taken_by_the_ending_of_their_names(tmp_path: Path) -> None:
    """The package itself is taken, and its files of well-known sorts."""
    archive = tmp_path / "a.whl"
    archive.write_bytes(b"PK")
    root = tmp_path / "unpacked"
    root.mkdir()
    for name in ("a.docx", "b.SVG", "c.unknown", "empty.pdf"):
        (root / name).write_bytes(b"" if name == "empty.pdf" else b"x")
    package = Package(name="pypi:a", archive=archive, root=root)

    found = list(files_of(package))

    assert [(file.sort, file.name) for file in found] == [
        ("package", "pypi:a"),
        ("office", "pypi:a: a.docx"),
        ("drawing", "pypi:a: b.SVG"),
    ]


def test_no_sort_is_left_out() -> None:
    """However small the share is."""
    files = [File(sort=sort, name=sort, path=Path(sort)) for sort in ("pdf", "web")]

    assert {file.sort for file in chosen(files, part=0.0001)} == {"pdf", "web"}


def row(name: str, *reasons: Reason, rejected: bool = False) -> Row:
    """Return what became of a file."""
    return Row(
        sort="data",
        name=name,
        bytes=1,
        cpu_s=0.1,
        wall_s=0.2,
        contents=1,
        rejected_by=["balanced", "strict"] if rejected else [],
        reasons=[reason.value for reason in reasons],
        where=[],
    )


def test_busy_machine_is_no_rejection() -> None:
    """A file that was not scanned has no result, and this is stated."""
    report = report_of(
        [
            row("sdist:pillow-heif: a", Reason.TRUNCATED, rejected=True),
            row("b", Reason.NO_SCANNER, rejected=True),
            row("c"),
        ]
    )

    counts = report.figures
    assert (counts["files"], counts["rejected"], counts["starved"]) == (2, 1, ["b"])
    assert counts["rejections"][0]["explanation"]
    assert not report.aims[0].met


def test_longest_beginning_explains() -> None:
    """A row without an explanation says so."""
    assert explanation_of("pypi:scikit-image: skimage/data/multipage_rgb.tif")
    assert explanation_of("npm:jspdf") == ""
