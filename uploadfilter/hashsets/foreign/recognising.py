"""Recognise files in unsupported formats by their beginning, and suggest a conversion.

``foreign.py`` has the foreign formats that are read directly. A file that is recognised
here is refused, with the name of its format and a command that converts it to JSON
lines or CSV. ``hashsets/FORMAT.md``, section 8, lists the same commands; a test runs
them and compares both.

To add a form, add a row to ``_TEXTS`` or ``_MAGIC``, and its clause and test.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets.lines import lists
from uploadfilter.hashsets.lines.columns import is_data, not_compared, recognised
from uploadfilter.hashsets.lines.csvrows import DELIMITERS, cells_of
from uploadfilter.hashsets.tally import Problem

HEAD_BYTES: Final = 4096
"""Bytes that are examined: a heading, or the first record of an export."""

_ARACHNID_PROGRAM: Final = (
    ".. | objects | select(.sha256_hex or .sha1_base32) | "
    "{id: (.sha256_hex // .sha1_base32), category: .classification, "
    "sha256: .sha256_hex, sha1: .sha1_base32}"
)
_STIX_PROGRAM: Final = (
    '.. | objects | select(.type == "file" and .hashes) | {id: .id, category: "stix", '
    'md5: .hashes.MD5, sha1: .hashes["SHA-1"], sha256: .hashes["SHA-256"]}'
)


def _jq(program: str) -> str:
    return f"jq -c '{program}' FILE > NEW.jsonl"


COMMANDS: Final = MappingProxyType(
    {
        "arachnid": _jq(_ARACHNID_PROGRAM),
        "stix": _jq(_STIX_PROGRAM),
        "json": "jq -c 'if type == \"array\" then .[] else . end' FILE > NEW.jsonl",
    }
)
"""The commands that convert a form, by its name."""

_FEWEST_BYTES: Final = 16
"""Least number of bytes to detect an encoding."""

_UNPACK: Final = "Unpack it, and import the files in it."
_EXPORT: Final = "Export it from its program as CSV, in UTF-8."
_KNOWN_GOOD: Final = (
    "'uploadfilter hashset import FILE --known-good --name NAME' takes it."
)
_MAGIC: Final = (
    (b"PK\x03\x04", "a zip archive, as are .xlsx and .ods", f"{_UNPACK} {_EXPORT}"),
    (b"\x1f\x8b", "packed by gzip", "Unpack it: gunzip -c FILE > NEW."),
    (b"BZh", "packed by bzip2", "Unpack it: bunzip2 -c FILE > NEW."),
    (b"\xfd7zXZ\0", "packed by xz", "Unpack it: xz -dc FILE > NEW."),
    (b"\x28\xb5\x2f\xfd", "packed by Zstandard", "Unpack it: zstd -dc FILE > NEW."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"%PDF-", "a PDF", "Ask for the list as CSV, or as JSON lines."),
    (
        b"SQLite format 3\0",
        "a database of SQLite, as NSRL and Autopsy have them",
        "NSRL lists known harmless files, and is never imported: every file in it "
        f"would be a match. {_KNOWN_GOOD} Anything else: " + _EXPORT,
    ),
    (
        b"HASH\r\n\xff\0",
        "a hash set of EnCase",
        "Most of these list known harmless files, and are never imported: every file "
        f"in them would be a match. {_KNOWN_GOOD} If it is known to be no such list: "
        + _EXPORT,
    ),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old file of Microsoft Office", _EXPORT),
)
"""Beginnings of binary files, the name of each format, and a hint."""

_HASH: Final = frozenset({"hash", "digest", "checksum"})
"""Names of PowerShell's columns with digests, whose type another column names."""

_PHOTODNA = re.compile(
    r"[0-9A-Fa-f]{288}|[A-Za-z0-9+/]{192}|[0-9]{1,3}(?:,[0-9]{1,3}){143}"
)
"""PhotoDNA: 144 bytes in hex, in base64, or as numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A text format, and how to recognise it.

    Attributes:
        fits: Returns whether the beginning of a file, and its first line, fit.
        name: The name of the format.
        command: Key of ``COMMANDS``; empty if there is no command.
        hint: Further advice.
    """

    fits: Callable[[str, str], object]
    name: str
    command: str = ""
    hint: str = ""


def _has(pattern: str) -> Callable[[str, str], object]:
    search = re.compile(pattern, re.DOTALL).search
    return lambda head, _: search(head)


