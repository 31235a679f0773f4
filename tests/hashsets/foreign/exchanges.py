"""Lists of ThreatExchange and StopNCII."""

import json
from collections.abc import Iterator
from typing import Any

from tests.conformance.foreign import Subject, document, rows
from uploadfilter.hashsets.foreign.exchanges import STOP_NCII, THREAT_EXCHANGE
from uploadfilter.hashsets.tally import Problem

ONE = "d131dd02c5e6eec4693d9a0698aff95c"
TWO = "e131dd02c5e6eec4693d9a0698aff95c"
PDQ = "f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22"
FRAME = "395355a0b0b0ea812bf7122f0f335ad2f06c87f9f4621e093b64b2da4f9d9daa"


def shared(**descriptor: object) -> dict[str, Any]:
    """Return the statement about an indicator by one of its sharers."""
    return {
        "descriptors": {"data": [{"id": "8", "tags": ["secret-tag"], **descriptor}]}
    }


INDICATORS: list[dict[str, Any]] = [
    {"id": "1", "type": "HASH_PDQ", "indicator": PDQ, **shared(status="MALICIOUS")},
    {"id": 2, "type": "HASH_MD5", "indicator": ONE.upper(), "should_delete": False},
    {"id": "3", "type": "HASH_MD5", "indicator": TWO, "should_delete": True},
    {"id": "4", "type": "HASH_SHA1", "indicator": "x", "should_delete": "true"},
    {"id": "5", "type": "HASH_TMK", "indicator": "x"},
    {
        "id": "9",
        "type": "HASH_VIDEO_VPDQ",
        "indicator": json.dumps([f"{PDQ},100,0.0", f"{FRAME},100,1.0"]),
    },
    {"id": "6", "type": "HASH_PHOTODNA", "indicator": "x"},
    {"id": "7", "type": "HASH_MD5", "indicator": TWO, **shared(status="NON_MALICIOUS")},
    {
        "id": "8",
        "type": "HASH_MD5",
        "indicator": TWO,
        **shared(reactions=["DISAGREE_WITH_TAGS"]),
    },
]

PAGES = [
    {"data": INDICATORS[:3], "paging": {"next": "secret-url"}},
    {"data": INDICATORS[3:], "paging": {}},
]


def many_indicators(count: int) -> Iterator[bytes]:
    """Yield an answer with a number of indicators."""
    records = (
        f'{{"id":"{number}","type":"HASH_MD5","indicator":"{digits}"}}'
        for number, digits in enumerate(rows(count))
    )
    return document('{"data":[', records, "]}")


RECORDS: list[dict[str, Any]] = [
    {
        "lastModtimestamp": 1625175071,
        "signalType": "ImagePDQ",
        "hashValue": PDQ,
        "hashStatus": "Active",
        "caseNumbers": {"secret-case": "Active"},
        "CSPFeedbacks": [{"source": "secret-source", "feedbackValue": "Blocked"}],
    },
    {"signalType": "VideoMD5", "hashValue": ONE, "hashStatus": "active"},
    {"signalType": "ImagePDQ", "hashValue": PDQ, "hashStatus": "Withdrawn"},
    {"signalType": "ImagePDQ", "hashValue": PDQ, "hashStatus": "Deleted"},
    {"signalType": "VideoTMK", "hashValue": "x", "hashStatus": "Active"},
    {"signalType": "URL", "hashValue": "secret-address", "hashStatus": "Active"},
]


def many_records(count: int) -> Iterator[bytes]:
    """Yield an answer with a number of records."""
    records = (
        f'{{"signalType":"VideoMD5","hashValue":"{digits}","hashStatus":"Active"}}'
        for digits in rows(count)
    )
    return document('{"hashRecords":[', records, '],"hasMoreRecords":false}')


SUBJECTS = {
    "threatexchange": Subject(
        form=THREAT_EXCHANGE,
        file=json.dumps(PAGES).encode(),
        entries=[
            {"id": "1", "category": "A", "pdq": PDQ},
            {"id": "2", "category": "A", "md5": ONE},
            {
                "id": "9",
                "category": "A",
                "signals": [
                    {"type": "pdq", "value": it, "quality": 100, "window": "film:2"}
                    for it in (PDQ, FRAME)
                ],
            },
        ],
        left_out={Problem.WITHDRAWN: 2, Problem.NOT_COMPARED: 2, Problem.DISPUTED: 2},
        not_compared={"TMK, which is of videos": 1, "PhotoDNA": 1},
        private=("secret-tag", "secret-url"),
        many=many_indicators,
    ),
    "stopncii": Subject(
        form=STOP_NCII,
        file=json.dumps({"count": 6, "hashRecords": RECORDS}, indent=2).encode(),
        entries=[
            {"id": "auto", "category": "A", "pdq": PDQ},
            {"id": "auto", "category": "A", "md5": ONE},
        ],
        left_out={Problem.WITHDRAWN: 2, Problem.NOT_COMPARED: 2},
        not_compared={"VideoTMK": 1, "URL": 1},
        private=("secret-case", "secret-source", "secret-address"),
        many=many_records,
    ),
}
