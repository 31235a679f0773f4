"""``uploadfilter hashset import | list | show | remove``: the hash sets in force."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import DownloadColumn
from rich.text import Text

from uploadfilter.cli.hashset.enforcement import (
    DropCategoriesOption,
    NameArgument,
    lack_in,
    say_lack,
    say_lack_of_set,
    say_state,
)
from uploadfilter.cli.hashset.generations import say_pinned
from uploadfilter.cli.hashset.layouts import (
    FormatOption,
    NamedFormat,
    SignalTypeOption,
    SkipBadLinesOption,
    TableOptions,
)
from uploadfilter.cli.hashset.off import off_document, off_table
from uploadfilter.cli.hashset.sets import (
    counts_table,
    numbers_document,
    report_document,
    report_lines,
    set_document,
    set_lines,
    sets_table,
)
from uploadfilter.cli.hashset.statuses import numbers_of
from uploadfilter.cli.hashset.surveys import (
    preview_document,
    preview_lines,
)
from uploadfilter.cli.options import (
    JSONOption,
    StateOption,
    YesOption,
    state_directory,
)
from uploadfilter.cli.output import (
    confirm,
    harmless,
    print_json,
    print_text,
    say,
)
from uploadfilter.cli.progress import board
from uploadfilter.cli.writing import reference_writer
from uploadfilter.errors import UsageError
from uploadfilter.hashsets.choices import Chosen, settled
from uploadfilter.hashsets.importing import (
    ImportReport,
    KnownBefore,
    import_file,
    is_unsaid_table,
    list_sets,
    remove_set,
    show_set,
    survey_file,
)
from uploadfilter.hashsets.lines.columns import Encoding, Layout
from uploadfilter.hashsets.opening import open_file
from uploadfilter.hashsets.refusing import BadLines
from uploadfilter.issuing.wording import entries as counted_entries
from uploadfilter.proxy.routing.enforcing import OneSet
from uploadfilter.reference.entries.sets import SetInfo, no_such_set
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.store import (
    REFERENCE_DIRECTORY,
    ReferenceReader,
)

_NameOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The name of the hash set on this machine.  [required "
        "except with --preview]",
        show_default=False,
    ),
]
_CategoriesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--category",
        metavar="C",
        help="A category to take; give the option once for each. A list has one "
        "category.  [default: those of the replaced set]",
        show_default=False,
    ),
]
_MappingOption = Annotated[
    Path | None,
    typer.Option(
        metavar="TOML",
        help="CSV: a mapping file, in TOML; options override it.",
    ),
]
_MapsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN",
        help="CSV: the field of a column: id, category, md5, sha1, ...; give it "
        "once for each column. Without it, columns are recognised by their names.",
    ),
]
_WheresOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="COLUMN=VALUE",
        help="CSV: take only rows with this value; give it again for another "
        "value or column.",
    ),
]
_DelimiterOption = Annotated[
    str | None,
    typer.Option(metavar="C", help="CSV: the character between cells, or 'tab'."),
]
_QuoteOption = Annotated[
    str | None,
    typer.Option(metavar="C", help="CSV: the character around cells, or 'none'."),
]
_EncodingOption = Annotated[
    Encoding | None, typer.Option(help="CSV: the encoding of the file.")
]
_PreviewOption = Annotated[
    bool,
    typer.Option("--preview", help="Describe the file, and import nothing."),
]


def import_set(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A list, JSON lines, or CSV.")
    ],
    *,
    name: _NameOption = None,
    categories: _CategoriesOption = None,
    drop_categories: DropCategoriesOption = False,
    skip_bad_lines: SkipBadLinesOption = False,
    signal_type: SignalTypeOption = None,
    file_format: FormatOption = NamedFormat.AUTO,
    mapping: _MappingOption = None,
    maps: _MapsOption = None,
    wheres: _WheresOption = None,
    delimiter: _DelimiterOption = None,
    quote: _QuoteOption = None,
    encoding: _EncodingOption = None,
    preview: _PreviewOption = False,
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
    """
    options = TableOptions(
        format=file_format,
        mapping=mapping,
        maps=maps or (),
        wheres=wheres or (),
        delimiter=delimiter,
        quote=quote,
        encoding=encoding,
    )
    layout, foreign = options.layout(), options.foreign()
    is_said = (layout, foreign, signal_type) != (None, None, None)
    if not is_said and is_unsaid_table(file):
        layout = Layout()
    said = KnownBefore(signal_type=signal_type, layout=layout, foreign=foreign)
    chosen = Chosen(
        categories=categories or [],
        drops_categories=drop_categories,
    )
    allowed = chosen.categories
    if preview:
        _preview(file, allowed, said, json=json)
        return
    if layout is not None and not yes:
        _ask(file, allowed, layout, json=json)
    # The size of a pipe is unknown.
    is_file = file.is_file()
    with (
        # Opened as root: the owner of the state directory may not be able to read it.
        open_file(file) as raw,
        board("reading", amount=DownloadColumn()) as shown,
        reference_writer(state, create=True) as writer,
    ):
        held = settled(_named(name), chosen, writer.sets)
        report = import_file(
            file,
            name=_named(name),
            categories=held.categories,
            enforced=held.enforced,
            writer=writer,
            clock=time.time,  # noqa: TID251 -- the clock that is handed down
            said=said,
            bad_lines=BadLines.SKIP if skip_bad_lines else BadLines.REFUSE,
            raw=raw,
            progress=shown.move if is_file else None,
        )
        generation = writer.generation
    _report(report, json=json)
    say_state(report.set.name, held)
    say_lack(generation)


