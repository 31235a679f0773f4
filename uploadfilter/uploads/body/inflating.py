"""Undo the content coding of a form as it arrives, strictly.

A form is encoded anew for the origin, and only the proxy may do that; so its coding is
undone here, and the origin gets the form without it. Only gzip and deflate are: zlib
is in the interpreter, and HTTP servers undo them.

Rules this module keeps:

- The body is exactly one stream from its first byte to its last, as for other bodies
  (``contents/coded.py``). The origin sees none of it, so no two readers can differ; a
  client that sends something else made a mistake.
- About ``STEP_BYTES`` come out at a time, so that a bomb takes turns with others.
- The bytes that come out before a fault do not depend on how the body arrived: zlib
  gets slices of a fixed length.
- The bytes that come out are bounded by a ratio to those that went in, and by the
  longest body.
"""

import re
import zlib
from typing import Final

from uploadfilter.model import Reason
from uploadfilter.uploads.body.parts import over_limit
from uploadfilter.uploads.head.plan import Refusal

STEP_BYTES: Final = 256 * 1024
"""Bytes that come out at a time, and at most as many again: a millisecond."""

SLICE_BYTES: Final = 16 * 1024
"""Bytes that go in at a time. Where zlib finds a fault, it gives nothing of a slice."""

MOST_RATIO: Final = 100
"""Most bytes for each byte that was sent. Texts reach 20; pictures and videos are
packed already. A form is parsed at 200 MB a second, so that a byte costs at most as
much as forty bytes of a form without a coding."""

FREE_BYTES: Final = 1 << 20
"""Bytes that may come out whatever was sent: a form of many equal fields."""

_GZIP_BITS: Final = zlib.MAX_WBITS + 16
_GZIP: Final = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]", re.DOTALL)
"""The beginning of a gzip stream without a flag that is reserved (RFC 1952, 2.3.1.1):
some readers fail at one, others go on."""

_ZLIB_HEAD: Final = 2


class Inflater:
    """Undoes the coding of one form.

    Args:
        coding: One of ``head.codings.OF_A_FORM``.
        most_bytes: Most bytes that may come out.
    """

    def __init__(self, coding: str, *, most_bytes: int) -> None:
        self._coding = coding
        self._most_bytes = most_bytes
        self._stream: zlib._Decompress | None = None
        self._held = b""  # not given to zlib yet
        self._slice = b""  # given to zlib, and not taken by it yet
        self._has_more = False  # zlib holds bytes back
        self._taken = 0
        self._given = 0
        self._has_ended = False
        self._refusal: Refusal | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the stream has ended, so that the body may end too."""
        return self._stream is not None and self._stream.eof

    @property
    def is_behind(self) -> bool:
        """Whether more may come out without another byte going in."""
        whole = 1 if self._has_ended else SLICE_BYTES
        is_held = bool(self._slice) or self._has_more or len(self._held) >= whole
        return is_held or self._refusal is not None

    def hold(self, data: bytes) -> None:
        """Take bytes of the body for a later step."""
        self._held += data

    def end(self) -> None:
        """Take the end of the body: the last slice may be shorter."""
        self._has_ended = True

    def step(self) -> bytes | Refusal:
        """Return the next bytes without the coding, or why the body is refused."""
        found: list[bytes] = []
        size = 0
        while size < STEP_BYTES and self.is_behind and self._refusal is None:
            given = self._next()
            if isinstance(given, Refusal):
                self._refusal = given
            else:
                found.append(given)
                size += len(given)
        if size or self._refusal is None:
            return b"".join(found)
        return self._refusal

    def _next(self) -> bytes | Refusal:
        """Let zlib take a slice, or give more of the last one."""
        if not self._slice and not self._has_more:
            self._slice = self._held[:SLICE_BYTES]
            self._held = self._held[SLICE_BYTES:]
            self._taken += len(self._slice)
        if self._stream is None:
            self._stream = self._begun()
        if self._stream is None:
            return _improper("The form is not in the content coding that it names.")
        if self._stream.eof:
            return _improper("Something follows the end of the form's content coding.")
        try:
            data = self._stream.decompress(self._slice, STEP_BYTES)
        except zlib.error:
            return _improper("The form is not in the content coding that it names.")
        self._slice = self._stream.unconsumed_tail or self._stream.unused_data
        # zlib may hold back more than it was allowed to give.
        self._has_more = len(data) == STEP_BYTES and not self._stream.eof
        self._given += len(data)
        if self._given > min(self._most_bytes, FREE_BYTES + MOST_RATIO * self._taken):
            return over_limit("The form is too long without its content coding.")
        return data

    def _begun(self) -> "zlib._Decompress | None":
        """Begin the stream by its first slice; ``None`` if no reader would."""
        head = self._slice
        if self._coding == "gzip":
            return zlib.decompressobj(_GZIP_BITS) if _GZIP.match(head) else None
        # Some clients send it without the wrapper that RFC 9110 asks for.
        return zlib.decompressobj(zlib.MAX_WBITS if _is_zlib(head) else -zlib.MAX_WBITS)


def incomplete() -> Refusal:
    """Refuse a form whose body ends before its stream."""
    return _improper("The form ends before its content coding.")


def _improper(detail: str) -> Refusal:
    return Refusal(status=400, reason=Reason.UNSUPPORTED_CODING, detail=detail)


def _is_zlib(head: bytes) -> bool:
    """Return whether bytes begin like a zlib stream (RFC 1950, 2.2)."""
    is_deflate = len(head) >= _ZLIB_HEAD and head[0] & 0x0F == zlib.DEFLATED
    return is_deflate and int.from_bytes(head[:_ZLIB_HEAD], "big") % 31 == 0
