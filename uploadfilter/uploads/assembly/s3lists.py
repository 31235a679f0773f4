"""Read the list of parts that completes a multipart upload of S3.

Source:
    CompleteMultipartUpload of the API reference of Amazon S3.

Rules this module keeps: a list with anything in it that S3 does not name there is
refused, and the order of the parts is that of the list, which S3 requires to ascend.
"""

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as ET
from xml.parsers.expat import ExpatError

from uploadfilter.uploads.assembly.heads import refuse
from uploadfilter.uploads.head.plan import Refusal

MOST_PARTS: Final = 1_000
"""Most parts of an upload. S3 takes 10,000, but each is a file that is locked while the
upload is inspected, and parts of 5 MiB, the smallest, make 5 GB."""

MOST_LIST_BYTES: Final = 2 * 1024 * 1024
"""Longest list of parts: S3 takes 1 MiB; a part with each checksum has 300 bytes."""

PART_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}|10000")
_ETAG: Final = re.compile(r'"?[0-9A-Za-z+/=._-]{1,256}"?')
_NAMESPACE: Final = re.compile(r"\{http://s3\.amazonaws\.com/doc/2006-03-01/\}")
_CHECKSUM: Final = re.compile(r"Checksum[0-9A-Z]{1,16}")
_SUM: Final = re.compile(r"[0-9A-Za-z+/=-]{1,128}")
_LIST: Final = "CompleteMultipartUpload"
_DECLARATION: Final = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml[^?<>]*\?>")
_ENCODING: Final = re.compile(rb"encoding *= *[\"']utf-8[\"']", re.IGNORECASE)
_MALFORMED: Final = refuse("The list of parts is not one of S3.")


def read_list(text: bytes) -> tuple[int, ...] | Refusal:
    """Return the numbers of the parts in the list that completes an upload.

    Returns:
        Numbers in ascending order, at least one; or the refusal of a list that another
        reader could take for another one.
    """
    if len(text) > MOST_LIST_BYTES or not _is_plain(text):
        return _MALFORMED
    try:
        text.decode("utf-8")
        root = ET.fromstring(text)  # noqa: S314 - no entities without a document type
    except (UnicodeDecodeError, ET.ParseError, ExpatError, ValueError, LookupError):
        return _MALFORMED
    numbers = list(_numbers(root))
    if not numbers or None in numbers:
        return _MALFORMED
    ascending = [number for number in numbers if number is not None]
    if sorted(set(ascending)) != ascending:
        return refuse("The parts are not in ascending order.")
    if len(ascending) > MOST_PARTS:
        return refuse("At most 1000 parts are taken; send larger ones.")
    return tuple(ascending)


def _is_plain(text: bytes) -> bool:
    """Tell whether a document has no part that readers take differently.

    Without ``<!`` there is no document type, comment or CDATA; without a further ``<?``
    there is no instruction.
    """
    declared = _DECLARATION.match(text)
    rest = text[declared.end() :] if declared else text
    said = declared[0] if declared else b""
    is_utf8 = b"encoding" not in said or _ENCODING.search(said) is not None
    return is_utf8 and b"<!" not in text and b"<?" not in rest


def _numbers(root: ET.Element) -> Iterator[int | None]:
    """Yield the number of each part; ``None`` for anything that is no part."""
    if _name(root) != _LIST or root.attrib or (root.text or "").strip():
        yield None
    for part in root:
        known: dict[str, str] = {}
        for each in part:
            name, value = _name(each), (each.text or "").strip()
            is_known = name in {"PartNumber", "ETag"} or _CHECKSUM.fullmatch(name)
            if not is_known or name in known or len(each) or each.attrib:
                yield None
            if name not in {"PartNumber", "ETag"} and not _SUM.fullmatch(value):
                yield None
            if (each.tail or "").strip():
                yield None
            known[name] = value
        number = known.get("PartNumber", "")
        is_part = (
            _name(part) == "Part"
            and not part.attrib
            and not (part.text or "").strip()
            and not (part.tail or "").strip()
            and PART_NUMBER.fullmatch(number)
            and _ETAG.fullmatch(known.get("ETag", ""))
        )
        yield int(number) if is_part else None


def _name(element: ET.Element) -> str:
    """Return the name of an element without the namespace of S3."""
    return _NAMESPACE.sub("", element.tag, count=1)