def _report(report: ImportReport, *, json: bool) -> None:
    if json:
        print_json(report_document(report))
    else:
        print_text(*report_lines(report))


def _named(name: str | None) -> str:
    if name is None:
        raise UsageError(
            "the name of the hash set is missing",
            hint="Add --name NAME; only --preview needs no name.",
        )
    return name


def _preview(
    file: Path,
    categories: Sequence[str],
    said: KnownBefore,
    *,
    json: bool,
) -> None:
    """Describe a file without importing it."""
    with board("reading", amount=DownloadColumn()) as shown:
        survey = survey_file(
            file,
            categories=categories,
            said=said,
            progress=shown.move if file.is_file() else None,
        )
    if json:
        print_json(preview_document(survey))
    else:
        print_text(*preview_lines(survey, categories))


def _ask(file: Path, categories: Sequence[str], layout: Layout, *, json: bool) -> None:
    """Show how a CSV file is read, and ask for a confirmation, on a terminal.

    Raises:
        UsageError: No column was named, and there is no terminal to ask on, or the file
            cannot be read twice.
        typer.Abort: The user answered no.
    """
    if sys.stdin.isatty() and file.is_file() and not json:
        _preview(file, categories, KnownBefore(layout=layout), json=False)
        typer.confirm("Import this?", abort=True, err=True)
    elif not layout.columns:
        raise UsageError(
            "the file is CSV, and the fields of its columns are not named",
            hint="Give --map FIELD=COLUMN for each column, or --yes to take the "
            "columns with known names; --preview shows how the file would be read.",
        )


def list_command(
    *,
    off: Annotated[
        bool,
        typer.Option(
            "--off", help="List the entries that are off: by whom, until when, and why."
        ),
    ] = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """List the hash sets of the reference set, or its entries that are off.

    **Examples**

        uploadfilter hashset list --json

        uploadfilter hashset list --off
    """
    with _reader(state) as reader:
        generation = reader.current()
        if off:
            _show_off(generation, json=json)
            return
        sets = list_sets(generation)
    if json:
        found = [set_document(info) for info in sets]
        lack = lack_in(generation)
        print_json({"generation": generation.number, "lack": lack, "sets": found})
        return
    print_text(sets_table(sets))
    say(f"generation {generation.number}, {counted_entries(generation.entry_count)}")
    say_lack(generation)
    if generation.pinned:
        say_pinned(generation.number)


def _show_off(generation: LayeredGeneration, *, json: bool) -> None:
    rows = sorted(generation.off, key=lambda it: it.slot)
    if json:
        shapes = [off_document(it) for it in rows]
        print_json({"generation": generation.number, "off": shapes})
    else:
        print_text(off_table(rows))


def show_command(
    name: NameArgument, *, json: JSONOption = False, state: StateOption = None
) -> None:
    """Show one hash set: its source, and its number of signals of each type.

    **Example**

        uploadfilter hashset show unit7
    """
    with _reader(state) as reader:
        generation = reader.current()
        details = show_set(generation, name)
        numbers = numbers_of(generation, details.info)
    if json:
        print_json(
            {
                **set_document(details.info),
                **numbers_document(numbers),
                "first_ids": details.first_ids,
                "lack": lack_in(OneSet(generation=generation, name=name)),
            }
        )
        return
    print_text(*set_lines(details.info, numbers), counts_table(details.info))
    print_text(Text(harmless(f"first ids: {', '.join(details.first_ids) or 'none'}")))
    say_lack_of_set(generation, name)


def remove_command(
    name: NameArgument,
    *,
    yes: YesOption = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Remove a hash set from the reference set.

    A running proxy loads the change within two seconds.

    **Example**

        uploadfilter hashset remove unit7
    """
    with reference_writer(state) as writer:
        listed = find_set(writer.sets, name)
        if not yes:
            confirm(
                f"Remove {name} with {counted_entries(listed.entries)}?",
                refused=f"hash set {name!r} is removed only after a confirmation",
            )
        info = remove_set(writer, name)
        number = writer.number
        generation = writer.generation
    if json:
        print_json({**set_document(info), "generation": number})
    else:
        gone = counted_entries(info.entries)
        say(f"removed {name!r} with {gone}; generation {number}")
    say_lack(generation)


def find_set(sets: Sequence[SetInfo], name: str) -> SetInfo:
    """Return the hash set of a name.

    Raises:
        HashSetNameError: There is no such set.
    """
    for info in sets:
        if info.name == name:
            return info
    raise no_such_set(name, sets)


def _reader(state: Path | None) -> ReferenceReader:
    return ReferenceReader.open(state_directory(state) / REFERENCE_DIRECTORY)
