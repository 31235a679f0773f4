"""Find the field of each column of a CSV file, from options or from its name.

A column that is not wanted is never read again. Clauses:
``hashsets/FORMAT.md``, section 7.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec

from uploadfilter.errors import HashSetFormatError, UsageError
from uploadfilter.model import PERCEPTUAL_TYPES, SignalType
from uploadfilter.toml import fault_of

ID: Final = "id"
CATEGORY: Final = "category"
EXACT_ONLY: Final = "exact_only"
TYPES: Final[Mapping[str, SignalType]] = MappingProxyType(
    {kind.value: kind for kind in SignalType}
)
QUALITIES: Final = frozenset(f"{kind.value}_quality" for kind in PERCEPTUAL_TYPES)
FIELDS: Final = (ID, CATEGORY, EXACT_ONLY, *TYPES, *sorted(QUALITIES))
"""The fields that a column can hold."""

NO_QUOTE: Final = "none"
"""The word for a file without a quote character."""

KNOWN_NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        ID: ("id", "media id", "guid"),
        CATEGORY: ("category",),
        "md5": ("md5", "md5 hash", "hash md5"),
        "sha1": ("sha1", "sha1 hash", "hash sha1"),
        "sha256": ("sha256", "sha256 hash", "hash sha256"),
        "pdq": ("pdq", "pdq hash"),
        "pdq_quality": ("pdq quality",),
    }
)
"""Unambiguous names of columns, by field, in small letters, digits and spaces.
``phash`` is not among them: other tools use it for other things (clause 4.2).

This is the one place for a new name. A test compares it with clause 7.7 of FORMAT.md,
and prints the line to write there."""

_NOT_COMPARED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "photodna": "PhotoDNA",
        "photodnahash": "PhotoDNA",
        "pdna": "PhotoDNA",
        "netclean": "NetClean's signal",
        "videntifier": "Videntifier's signal",
        "tmk": "TMK, which is of videos",
        "tmkpdqf": "TMK, which is of videos",
        "ssvhpdna": "SSVH, which is of videos",
        "ssvhsaferhash": "SSVH, which is of videos",
        "ssdeep": "ssdeep",
        "tlsh": "TLSH",
    }
)
"""Names of columns with signals that this filter does not compare."""

_DIGITS: Final = frozenset(2 * kind.width_bytes for kind in SignalType)
"""Lengths of signals in hex digits: no name of a column is so long."""

_SECTION: Final = "See hashsets/FORMAT.md, section 7."
_SHOWN_COLUMNS: Final = 40
_NAME_CHARACTERS: Final = 40
_MOST_DIGITS: Final = 4
"""Digits in a row that mean data: a heading may contain a year, but no long number."""


class Encoding(StrEnum):
    """Encodings of a CSV file."""

    UTF_8 = "utf-8"
    UTF_16 = "utf-16"
    UTF_16_LE = "utf-16-le"
    UTF_16_BE = "utf-16-be"
    CP1252 = "cp1252"
    LATIN_1 = "iso-8859-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The options for a CSV file, known before it is opened.

    Attributes:
        columns: Names of columns by field, several for a signal type allowed; empty to
            recognise columns by name.
        wanted: For a column, the texts of which a row must have one to be taken.
        delimiter: The character between cells; ``None`` to detect it.
        quote: The character around cells, or ``none``.
        encoding: The encoding; ``None`` to use the byte order mark, or UTF-8 without.
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wanted: Mapping[str, frozenset[str]] = field(default_factory=dict)
    delimiter: str | None = None
    quote: str = '"'
    encoding: Encoding | None = None

    def __post_init__(self) -> None:
        for name, columns in self.columns.items():
            _check_field(name, columns)
        for what, text in (("delimiter", self.delimiter), ("quote", self.quote)):
            if text not in (None, NO_QUOTE) and not _is_separator(text):
                raise UsageError(
                    f"{what} {text!r} is not a single character",
                    hint="Write one character, such as ';', or 'tab'.",
                )
        if self.delimiter == self.quote:
            raise UsageError(
                "delimiter and quote are the same character",
                hint="Give each another character, or --quote none.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The positions of the wanted cells in a row.

    Attributes:
        places: Positions, counted from 0, by field.
        wanted: For a position, the texts in small letters of which the cell must hold
            one.
        count: Number of cells that a row must have.
    """

    places: Mapping[str, tuple[int, ...]]
    wanted: Mapping[int, frozenset[str]]
    count: int


class _Mapping(msgspec.Struct, forbid_unknown_fields=True):
    """A mapping file. Columns may be given by number, and a number needs no quotes."""

    map: dict[str, str | int | list[str | int]] = {}
    where: dict[str, str | list[str]] = {}
    delimiter: str | None = None
    quote: str = '"'
    encoding: str | None = None


