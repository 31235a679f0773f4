"""The commands of an ``Inspection``: one value for each step of an upload.

``driver.py`` has one step carry out each command, and passes the result to the method
of the inspection that the docstring of the command names.
"""

from enum import StrEnum, auto
from typing import TypeAlias

import msgspec

from uploadfilter.decisions.judgement import Judgement
from uploadfilter.model import Match, Scan, Signal
from uploadfilter.uploads.body.canonical import BodyPart
from uploadfilter.web.answering.answer import Answer


class Where(StrEnum):
    """The spool of an upload that bytes belong to."""

    BODY = auto()
    CONTENTS = auto()


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Append ``data`` to a spool; if there is no room, call ``failed(SPOOL_FULL)``."""

    where: Where
    data: bytes


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """One content of the upload, at its place in a spool.

    Attributes:
        path: Its ordinal in the upload, from 0, as in the record.
        offset: Its first byte in the spool.
        length: Its length in bytes.
        declared_type: The media type that the client claims, if any.
        exact: Its digests.
        coding: Its content coding, by its name in ``contents/coded.py``, if it has one.
        is_aside: Whether it is another content in a reading that no client means: then
            only findings and budgets count.
        is_field: Whether it is a field of a form, and no file.
        is_scanned: Whether it is scanned by itself; otherwise only its digests are
            compared, since its bytes are scanned in another content.
    """

    path: str
    offset: int
    length: int
    declared_type: str | None
    exact: tuple[Signal, ...]
    coding: str | None = None
    is_aside: bool = False
    is_field: bool = False
    is_scanned: bool = True

    def as_sent(self) -> "Content":
        """Return a framed content as it was sent, which some origins store unread.

        It is not what its type says, and its digests are those of this content.
        """
        return msgspec.structs.replace(
            self,
            path=str(int(self.path) + 1),
            declared_type=None,
            coding=None,
            exact=(),
            is_aside=True,
        )


class LookUp(msgspec.Struct, frozen=True, kw_only=True):
    """Look up the exact signals of the contents; answer with ``looked_up``."""

    contents: tuple[Content, ...]


class StartScan(msgspec.Struct, frozen=True, kw_only=True):
    """Have the contents scanned; answer with ``scanned``."""

    where: Where
    contents: tuple[Content, ...]


class MatchSignals(msgspec.Struct, frozen=True, kw_only=True):
    """Search for the signals of the scans; answer with ``matched``."""

    scans: tuple[Scan, ...]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Make the decision durable; answer with ``recorded``.

    Attributes:
        judgement: The decision.
        scans: The evidence: every content that was seen.
        matches: The evidence: every match.
        status: The status for the client; ``None`` if the origin answers.
    """

    judgement: Judgement
    scans: tuple[Scan, ...]
    matches: tuple[Match, ...]
    status: int | None


class Forward(msgspec.Struct, frozen=True, kw_only=True):
    """Send the upload to the origin.

    Attributes:
        where: The spool that holds the bytes to send.
        parts: The parts of a form that is to be encoded anew; ``None`` if the bytes of
            the spool are forwarded unchanged.
        charset: The charset that the head names for such a form, if it names one.
        parts_type: See ``BodyPlan``.
        unread: Whether the rest of the body is still to come from the client, and is
            forwarded unheld.
    """

    where: Where
    parts: tuple[BodyPart, ...] | None
    charset: str | None = None
    parts_type: str | None = None
    unread: bool


class KeepSlice(msgspec.Struct, frozen=True, kw_only=True):
    """Keep a form that brings a slice of a file; else call ``no_slice``.

    Attributes:
        parts: The parts of the form.
        charset: The charset that the head names for it, if it names one.
    """

    parts: tuple[BodyPart, ...]
    charset: str | None


Command: TypeAlias = (
    Hold | LookUp | StartScan | MatchSignals | Record | Forward | KeepSlice | Answer
)


def unscanned(content: Content) -> Scan:
    """Return the scan of a content from its bytes alone, without a scanner."""
    return Scan(
        path=content.path, kind="unscanned", size=content.length, exact=content.exact
    )
