"""Read the JSON answers of two exchanges: ThreatExchange and StopNCII.

::

    {"data": [{"id": "7", "type": "HASH_PDQ", "indicator": "…", "should_delete": false,
               "descriptors": {"data": [{"status": "MALICIOUS", "tags": ["…"]}]}}]}
    {"hashRecords": [{"signalType": "ImagePDQ", "hashValue": "…",
                      "hashStatus": "Active"}], "hasMoreRecords": false}

Withdrawn records stay in such answers and are marked. Answers come in pages: a file may
hold several pages, one after the other. Sources: the clients in Meta's
``python-threatexchange``. Clauses: ``hashsets/FORMAT.md``, section 8.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from uploadfilter.hashsets.foreign.documents import DocumentShape
from uploadfilter.hashsets.foreign.films import film_of
from uploadfilter.hashsets.foreign.form import ForeignFormat, json_records
from uploadfilter.hashsets.lines.columns import label_of
from uploadfilter.hashsets.lines.items import Item, flag_of
from uploadfilter.hashsets.tally import Problem, Tally

_FILM_INDICATOR: Final = "HASH_VIDEO_VPDQ"
_INDICATORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "HASH_MD5": "md5",
        "HASH_VIDEO_MD5": "md5",
        "HASH_SHA1": "sha1",
        "HASH_SHA256": "sha256",
        "HASH_PDQ": "pdq",
        _FILM_INDICATOR: "signals",
    }
)
_INDICATOR_PREFIX: Final = "HASH_"
_DISPUTING_STATUS: Final = "NON_MALICIOUS"
_DISPUTING_REACTION: Final = "DISAGREE_WITH_TAGS"
_SIGNAL_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {"ImagePDQ": "pdq", "VideoMD5": "md5"}
)
_ACTIVE: Final = "active"
_WITHDRAWN: Final = frozenset({"withdrawn", "deleted"})


def _item_of_indicator(record: dict[str, Any], tally: Tally) -> Item | Problem:
    """Return the signal of an indicator that is neither withdrawn nor disputed."""
    kind = record.get("type")
    is_withdrawn = flag_of(record.get("should_delete"))
    if not isinstance(kind, str) or is_withdrawn is None:
        return Problem.BAD_FIELD
    if is_withdrawn:
        return Problem.WITHDRAWN
    field = _INDICATORS.get(kind)
    if field is None:
        tally.not_comparable(label_of(kind.removeprefix(_INDICATOR_PREFIX)))
        return Problem.NOT_COMPARED
    if _is_disputed(record.get("descriptors")):
        return Problem.DISPUTED
    value = record.get("indicator")
    made = film_of(value) if kind == _FILM_INDICATOR else value
    return made if isinstance(made, Problem) else {"id": record.get("id"), field: made}


def _is_disputed(descriptors: object) -> bool:
    parts = descriptors.get("data") if isinstance(descriptors, dict) else descriptors
    return isinstance(parts, list) and any(map(_disputes, parts))


def _disputes(descriptor: object) -> bool:
    if not isinstance(descriptor, dict):
        return False
    reactions = descriptor.get("reactions")
    if isinstance(reactions, dict):
        reactions = reactions.get("data")
    words = reactions if isinstance(reactions, list) else [reactions]
    return descriptor.get("status") == _DISPUTING_STATUS or any(
        _DISPUTING_REACTION in _words_of(word) for word in words
    )


def _words_of(reaction: object) -> tuple[Any, ...]:
    return tuple(reaction.values()) if isinstance(reaction, dict) else (reaction,)


def _item_of_hash_record(record: dict[str, Any], tally: Tally) -> Item | Problem:
    kind, status = record.get("signalType"), record.get("hashStatus")
    if not isinstance(kind, str) or not isinstance(status, str):
        return Problem.BAD_FIELD
    if status.lower() in _WITHDRAWN:
        return Problem.WITHDRAWN
    if status.lower() != _ACTIVE:
        return Problem.BAD_FIELD
    field = _SIGNAL_TYPES.get(kind)
    if field is None:
        tally.not_comparable(label_of(kind))
        return Problem.NOT_COMPARED
    return {field: record.get("hashValue")}


THREAT_EXCHANGE: Final = ForeignFormat(
    name="threatexchange",
    title="an answer of ThreatExchange, in JSON",
    has_categories=False,
    beginning=re.compile(r'[\[{].*"type"\s*:\s*"HASH_[A-Z0-9_]+"', re.DOTALL),
    records=json_records(
        DocumentShape(
            ways=MappingProxyType({"": frozenset({"data"}), "data": frozenset()}),
            wanted=frozenset(
                {"id", "type", "indicator", "should_delete", "descriptors"}
            ),
        )
    ),
    item=_item_of_indicator,
)
"""``threat_updates`` of ThreatExchange, as Meta and GIFCT have it."""

STOP_NCII: Final = ForeignFormat(
    name="stopncii",
    title="an answer of StopNCII, in JSON",
    has_categories=False,
    beginning=re.compile(r'[\[{].*"hashRecords"\s*:', re.DOTALL),
    records=json_records(
        DocumentShape(
            ways=MappingProxyType(
                {"": frozenset({"hashRecords"}), "hashRecords": frozenset()}
            ),
            wanted=frozenset({"signalType", "hashValue", "hashStatus"}),
        )
    ),
    item=_item_of_hash_record,
)
"""``FetchHashes`` of StopNCII."""
