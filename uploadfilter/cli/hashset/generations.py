"""``uploadfilter hashset rollback``, the list and the check of generations.

Rules this module keeps: a command that changes the entries in force asks first, unless
``--yes`` is given; every command prints the generation that is in force afterwards.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct, field
from rich.table import Table
from rich.text import Text

from uploadfilter.cli.hashset.enforcement import say_lack
from uploadfilter.cli.options import JSONOption, StateOption, YesOption, state_directory
from uploadfilter.cli.output import (
    FOUND,
    confirm,
    document_of,
    harmless,
    print_json,
    print_text,
    say,
    table,
    when,
    words_of,
)
from uploadfilter.cli.progress import board
from uploadfilter.cli.writing import reference_writer
from uploadfilter.errors import UsageError
from uploadfilter.reference.checking import CheckReport, StoreDamage
from uploadfilter.reference.entries.changes import ChangeKind
from uploadfilter.reference.files.layout import Current
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.reference.writing.comparing import Returned

_MEGABYTE = 1_000_000


class PartJSON(Struct):
    """A base or an overlay."""

    number: int
    size: int = field(name="bytes")


class GenerationJSON(Struct):
    """A generation that is in force, or kept."""

    generation: int
    pinned: bool
    at: datetime | None
    kind: ChangeKind
    subject: str | None
    sets: int
    entries: int
    base: PartJSON
    overlay: PartJSON


class GenerationListJSON(Struct):
    """The generations, newest first."""

    generations: list[GenerationJSON]


class CheckedReferenceJSON(Struct):
    """The check of the reference set."""

    generation: int
    is_sound: bool = field(name="sound")
    files: int
    bytes: int
    problems: list[StoreDamage]


class ReturnedJSON(Struct):
    """The generation that a rollback put in force."""

    number: int = field(name="returned_to")
    generation: int
    pinned: bool
    kept_out: dict[str, int]
    monitored: list[str]


class ReleasedJSON(Struct):
    """A generation that may be changed again."""

    generation: int
    pinned: bool


def list_generations(base: Path, *, json: bool) -> None:
    """List the generation in force and the kept ones, newest first."""
    shapes = [
        document_of(GenerationJSON, it, at=it.at or None, subject=it.subject or None)
        for it in reference_directory(base).generations()
    ]
    if json:
        print_json(GenerationListJSON(shapes))
        return
    print_text(generations_table(shapes))
    if shapes[0].pinned:
        say_pinned(shapes[0].generation)


def verify_reference(state: Path | None, *, json: bool) -> None:
    """Verify every byte of the reference set, and a sample of queries.

    The report says of a damaged file whether the generation in force needs it.
    """
    with board("verifying", in_bytes=True) as shown:
        report = reference_directory(state).check(shown.move)
    if json:
        print_json(document_of(CheckedReferenceJSON, report))
    else:
        print_text(*report_lines(report))
    if not report.is_sound:
        raise typer.Exit(FOUND)


def rollback_command(
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="[N]",
            help="The number of a kept generation.  [default: the one before the last "
            "import]",
        ),
    ] = None,
    *,
    release: Annotated[
        bool, typer.Option("--release", help="End the pinning: imports work again.")
    ] = False,
    yes: YesOption = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Return to an older generation, without the entries withdrawn since then.

    Entries that were removed, revoked or suppressed since then stay out of force, and
    so do entries that a later import of their set lacks. The generation is pinned:
    until `--release`, nothing can be imported, and the service logs a warning.

    **Examples**

        uploadfilter hashset rollback

        uploadfilter hashset rollback --release
    """
    if release:
        if number is not None:
            raise UsageError(
                "--release is of the pinned generation, and takes no number",
                hint="'uploadfilter hashset list --generations' shows it.",
            )
        _release(state, json=json)
        return
    with reference_writer(state) as writer:
        kept = find_generation(writer.generations(), number)
        if not yes and (kept is not None or not number):
            where = (
                f"generation {number}{_about(kept)}"
                if number
                else "the generation before the last import"
            )
            confirm(f"Return to {where}?", refused="a rollback needs a confirmation")
        returned = writer.rollback(number)
        now = writer.number
        generation = writer.generation
    _report_rollback(returned, now, json=json)
    say_lack(generation)


def _report_rollback(returned: Returned, now: int, *, json: bool) -> None:
    if json:
        shape = document_of(ReturnedJSON, returned, generation=now, pinned=True)
        print_json(shape)
        return
    say(f"returned to generation {returned.number}, as generation {now}")
    for name, count in sorted(returned.kept_out.items()):
        say(
            f"{count:,} entries of {name!r} stay withdrawn, because a later import "
            "lacks them; an import that lists them brings them back",
            style="yellow",
        )
    for name in returned.monitored:
        say(
            f"{name!r} stays monitored and rejects no upload, because a later "
            "import said so",
            style="yellow",
        )
    say_pinned(now)


def _release(state: Path | None, *, json: bool) -> None:
    with reference_writer(state) as writer:
        writer.release()
        number = writer.number
    if json:
        print_json(ReleasedJSON(number, pinned=False))
    else:
        say(f"released; generation {number} may be changed again")


def reference_directory(state: Path | None) -> ReferenceDirectory:
    """Return the reference directory of a state directory."""
    return ReferenceDirectory(state_directory(state) / REFERENCE_DIRECTORY)


def find_generation(kept: Sequence[Current], number: int | None) -> Current | None:
    """Return a generation by its number; ``None`` if it is not kept.

    The writer refuses a number that does not exist.
    """
    return next((item for item in kept if item.generation == number), None)


def generations_table(found: Sequence[GenerationJSON]) -> Table:
    """Return generations as a table, one row each; the first one is in force."""
    rows = [
        (
            str(it.generation),
            ("in force" if at == 0 else "kept") + (", pinned" if it.pinned else ""),
            words_of(it.at),
            " ".join(word for word in (it.kind.value, it.subject) if word),
            f"{it.entries:,}",
            str(it.base.number),
            megabytes(it.base.size),
            megabytes(it.overlay.size),
        )
        for at, it in enumerate(found)
    ]
    columns = ("number", "state", "since", "made by", "entries", "base", "MB", "+ MB")
    return table(*columns, rows=rows, numeric=4, whole=("state", "since"))


def report_lines(report: CheckReport) -> list[Text]:
    """Return the report of a check as lines of text."""
    size = megabytes(report.bytes)
    what = f"{report.files} files, {size} MB, generation {report.generation}"
    if report.is_sound:
        return [Text(f"sound: {what}", style="green")]
    lines = [Text(f"damaged: {what}", style="bold red")]
    for item in report.problems:
        whose = "in force" if item.in_force else "kept"
        lines.append(Text(harmless(f"  {item.path} {item.what} ({whose})")))
    hint = (
        "restore a backup, or move the reference directory away and import again"
        if any(item.in_force for item in report.problems)
        else "the service is not affected; that generation cannot be returned to"
    )
    return [*lines, Text(f"  {hint}", style="dim")]


def megabytes(size: int) -> str:
    """Return a number of bytes in megabytes."""
    return f"{size / _MEGABYTE:,.1f}"


def _about(kept: Current | None) -> str:
    return f" of {when(kept.at)} with {kept.entries:,} entries" if kept else ""


def say_pinned(number: int) -> None:
    """State on stderr that a rollback's generation has to be released."""
    say(
        f"generation {number} is pinned: nothing can be imported until you run "
        "'uploadfilter hashset rollback --release'",
        style="yellow",
    )
