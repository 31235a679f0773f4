"""``uploadfilter hashset import | remove``: the hash sets in force."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from uploadfilter.cli.hashset.enforcement import (
    DropCategoriesOption,
    NameArgument,
    say_lack,
    say_state,
)
from uploadfilter.cli.hashset.known import import_known_good, remove_known_good
from uploadfilter.cli.hashset.layouts import SkipBadLinesOption, TableOptions
from uploadfilter.cli.hashset.sets import HashSetJSON, source_of
from uploadfilter.cli.hashset.surveys import (
    PreviewJSON,
    preview_lines,
    report_document,
    report_lines,
    survey_document,
)
from uploadfilter.cli.options import JSONOption, StateOption, YesOption
from uploadfilter.cli.output import confirm, document_of, print_json, print_text, say
from uploadfilter.cli.progress import board
from uploadfilter.cli.writing import compact_if_due, reference_writer
from uploadfilter.errors import UsageError
from uploadfilter.hashsets.choices import Chosen, settled
from uploadfilter.hashsets.formats import KnownBefore
from uploadfilter.hashsets.importing import (
    import_file,
    survey_file,
)
from uploadfilter.hashsets.lines.columns import Layout
from uploadfilter.hashsets.opening import open_file
from uploadfilter.hashsets.refusing import BadLines
from uploadfilter.issuing.wording import entries as counted_entries
from uploadfilter.reference.entries.sets import SetInfo, no_such_set


class RemovedSetJSON(HashSetJSON):
    """A hash set that was removed."""

    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOptions:
    """The options that say under which name a set is taken, and of which categories."""

    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The name of the hash set on this machine.  [required "
            "except with --preview]",
        ),
    ] = None
    categories: Annotated[
        list[str] | None,
        typer.Option(
            "--category",
            metavar="C",
            help="A category to take; give the option once for each. A list has one "
            "category.  [default: those of the replaced set]",
        ),
    ] = None
    drop_categories: DropCategoriesOption = False

    def chosen(self) -> Chosen:
        """Return the choices for the import."""
        return Chosen(
            categories=self.categories or [], drops_categories=self.drop_categories
        )


_KnownGoodOption = Annotated[
    bool,
    typer.Option(
        "--known-good",
        help="The file lists harmless files, which no signed set may list: a corpus of "
        "'hashset known-good', or a list of NSRL, HashKeeper or EnCase.",
    ),
]
_PreviewOption = Annotated[
    bool, typer.Option("--preview", help="Describe the file, and import nothing.")
]


def import_set(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A list, JSON lines, or CSV.")
    ],
    *,
    wanted: SetOptions,
    skip_bad_lines: SkipBadLinesOption = False,
    table: TableOptions,
    preview: _PreviewOption = False,
    known_good: _KnownGoodOption = False,
    yes: YesOption = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Import a hash set from a file; the new set replaces one of the same name.

    All or nothing: a refused file changes nothing. A running proxy loads the new
    reference set within two seconds. For a CSV file on a terminal, the command first
    shows how it reads the columns, and asks.

    **Examples**

        uploadfilter hashset import unit7.jsonl --name unit7 --category 1

        md5sum *.jpg | uploadfilter hashset import /dev/stdin --name own --category own

        uploadfilter hashset import export.csv --map md5=MD5 --preview

        uploadfilter hashset import NSRLFile.txt --known-good --name nsrl
    """
    if known_good:
        if preview or wanted.categories:
            raise UsageError(
                "known-good files have no categories and no preview",
                hint="Omit --category and --preview.",
            )
        import_known_good(file, _named(wanted.name), state, json=json)
        return
    said = table.known_before(file)
    chosen = wanted.chosen()
    allowed = chosen.categories
    if preview:
        _preview(file, allowed, said, json=json)
        return
    if said.layout is not None and not yes:
        _ask(file, allowed, said.layout, json=json)
    # The size of a pipe is unknown.
    is_file = file.is_file()
    with (
        # Opened as root: the owner of the state directory may not be able to read it.
        open_file(file) as raw,
        reference_writer(state, create=True) as writer,
    ):
        held = settled(_named(wanted.name), chosen, writer.sets)
        with board("reading", in_bytes=True) as shown:
            report = import_file(
                file,
                name=_named(wanted.name),
                categories=held.categories,
                enforced=held.enforced,
                writer=writer,
                clock=time.time,  # noqa: TID251 -- the clock that is handed down
                said=said,
                bad_lines=BadLines.SKIP if skip_bad_lines else BadLines.REFUSE,
                raw=raw,
                progress=shown.move if is_file else None,
            )
        if json:
            print_json(report_document(report))
        else:
            print_text(*report_lines(report))
        compact_if_due(writer)
        generation = writer.generation
    say_state(report.set.name, held)
    say_lack(generation, is_advised=not held.enforced)


def _named(name: str | None) -> str:
    if name is None:
        raise UsageError(
            "the name of the hash set is missing",
            hint="Add --name NAME; only --preview needs no name.",
        )
    return name


def _preview(
    file: Path, categories: Sequence[str], said: KnownBefore, *, json: bool
) -> None:
    with board("reading", in_bytes=True) as shown:
        survey = survey_file(
            file,
            categories=categories,
            said=said,
            progress=shown.move if file.is_file() else None,
        )
    if json:
        print_json(survey_document(PreviewJSON, survey))
    else:
        print_text(*preview_lines(survey, categories))


def _ask(file: Path, categories: Sequence[str], layout: Layout, *, json: bool) -> None:
    """Show how a CSV file is read, and ask for a confirmation, on a terminal."""
    if sys.stdin.isatty() and file.is_file() and not json:
        _preview(file, categories, KnownBefore(layout=layout), json=False)
        typer.confirm("Import this?", abort=True, err=True)
    elif not layout.columns:
        raise UsageError(
            "the file is CSV, and the fields of its columns are not named",
            hint="Give --map FIELD=COLUMN for each column, or --yes to take the "
            "columns with known names; --preview shows how the file would be read.",
        )


def remove_command(
    name: NameArgument,
    *,
    known_good: Annotated[
        bool, typer.Option("--known-good", help="NAME is a known-good corpus.")
    ] = False,
    yes: YesOption = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Remove a hash set from the reference set, or a known-good corpus.

    A running proxy loads the change within two seconds. Entries in quarantine because
    of a corpus stay there until the next sync of their set.

    **Examples**

        uploadfilter hashset remove unit7

        uploadfilter hashset remove nsrl --known-good
    """
    if known_good:
        remove_known_good(name, state, json=json)
        return
    with reference_writer(state) as writer:
        listed = find_set(writer.sets, name)
        if not yes:
            confirm(
                f"Remove {name} with {counted_entries(listed.entries)}?",
                refused=f"hash set {name!r} is removed only after a confirmation",
            )
        info = writer.remove_set(name)
        number = writer.number
        if json:
            source = source_of(info)
            shape = document_of(RemovedSetJSON, info, source=source, generation=number)
            print_json(shape)
        else:
            gone = counted_entries(info.entries)
            say(f"removed {name!r} with {gone}; generation {number}")
        compact_if_due(writer)
        generation = writer.generation
    say_lack(generation)


def find_set(sets: Sequence[SetInfo], name: str) -> SetInfo:
    """Return the hash set of a name."""
    for info in sets:
        if info.name == name:
            return info
    raise no_such_set(name, sets)
