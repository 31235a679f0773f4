"""Define what the queue and the searching process say to each other.

A message is four bytes with the length of the rest, most significant first, and
MessagePack.
"""

from typing import Final

import msgspec

from uploadfilter.evidence.finding import SearchedView
from uploadfilter.model import Match

LENGTH_BYTES: Final = 4

MOST_BYTES: Final = 1 << 20
"""Longest message: sixteen planes of 16 KiB, and their names, are a third of it."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The views of an upload that are to be searched."""

    views: tuple[SearchedView, ...]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a search.

    Attributes:
        matches: The altered copies.
        is_finished: Whether every view was searched to its end.
        generation: Generation of the reference set that was searched.
        error: Why nothing could be searched; empty if it could.
        hint: What the operator does about that.
    """

    matches: tuple[Match, ...] = ()
    is_finished: bool = True
    generation: int = 0
    error: str = ""
    hint: str = ""


_encoder = msgspec.msgpack.Encoder()
_requests = msgspec.msgpack.Decoder(Request)
_replies = msgspec.msgpack.Decoder(Reply)


def encode(message: Request | Reply) -> bytes:
    """Return a message with its length before it."""
    data = _encoder.encode(message)
    return len(data).to_bytes(LENGTH_BYTES) + data


def decode_request(data: bytes) -> Request:
    """Read a request, without its length.

    Raises:
        msgspec.DecodeError: The bytes are something else.
    """
    return _requests.decode(data)


def decode_reply(data: bytes) -> Reply:
    """Read a reply, without its length.

    Raises:
        msgspec.DecodeError: The bytes are something else.
    """
    return _replies.decode(data)