def layout_of(document: Mapping[str, Any]) -> Layout:
    """Return the layout that a mapping file describes.

    Raises:
        UsageError: A key is unknown, or a value cannot be used.
    """
    try:
        found = msgspec.convert(document, _Mapping)
    except msgspec.ValidationError as exc:
        raise UsageError(f"the mapping cannot be used: {exc}", hint=_SECTION) from exc
    delimiter, encoding = found.delimiter, found.encoding
    return Layout(
        columns={
            name: tuple(map(str, it if isinstance(it, list) else [it]))
            for name, it in found.map.items()
        },
        wanted={
            name: frozenset(map(folded, it if isinstance(it, list) else [it]))
            for name, it in found.where.items()
        },
        delimiter=None if delimiter is None else separator_of(delimiter),
        quote=separator_of(found.quote),
        encoding=None if encoding is None else encoding_of(encoding),
    )


def parsed(text: str) -> Layout:
    """Return the layout that the text of a mapping file describes.

    Raises:
        UsageError: It is not TOML, or not a mapping.
    """
    try:
        return layout_of(tomllib.loads(text))
    except tomllib.TOMLDecodeError as exc:
        fault = fault_of(text, exc)
        where = "" if fault.line is None else f"line {fault.line}: "
        raise UsageError(
            f"{where}{fault.text}",
            hint=fault.hint or _SECTION,
        ) from exc


def pair_of(text: str) -> tuple[str, str]:
    """Split ``FIELD=COLUMN`` or ``COLUMN=VALUE`` at its first equals sign.

    Raises:
        UsageError: There is no equals sign, or no text before it.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(
            f"{text!r} is not a pair",
            hint="Write --map FIELD=COLUMN, such as --map md5=MD5, and "
            "--where COLUMN=VALUE.",
        )
    return name.strip(), value.strip()


def encoding_of(text: str) -> Encoding:
    """Return an encoding by its name.

    Raises:
        UsageError: The encoding is unknown.
    """
    try:
        return Encoding(text.lower())
    except ValueError as exc:
        raise UsageError(
            f"encoding {text!r} is not known",
            hint=f"Known encodings: {', '.join(Encoding)}.",
        ) from exc


def separator_of(text: str) -> str:
    """Return the character that an argument means."""
    return {"tab": "\t", r"\t": "\t"}.get(text.lower(), text)


def folded(text: str) -> str:
    """Return a text in the form that is compared with wanted texts."""
    return text.strip().casefold()


def recognised(header: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield fields and names of the columns with known names."""
    for name in header:
        plain = _plain(name)
        if plain in _FIELDS_BY_NAME:
            yield _FIELDS_BY_NAME[plain], name


def not_compared(names: Iterable[str]) -> dict[str, str]:
    """Return the columns with signals that are not compared, and the signals' names."""
    known = {name: _NOT_COMPARED.get(_plain(name)) for name in names}
    return {name: what for name, what in known.items() if what is not None}


def label_of(name: str) -> str:
    """Return the description of a signal that is not compared, or its unknown name."""
    return _NOT_COMPARED.get(_plain(name), name)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_FIELDS_BY_NAME: Final[Mapping[str, str]] = MappingProxyType(
    {_plain(name): known for known, names in KNOWN_NAMES.items() for name in names}
)


def is_data(row: Iterable[str]) -> bool:
    """Return whether a row holds a signal, and so cannot be a heading."""
    return any(types_like(cell) for cell in row)


def types_like(cell: str) -> tuple[SignalType, ...]:
    """Return the signal types that fit the length of a cell."""
    digits = cell.strip()
    if len(digits) not in _DIGITS or not re.fullmatch("[0-9A-Fa-f]+", digits):
        return ()
    return tuple(kind for kind in SignalType if 2 * kind.width_bytes == len(digits))


def is_named(header: Sequence[str], layout: Layout) -> bool:
    """Return whether a heading is certain: a name in it is known, or was given."""
    given = {name for names in layout.columns.values() for name in names}
    words = {folded(name) for name in given | layout.wanted.keys()}
    return not words.isdisjoint(map(folded, header)) or any(recognised(header))


def numbers_of(row: Sequence[str]) -> list[str]:
    """Return the numbers of columns as names for them: 1, 2, 3, ..."""
    return [str(number) for number in range(1, len(row) + 1)]


def numbers_for(row: Sequence[str], layout: Layout) -> list[str]:
    """Return the names of the columns of a file without a heading: 1, 2, 3, ...

    Raises:
        HashSetFormatError: The fields of the columns were not given, or not by number.
    """
    numbers = numbers_of(row)
    named = {name for names in layout.columns.values() for name in names}
    if named and {*named, *layout.wanted} <= set(numbers):
        return numbers
    raise HashSetFormatError(
        "the file has no heading: its first row seems to hold data",
        hint=f"Give the fields of its {len(row)} columns by number: {_guessed(row)}.",
    )


