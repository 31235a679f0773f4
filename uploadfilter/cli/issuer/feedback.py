"""``uploadfilter hashset feedback`` and ``issuer feedback``."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from msgspec import Struct, field
from rich.text import Text

from uploadfilter.cli.files import explain_failure
from uploadfilter.cli.issuer.issuer import DEFAULT_FOLDER, FolderOption
from uploadfilter.cli.options import JSONOption, StateOption, day, now, state_directory
from uploadfilter.cli.output import (
    document_of,
    harmless,
    print_json,
    print_text,
    say,
    write_data,
)
from uploadfilter.cli.writing import directory_to_write
from uploadfilter.errors import FeedbackError, StoreMissingError, UsageError
from uploadfilter.issuing import feedback as summing
from uploadfilter.issuing.folder import IssuerFolder
from uploadfilter.issuing.keys import made_plain_key, opened_plain_key
from uploadfilter.issuing.published import published
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.signedsets.feedback import FORMAT, EntryLine, EntrySum, FeedbackHeader
from uploadfilter.signedsets.metadata import name_of
from uploadfilter.state import write_private
from uploadfilter.syncing import feedback as gathering
from uploadfilter.syncing.trusting import Trusted

KEY_FILE: Final = "feedback.key"
"""The file of the operator's feedback key, in the state directory."""

SHOWN: Final = 20
"""Most entries that a terminal shows; the JSON has all of them."""


class FeedbackJSON(Struct):
    """The numbers of a file for the issuer."""

    set: str
    entries: int
    matches: int


class DoubtedJSON(Struct):
    """The counts of all operators for one entry."""

    id: str
    days: dict[date, int]
    exact: int
    rejected: int
    operators: int
    suppressed_by: int
    quarantined_by: int
    days_to_first: int | None
    objections: int
    asked_by: int
    matches: int


class FeedbackGapJSON(Struct):
    """Days of which an operator's log has no matches."""

    operator: str
    since: date = field(name="from")
    to: date


class FeedbackSumJSON(Struct):
    """The counts of all operators for all entries, on the last line."""

    files: int
    operators: list[str]
    entries: int
    matches: int
    since: date = field(name="from")
    to: date
    gaps: list[FeedbackGapJSON]
    omitted: int


def feedback_command(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The name of the signed set.")
    ] = None,
    *,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="DAY", help="First day, such as 2026-11-01."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="DAY", help="Last day; it must be over."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The new file."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="OPERATOR",
            help="Print the public part of the key that signs, and write no file; make "
            "the key if there is none. OPERATOR is your name for the issuer: a "
            "company, with a number if you have several machines.",
        ),
    ] = None,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Write for the issuer of a set which entries matched, by day, and sign it.

    The file holds counts, and nothing about an upload or its client. It is text: read
    it before you send it. Make the key first, give its public part to the issuer, and
    read it out on the telephone.

    **Examples**

        uploadfilter hashset feedback --key hoster-1 > hoster-1.pub

        uploadfilter hashset feedback unit7 --from 2026-11-01 --to 2026-11-30 -o f.jsonl
    """
    if key is not None:
        if (name, since, to, output) != (None, None, None, None):
            raise UsageError(
                "--key writes no feedback",
                hint="Run the command again, without --key, for the file.",
            )
        _print_key(state, key)
        return
    if name is None or since is None or to is None or output is None:
        raise UsageError(
            "feedback needs the NAME of the set, --from, --to and --output",
            hint="For example: uploadfilter hashset feedback unit7 --from 2026-11-01 "
            "--to 2026-11-30 -o f.jsonl",
        )
    report, lines = _write_feedback(
        state_directory(state), name, (day(since), day(to)), output
    )
    matches = sum(line.matches for line in lines)
    if json:
        print_json(FeedbackJSON(name, len(lines), matches))
        return
    say(f"{str(output)!r}: {len(lines):,} entries, {matches:,} matches", style="green")
    for begin, end in report.gaps:
        say(f"the log no longer has the matches of {begin} to {end}", style="yellow")


def _print_key(state: Path | None, operator: str) -> None:
    """Make the key that signs feedback, if there is none; print its public part."""
    path = directory_to_write(state, create=True).path.parent / KEY_FILE
    if path.exists():
        signer = opened_plain_key(path.read_bytes())
        known = name_of(signer.public_key)
        if operator != known:
            raise UsageError(
                f"there is a key already, under the name {known!r}",
                hint=f"'--key {known}' prints its public part; or move the key away: "
                f"{str(path)!r}.",
            )
        shape = {"name": known, "public": signer.public_key.keyval["public"]}
        write_data(msgspec.json.format(msgspec.json.encode(shape), indent=1) + b"\n")
        return
    private, public = made_plain_key(operator)
    with explain_failure(f"write {str(path)!r}"):
        write_private(path, private)
    write_data(public)


def _write_feedback(
    base: Path, name: str, days: tuple[date, date], output: Path
) -> tuple[FeedbackHeader, list[EntryLine]]:
    """Write the file of these days, the last one included; return what it holds."""
    first, last = days
    _check_new(output, last)
    signer = opened_plain_key(_key_of(base))
    root = Trusted.of(base, name).status().root
    found = gathering.gathered(_logs(base), name, first, last)
    lines = list(found.lines(_quarantined(base, name)))
    try:
        header = FeedbackHeader(
            feedback=FORMAT,
            set=name,
            root=root,
            operator=name_of(signer.public_key),
            public=signer.public_key.keyval["public"],
            since=first,
            to=last,
            entries=len(lines),
            numbers=gathering.numbers_of(found),
            gaps=tuple(sorted(found.gaps)),
            omitted=found.omitted,
        )
    except ValueError as exc:
        raise UsageError(
            f"no feedback can be written: {exc}", hint="Choose other days."
        ) from exc
    _write(output, gathering.written(signer, header, lines))
    return header, lines


def _check_new(output: Path, last: date) -> None:
    if last >= now().date():
        raise UsageError(
            f"{last} is not over yet", hint="The last day may be yesterday, in UTC."
        )
    if output.exists():
        raise UsageError(
            f"{str(output)!r} exists already", hint="Name another file, or remove it."
        )


def issuer_feedback_command(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Feedback files of operators."),
    ],
    *,
    operators: Annotated[
        list[Path] | None,
        typer.Option(
            "--operator",
            metavar="PUB",
            help="The public key of an operator; give the option once for each.  "
            "[default: all in the folder 'operators']",
        ),
    ] = None,
    json: JSONOption = False,
    folder: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Verify feedback of operators, and add it up by entry.

    With --json: one line for each entry, and a last line for all.

    **Example**

        uploadfilter issuer feedback november/*.jsonl
    """
    it = IssuerFolder(folder)
    named = operators or sorted((it.path / summing.OPERATORS).glob("*.pub"))
    with (
        it.locked(),
        summing.opened(
            files,
            operators=summing.known_operators(named),
            roots=summing.roots_of(it),
            today=now().date(),
        ) as found,
    ):
        for path in found.copies:
            say(f"{str(path)!r} was given twice, and is counted once", style="yellow")
        sums = found.sums(summing.listed_by(published(it)))
        if json:
            _print_sums(found, sums)
        else:
            _show_sums(found, sums)


