"""Uploads in memory files, as the spool hands them to the scanners."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest

from uploadfilter.scanners.wire.messages import ContentSpan


@contextmanager
def upload_of(
    *contents: bytes, declared: tuple[str | None, ...] = ()
) -> Iterator[tuple[int, list[ContentSpan]]]:
    """Put contents one after another into a memory file.

    Args:
        contents: Their bytes; their paths are ``c0``, ``c1``, ...
        declared: Declared types of the first contents.

    Yields:
        Its descriptor, and one span for each content.
    """
    with os.fdopen(os.memfd_create("upload"), "w+b", buffering=0) as file:
        spans = []
        pairs = zip_longest(contents, declared)
        for number, (content, declared_type) in enumerate(pairs):
            spans.append(
                ContentSpan(
                    path=f"c{number}",
                    offset=file.tell(),
                    length=len(content),
                    declared_type=declared_type,
                )
            )
            file.write(content)
        yield file.fileno(), spans
