"""Objects of a bucket, with a client that answers from memory.

``tests/sites/test_lookback.py`` asks a server.
"""

import copy
import io
import os
from collections.abc import Iterator
from typing import Any

import pytest

from uploadfilter.errors import LookBackError
from uploadfilter.lookback import s3
from uploadfilter.lookback.s3 import S3Source
from uploadfilter.lookback.sources import Item, Trouble, TroubleError


class ClientError(Exception):
    """As botocore has it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


class BotoCoreError(Exception):
    """As botocore has it."""


class Memory:
    """A bucket in memory, and the modules that reach it.

    Attributes:
        objects: Contents by key.
        fault: Raised by each call, if it is set.
    """

    BotoCoreError = BotoCoreError
    ClientError = ClientError

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.fault: Exception | None = None
        self.session = self

    def Session(self) -> "Memory":  # noqa: N802 -- the name of boto3
        """Return itself."""
        return self

    def client(self, _name: str, *, endpoint_url: str | None) -> "Memory":
        """Return itself."""
        assert endpoint_url == "http://s3"
        return self

    def get_paginator(self, _name: str) -> "Memory":
        """Return itself."""
        return self

    def paginate(self, **wanted: str) -> Iterator[dict[str, Any]]:
        """Yield a page for each object."""
        if self.fault:
            raise self.fault
        yield {}
        for key, data in sorted(self.objects.items()):
            if key.startswith(wanted["Prefix"]):
                size, tag = len(data), f'"{hash(data)}"'
                yield {"Contents": [{"Key": key, "Size": size, "ETag": tag}]}

    def get_object(self, **wanted: str) -> dict[str, Any]:
        """Return an object."""
        if self.fault:
            raise self.fault
        return {"Body": io.BytesIO(self.objects[wanted["Key"]])}


@pytest.fixture(name="memory")
def _memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory()
    monkeypatch.setattr(s3, "_boto3", lambda: (memory, memory))
    return memory


def source() -> S3Source:
    """Return the objects under a prefix."""
    return S3Source.of("s3://bucket/in/", endpoint="http://s3")


def test_objects_are_listed_and_read(memory: Memory) -> None:
    """Each with its ETag; the source can be sent to a worker."""
    memory.objects = {"in/a": b"one", "in/b/c": b"x" * 3_000_000, "out": b""}
    it = source()
    found = list(it.items())
    assert [(item.name, item.size) for item in found] == [
        ("in/a", 3),
        ("in/b/c", 3_000_000),
    ]
    assert it.address == "s3://bucket/in/ at http://s3"
    other = copy.copy(it)  # by its state, as for a worker
    with other.opened(found[1]) as handle:
        assert os.fstat(handle).st_size == 3_000_000
        assert os.pread(handle, 3, 0) == b"xxx"


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        (ClientError("NoSuchKey"), Trouble.VANISHED),
        (ClientError("412"), Trouble.CHANGED),
        (ClientError("AccessDenied"), Trouble.UNREADABLE),
        (BotoCoreError(), Trouble.UNREADABLE),
        (TimeoutError(), Trouble.UNREADABLE),
        (None, Trouble.CHANGED),
    ],
)
def test_object_that_cannot_be_read_is_told(
    memory: Memory, fault: Exception | None, trouble: Trouble
) -> None:
    """Gone, replaced, forbidden, cut off, or of another size than it was listed."""
    memory.objects = {"in/a": b"one"}
    memory.fault = fault
    item = Item(path=b"in/a", size=9, version='"x"')
    with pytest.raises(TroubleError, match=trouble.value), source().opened(item):
        pytest.fail("it was opened")


def test_bucket_that_cannot_be_listed_ends_the_scan(memory: Memory) -> None:
    """A listing that broke off must not look like the end of the bucket."""
    memory.fault = ClientError("NoSuchBucket")
    with pytest.raises(LookBackError, match="cannot be listed"):
        list(source().items())
    with pytest.raises(LookBackError, match="names no bucket"):
        S3Source.of("s3:///a", endpoint=None)