def _print_sums(found: summing.Feedback, sums: Iterator[EntrySum]) -> None:
    entries = matches = 0
    for item in sums:
        entries, matches = entries + 1, matches + item.matches
        print_json(document_of(DoubtedJSON, item))
    headers = [it.header for it in found.files]
    shape = FeedbackSumJSON(
        files=len(headers),
        operators=sorted({it.operator for it in headers}),
        entries=entries,
        matches=matches,
        since=min(it.since for it in headers),
        to=max(it.to for it in headers),
        gaps=[FeedbackGapJSON(it.operator, *gap) for it in headers for gap in it.gaps],
        omitted=sum(it.omitted for it in headers),
    )
    print_json(shape)


def _show_sums(found: summing.Feedback, sums: Iterator[EntrySum]) -> None:
    """Show the doubted entries first, then the entries with the most matches."""
    kept: list[EntrySum] = []
    entries = matches = 0
    for item in sums:
        entries, matches = entries + 1, matches + item.matches
        kept.append(item)
        if len(kept) > 2 * SHOWN:
            kept = sorted(kept, key=_weight, reverse=True)[:SHOWN]
    names = sorted({it.header.operator for it in found.files})
    files = "1 file" if len(found.files) == 1 else f"{len(found.files):,} files"
    lines = [
        Text(harmless(f"{files} of {', '.join(names)}"), style="bold"),
        Text(
            f"  entries that matched or are doubted: {entries:,}; matches: {matches:,}"
        ),
    ]
    shown = sorted(kept, key=_weight, reverse=True)[:SHOWN]
    lines.extend(Text(harmless(f"  {_words(item)}")) for item in shown)
    if entries > SHOWN:
        lines.append(
            Text(f"  and {entries - SHOWN:,} more: --json has all", style="dim")
        )
    print_text(*lines)


def _weight(item: EntrySum) -> tuple[int, int]:
    doubts = item.suppressed_by + item.quarantined_by + item.asked_by
    return doubts + bool(item.objections), item.matches


def _words(item: EntrySum) -> str:
    words = [f"{item.id}: {item.matches:,} matches at {item.operators:,} operators"]
    words.append(f"{item.exact:,} of them exact")
    if item.suppressed_by:
        words.append(f"switched off by {item.suppressed_by:,}")
    if item.quarantined_by:
        words.append(f"held back by {item.quarantined_by:,}")
    if item.asked_by:
        words.append(f"withdrawal asked by {item.asked_by:,}")
    if item.objections:
        words.append(f"objections: {item.objections:,}")
    if item.days_to_first is not None:
        words.append(f"first after {item.days_to_first:,} days")
    return ", ".join(words)


def _quarantined(state: Path, name: str) -> list[str]:
    with ReferenceReader.open(state / REFERENCE_DIRECTORY) as reader:
        try:
            changes = reader.current().changes
        except StoreMissingError:
            # Nothing was synced yet, so nothing can have matched.
            return []
    return [it.entry for it in changes.rows(Party.GATE, name)]


def _logs(state: Path) -> list[Path]:
    return sorted(it for it in (state / "instances").glob("*/log") if it.is_dir())


def _key_of(state: Path) -> bytes:
    try:
        return (state / KEY_FILE).read_bytes()
    except OSError as exc:
        raise FeedbackError(
            f"there is no feedback key: {exc.strerror}",
            hint="Make one with 'uploadfilter hashset feedback --key OPERATOR', and "
            "give its public part to the issuer.",
        ) from exc


def _write(path: Path, lines: Iterator[bytes]) -> None:
    new = path.with_name(path.name + ".tmp")
    with explain_failure(f"write {str(path)!r}"):
        try:
            with new.open("wb") as file:
                file.writelines(lines)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
