"""Write ``docs/operating/keys.md``: every key of the configuration file, from the code.

    python -m deploy.documents.keys            # write the page
    python -m deploy.documents.keys --check    # exit code 1 if the page is stale

The code states a key's type, default, bounds and reason, and whether a reload changes
it. ``keys.toml`` beside this file holds the rest: further facts for operators, and when
to change a key. Bounds are found by trying values, because a room refuses a
value out of its bounds. So nobody has to write them down twice.
"""

import dataclasses
import re
import sys
import tomllib
import types
import typing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from inspect import getdoc
from pathlib import Path
from typing import Any

from uploadfilter import config
from uploadfilter.config import schema
from uploadfilter.config.settings import Settings
from uploadfilter.web.answering import texts

PAGE = Path(__file__).parents[2] / "docs" / "operating" / "keys.md"
NOTES = Path(__file__).with_name("keys.toml")
PLAIN = "plain"
"""Name in ``keys.toml`` of the keys at the top of the file, which have no table."""

MADE = {"workers": "the number of CPUs"}
"""Defaults that depend on the machine, in words."""

NEEDED: Mapping[str, Mapping[str, object]] = {
    "origin": {"url": "http://127.0.0.1"},
    "log": {"days_with_match": 36_500},
    "sealed_evidence": {
        "recipients": tuple(f"police-{it}:{it:064x}" for it in range(5, 10)),
        "categories": ("1",),
    },
}
"""Values of other keys with which a key of a table can be tried up to its own bound."""

_LARGEST = 2**63 - 1
"""The largest number of the file, as ``uploadfilter.config.values`` reads it."""

_RELOADS = {
    True: "A reload changes all of them.",
    False: "A change needs a restart.",
}

_TINY = 1e-9
"""Stands for "a little more than 0"."""

_UNITS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
_ATTRIBUTE = re.compile(r"^    (\w+): ")
_SIZES = ("_bytes", "address_space")
"""Ends of the keys that take a size with a unit, as ``config.values`` reads them."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the page shows it.

    Attributes:
        table: The table; ``plain`` at the top of the file.
        name: The key in its table.
        default: The default in Markdown.
        values: The type and the bounds, in words.
        text: The meaning and the reason, in Markdown.
    """

    table: str
    name: str
    default: str
    values: str
    text: str

    @property
    def path(self) -> str:
        """The key as ``config --json`` names it."""
        return self.name if self.table == PLAIN else f"{self.table}.{self.name}"

    @property
    def is_live(self) -> bool:
        """Whether a reload changes it."""
        return config.is_live(self.path)


def page() -> str:
    """Return the text of the page."""
    notes = tomllib.loads(NOTES.read_text(encoding="utf-8"))
    keys = [*_plain_keys(notes), *_table_keys(notes)]
    _refuse_strangers(notes, keys)
    parts = [notes["head"], _contents()]
    parts += [
        _section(
            table, notes["tables"][table], [it for it in keys if it.table == table]
        )
        for table in (PLAIN, *config.TABLES)
    ]
    return "\n".join(parts)


def _refuse_strangers(notes: Mapping[str, Any], keys: list[Key]) -> None:
    """End the program if ``keys.toml`` names a key that does not exist."""
    there = {(key.table, key.name) for key in keys}
    for table in (PLAIN, *config.TABLES):
        for name in notes.get(table, {}):
            if (table, name) not in there:
                sys.exit(f"keys.toml: [{table}.{name}] is no key")


def _plain_keys(notes: Mapping[str, Any]) -> Iterator[Key]:
    """Yield the keys at the top of the file."""
    for name in schema.PLAIN:
        note = notes[PLAIN][name]
        default = _default_at_top(name) or note["default"]
        yield Key(PLAIN, name, default, note["values"], _with_change("", note))


def _default_at_top(name: str) -> str:
    """Return the default of a key at the top of the file; empty if words say it."""
    match name:
        case "language":
            return f"`{texts.DEFAULT_LANGUAGE}`"
        case "listen" | "instance" | "mode" | "reject_status" | "client_header":
            field = next(it for it in dataclasses.fields(Settings) if it.name == name)
            value: Any = field.default
            shown = value[0] if isinstance(value, tuple) else value
            return f"`{str(shown).lower()}`"
        case _:
            return ""


def _table_keys(notes: Mapping[str, Any]) -> Iterator[Key]:
    """Yield the keys of all tables."""
    for table, room in config.TABLES.items():
        reasons = attributes(room)
        for name, hint in schema.fields_of(room).items():
            note = notes.get(table, {}).get(name, {})
            text = _with_change(reasons[name], note)
            yield Key(
                table,
                name,
                _default(room, name),
                _values(table, room, name, hint),
                text.replace("|", r"\|"),
            )


def _with_change(text: str, note: Mapping[str, str]) -> str:
    """Return a text with a note, and with when to change the key."""
    change = f"Change it {note['change']}." if "change" in note else ""
    return " ".join(filter(None, (text, note.get("note", ""), change)))


def attributes(room: type) -> dict[str, str]:
    """Return the text of each attribute in the docstring of a class, as Markdown."""
    found: dict[str, list[str]] = {}
    lines = (getdoc(room) or "").partition("Attributes:\n")[2].splitlines()
    name = ""
    for line in lines:
        if began := _ATTRIBUTE.match(line):
            name = began[1]
            found[name] = [line[began.end() :]]
        elif name and line.strip():
            found[name].append(line.strip())
    return {name: " ".join(text).replace("``", "`") for name, text in found.items()}


