"""The objects of an S3 bucket, by boto3; an extra installs it.

Rules this module keeps: objects are listed page by page, and read into unlinked files
in pieces, so that memory is bounded; only the listed version of an object is read.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from typing_extensions import override

from uploadfilter.errors import LookBackError
from uploadfilter.extras import load_extra
from uploadfilter.lookback.sources import Item, Trouble, TroubleError

_PIECE: Final = 1 << 20
"""Bytes that are read at a time."""

_GONE: Final = frozenset({"404", "NoSuchKey"})
_CHANGED: Final = frozenset({"412", "PreconditionFailed"})


@dataclass(frozen=True, kw_only=True)
class S3Source:
    """The objects of a bucket under a prefix.

    Attributes:
        prefix: The beginning of the keys; empty for all.
        endpoint: The server; ``None`` for Amazon's.
    """

    bucket: str
    prefix: str
    endpoint: str | None

    @classmethod
    def of(cls, address: str, *, endpoint: str | None) -> "S3Source":
        """Return the source of ``s3://BUCKET/PREFIX``.

        Raises:
            LookBackError: The address has no bucket, or boto3 is not installed.
        """
        parts = urlsplit(address)
        if not parts.netloc:
            raise LookBackError(
                f"{address!r} names no bucket",
                hint="Write s3://BUCKET or s3://BUCKET/A.",
            )
        _boto3()
        return cls(
            bucket=parts.netloc, prefix=parts.path.lstrip("/"), endpoint=endpoint
        )

    @property
    def address(self) -> str:
        """The address, with the server if it is not Amazon's."""
        at = f" at {self.endpoint}" if self.endpoint else ""
        return f"s3://{self.bucket}/{self.prefix}{at}"

    def items(self) -> Iterator[Item]:
        """Yield every object, in the order of the server."""
        _, exceptions = _boto3()
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix
            )
            for page in pages:
                for found in page.get("Contents", ()):
                    yield Item(
                        path=os.fsencode(found["Key"]),
                        size=found["Size"],
                        version=found["ETag"],
                    )
        except (exceptions.BotoCoreError, exceptions.ClientError) as exc:
            raise LookBackError(
                f"{self.address!r} cannot be listed: {exc}",
                hint="Check the bucket, the endpoint, and the credentials of boto3. "
                "Finished parts are kept: the same command goes on.",
            ) from exc

    @contextlib.contextmanager
    def opened(self, item: Item) -> Iterator[int]:
        """Copy the listed version of an object into an unlinked file."""
        with tempfile.TemporaryFile() as file:
            self._copy(item, file)
            yield file.fileno()

    def _copy(self, item: Item, file: Any) -> None:  # noqa: ANN401 -- tempfile's own type
        _, exceptions = _boto3()
        try:
            answer = self._client.get_object(
                Bucket=self.bucket, Key=item.name, IfMatch=item.version
            )
            body = answer["Body"]
            while piece := body.read(_PIECE):
                file.write(piece)
            file.flush()
        except exceptions.ClientError as exc:
            code = exc.response.get("Error", {}).get("Code", "")
            trouble = Trouble.UNREADABLE
            if code in _GONE:
                trouble = Trouble.VANISHED
            elif code in _CHANGED:
                trouble = Trouble.CHANGED
            raise TroubleError(trouble) from exc
        except (exceptions.BotoCoreError, OSError) as exc:
            raise TroubleError(Trouble.UNREADABLE) from exc
        if file.tell() != item.size:
            raise TroubleError(Trouble.CHANGED)

    @override
    def __getstate__(self) -> dict[str, object]:
        """Return what another process needs: it makes a client of its own."""
        return {name: getattr(self, name) for name in ("bucket", "prefix", "endpoint")}

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 -- of boto3, which has no types
        """A client, which several threads may use; making one takes 50 ms."""
        boto3, _ = _boto3()
        return boto3.session.Session().client("s3", endpoint_url=self.endpoint)


def _boto3() -> tuple[Any, ...]:
    return load_extra(
        "boto3",
        "botocore.exceptions",
        purpose="a bucket",
        extra="lookback",
        error=LookBackError,
    )
