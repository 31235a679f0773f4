"""Read the heads and lists of S3 multipart uploads: which step a request is.

Source:
    "Uploading and copying objects using multipart upload", UploadPart,
    CompleteMultipartUpload and AbortMultipartUpload of the API reference of Amazon S3.

Rules this module keeps:

- What two servers could read in two ways is refused: repeated or oddly written
  parameters, a list with anything in it that S3 does not name there.
- The order of the parts is that of the list, which S3 requires to ascend.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET
from xml.parsers.expat import ExpatError

from uploadfilter.model import Reason
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

MOST_PARTS: Final = 1_000
"""Most parts of an upload. S3 takes 10,000, but each is a file that is locked while the
upload is inspected, and parts of 5 MiB, the smallest, make 5 GB."""

MOST_LIST_BYTES: Final = 2 * 1024 * 1024
"""Longest list of parts: S3 takes 1 MiB; a part with each checksum has 300 bytes."""

_MOST_FIELDS: Final = 64
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,4}")
_TOP_NUMBER: Final = 10_000
_ID: Final = re.compile(r"[!-~]{1,1024}")
_ETAG: Final = re.compile(r'"?[0-9A-Za-z+/=._-]{1,256}"?')
_NAMESPACE: Final = re.compile(r"\{http://s3\.amazonaws\.com/doc/2006-03-01/\}")
_CHECKSUM: Final = re.compile(r"Checksum[0-9A-Z]{1,16}")
_SUM: Final = re.compile(r"[0-9A-Za-z+/=-]{1,128}")
_LIST: Final = "CompleteMultipartUpload"
_DECLARATION: Final = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml[^?<>]*\?>")
_ENCODING: Final = re.compile(rb"encoding *= *[\"']utf-8[\"']", re.IGNORECASE)
_WORDS: Final = ("partnumber", "uploadid")


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPart:
    """A PUT that brings one part.

    Attributes:
        upload_id: Id of the upload.
        number: Number of the part, 1 to 10,000.
    """

    upload_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPart:
    """A PUT that makes a part of an object at the origin.

    Attributes:
        upload_id: Id of the upload.
    """

    upload_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A POST whose list makes the object out of the parts.

    Attributes:
        upload_id: Id of the upload.
    """

    upload_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """A DELETE that ends the upload.

    Attributes:
        upload_id: Id of the upload.
    """

    upload_id: str


S3Step: TypeAlias = UploadPart | CopyPart | Completion | Abort


def read(head: RequestHead) -> S3Step | Refusal | None:
    """Tell which step a request is.

    Args:
        head: The head of a request on a route for S3.

    Returns:
        The step; its refusal; or ``None`` for a request that is no step.
    """
    query = head.target.partition("?")[2]
    if not query or head.method not in {"PUT", "POST", "DELETE"}:
        return None
    try:
        found = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return _refused("The query has too many parameters.")
    named = [(name, value) for name, value in found if name.lower() in _WORDS]
    if not named and not any(word in query.lower() for word in _WORDS):
        return None
    stated = dict(named)
    if (
        len(stated) < len(named)
        or not set(stated) <= {"partNumber", "uploadId"}
        or "uploadId" not in stated
        or ";" in query
        or not _ID.fullmatch(stated["uploadId"])
        or head.stands_for
    ):
        return _refused("The parameters of the upload can be read in two ways.")
    return _step(head, stated["uploadId"], stated.get("partNumber"))


def _step(head: RequestHead, upload_id: str, number: str | None) -> S3Step | Refusal:
    match head.method, number:
        case "PUT", str():
            if not _NUMBER.fullmatch(number) or int(number) > _TOP_NUMBER:
                return _refused("The number of a part is 1 to 10000.")
            if head.has_any([b"x-amz-copy-source"]):
                return CopyPart(upload_id=upload_id)
            return UploadPart(upload_id=upload_id, number=int(number))
        case "POST", None:
            return Completion(upload_id=upload_id)
        case "DELETE", None:
            return Abort(upload_id=upload_id)
        case _:
            return _refused("The parameters of the upload contradict its method.")


def read_list(text: bytes) -> tuple[int, ...] | Refusal:
    """Return the numbers of the parts in the list that completes an upload.

    Args:
        text: The body of the request.

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
        return _refused("The parts are not in ascending order.")
    if len(ascending) > MOST_PARTS:
        return _refused("At most 1000 parts are taken; send larger ones.")
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
            and _NUMBER.fullmatch(number)
            and int(number) <= _TOP_NUMBER
            and _ETAG.fullmatch(known.get("ETag", ""))
        )
        yield int(number) if is_part else None


def _name(element: ET.Element) -> str:
    """Return the name of an element without the namespace of S3."""
    return _NAMESPACE.sub("", element.tag, count=1)


def _refused(detail: str, status: int = 400) -> Refusal:
    return Refusal(status=status, reason=Reason.MALFORMED_REQUEST, detail=detail)


_MALFORMED: Final = _refused("The list of parts is not one of S3.")
