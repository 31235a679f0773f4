"""Parse the options that describe the columns of a CSV file.

Options override the mapping file, if there is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from uploadfilter.cli.files import explain_failure
from uploadfilter.errors import ConfigError, UsageError
from uploadfilter.hashsets.foreign.foreign import FOREIGN
from uploadfilter.hashsets.foreign.form import ForeignFormat
from uploadfilter.hashsets.formats import KnownBefore
from uploadfilter.hashsets.importing import is_unsaid_table
from uploadfilter.hashsets.lines.columns import (
    Encoding,
    Layout,
    folded,
    pair_of,
    parsed,
    separator_of,
)
from uploadfilter.model import SignalType


class NamedFormat(StrEnum):
    """The format of a file, as an option names it."""

    AUTO = "auto"
    CSV = "csv"
    VICS = "vics"
    NCMEC = "ncmec"
    STOPNCII = "stopncii"
    THREATEXCHANGE = "threatexchange"
    MISP = "misp"


FormatOption = Annotated[
    NamedFormat,
    typer.Option(
        "--format", help="The format of the file, if its first line does not show it."
    ),
]
SignalTypeOption = Annotated[
    SignalType | None,
    typer.Option(
        "--type",
        help="The signal type of a list, if the length of its values does not show it.",
    ),
]
SkipBadLinesOption = Annotated[
    bool,
    typer.Option(
        "--skip-bad-lines",
        help="Leave malformed lines out, instead of refusing the file.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """The options of ``hashset import`` that say how a file is read."""

    signal_type: SignalTypeOption = None
    format: FormatOption = NamedFormat.AUTO
    mapping: Annotated[
        Path | None,
        typer.Option(
            metavar="TOML", help="CSV: a mapping file, in TOML; options override it."
        ),
    ] = None
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help="CSV: the field of a column: id, category, md5, sha1, ...; give it "
            "once for each column. Without it, columns are recognised by their names.",
        ),
    ] = None
    wheres: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="COLUMN=VALUE",
            help="CSV: take only rows with this value; give it again for another "
            "value or column.",
        ),
    ] = None
    delimiter: Annotated[
        str | None,
        typer.Option(metavar="C", help="CSV: the character between cells, or 'tab'."),
    ] = None
    quote: Annotated[
        str | None,
        typer.Option(metavar="C", help="CSV: the character around cells, or 'none'."),
    ] = None
    encoding: Annotated[
        Encoding | None, typer.Option(help="CSV: the encoding of the file.")
    ] = None

    def foreign(self) -> ForeignFormat | None:
        """Return the foreign format that ``--format`` names, if it names one."""
        return next((form for form in FOREIGN if form.name == self.format), None)

    def known_before(self, file: Path) -> KnownBefore:
        """Return what is known of a file; CSV that nobody described has a layout."""
        known = KnownBefore(
            signal_type=self.signal_type, layout=self.layout(), foreign=self.foreign()
        )
        if known == KnownBefore() and is_unsaid_table(file):
            return KnownBefore(layout=Layout())
        return known

    def layout(self) -> Layout | None:
        """Return the layout of the CSV file; ``None`` if it is not CSV."""
        given = (self.mapping, self.maps, self.wheres, self.delimiter, self.quote)
        is_given = any((*given, self.encoding))
        if self.format is not NamedFormat.CSV and not is_given:
            return None
        if self.foreign() is not None:
            raise UsageError(
                f"an option for CSV was given, but --format says {self.format}",
                hint="Omit the option: a file in this format names its fields itself.",
            )
        saved = Layout() if self.mapping is None else _saved(self.mapping)
        maps, wheres = _grouped(self.maps or ()), _grouped(self.wheres or ())
        wanted = {
            column: frozenset(map(folded, texts)) for column, texts in wheres.items()
        }
        return replace(
            saved,
            columns={**saved.columns, **maps},
            wanted={**saved.wanted, **wanted},
            delimiter=saved.delimiter
            if self.delimiter is None
            else separator_of(self.delimiter),
            quote=saved.quote if self.quote is None else separator_of(self.quote),
            encoding=self.encoding or saved.encoding,
        )


def _grouped(pairs: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, value in map(pair_of, pairs):
        found[name] = (*found.get(name, ()), value)
    return found


def _saved(path: Path) -> Layout:
    try:
        with explain_failure(f"read {str(path)!r}", error=ConfigError):
            return parsed(path.read_text(encoding="utf-8"))
    except UsageError as exc:
        raise ConfigError(f"{path}: {exc}", hint=exc.hint) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(
            f"{path}: not UTF-8 at byte {exc.start}", hint="Save the file as UTF-8."
        ) from exc