def _guessed(row: Sequence[str]) -> str:
    """Return options for the columns that look like signals, without any data."""
    found = []
    for number, cell in enumerate(row, start=1):
        types = types_like(cell)
        if types:
            usual = SignalType.PHASH if SignalType.PHASH in types else types[0]
            found.append(f"--map {usual.value}={number} ({len(cell.strip())} digits)")
    return ", ".join(found) or "--map md5=1"


def found_in(header: Sequence[str], layout: Layout) -> Columns:
    """Find the columns of a layout by the heading of a file.

    Raises:
        HashSetFormatError: A column is missing or occurs twice, or no column holds a
            signal.
    """
    names = layout.columns
    if not names:
        told: dict[str, tuple[str, ...]] = {}
        for what, name in recognised(header):
            told[what] = (*told.get(what, ()), name)
        names = told
    for what, columns in names.items():
        # If two columns could be the id, the operator has to choose.
        if what not in TYPES and len(columns) > 1:
            raise HashSetFormatError(
                f"{len(columns)} columns could be the {what}",
                hint=f"Say which with --map {what}=COLUMN.",
            )
    if not names.keys() & TYPES.keys():
        raise _no_signals(header)
    return Columns(
        places={
            what: tuple(_position(header, name) for name in dict.fromkeys(columns))
            for what, columns in names.items()
        },
        wanted={
            _position(header, name): texts for name, texts in layout.wanted.items()
        },
        count=len(header),
    )


def _no_signals(header: Sequence[str]) -> HashSetFormatError:
    """Return the error for a file without a column of comparable signals."""
    other = sorted(set(not_compared(header).values()))
    if other:
        return HashSetFormatError(
            f"the only signals in the file are {', '.join(other)}, which the program "
            "does not compare",
            hint="Have it exported with MD5, SHA-1, SHA-256 or PDQ. "
            f"Or say which column holds one of these, such as --map md5=COLUMN. "
            f"{_shown(header)}",
        )
    return HashSetFormatError(
        "no column of the file is known to hold a signal",
        hint=f"Say which one does, such as --map md5=COLUMN. {_shown(header)}",
    )


def _position(header: Sequence[str], name: str) -> int:
    """Return the position of a column, by its name in any letter case, or by number."""
    for fold in (str.strip, folded):
        places = [at for at, cell in enumerate(header) if fold(cell) == fold(name)]
        if len(places) > 1:
            raise HashSetFormatError(
                f"{len(places)} columns are called {name!r}",
                hint="Rename all but one of them, so that it is clear which is meant.",
            )
        if places:
            return places[0]
    if name.isascii() and name.isdigit() and len(name) <= _MOST_DIGITS:
        at = int(name)
        if 0 < at <= len(header):
            return at - 1
    raise HashSetFormatError(
        f"the file has no column {name!r}", hint=_shown(header, name)
    )


def _shown(header: Sequence[str], name: str = "") -> str:
    """List the columns for a hint, unless the first row is not a heading."""
    if not is_heading(header):
        return "The first row must name the columns, and it seems to hold data."
    near = difflib.get_close_matches(name, header, n=1) if name else []
    meant = f"Did you mean {near[0]!r}? " if near else ""
    names = ", ".join(map(repr, shown_names(header)))
    return f"{meant}The columns are: {names}. Is the delimiter right?"


def shown_names(header: Sequence[str]) -> list[str]:
    """Return the names of columns to show: the first ones, without repetitions."""
    return [cell[:_NAME_CHARACTERS] for cell in header[:_SHOWN_COLUMNS]]


def is_heading(header: Iterable[str]) -> bool:
    """Return whether a row may be shown: data may be personal, headings are not.

    A row with an address, a path or a long number counts as data, and is not shown.
    """
    return not any(
        len(re.findall(r"[0-9]", cell)) > _MOST_DIGITS or re.search(r"[@\\]", cell)
        for cell in header
    )


def _check_field(name: str, columns: Sequence[str]) -> None:
    if name not in FIELDS:
        raise UsageError(
            f"{name!r} is not a field that a column can hold", hint=_meant(name, FIELDS)
        )
    if not columns or not all(columns):
        raise UsageError(
            f"no column is given for {name}", hint=f"Write --map {name}=COLUMN."
        )
    if name not in TYPES and len(columns) > 1:
        raise UsageError(
            f"{len(columns)} columns are given for {name}, which can have only one"
        )


def _is_separator(text: str | None) -> bool:
    return (
        text is not None
        and len(text) == 1
        and (text == "\t" or text.isprintable())
        and not text.isalnum()
    )


def _meant(word: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    meant = f"Did you mean {near[0]!r}? " if near else ""
    return f"{meant}Known names: {', '.join(names)}."