_TEXTS: Final = (
    _Text(
        fits=_has(r"(?i)^<(?:!doctype html|html)"),
        name="a web page",
        hint="Perhaps the download failed: open the file in a browser.",
    ),
    _Text(
        fits=lambda head, _: head.startswith("<"),
        name="XML",
        hint="Have it exported as CSV or JSON lines.",
    ),
    _Text(
        fits=_has(r"^[\[{].*\"sha(?:1_base32|256_hex)\"\s*:"),
        name="an answer of Project Arachnid, in JSON",
        command="arachnid",
    ),
    _Text(
        fits=_has(r"^[\[{].*\"type\"\s*:\s*\"bundle\""),
        name="a bundle of STIX 2, in JSON",
        command="stix",
        hint="Hashes in patterns are left out.",
    ),
    _Text(
        fits=lambda _, line: line.startswith("[") or line == "{",
        name="one JSON document over several lines, or a list around all entries",
        command="json",
        hint="Its fields must be called as in FORMAT.md, section 3.",
    ),
)


def refuse_foreign(head: bytes) -> None:
    """Refuse a file in a recognised, unsupported format.

    Raises:
        HashSetFormatError: It names the format, with a hint.
    """
    for magic, name, hint in _MAGIC:
        if head.startswith(magic):
            raise HashSetFormatError(f"this is {name}", hint=hint)
    text = text_of(head)
    if text is None:
        return
    line = first_line(text)
    _refuse_photodna(line)
    _refuse_harmless(line)
    for form in _TEXTS:
        if form.fits(text, line):
            raise _foreign(form.name, form.command, form.hint)


def is_table(head: bytes) -> bool:
    """Return whether a file is certainly CSV, although no option says so.

    Its first line names a column with signals, or holds a signal among other cells; and
    it is not a line of a list.
    """
    text = text_of(head)
    line = first_line(text) if text is not None else ""
    if not line or line.startswith(("{", "[", "<")):
        return False
    is_list = lists.parse_line(line.encode(), lists.DIGESTS)
    if not isinstance(is_list, Problem):
        return False
    return any(
        _is_top_of_table(cells_of(line, delimiter=delimiter))
        for delimiter in DELIMITERS
    )


def first_line(text: str) -> str:
    """Return the first meaningful line, without white space at its ends."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not _is_above(line)), "")


def _is_above(line: str) -> bool:
    """Return whether a line precedes the data: a comment, or Excel's line."""
    return line.startswith("#") or re.fullmatch(r'"?sep=."?', line) is not None


def _is_top_of_table(cells: list[str]) -> bool:
    if len(cells) > 1 and _HASH.intersection(map(str.casefold, cells)):
        return True
    kinds = {kind for kind, _ in recognised(cells)}
    if kinds - {"id", "category"} or not_compared(cells):
        return True
    return len(cells) > 1 and is_data(cells)


def text_of(head: bytes) -> str | None:
    """Return the beginning of a file as text; ``None`` if it is not text."""
    for mark, codec in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if head.startswith(mark):
            return head[len(mark) :].decode(codec, "replace").lstrip()
    if b"\0" not in head:
        return head.decode("utf-8", "replace").lstrip()
    unmarked = utf_16_of(head)
    return None if unmarked is None else head.decode(unmarked, "replace").lstrip()


def utf_16_of(head: bytes) -> str | None:
    """Return the codec of UTF-16 without a byte order mark; ``None`` for other files.

    Hash sets are mostly ASCII, so every second byte is 0.
    """
    # A file of zeros alone is an interrupted copy.
    if len(head) < _FEWEST_BYTES or not head.isascii() or not any(head):
        return None
    zeros_after, zeros_before = head[1::2], head[: len(head) // 2 * 2 : 2]
    if not any(zeros_after):
        return "utf-16-le"
    return None if any(zeros_before) else "utf-16-be"


def _refuse_photodna(line: str) -> None:
    if _PHOTODNA.fullmatch(line):
        raise HashSetFormatError(
            "this is a list of PhotoDNA, which the program does not compare",
            hint="Have it exported with MD5, SHA-1, SHA-256 or PDQ.",
        )


def _refuse_harmless(line: str) -> None:
    """Refuse NIST's list of known harmless files, which must never be matched."""
    if re.search(r"ProductCode.*OpSystemCode", line):
        raise HashSetFormatError(
            "this is NSRL, NIST's list of known harmless files",
            hint="It must never be imported: every file in it would be a match. "
            + _KNOWN_GOOD,
        )


def _foreign(name: str, command: str, hint: str) -> HashSetFormatError:
    # The command comes last, so that it can be copied up to the end of the line.
    how = f"Convert it: {COMMANDS[command]}" if command else ""
    return HashSetFormatError(
        f"this is {name}, which cannot be imported as it is",
        hint=f"{hint} {how}".strip(),
    )
