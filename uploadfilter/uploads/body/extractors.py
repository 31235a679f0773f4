"""Turn a body into contents as its bytes arrive.

An extractor receives every chunk and the end, and returns events. The events do not
depend on how the body is cut into chunks, except for the cuts of ``ContentData``. After
``Refused`` it returns no more events. A content that was open then stays open; the part
of it that was handed on does depend on the cuts, and must not be used.

To add one, write a class with the methods of ``Extractor``, a line where
``head/plan.py`` distinguishes kinds of bodies, and its factory in
``tests/uploads/body/test_extractors.py``, which runs the suite of
``tests/conformance/extractors.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol, TypeAlias, assert_never

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from uploadfilter.model import Reason
from uploadfilter.uploads.body.canonical import FormPart
from uploadfilter.uploads.body.parts import (
    PartHeader,
    has_bare_line_feed,
    malformed,
    over_limit,
    read_part_header,
)
from uploadfilter.uploads.head import codings, signs
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.limits import UploadLimits

_CRLF: Final = b"\r\n"
_END_OF_HEADER: Final = b"\r\n\r\n"

_EPILOGUE: Final = b"\r\n\r\n"
"""Everything that may follow the last boundary: RFC 2046 has one line end, many scripts
send two.

PHP and Django accept a file after it, so anything else is refused rather than dropped:
in ``MONITOR`` it would be forwarded, and an honest client sends nothing there.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentStarted:
    """A content begins; its data follow, then ``ContentEnded``.

    Attributes:
        declared_type: Media type that the client claims, without parameters.
        coding: Its content coding, by its name in ``contents/coded.py``, if it has one.
    """

    declared_type: str | None
    coding: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentData:
    """Some bytes of the content that has begun; never empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ContentEnded:
    """The content is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The body cannot be read; nothing follows."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class PieceFound:
    """The fields of a form say that its file is a piece of another."""


Event: TypeAlias = ContentStarted | ContentData | ContentEnded | PieceFound | Refused


class Extractor(Protocol):
    """Turns a body into contents."""

    def receive(self, chunk: bytes) -> list[Event]:
        """Take a chunk of the body that has arrived."""

    def end(self) -> list[Event]:
        """Take the end of the body."""


class RawExtractor:
    """Makes one content of the whole body, even if it is empty.

    Args:
        declared_type: Media type that the head claims.
        coding: Content coding that the head states.
    """

    def __init__(self, declared_type: str | None, coding: str | None = None) -> None:
        self._declared_type = declared_type
        self._coding = coding
        self._started = False

    def receive(self, chunk: bytes) -> list[Event]:
        """Take a chunk of the body that has arrived."""
        if not chunk:
            return []
        return [*self._start(), ContentData(data=chunk)]

    def end(self) -> list[Event]:
        """Take the end of the body."""
        return [*self._start(), ContentEnded()]

    def _start(self) -> list[Event]:
        if self._started:
            return []
        self._started = True
        return [ContentStarted(declared_type=self._declared_type, coding=self._coding)]


STEPS_AT_ONCE: Final = 32
"""Elements of a form that are parsed in one step: sixteen parts, about a millisecond. A
thousand empty parts fit into one chunk, and all other requests would wait for them."""


class _State(Enum):
    """The next element of a form."""

    OPENING = auto()
    HEADER = auto()
    DATA = auto()
    EPILOGUE = auto()
    OVER = auto()


class _Progress(Enum):
    """Whether a step needs more bytes, or the next step can follow."""

    MORE = auto()
    NEXT = auto()


_Step: TypeAlias = _Progress | Refusal


