"""``uploadfilter report verify``: compute a report again from its logs."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from uploadfilter.cli.options import JSONOption, StateOption
from uploadfilter.cli.output import FOUND, OK, harmless, print_json, print_text
from uploadfilter.cli.report.making import (
    LogsArgument,
    ProcessesOption,
    directories_of,
    shown_progress,
)
from uploadfilter.errors import UsageError
from uploadfilter.reporting.gathered import (
    ReportDays,
)
from uploadfilter.reporting.verifying import (
    MOST_BYTES,
    ReportCheck,
    report_days,
    verify_report,
)


def verify_command(
    *,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The report: HTML, PDF or CSV.")
    ],
    logs: LogsArgument = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="The public key of a log, kept elsewhere: NAME+ID+KEY. May be "
            "repeated.",
        ),
    ] = None,
    jobs: ProcessesOption = None,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Compute a report again from the logs, and compare every figure.

    The logs are counted up to the checkpoints of the report, which their keys must have
    signed. Exit code 0 if the file is what the logs give, 1 if not, or if it cannot be
    computed any more.

    **Example**

        uploadfilter report verify q3.html north/log south/log --key "$(cat north.key)"
    """
    data = _read(file)
    directories = directories_of(logs, state)
    days: ReportDays = report_days(data)
    with shown_progress(directories, days, jobs=jobs) as options:
        check = verify_report(data, directories, options, keys=key or ())
    if json:
        print_json({"ok": check.ok, **asdict(check)})
    else:
        print_text(*_lines(check))
    raise typer.Exit(OK if check.ok else FOUND)


def _lines(check: ReportCheck) -> list[Text]:
    logs = ", ".join(check.logs)
    if check.ok:
        words = f"verified: {check.figures} figures from {logs}"
        return [Text(harmless(words), style="green")]
    lines = [Text("not verified", style="bold red")]
    for it in check.findings:
        words = f"{it.problem} {it.what}".rstrip() + (f": {it.why}" if it.why else "")
        lines.append(Text(harmless(words)))
    return lines


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as exc:
        raise UsageError(
            f"cannot read {str(path)!r}: {exc.strerror}",
            hint="Name the file that 'uploadfilter report' wrote.",
        ) from exc
    if len(data) > MOST_BYTES:
        raise UsageError(f"{str(path)!r} is larger than any report")
    return data
