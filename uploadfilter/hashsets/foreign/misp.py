"""Read events of MISP, in JSON: their attributes with digests of files.

::

    {"response": [{"Event": {"Attribute": [{"uuid": "…", "type": "sha256", "value": "…",
        "category": "Payload delivery", "to_ids": true}], "Object": [
        {"name": "file", "Attribute": [{"type": "md5", "object_id": "7", …}]}]}}]}

The digests of one file are attributes of one object, and become one entry. Source:
MISP's core format. Clauses: ``hashsets/FORMAT.md``, section 8.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from uploadfilter.hashsets.foreign.documents import DocumentShape
from uploadfilter.hashsets.foreign.form import ForeignFormat, json_records
from uploadfilter.hashsets.lines.columns import label_of
from uploadfilter.hashsets.lines.items import Item, flag_of
from uploadfilter.hashsets.tally import Problem, Tally

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


def _item_of(record: dict[str, Any], tally: Tally) -> Item | Problem:
    """Return the digest of an attribute that is marked for detection."""
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
    number = attribute.get("object_id")
    if isinstance(number, str | int) and number not in _NO_OBJECT:
        return f"object-{number}"
    return attribute.get("uuid")


MISP: Final = ForeignFormat(
    name="misp",
    title="an event of MISP, in JSON",
    has_categories=True,
    beginning=re.compile(r'[\[{].*"(?:Event|Attribute)"\s*:\s*[\[{]', re.DOTALL),
    records=json_records(_SHAPE),
    item=_item_of,
)
"""MISP's core format: events, and answers that hold events."""
