"""Steps of S3 multipart uploads, and the lists that complete them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.uploads.assembly.facts import REFUSED, Facts, facts
from uploadfilter.uploads.assembly.s3 import S3
from uploadfilter.uploads.assembly.s3lists import MOST_PARTS, read_list
from uploadfilter.uploads.assembly.steps import PartKey
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

ID = "VXBsb2Fk.-_"
PART = f"/bucket/key?partNumber=7&uploadId={ID}"


def head(method: str, target: str, *headers: tuple[bytes, bytes]) -> RequestHead:
    """Return a head."""
    host = (b"Host", b"s3.example")
    return RequestHead(method=method, target=target, headers=(host, *headers))


@pytest.mark.parametrize(
    ("method", "target", "step"),
    [
        ("PUT", PART, ("bring", PartKey(ID, "7"), 0, None)),
        ("PUT", f"{PART}&x-id=UploadPart", ("bring", PartKey(ID, "7"), 0, None)),
        (
            "PUT",
            f"/k?part%4eumber=7&upload%49d={ID}",
            ("bring", PartKey(ID, "7"), 0, None),
        ),
        ("POST", f"/k?uploadId={ID}", ("join", (), None)),
        ("DELETE", f"/k?x=&uploadId={ID}", ("end", ID)),
        ("POST", "/k?uploads", None),
        ("POST", "/k?uploads=", None),
        ("GET", f"/k?uploadId={ID}", None),
        ("PUT", "/k", None),
        ("PUT", "/k?acl", None),
        ("GET", "/k?partNumber=1", None),
    ],
)
def test_steps_are_told_apart(method: str, target: str, step: Facts | None) -> None:
    """Every other request is treated as on any route."""
    assert facts(S3.step(head(method, target))) == step


def test_copied_part_is_refused() -> None:
    """Its bytes never come by here."""
    found = S3.step(head("PUT", PART, (b"x-amz-copy-source", b"/b/k")))
    assert isinstance(found, Refusal)
    assert found.status == 501


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", f"{PART}&partNumber=8"),
        ("PUT", f"{PART}&PARTNUMBER=8"),
        ("PUT", f"/k?partNumber=7;uploadId={ID}"),
        ("PUT", f"/k?partnumber=7&uploadid={ID}"),
        ("PUT", f"/k?partNumber=0&uploadId={ID}"),
        ("PUT", f"/k?partNumber=10001&uploadId={ID}"),
        ("PUT", f"/k?partNumber=+7&uploadId={ID}"),
        ("PUT", f"/k?partNumber=07&uploadId={ID}"),
        ("PUT", "/k?partNumber=7"),
        ("PUT", "/k?partNumber=7&uploadId="),
        ("PUT", f"/k?uploadId={ID}"),
        ("POST", PART),
        ("DELETE", PART),
        ("PUT", f"{PART}&{'a&' * 100}"),
    ],
)
def test_what_servers_read_differently_is_refused(method: str, target: str) -> None:
    """Otherwise the part at the origin is another than the copy."""
    assert facts(S3.step(head(method, target))) == REFUSED


def test_overridden_method_is_refused() -> None:
    """A signed request has none, and servers differ in whether they obey one."""
    asked = head("POST", f"/k?uploadId={ID}", (b"X-HTTP-Method-Override", b"PUT"))
    assert facts(S3.step(asked)) == REFUSED


def part(number: object, etag: str = '"a1"', more: str = "") -> str:
    """Return one part of a list."""
    return f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{more}</Part>"


def listed(*parts: str, space: str = "", before: str = "") -> bytes:
    """Return a list."""
    told = f"<CompleteMultipartUpload{space}>{''.join(parts)}</CompleteMultipartUpload>"
    return (before + told).encode()


NAMESPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


@pytest.mark.parametrize(
    "text",
    [
        listed(part(1), part(3)),
        listed(part(1), part(3), space=NAMESPACE),
        listed(part(1), part(3), before='<?xml version="1.0" encoding="UTF-8"?>\n'),
        listed(part(1), part(3), before='\ufeff<?xml version="1.0"?>'),
        listed(
            "\n  ",
            part(1, "&quot;a&quot;", "<ChecksumCRC64NVME>x=</ChecksumCRC64NVME>"),
            part(3, "a-2"),
        ),
    ],
)
def test_list_gives_the_numbers_in_order(text: bytes) -> None:
    """As clients of S3 write it."""
    assert read_list(text) == (1, 3)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"not xml",
        listed(),
        listed(part(2), part(1)),
        listed(part(1), part(1)),
        listed(part(0)),
        listed(part("1 2")),
        listed(part(10_001)),
        listed("<Part><PartNumber>1</PartNumber></Part>"),
        listed(part(1, more="<PartNumber>2</PartNumber>")),
        listed(part(1, more="<Other>2</Other>")),
        listed(part(1, more=f"<ChecksumMD5>{'A' * 129}</ChecksumMD5>")),
        listed("2", part(1)),
        listed(part(1) + "2"),
        listed(f"<Parts>{part(1)}</Parts>"),
        listed(part("1<!-- -->")),
        listed(part("<![CDATA[1]]>")),
        listed(part(1), before="<!DOCTYPE a>"),
        listed(part("<?a b?>1")),
        listed(part(1), before='<?xml version="1.0" encoding="UTF-7"?>'),
        listed(part(1)).decode().encode("utf-16"),
        listed(part("<b>1</b>")),
        listed(part(1)).replace(b"<Part>", b'<Part a="b">'),
        listed(*(part(number) for number in range(1, MOST_PARTS + 2))),
        b"<CompleteMultipartUpload>" + b" " * (2 << 20),
    ],
)
def test_list_that_readers_take_differently_is_refused(text: bytes) -> None:
    """The origin would join other parts than those that were inspected."""
    assert isinstance(read_list(text), Refusal)


@given(st.lists(st.integers(1, 10_000), unique=True, min_size=1, max_size=20))
def test_any_ascending_list_is_read(numbers: list[int]) -> None:
    """In the order in which the origin joins."""
    ascending = sorted(numbers)
    text = listed(*(part(number) for number in ascending))
    assert read_list(text) == tuple(ascending)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_a_list(text: bytes) -> None:
    """Nothing raises."""
    assert isinstance(read_list(text), Refusal | tuple)