class FormExtractor:
    """Makes a content of every part of a form, file or not.

    Two readers must agree on each part. The first is this class: it finds boundaries
    and header sections, and reads the headers by its own strict rules. The second is
    the ``multipart`` library in strict mode, which gets one element at a time: an
    opening, a header section, data up to a boundary. With these cuts its answers no
    longer depend on how the body arrived. (With arbitrary cuts it accepts a bare LF in
    a header in one cut and refuses it in another; the same is true of a preamble and an
    epilogue.)

    However many bytes arrive, only a bounded number of elements is parsed in one step;
    the rest is parsed with the next chunk, which may be empty, or at the end.

    Args:
        boundary: The separator of the parts, as ``head/plan.py`` found it.
        limits: Limits on the number of parts and the length of each header.

    Attributes:
        is_behind: Whether bytes that have arrived are not parsed yet.
    """

    def __init__(self, boundary: bytes, limits: UploadLimits) -> None:
        self._limits = limits
        self._opening = b"--" + boundary
        self._delimiter = _CRLF + self._opening
        self._parser = PushMultipartParser(
            boundary,
            max_header_size=limits.max_part_header_bytes,
            max_header_count=limits.max_part_headers,
            strict=True,
        )
        self._state = _State.OPENING
        self._buffer = b""
        self._at = 0
        self._header: PartHeader | None = None
        self._length = 0
        self._parts: list[FormPart] = []
        self._begun = 0
        self._signs = signs.Signs()
        self._said = b""  # the value so far of the current field, if it matters
        self.is_behind = False

    @property
    def parts(self) -> tuple[FormPart, ...]:
        """The parts that are complete, in order."""
        return tuple(self._parts)

    def receive(self, chunk: bytes) -> list[Event]:
        """Take a chunk of the body that has arrived."""
        if self._state is _State.OVER:
            return []
        self._buffer += chunk
        events: list[Event] = []
        step: _Step = _Progress.NEXT
        for _ in range(STEPS_AT_ONCE):
            step = self._step(events)
            if step is not _Progress.NEXT:
                break
        self.is_behind = step is _Progress.NEXT
        self._buffer = self._buffer[self._at :]
        self._at = 0
        if isinstance(step, Refusal):
            return [*events, *self._refused(step)]
        return events

    def end(self) -> list[Event]:
        """Take the end of the body; without its last boundary the form is refused."""
        events: list[Event] = []
        while self.is_behind:
            events += self.receive(b"")
        return [*events, *self._ended()]

    def _ended(self) -> list[Event]:
        if self._state is _State.OVER:
            return []
        if self._state is not _State.EPILOGUE:
            return self._refused(malformed("The form ends before its last boundary."))
        self._state = _State.OVER
        return [PieceFound()] if self._signs.is_piece else []

    def _refused(self, refusal: Refusal) -> list[Event]:
        self._state = _State.OVER
        self._buffer = b""
        return [Refused(refusal=refusal)]

    def _step(self, events: list[Event]) -> _Step:
        """Parse one element of the buffer, if it is complete."""
        match self._state:
            case _State.OPENING:
                return self._on_opening(events)
            case _State.HEADER:
                return self._on_header(events)
            case _State.DATA:
                return self._on_data(events)
            case _State.EPILOGUE | _State.OVER:
                return self._on_epilogue()
            case never:
                assert_never(never)

    def _on_opening(self, events: list[Event]) -> _Step:
        """Parse the first boundary, at the very beginning or after one line end."""
        skip = len(_CRLF) if self._buffer.startswith(_CRLF) else 0
        end = skip + len(self._opening) + len(_CRLF)
        if len(self._buffer) < end:
            return _Progress.MORE
        if not self._buffer.startswith(self._opening, skip):
            return malformed("The form does not begin with its boundary.")
        self._at = skip
        return self._feed(end, events) or self._after_boundary()

    def _on_header(self, events: list[Event]) -> _Step:
        """Parse a header section, up to and including its empty line."""
        limit = self._limits.max_part_header_bytes + len(_END_OF_HEADER)
        window = self._buffer[self._at : self._at + limit]
        end = 0 if window.startswith(_CRLF) else window.find(_END_OF_HEADER)
        if has_bare_line_feed(window if end < 0 else window[:end]):
            return malformed("A line of a part's header ends in LF alone.")
        if end < 0 and len(window) == limit:
            return over_limit("A part's header is too long.")
        if end < 0:
            return _Progress.MORE
        section = window[: end + len(_CRLF)] if end else b""
        header = read_part_header(section, self._limits)
        if isinstance(header, Refusal):
            return header
        self._header = header
        self._length = 0
        self._state = _State.DATA
        end = self._at + len(section) + len(_CRLF)
        return self._feed(end, events) or _Progress.NEXT

    def _on_data(self, events: list[Event]) -> _Step:
        """Parse data up to a boundary, or up to where one may begin."""
        index = self._buffer.find(self._delimiter, self._at)
        if index < 0:
            index = len(self._buffer) - self._boundary_begun()
        end = index + len(self._delimiter) + len(_CRLF)
        if end <= len(self._buffer):
            return self._feed(end, events) or self._after_boundary()
        if index > self._at:
            return self._feed(index, events) or _Progress.MORE
        return _Progress.MORE

    def _on_epilogue(self) -> _Step:
        if _EPILOGUE.startswith(self._buffer[self._at :]):
            return _Progress.MORE
        return malformed("Something follows the last boundary.")

    def _boundary_begun(self) -> int:
        """Return how many bytes at the buffer's end may begin a boundary."""
        begin = max(self._at, len(self._buffer) - len(self._delimiter) - 1)
        index = self._buffer.rfind(b"\r", begin)
        if index < 0 or not self._delimiter.startswith(self._buffer[index:]):
            return 0
        return len(self._buffer) - index

    def _after_boundary(self) -> _Step:
        """Distinguish the last boundary from others; the library has no third kind."""
        if self._buffer.endswith(b"--", 0, self._at):
            self._state = _State.EPILOGUE
            return _Progress.NEXT
        self._begun += 1
        if self._begun > self._limits.max_parts:
            return over_limit("The form has too many parts.")
        self._state = _State.HEADER
        return _Progress.NEXT

    def _feed(self, end: int, events: list[Event]) -> Refusal | None:
        """Pass the bytes up to ``end`` to the library, and take its events."""
        element = self._buffer[self._at : end]
        self._at = end
        try:
            for found in self._parser.parse(element):
                events += [self._event(found)]
        except MultipartError:
            return malformed("The form is malformed.")
        return self._refusal_of_field(events)

    def _event(self, found: MultipartSegment | bytes | None) -> Event:
        header = self._header
        if header is None:
            raise RuntimeError("the parser found data in front of a part")
        if isinstance(found, bytes):
            self._length += len(found)
            self._said += found[: signs.MOST_VALUE_BYTES - len(self._said)]
            return ContentData(data=found)
        if found is not None:
            self._said = b""
            return ContentStarted(declared_type=header.declared_type)
        self._note(header)
        self._parts.append(
            FormPart(
                name=header.name,
                filename=header.filename,
                content_type=header.content_type,
                length=self._length,
            )
        )
        return ContentEnded()

    def _note(self, header: PartHeader) -> None:
        """Note the value of a field that has ended, if it describes the file."""
        if header.filename is not None:
            self._signs.add_file(header.name)
        elif signs.Signs.are_in(header.name):
            self._signs.add(header.name, self._said.decode(errors="replace"))

    def _refusal_of_field(self, events: Sequence[Event]) -> Refusal | None:
        """Refuse a form that names a coding of its file, as for a head."""
        header = self._header
        has_ended = bool(events) and isinstance(events[-1], ContentEnded)
        if not has_ended or header is None or header.filename is not None:
            return None
        is_coding = header.name.lower() == codings.FORM_FIELD
        if not is_coding or codings.is_told_by_bytes(self._said.decode("latin-1")):
            return None
        return Refusal(
            status=415,
            reason=Reason.UNSUPPORTED_CODING,
            detail="The file must be stored without a content coding.",
        )
