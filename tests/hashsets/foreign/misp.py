"""Events of MISP."""

import json
from collections.abc import Iterator
from typing import Any

from tests.conformance.foreign import Subject, document, rows
from uploadfilter.hashsets.foreign.misp import MISP
from uploadfilter.hashsets.tally import Problem

ONE = "d131dd02c5e6eec4693d9a0698aff95c"
TWO = "e131dd02c5e6eec4693d9a0698aff95c"
SHA1 = f"{ONE}01234567"


def attribute(kind: str, value: object, **more: object) -> dict[str, Any]:
    """Return an attribute."""
    return {"uuid": "u", "category": "Payload", "type": kind, "value": value, **more}


EVENT = {
    "Event": {
        "id": "9",
        "info": "secret-info",
        "Tag": [{"name": "secret-tag"}],
        "Attribute": [
            attribute("md5", ONE, comment="secret-comment", object_id="0"),
            attribute("filename|sha1", f"secret|name.jpg|{SHA1.upper()}", uuid="v"),
            attribute("md5", TWO, to_ids=False),
            attribute("md5", TWO, deleted=True),
            attribute("ip-dst", "secret-address"),
            attribute("ssdeep", "x"),
        ],
        "Object": [
            {
                "name": "file",
                "Attribute": [
                    attribute("md5", TWO, object_id="7", to_ids=True),
                    attribute("sha1", SHA1, object_id="7", to_ids="1"),
                    attribute("filename", "secret-name.jpg", object_id="7"),
                ],
            },
            {"name": "person", "Attribute": []},
        ],
        "RelatedEvent": [{"Event": {"Attribute": [attribute("md5", TWO)]}}],
    }
}


def many_attributes(count: int) -> Iterator[bytes]:
    """Yield an event with a number of attributes."""
    records = (
        json.dumps(attribute("md5", digits, uuid=f"u{number}"))
        for number, digits in enumerate(rows(count))
    )
    return document('{"response":{"Attribute":[', records, "]}}")


SUBJECTS = {
    "misp": Subject(
        form=MISP,
        file=json.dumps({"response": [EVENT]}, indent=4).encode(),
        entries=[
            {"id": "u", "category": "Payload", "md5": ONE},
            {"id": "v", "category": "Payload", "sha1": SHA1},
            {"id": "object-7", "category": "Payload", "md5": TWO},
            {"id": "object-7", "category": "Payload", "sha1": SHA1},
        ],
        left_out={Problem.HARMLESS: 1, Problem.WITHDRAWN: 1, Problem.NOT_COMPARED: 3},
        not_compared={"ip-dst": 1, "ssdeep": 1, "filename": 1},
        private=("secret-info", "secret-comment", "secret-address", "secret-name"),
        many=many_attributes,
    ),
}