def _default(room: type, name: str) -> str:
    """Return the default of a key of a table."""
    field = next(it for it in dataclasses.fields(room) if it.name == name)
    if name in MADE:
        return MADE[name]
    if field.default_factory is not dataclasses.MISSING:
        return f"`{field.default_factory()}`"
    if field.default is dataclasses.MISSING:
        return "required"
    shown = _shown(name, field.default)
    return f"`{shown}`" if shown else ""


def _shown(name: str, value: object) -> str:
    """Return a value as the file may hold it, with signs between thousands."""
    if isinstance(value, StrEnum | bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return str(list(value))
    if isinstance(value, int) and name.endswith(_SIZES):
        return _size(value)
    if isinstance(value, int | float):
        return f"{value:,g}" if isinstance(value, float) else f"{value:,}"
    return str(value)


def _size(value: int) -> str:
    """Return a number of bytes with the largest unit that it is a multiple of."""
    for unit, each in _UNITS:
        if value and value % each == 0:
            return f"{value // each} {unit}"
    return f"{value:,}"


def _values(table: str, room: type, name: str, hint: object) -> str:
    """Return the type and the bounds of a key, in words."""
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return ", ".join(f"`{item.value.lower()}`" for item in hint)
    if hint is bool:
        return "`true`, `false`"
    if hint is int or hint is float:
        return _number(name, hint) + _bounds(table, room, name, hint)
    if typing.get_origin(hint) is tuple:
        return "list of texts"
    if isinstance(hint, types.UnionType):
        return "text, or list of texts"
    return "text" if hint is str else "table of actions"


def _number(name: str, kind: type) -> str:
    if name.endswith("_s") and not name.endswith("bytes_s"):
        return "seconds"
    if name.endswith(_SIZES):
        return "size"
    return "whole number" if kind is int else "number"


def _bounds(table: str, room: type, name: str, kind: type) -> str:
    """Return the least and the largest value that a room takes, in words, if any."""
    others = {k: v for k, v in NEEDED.get(table, {}).items() if k != name}

    def is_taken(value: int) -> bool:
        try:
            room(**others, **{name: kind(value)})
        except ValueError:
            return False
        return True

    if is_taken(-1):
        return ""
    if kind is float and not is_taken(1) and _takes(room, others, name, _TINY):
        return ", more than 0 and less than 1"
    least = 0 if is_taken(0) else _first(is_taken, 0)
    largest = _LARGEST if is_taken(_LARGEST) else _last(is_taken, least)
    if kind is float and least == 1 and _takes(room, others, name, _TINY):
        lower = "more than 0"
    else:
        lower = f"at least {_shown(name, least)}"
    if largest == _LARGEST:
        return f", {lower}"
    return f", {_shown(name, least)} to {_shown(name, largest)}"


def _takes(room: type, others: Mapping[str, object], name: str, value: float) -> bool:
    try:
        room(**others, **{name: value})
    except ValueError:
        return False
    return True


def _first(is_taken: Callable[[int], bool], refused: int) -> int:
    """Return the least value that is taken, above one that is refused."""
    step = 1
    while not is_taken(refused + step):
        step *= 2
    low, high = refused + step // 2, refused + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_taken(middle) else (middle, high)
    return high


def _last(is_taken: Callable[[int], bool], taken: int) -> int:
    """Return the largest value that is taken, above one that is."""
    return _first(lambda value: not is_taken(value), taken) - 1


def _contents() -> str:
    """Return the links to the sections of the page."""
    links = [
        "[at the top of the file](#at-the-top-of-the-file)",
        *(f"[{table}](#{table})" for table in config.TABLES),
    ]
    lines = [links[:7], links[7:14], links[14:]]
    return "On this page: " + " ·\n".join(" · ".join(line) for line in lines) + ".\n"


def _section(table: str, intro: str, keys: list[Key]) -> str:
    """Return the section of a table: its intro, and a row for each key.

    What most keys have in common stands in a sentence above the table.
    """
    title = "At the top of the file" if table == PLAIN else f"`[{table}]`"
    usual, count = Counter(key.values for key in keys).most_common(1)[0]
    if count <= len(keys) // 2 or count == 1:
        usual = ""
    reloads = {key.is_live for key in keys}
    common = [f"Values, where nothing else is said: {usual}."] if usual else []
    if len(reloads) == 1:
        common.append(_RELOADS[reloads.pop()])
    heads = ["key", "default", "values", "reload", "meaning and reason"]
    if count == len(keys) and usual:
        heads.remove("values")
    if not reloads:
        heads.remove("reload")

    def row(key: Key) -> str:
        cells = {
            "key": f"`{key.name}`",
            "default": key.default,
            "values": "" if key.values == usual else key.values,
            "reload": "yes" if key.is_live else "no",
            "meaning and reason": key.text,
        }
        return _row(cells[head] for head in heads)

    text = "\n".join(filter(None, (intro.strip(), " ".join(common))))
    head = [f"## {title}", "", text, "", _row(heads), "| --- " * len(heads) + "|"]
    return "\n".join([*head, *map(row, keys), ""])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Write the page, or say that it is stale."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != text:
        sys.exit("docs/operating/keys.md is stale: run 'make settings'")


if __name__ == "__main__":
    main()
