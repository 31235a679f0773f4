"""Hash sets and cases of Project VIC."""

import json
from collections.abc import Iterator
from typing import Any

from tests.conformance.foreign import Subject, document, rows
from uploadfilter.hashsets.foreign.vics import VICS
from uploadfilter.hashsets.tally import Problem

ONE = "d131dd02c5e6eec4693d9a0698aff95c"
TWO = "e131dd02c5e6eec4693d9a0698aff95c"
SHA1 = f"{ONE}01234567"
SHA256 = f"{ONE}{TWO}"
PDQ = "f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22"
PHOTODNA = "QUJD" * 48

MEDIA: list[dict[str, Any]] = [
    {
        "MediaID": 1,
        "Category": 1,
        "MD5": ONE.upper(),
        "SHA1": SHA1.upper(),
        "SHA256": None,
        "MediaSize": "2835",
        "DateUpdated": "2025-01-02T03:04:05.0000Z",
        "IsPrecategorized": "false",
        "VictimIdentified": True,
        "Series": "secret-series",
        "Tags": ["secret-tag"],
        "Miniature": "secret-miniature" * 100,
        "PhotoDNA": PHOTODNA,
        "MediaFiles": [{"MD5": ONE, "FileName": "secret-name.jpg", "FilePath": "C:\\"}],
        "AlternativeHashes": [
            {"MD5": ONE, "HashName": "PDQ", "HashValue": PDQ},
            {"MD5": ONE, "HashName": "SHA-256", "HashValue": SHA256},
            {"MD5": ONE, "HashName": "MD5", "HashValue": TWO},
            {"MD5": ONE, "HashName": "Videntifier", "HashValue": "x"},
            {"MD5": ONE, "HashName": "PDQ", "HashValue": ""},
        ],
        "odata.id": "secret-link",
        "Files@odata.navigationLinkUrl": "secret-link",
    },
    {"MediaID": "2", "Category": "2", "MD5": TWO, "SHA1": ""},
    {"MediaID": 3, "Category": 5, "MD5": TWO.upper()},
    {"MediaID": 4, "Category": 1, "PhotoDNA": PHOTODNA},
    {"MediaID": 5, "Category": None, "MD5": TWO},
    {"Category": 0, "MD5": ONE},
]

MEDIA_LINES: list[dict[str, Any]] = [
    {
        "id": 1,
        "category": 1,
        "md5": ONE,
        "sha1": SHA1,
        "pdq": PDQ,
        "sha256": SHA256,
        "signals": [{"type": "md5", "value": TWO}],
    },
    {"id": "2", "category": "2", "md5": TWO},
    {"id": "auto", "category": "0", "md5": ONE},
]

HEADER = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/{}/$metadata#{}"
OLD_HEADER = "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#{}"
MEDIA_LEFT_OUT = {Problem.HARMLESS: 1, Problem.NOT_COMPARED: 1, Problem.CATEGORY: 1}
MEDIA_NOT_COMPARED = {"PhotoDNA": 2, "Videntifier's signal": 1}
SECRETS = ("secret-series", "secret-tag", "secret-name", "secret-miniature")


def many_media(count: int) -> Iterator[bytes]:
    """Yield a hash set with a number of media."""
    records = (
        f'{{"MediaID":{number},"Category":1,"MD5":"{digits.upper()}","Tags":"t"}}'
        for number, digits in enumerate(rows(count))
    )
    start = f'{{"odata.metadata":"{OLD_HEADER.format("Media")}","value":['
    return document(start, records, "]}")


def many_cases(count: int) -> Iterator[bytes]:
    """Yield an export of one case with a number of media."""
    start = f'{{"odata.metadata":"{OLD_HEADER.format("Cases")}","value":[{{"Media":['
    media = many_media(count)
    next(media)
    records = (piece.decode().removeprefix(",") for piece in media)
    return document(start, (piece for piece in records if piece != "]}"), "]}]}")


SUBJECTS = {
    "vics-2.0": Subject(
        form=VICS,
        file=json.dumps(
            {"@odata.context": HEADER.format("US", "Media"), "value": MEDIA}
        ).encode(),
        entries=MEDIA_LINES,
        left_out=MEDIA_LEFT_OUT,
        not_compared=MEDIA_NOT_COMPARED,
        private=SECRETS,
        many=many_media,
    ),
    "vics-1.3-cases": Subject(
        form=VICS,
        file=json.dumps(
            {
                "odata.metadata": OLD_HEADER.format("Cases"),
                "value": [
                    {"CaseID": "secret-case", "Media": MEDIA[:1], "Total": 1},
                    {"CaseID": "{b}", "CaseMetadata": [{}], "Media": MEDIA[1:2]},
                    {"Media": []},
                ],
            },
            indent=1,
        )
        .replace("\n", "\r\n")
        .encode(),
        entries=MEDIA_LINES[:2],
        left_out={},
        not_compared={"PhotoDNA": 1, "Videntifier's signal": 1},
        private=(*SECRETS, "secret-case"),
        many=many_cases,
    ),
}
