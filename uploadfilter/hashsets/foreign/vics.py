"""Read VICS, the JSON of Project VIC and CAID: hash sets and exports of cases.

::

    {"@odata.context": "…/DataModels/2.0.xml/US/$metadata#Media", "value": [
        {"MediaID": 7, "Category": 1, "MD5": "D131…", "SHA1": "…", "PhotoDNA": "…",
         "AlternativeHashes": [{"HashName": "PDQ", "HashValue": "…"}]}]}

The specification is not public; our knowledge comes from programs that read and write
the format (IPED, GLEAPP, extensions of X-Ways and Griffeye). Flags are texts in some of
them, and are not read. Inline pictures, names, paths, tags and remarks are discarded:
they reach neither the reference set nor a message. Clauses: ``hashsets/FORMAT.md``,
section 8.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from uploadfilter.hashsets.foreign.documents import DocumentShape
from uploadfilter.hashsets.foreign.form import ForeignFormat, json_records
from uploadfilter.hashsets.lines.columns import label_of
from uploadfilter.hashsets.lines.items import Item
from uploadfilter.hashsets.tally import ForeignFacts, Problem, Tally

_SIGNALS: Final[Mapping[str, str]] = MappingProxyType(
    {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256", "PDQ": "pdq"}
)
"""Fields with compared signals. SHA256 and PDQ are in no version, but do occur."""

_ALTERNATIVES: Final[Mapping[str, str]] = MappingProxyType(
    {"md5": "md5", "sha1": "sha1", "sha256": "sha256", "pdq": "pdq"}
)
"""Names of further signals, in small letters and digits."""

_PHOTODNA: Final = "PhotoDNA"
_READ: Final = frozenset(
    {*_SIGNALS, _PHOTODNA, "MediaID", "Category", "AlternativeHashes"}
)
_DROPPED: Final = frozenset(
    {
        "MediaSize",
        "DateUpdated",
        "IsPrecategorized",
        "PrecategorizationSource",
        "VictimIdentified",
        "OffenderIdentified",
        "IsDistributed",
        "IsSuspected",
        "SelfGenerated",
        "Series",
        "Tags",
        "Comments",
        "Exifs",
        "MediaFiles",
        "MimeType",
        "RelativeFilePath",
        "Miniature",
    }
)
"""Known fields that are discarded."""

_KNOWN: Final = _READ | _DROPPED
_SHAPE: Final = DocumentShape(
    ways=MappingProxyType(
        {
            "": frozenset({"value", "Media"}),
            "value": frozenset({"Media"}),
            "Media": frozenset(),
        }
    ),
    wanted=_READ,
)
_HEADER = re.compile(
    r'(?:ProjectVic|DataModels)/[^"]*?(\d\.\d)\.xml(?:/(\w+)/)?', re.IGNORECASE
)
_BEGINNING = re.compile(rf'[\[{{].*(?:(?i:{_HEADER.pattern})|"MediaID"\s*:)', re.DOTALL)
"""The header, or the id of a record."""

_UNITED_STATES: Final = "US"
_MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "0": "not categorised, or harmless",
        "1": "illegal",
        "2": "not illegal, or of uncertain age",
        "3": "drawn or computed",
        "4": "for comparison, not pertinent by itself",
        "5": "not pertinent: harmless",
    }
)
"""The scheme of the United States, from Autopsy. Schemes of other countries are not
public, and give the same numbers other meanings."""

_HARMLESS: Final = frozenset({"5"})
"""The category of that scheme that is never taken."""

_MADE_BY: Final = ", the JSON of Project VIC and CAID"
_FIELDS_WITHOUT_SIGNAL: Final = 2
"""Id and category."""


def _facts_of(text: str) -> ForeignFacts:
    header = _HEADER.search(text)
    version, region = header.groups() if header else (None, None)
    words = [word for word in (version, region) if word]
    is_known = region is not None and region.upper() == _UNITED_STATES
    return ForeignFacts(
        name="vics",
        title=" ".join(["VICS", *words]) + _MADE_BY,
        meanings=_MEANINGS if is_known else {},
        harmless=_HARMLESS if is_known else frozenset(),
    )


def _item_of(record: dict[str, Any], tally: Tally) -> Item | Problem:
    item: Item = {"id": record.get("MediaID"), "category": record.get("Category")}
    for name, field in _SIGNALS.items():
        value = record.get(name)
        if value:
            item[field] = value
    others = 0
    if record.get(_PHOTODNA):
        tally.not_comparable(_PHOTODNA)
        others += 1
    alternatives = record.get("AlternativeHashes")
    if alternatives:
        added = _add_alternatives(item, alternatives, tally)
        if isinstance(added, Problem):
            return added
        others += added
    if not _KNOWN.issuperset(record):
        _note_unknown(record, tally)
    has_signal = len(item) > _FIELDS_WITHOUT_SIGNAL
    return Problem.NOT_COMPARED if others and not has_signal else item


def _add_alternatives(item: Item, alternatives: object, tally: Tally) -> int | Problem:
    """Add further signals to an item; return the number that is not compared."""
    if not isinstance(alternatives, list):
        return Problem.BAD_FIELD
    others = 0
    for part in alternatives:
        name = part.get("HashName") if isinstance(part, dict) else None
        if not isinstance(name, str):
            return Problem.BAD_FIELD
        value = part.get("HashValue")
        if value is None or value == "":
            continue
        kind = _ALTERNATIVES.get(re.sub(r"[^a-z0-9]", "", name.lower()))
        if kind is None:
            tally.not_comparable(label_of(name))
            others += 1
        elif kind not in item:
            item[kind] = value
        elif item[kind] != value:
            item.setdefault("signals", []).append({"type": kind, "value": value})
    return others


def _note_unknown(record: dict[str, Any], tally: Tally) -> None:
    for name in record.keys() - _KNOWN:
        # Links of OData, which do not describe the medium.
        if "odata." not in name:
            tally.ignored_field(name)


VICS: Final = ForeignFormat(
    name="vics",
    title=f"VICS{_MADE_BY}",
    has_categories=True,
    beginning=_BEGINNING,
    records=json_records(_SHAPE),
    item=_item_of,
    facts_of=_facts_of,
)
"""VICS 1.1 to 2.0."""
