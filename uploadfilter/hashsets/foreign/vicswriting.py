"""Write entries as VICS, the JSON of Project VIC and CAID, for case systems.

::

    {"@odata.context": "…/DataModels/2.0.xml/CUSTOM/$metadata#Media", "value": [
    {"MediaID":7,"Category":1,"MD5":"D131…","SHA1":"…","AlternativeHashes":[
        {"MD5":"D131…","HashName":"PDQ","HashValue":"f8f8…"}]}
    ]}

VICS has fields for digests, but none for most properties of a perceptual signal. Rules
this module keeps: it is pure; written entries are read back unchanged
(``tests/hashsets/foreign/test_vicswriting.py``); omitted data is counted; no signal is
written that would match more than before.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, Final

from uploadfilter.model import FULL_WINDOW, Entry, EntrySignal, SignalType

MOST_NUMBER_DIGITS: Final = 18
"""Most digits of an id that is written as a number: it fits into 64 bits."""

_FIELDS: Final = {SignalType.MD5: "MD5", SignalType.SHA1: "SHA1"}
_ALTERNATIVES: Final = {
    SignalType.MD5: "MD5",
    SignalType.SHA1: "SHA1",
    SignalType.SHA256: "SHA256",
    SignalType.PDQ: "PDQ",
}


class Version(StrEnum):
    """The versions of VICS."""

    VICS_2 = "vics"
    VICS_1_3 = "vics-1.3"


_VICS_2: Final = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml"
_HEADERS: Final = {
    # The meaning of our categories is unknown, so the region is not a country's.
    Version.VICS_2: (
        "@odata.context",
        f"{_VICS_2}/CUSTOM/$metadata#Media",
    ),
    Version.VICS_1_3: (
        "odata.metadata",
        "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media",
    ),
}


class Lost(StrEnum):
    """Data of an entry that VICS has no field for."""

    ENTRY = "entry"
    SIGNAL = "signal"
    QUALITY = "quality"
    GEOMETRY = "geometry"
    EXACT_ONLY = "exact_only"
    NO_MD5 = "no_md5"
    NO_NUMBER = "no_number"


LOST_WORDS: Final = {
    Lost.ENTRY: "left out, because no signal of theirs has a place in VICS",
    Lost.SIGNAL: "signals left out: VICS has no place for their type or window, or "
    "their entry is matched exactly only",
    Lost.QUALITY: "signals written without their quality",
    Lost.GEOMETRY: "signals written without their geometry",
    Lost.EXACT_ONLY: "written without the word that they are matched exactly only",
    Lost.NO_MD5: "written without MD5, which some programs need",
    Lost.NO_NUMBER: "written with an id or a category that is no number, which some "
    "programs do not read",
}


def vics_document(
    entries: Iterable[Entry], version: Version, lost: Counter[Lost]
) -> Iterator[bytes]:
    """Yield a document of entries, one line for each.

    Args:
        entries: The entries to write.
        version: The version of VICS.
        lost: Counts omitted data.
    """
    name, url = _HEADERS[version]
    yield f"{{{json.dumps(name)}:{json.dumps(url)},".encode() + b'"value":['
    between = b"\n"
    for entry in entries:
        record = _record(entry, lost)
        if record is not None:
            yield between + json.dumps(record, separators=(",", ":")).encode()
            between = b",\n"
    yield b"\n]}\n"


def _record(entry: Entry, lost: Counter[Lost]) -> dict[str, Any] | None:
    written = [item for item in entry.signals if _has_place(item, entry)]
    lost[Lost.SIGNAL] += len(entry.signals) - len(written)
    if not written:
        lost[Lost.ENTRY] += 1
        return None
    lost[Lost.QUALITY] += sum(item.quality is not None for item in written)
    lost[Lost.GEOMETRY] += sum(item.geometry is not None for item in written)
    lost[Lost.EXACT_ONLY] += entry.exact_only
    entry_id, category = _number(entry.id), _number(entry.category)
    lost[Lost.NO_NUMBER] += isinstance(entry_id, str) or isinstance(category, str)
    record: dict[str, Any] = {"MediaID": entry_id, "Category": category}
    others = []
    for item in written:
        kind, value = item.signal.type, item.signal.value.hex()
        field = _FIELDS.get(kind)
        if field is None or field in record:
            others.append((_ALTERNATIVES[kind], value))
        else:
            record[field] = value.upper()
    lost[Lost.NO_MD5] += "MD5" not in record
    if others:
        md5 = record.get("MD5", "")
        record["AlternativeHashes"] = [
            {"MD5": md5, "HashName": name, "HashValue": value} for name, value in others
        ]
    return record


def _has_place(item: EntrySignal, entry: Entry) -> bool:
    if item.signal.type.is_exact:
        return True
    # Without these properties, such a signal would match more than before.
    is_plain = item.window == FULL_WINDOW and not entry.exact_only
    return item.signal.type in _ALTERNATIVES and is_plain


def _number(word: str) -> int | str:
    """Return a word as a number, if the number is read back as the same word."""
    is_number = word.isascii() and word.isdigit() and len(word) <= MOST_NUMBER_DIGITS
    return int(word) if is_number and str(int(word)) == word else word
