"""``uploadfilter hashset convert``: write a file as JSON lines, or a list."""

from pathlib import Path
from typing import Annotated

import typer

from uploadfilter.cli.hashset.layouts import (
    FormatOption,
    NamedFormat,
    SignalTypeOption,
    SkipBadLinesOption,
    TableOptions,
)
from uploadfilter.cli.hashset.surveys import PreviewJSON, survey_document, survey_lines
from uploadfilter.cli.options import JSONOption
from uploadfilter.cli.output import print_json, print_text, say
from uploadfilter.cli.progress import board
from uploadfilter.hashsets.converting import convert_file
from uploadfilter.hashsets.refusing import BadLines
from uploadfilter.model import SignalType


def convert_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file in any supported format.")
    ],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The new file.")],
    *,
    categories: Annotated[
        list[str],
        typer.Option(
            "--category",
            metavar="C",
            help="A category to take; give the option once for each.",
        ),
    ],
    only: Annotated[
        SignalType | None,
        typer.Option(
            "--only",
            help="Write a list of this signal type.  [default: JSON lines of all]",
        ),
    ] = None,
    file_format: FormatOption = NamedFormat.AUTO,
    signal_type: SignalTypeOption = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="TOML", help="CSV: a mapping file, in TOML.")
    ] = None,
    skip_bad_lines: SkipBadLinesOption = False,
    json: JSONOption = False,
) -> None:
    """Write the allowed entries of a file as JSON lines, or as a list of one type.

    The reference set does not change. The new file must not exist; it appears whole or
    not at all.

    **Examples**

        uploadfilter hashset convert export.json unit7.jsonl --category 1

        uploadfilter hashset convert export.json md5.txt --category 1 --only md5
    """
    table = TableOptions(signal_type=signal_type, format=file_format, mapping=mapping)
    said = table.known_before(file)
    with board("converting", in_bytes=True) as shown:
        survey = convert_file(
            file,
            new,
            categories=categories,
            only=only,
            said=said,
            bad_lines=BadLines.SKIP if skip_bad_lines else BadLines.REFUSE,
            progress=shown.move if file.is_file() else None,
        )
    if json:
        print_json(survey_document(PreviewJSON, survey))
        return
    print_text(*survey_lines(survey, categories))
    say(f"wrote {survey.accepted:,} entries into {str(new)!r}", style="green")
