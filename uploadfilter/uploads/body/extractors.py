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

import quopri
import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol, TypeAlias, assert_never

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from uploadfilter.model import Reason
from uploadfilter.uploads.body.canonical import BodyPart
from uploadfilter.uploads.body.inflating import Inflater, incomplete
from uploadfilter.uploads.body.parts import (
    QUOTED_PRINTABLE,
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

MOST_PREAMBLE_BYTES: Final = 1024
"""Bytes before the first boundary: mail software writes a sentence there, for readers
that know no multipart. No reader takes them for a part, and they are not sent on."""

_PREAMBLE: Final = re.compile(rb"(?:\r\n|(?!--)[\t -~]*\r\n)*")
"""Lines of text. Two dashes would begin a part for a reader of another boundary."""

_NO_TEXT: Final = re.compile(rb"[^\t\r\n -~]")

MOST_QUOTED_BYTES: Final = 256 * 1024
"""Bytes of a field in quoted-printable, which are held to be decoded as a whole: more
than people type into a form."""

_QUOTED: Final = re.compile(
    rb"(?:[!-<>-~]|[ \t](?!\r\n|\Z)|=[0-9A-Fa-f]{2}|=\r\n|\r\n)*"
)
"""What every decoder of quoted-printable reads alike."""

_PLAIN_HEADER: Final = b'Content-Disposition: form-data; name="part"\r\n\r\n'
"""What the second reader gets for each header section."""


class ContentStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A content begins; its data follow, then ``ContentEnded``.

    Attributes:
        declared_type: Media type that the client claims, without parameters.
        coding: Its content coding, by its name in ``contents/coded.py``, if it has one.
        is_aside: See ``Content``.
        is_field: See ``Content``.
    """

    declared_type: str | None
    coding: str | None = None
    is_aside: bool = False
    is_field: bool = False


class ContentData(msgspec.Struct, frozen=True, kw_only=True):
    """Some bytes of the content that has begun; never empty."""

    data: bytes


class ContentEnded(msgspec.Struct, frozen=True):
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

    Two readers must agree on where each part begins and ends. The first is this class:
    it finds boundaries and header sections, and reads the headers by its own strict
    rules. The second is the ``multipart`` library in strict mode, which gets one
    element at a time: an opening, a header section, data up to a boundary. With these
    cuts its answers no longer depend on how the body arrived. It gets a plain header in
    place of the client's, because it reads names in UTF-8 only.

    However many bytes arrive, only a bounded number of elements is parsed in one step;
    the rest is parsed with the next chunk, which may be empty, or at the end.

    Args:
        boundary: The separator of the parts, as ``head/plan.py`` found it.
        limits: Limits on the number of parts and the length of each header.
        coding: The content coding of the body; ``None`` if it has none.
        is_form: Whether it is a form, and not ``multipart/related`` or ``mixed``.

    Attributes:
        is_behind: Whether bytes that have arrived are not parsed yet.
    """

    def __init__(
        self,
        boundary: bytes,
        limits: UploadLimits,
        *,
        coding: str | None = None,
        is_form: bool = True,
    ) -> None:
        self._limits = limits
        self._is_form = is_form
        self._inflater: Inflater | None = None
        if coding is not None:
            self._inflater = Inflater(coding, most_bytes=limits.max_body_bytes)
        self._has_elements = False  # that are not parsed yet
        self._opening = b"--" + boundary
        self._delimiter = _CRLF + self._opening
        self._parser = PushMultipartParser(boundary, strict=True)
        self._state = _State.OPENING
        self._buffer = b""
        self._at = 0
        self._header: PartHeader | None = None
        self._length = 0
        self._parts: list[BodyPart] = []
        self._begun = 0
        self._files = 0
        self._signs = signs.Signs()
        self._said = b""  # the value so far of the current field, if it matters
        self._quoted: bytearray | None = None  # a field that is to be decoded
        self.is_behind = False

    @property
    def parts(self) -> tuple[BodyPart, ...]:
        """The parts that are complete, in order."""
        return tuple(self._parts)

    def receive(self, chunk: bytes) -> list[Event]:
        """Take a chunk of the body that has arrived."""
        if self._state is _State.OVER:
            return []
        undone = self._undone(chunk)
        if isinstance(undone, Refusal):
            return self._refused(undone)
        self._buffer += undone
        events: list[Event] = []
        step: _Step = _Progress.NEXT
        for _ in range(STEPS_AT_ONCE):
            step = self._step(events)
            if step is not _Progress.NEXT:
                break
        self._has_elements = step is _Progress.NEXT
        is_packed = self._inflater is not None and self._inflater.is_behind
        self.is_behind = self._has_elements or is_packed
        self._buffer = self._buffer[self._at :]
        self._at = 0
        if isinstance(step, Refusal):
            return [*events, *self._refused(step)]
        return events

    def end(self) -> list[Event]:
        """Take the end of the body; without its last boundary the form is refused."""
        events: list[Event] = []
        if self._inflater is not None and self._state is not _State.OVER:
            self._inflater.end()
            self.is_behind |= self._inflater.is_behind
        while self.is_behind:
            events += self.receive(b"")
        return [*events, *self._ended()]

    def _ended(self) -> list[Event]:
        if self._state is _State.OVER:
            return []
        if self._inflater is not None and not self._inflater.is_complete:
            return self._refused(incomplete())
        if self._state is not _State.EPILOGUE:
            return self._refused(malformed("The form ends before its last boundary."))
        self._state = _State.OVER
        return [PieceFound()] if self._signs.is_piece else []

    def _refused(self, refusal: Refusal) -> list[Event]:
        self._state = _State.OVER
        self._buffer = b""
        self.is_behind = False
        return [Refused(refusal=refusal)]

    def _undone(self, chunk: bytes) -> bytes | Refusal:
        """Return bytes without the coding, unless some of them are not parsed yet."""
        if self._inflater is None:
            return chunk
        self._inflater.hold(chunk)
        return b"" if self._has_elements else self._inflater.step()

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
        """Parse the first boundary, at the very beginning or after lines of text."""
        skip = self._buffer.find(self._opening)
        before = len(self._buffer) - len(self._opening) + 1 if skip < 0 else skip
        if before > MOST_PREAMBLE_BYTES or _NO_TEXT.search(self._buffer, 0, before):
            return malformed("The form does not begin with its boundary.")
        end = skip + len(self._opening) + len(_CRLF)
        if skip < 0 or len(self._buffer) < end:
            return _Progress.MORE
        if not _PREAMBLE.fullmatch(self._buffer, 0, skip):
            return malformed("The form does not begin with its boundary.")
        self._at = skip
        return self._feed(self._taken(end), events) or self._after_boundary()

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
        return self._on_section(section, events) or _Progress.NEXT

    def _on_section(self, section: bytes, events: list[Event]) -> Refusal | None:
        """Take a header section that is complete, without its empty line."""
        if self._opening in section:
            return malformed("A part contains the form's boundary.")
        header = read_part_header(section, self._limits, is_form=self._is_form)
        if isinstance(header, Refusal):
            return header
        self._files += header.is_file
        if self._files > self._limits.max_files:
            return over_limit("The form has too many files.")
        self._header = header
        self._length = 0
        is_quoted = header.coding == QUOTED_PRINTABLE and not header.is_file
        self._quoted = bytearray() if is_quoted else None
        self._state = _State.DATA
        self._at += len(section) + len(_CRLF)
        return self._feed(_PLAIN_HEADER, events)

    def _on_data(self, events: list[Event]) -> _Step:
        """Parse data up to a boundary, or up to where one may begin."""
        index = self._buffer.find(self._opening, self._at)
        if index < 0:
            index = len(self._buffer) - self._boundary_begun()
            if index > self._at:
                return self._feed(self._taken(index), events) or _Progress.MORE
            return _Progress.MORE
        if not self._buffer.endswith(_CRLF, self._at, index):
            return malformed("A part contains the form's boundary.")
        end = index + len(self._opening) + len(_CRLF)
        if end <= len(self._buffer):
            return self._feed(self._taken(end), events) or self._after_boundary()
        index -= len(_CRLF)
        if index > self._at:
            return self._feed(self._taken(index), events) or _Progress.MORE
        return _Progress.MORE

    def _on_epilogue(self) -> _Step:
        if _EPILOGUE.startswith(self._buffer[self._at :]):
            return _Progress.MORE
        return malformed("Something follows the last boundary.")

    def _boundary_begun(self) -> int:
        """Return how many bytes at the buffer's end may begin a boundary.

        They count with and without their line end: Django and Werkzeug find a boundary
        in the middle of a line, others do not, so neither may be passed on.
        """
        begin = max(self._at, len(self._buffer) - len(self._delimiter))
        for index in range(begin, len(self._buffer)):
            rest = self._buffer[index:]
            if self._delimiter.startswith(rest) or self._opening.startswith(rest):
                return len(rest)
        return 0

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

    def _taken(self, end: int) -> bytes:
        """Return the bytes up to ``end``, and go on behind them."""
        element = self._buffer[self._at : end]
        self._at = end
        return element

    def _feed(self, element: bytes, events: list[Event]) -> Refusal | None:
        """Pass an element to the library, and take its events."""
        try:
            for found in self._parser.parse(element):
                refusal = self._take(found, events)
                if refusal is not None:
                    return refusal
        except MultipartError:
            return malformed("The form is malformed.")
        return None

    def _take(
        self, found: MultipartSegment | bytes | None, events: list[Event]
    ) -> Refusal | None:
        header = self._header
        if header is None:
            raise RuntimeError("the parser found data in front of a part")
        if isinstance(found, bytes):
            self._length += len(found)
            self._said += found[: signs.MOST_VALUE_BYTES - len(self._said)]
            events.append(ContentData(data=found))
            return self._hold_quoted(found)
        if found is not None:
            self._said = b""
            events.append(
                ContentStarted(
                    declared_type=header.declared_type,
                    coding=header.scanned_coding,
                    is_field=header.is_field,
                )
            )
            return None
        events.append(ContentEnded())
        return self._end_part(header, events)

    def _hold_quoted(self, data: bytes) -> Refusal | None:
        if self._quoted is None:
            return None
        self._quoted += data
        if len(self._quoted) > MOST_QUOTED_BYTES:
            return over_limit("A part in quoted-printable is too long.")
        return None

    def _end_part(self, header: PartHeader, events: list[Event]) -> Refusal | None:
        """Note a part that is complete; add what it says without its coding."""
        said = [self._said]
        undone = b""
        if self._quoted:
            if not _QUOTED.fullmatch(self._quoted):
                return malformed("A part is not in quoted-printable.")
            undone = quopri.decodestring(bytes(self._quoted))
        if undone:
            said.append(undone[: signs.MOST_VALUE_BYTES])
            events += [
                ContentStarted(declared_type=header.declared_type, is_field=True),
                ContentData(data=undone),
                ContentEnded(),
            ]
        part = BodyPart(
            disposition=header.disposition,
            names=header.names,
            content_type=header.content_type,
            coding=header.coding,
            content_id=header.content_id,
            content_location=header.content_location,
            length=self._length,
            undone_length=len(undone),
        )
        self._parts.append(part)
        for value in said:
            self._note(header, value)
        return next(filter(None, (_refusal_of_field(header, v) for v in said)), None)

    def _note(self, header: PartHeader, value: bytes) -> None:
        """Note the value of a field that has ended, if it describes the file."""
        if header.is_file or "filename=" in header.name.lower():
            # formidable finds a file name in the name, too.
            self._signs.add_file(header.name)
        # Rack reads parts that are no form as one, and fields by an id.
        if not header.has_file_name and signs.Signs.are_in(header.name):
            self._signs.add(header.name, value.decode(errors="replace"))


def _refusal_of_field(header: PartHeader, value: bytes) -> Refusal | None:
    """Refuse a form that names a coding of its file, as for a head."""
    is_coding = not header.is_file and header.name.lower() == codings.FORM_FIELD
    if not is_coding or codings.is_told_by_bytes(value.decode("latin-1")):
        return None
    return Refusal(
        status=415,
        reason=Reason.UNSUPPORTED_CODING,
        detail="The file must be stored without a content coding.",
    )
