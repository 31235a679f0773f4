"""Computing a report again from its logs."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from tests.decisions.files.trees import end_of, tree_of
from tests.decisions.logs import (
    DAY_S,
    NOON,
    compress_segments,
    decision,
    write_log,
)
from tests.reporting.site import FIRST, last_day, write_site
from uploadfilter.decisions.files.segments import segments
from uploadfilter.errors import UsageError
from uploadfilter.reporting.composing import compose
from uploadfilter.reporting.document import By, ReportChoices
from uploadfilter.reporting.gathered import ReportDays
from uploadfilter.reporting.gathering import GatherOptions, gather
from uploadfilter.reporting.page.numbers import csv_of
from uploadfilter.reporting.page.pdfs import pdf_of
from uploadfilter.reporting.page.rendering import page_of
from uploadfilter.reporting.verifying import ReportFault, verify_report

DAYS = 3


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the logs of a site that nobody changes."""
    return write_site(tmp_path_factory.mktemp("site"), days=DAYS, uploads=20)


@pytest.fixture
def logs(site: list[Path], tmp_path: Path) -> list[Path]:
    """Return copies of the logs."""
    for directory in site:
        copytree(directory.parent, tmp_path / directory.parent.name)
    return [tmp_path / directory.parent.name / "log" for directory in site]


def report(site: list[Path], *, form: str = "html") -> bytes:
    """Return the report of a site."""
    chosen = ReportChoices(
        first=FIRST, last=last_day(DAYS), by=By.DAY, least=3, price=1.5, language="nl"
    )
    days = ReportDays(FIRST, FIRST + timedelta(days=DAYS))
    gathered = gather(site, days, GatherOptions())
    document = compose(gathered, chosen, program="1", made="2026-12-01")
    if form == "pdf":
        return pdf_of(page_of(document))
    text = page_of(document) if form == "html" else csv_of(document)
    return text.encode()


def faults(data: bytes, directories: list[Path], *keys: str) -> set[ReportFault]:
    """Return the kinds of findings."""
    check = verify_report(data, directories, GatherOptions(), keys=keys)
    assert check.ok == (not check.findings)
    return {it.problem for it in check.findings}


@pytest.mark.parametrize("form", ["html", "csv"])
def test_report_is_what_its_logs_give(logs: list[Path], form: str) -> None:
    """A report verifies, in any order of the logs, and after they have grown."""
    data = report(logs, form=form)
    for directory in logs:
        write_log(directory, [[decision("late")]], start=NOON + 9 * DAY_S)
        tree_of(directory).grow(end_of(directory))

    assert faults(data, logs[::-1]) == set()


def _number(data: bytes) -> bytes:
    """Change one number that people see."""
    shown = re.search(rb'<td class="number">(\d+)</td>', data)
    assert shown is not None
    return data.replace(shown[0], b'<td class="number">7</td>', 1)


def _figure(data: bytes) -> bytes:
    """Change one figure of the data."""
    return re.sub(rb'("query":"matched","key":\[\],"total":)\d+', rb"\g<1>99999", data)


def _query(data: bytes) -> bytes:
    return data.replace(b"WHERE verdict = 'MATCH'", b"WHERE verdict = 'X'")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_number, ReportFault.PAGE_DIFFERS),
        (_figure, ReportFault.FIGURE_DIFFERS),
        (_query, ReportFault.QUERY_DIFFERS),
    ],
)
def test_changed_page_is_found(
    site: list[Path], change: Callable[[bytes], bytes], fault: ReportFault
) -> None:
    """Whether a person's number, the data or a query was changed, it is found."""
    assert fault in faults(change(report(site)), site)


def test_changed_table_is_found(site: list[Path]) -> None:
    """A table of numbers in which one was changed is not what the logs give."""
    data = report(site, form="csv")
    changed = re.sub(rb"figure,uploads,,whole,\d+", b"figure,uploads,,whole,9", data)

    assert changed != data
    (finding,) = verify_report(changed, site, GatherOptions()).findings
    assert finding.problem is ReportFault.PAGE_DIFFERS
    assert finding.what == "uploads, whole"
    assert finding.why == "9 in the report, 120 from the logs"


def test_changed_number_of_a_page_is_named(site: list[Path]) -> None:
    """A person reads which table and row, its number and the right one."""
    check = verify_report(_number(report(site)), site, GatherOptions())

    (finding,) = check.findings
    assert finding.what.startswith("Wat elk middel vond, ")
    assert re.fullmatch(r"7 in the report, \d+ from the logs", finding.why)


def test_changed_period_of_a_figure_is_named(site: list[Path]) -> None:
    """A figure whose sum is right and whose days are not is shown with its days."""
    data = report(site)
    name = rb'("query":"uploads","key":\[\],"total":120,"periods":\[)40,40,40'
    changed = re.sub(name, rb"\g<1>41,39,40", data)

    assert changed != data
    found = verify_report(changed, site, GatherOptions()).findings
    figure = next(it for it in found if it.problem is ReportFault.FIGURE_DIFFERS)
    assert figure.what == "uploads"
    assert figure.why == (
        "120 (41, 39, 40) in the report, 120 (40, 40, 40) from the logs"
    )


