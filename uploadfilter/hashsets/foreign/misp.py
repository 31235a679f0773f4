"""Read events of MISP, in JSON: their attributes with digests of files.

::

    {"response": [{"Event": {"Attribute": [{"uuid": "…", "type": "sha256", "value": "…",
        "category": "Payload delivery", "to_ids": true}], "Object": [
        {"name": "file", "Attribute": [{"type": "md5", "object_id": "7", …}]}]}}]}

The digests of one file are attributes of one object, and become one entry. Source:
MISP's core format. Clauses: ``hashsets/FORMAT.md``, section 8.
"""

import re
from collections.abc import Iterator, Mapping
from io import BufferedReader
from types import MappingProxyType
from typing import Final

from uploadfilter.hashsets.foreign.documents import DocumentShape, records
from uploadfilter.hashsets.lines.columns import label_of
from uploadfilter.hashsets.lines.items import Item, flag_of
from uploadfilter.hashsets.tally import ForeignFacts, Problem, Tally

_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        name: kind
        for kind in ("md5", "sha1", "sha256")
        for name in (kind, f"filename|{kind}")
    }
    | {"pdq": "pdq"}
)
_BETWEEN: Final = "|"
"""Separates the name of a file from its digest."""

_NO_OBJECT: Final = frozenset({None, "", "0", 0})
_INSIDE_EVENT: Final = frozenset({"Attribute", "Object"})
_SHAPE: Final = DocumentShape(
    ways=MappingProxyType(
        {
            "": _INSIDE_EVENT | {"response", "Event"},
            "response": _INSIDE_EVENT | {"Event"},
            "Event": _INSIDE_EVENT,
            "Object": frozenset({"Attribute"}),
            "Attribute": frozenset(),
        }
    ),
    wanted=frozenset(
        {"type", "value", "category", "uuid", "object_id", "to_ids", "deleted"}
    ),
)
_FITS = re.compile(r'^[\[{].*"(?:Event|Attribute)"\s*:\s*[\[{]', re.DOTALL)


class Misp:
    """MISP's core format: events, and answers that hold events."""

    name = "misp"
    title = "an event of MISP, in JSON"
    has_categories = True

    def fits(self, text: str) -> bool:
        """Recognise the format by an event, or by its attributes."""
        return _FITS.search(text) is not None

    def facts(self, _text: str) -> ForeignFacts:
        """Return the name of the format: its beginning shows no more."""
        return ForeignFacts(name=self.name, title=self.title)

    def records(self, file: BufferedReader) -> Iterator[object]:
        """Yield the attributes of events and of their objects."""
        return records(file, _SHAPE)

    def item(self, record: object, tally: Tally) -> Item | Problem:
        """Return the digest of an attribute that is marked for detection."""
        if not isinstance(record, dict):
            return Problem.NOT_JSON
        kind, value = record.get("type"), record.get("value")
        is_deleted = flag_of(record.get("deleted"))
        is_meant = flag_of(record.get("to_ids", True))
        if not isinstance(kind, str) or is_deleted is None or is_meant is None:
            return Problem.BAD_FIELD
        field = _TYPES.get(kind)
        if field is None:
            tally.not_comparable(label_of(kind))
            return Problem.NOT_COMPARED
        if is_deleted:
            return Problem.WITHDRAWN
        if not is_meant:
            return Problem.HARMLESS
        if isinstance(value, str):
            value = value.rpartition(_BETWEEN)[2]
        return {"id": _id(record), "category": record.get("category"), field: value}


def _id(attribute: Mapping[str, object]) -> object:
    """Return the id of the object that an attribute is part of, or its own."""
    number = attribute.get("object_id")
    if isinstance(number, str | int) and number not in _NO_OBJECT:
        return f"object-{number}"
    return attribute.get("uuid")