@pytest.mark.parametrize("form", ["html", "csv"])
@pytest.mark.parametrize("compress", [False, True])
def test_report_on_an_older_checkpoint_never_verifies_with_the_whole_log(
    tmp_path: Path, form: str, *, compress: bool
) -> None:
    """An older genuine tree lets a report leave uploads out; the real log shows it."""
    log = tmp_path / "main" / "log"
    _write_days(log, 0)
    tree_of(log).grow(end_of(log))
    copytree(log / "tree", tmp_path / "older")
    _write_days(log, 1)
    tree_of(log).grow(end_of(log))
    if compress:
        compress_segments(log, segments(log)[:-1])
    copytree(log, tmp_path / "whole")
    rmtree(log / "tree")
    copytree(tmp_path / "older", log / "tree")
    data = report([log], form=form)
    key = (log / "tree" / "key").read_text().strip()

    check = verify_report(data, [tmp_path / "whole"], GatherOptions(), keys=[key])
    (finding,) = check.findings
    assert finding.problem is ReportFault.LEFT_OUT
    assert finding.lack is not None
    assert finding.lack.detail == "14 uploads, 2026-11-26 - 2026-11-27"
    beside = verify_report(data, [log], GatherOptions(), keys=[key])
    assert beside.ok
    assert beside.left_out == {check.logs[0]: finding.lack}


def _write_days(log: Path, first: int) -> None:
    """Write the first day of a log, or the two after it; seven uploads on each."""
    count = 2 if first else 1
    days = [
        [decision(f"{first}-{day}-{at}") for at in range(7)] for day in range(count)
    ]
    write_log(log, days, start=NOON + first * DAY_S)


@pytest.mark.usefixtures("weasyprint_library")
def test_pdf_is_what_its_logs_give(site: list[Path]) -> None:
    """A PDF verifies; one whose pages were changed does not."""
    data = report(site, form="pdf")

    assert faults(data, site) == set()
    assert faults(data + b"%", site) == {ReportFault.PAGE_DIFFERS}


def _drop_match(directory: Path) -> None:
    for segment in segments(directory):
        path = directory / segment.name
        path.write_bytes(path.read_bytes().replace(b'"MATCH"', b'"NO_MATCH"'))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_drop_match, ReportFault.LOG_DAMAGED),
        (lambda it: (it / segments(it)[-1].name).unlink(), ReportFault.LOG_DAMAGED),
        (lambda it: rmtree(it / "tree"), ReportFault.LOG_MISSING),
    ],
    ids=["record changed", "file gone", "tree gone"],
)
def test_changed_log_is_found(
    logs: list[Path], change: Callable[[Path], object], fault: ReportFault
) -> None:
    """A report does not verify against logs that are not those it was made from."""
    data = report(logs)
    change(logs[0])

    assert fault in faults(data, logs)


def test_other_logs_are_found(site: list[Path], tmp_path: Path) -> None:
    """A log that is missing, one that is too many, and one with another key."""
    data = report(site)
    write_log(tmp_path / "log", [[decision("x")]])

    assert ReportFault.LOG_MISSING in faults(data, site[:1])
    assert ReportFault.LOG_UNKNOWN in faults(data, [*site, tmp_path / "log"])


def test_key_that_was_kept_elsewhere_is_compared(site: list[Path]) -> None:
    """With keys of one's own, a log with another key does not verify."""
    data = report(site)
    keys = [(directory / "tree" / "key").read_text().strip() for directory in site]

    assert faults(data, site, *keys) == set()
    assert faults(data, site, keys[0]) == {ReportFault.KEY_UNKNOWN}


def test_log_without_a_checkpoint_never_verifies(logs: list[Path]) -> None:
    """Figures that stand on the chain alone are not proved by a signature."""
    for directory in logs:
        rmtree(directory / "tree")

    assert faults(report(logs), logs) == {ReportFault.NO_CHECKPOINT}


@pytest.mark.parametrize(
    "data",
    [b"", b"<html>", b"%PDF-1.7", b"kind,name\r\n", b"\xff\xfe", b"a,b", b"<\xff"],
)
def test_other_files_are_refused(site: list[Path], data: bytes) -> None:
    """A file that is no report is refused, never verified."""
    with pytest.raises(UsageError, match="no report"):
        verify_report(data, site, GatherOptions())


def test_report_of_another_format_is_refused(site: list[Path]) -> None:
    """A newer version knows what its report means."""
    data = report(site).replace(b'{"format":1,', b'{"format":2,')

    with pytest.raises(UsageError, match="has format 2"):
        verify_report(data, site, GatherOptions())
