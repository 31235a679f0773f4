r"""Parse what a client of ClamAV's daemon sends: commands, and streams in chunks.

A command is ``zNAME\0`` or ``nNAME\n``; the oldest clients send ``NAME`` alone.
``INSTREAM`` is followed by chunks, each with its length in four bytes, and ends with an
empty one. Nothing here reads or writes a socket.

Source:
    clamd(8), COMMANDS; ``get_cmd`` and ``handle_stream`` of clamd 1.4.
"""

from typing import Final, NamedTuple

from uploadfilter.web.requests.limits import most_chunks

MOST_COMMAND_BYTES: Final = 1024
MOST_CHUNKS_AT_ONCE: Final = 1024  # a millisecond to parse
_LENGTH_BYTES: Final = 4
_ENDS: Final = {b"z": b"\0", b"n": b"\n"}


class ClamdCommand(NamedTuple):
    """The name of a command, with whatever follows it, and what ends its answer."""

    name: bytes
    end: bytes


class ClamdWire:
    """The bytes of one client that were not taken yet.

    Attributes:
        in_stream: Whether the empty chunk of a stream was not taken yet.
    """

    def __init__(self) -> None:
        self._data = b""
        self.in_stream = self._is_refused = False
        self._chunk_left = self._chunks = self._stream_bytes = 0

    def receive(self, data: bytes) -> None:
        """Add bytes that have arrived."""
        self._data += data

    def take_command(self) -> ClamdCommand | None:
        """Take the next command; ``None`` if its end has not arrived."""
        data, first = self._data, self._data[:1]
        end = _ENDS.get(first, b"\n")
        size = data.find(end) + 1
        if not size and (first not in _ENDS or len(data) > MOST_COMMAND_BYTES):
            size = len(data)  # an old command ends with what came, as clamd has it
        line = data[:size].rstrip(b"\r\n\0")
        name = line[1:] if first in _ENDS else line
        # A file comes with a byte of its own.
        size += name == b"FILDES"
        if not size or size > len(data):
            return None
        self._data = data[size:]
        return ClamdCommand(name, end)

    def begin_stream(self) -> None:
        """Note that chunks follow."""
        self.in_stream, self._is_refused = True, False
        self._chunk_left = self._chunks = self._stream_bytes = 0

    def take_stream(self) -> bytes:
        """Take what has arrived of a stream, up to its empty chunk.

        Raises:
            ConnectionAbortedError: It comes in chunks of a few bytes, each of which
                costs as much as a kilobyte. It is said once; the rest can be taken.
        """
        begin, pieces, data = 0, list[bytes](), self._data
        most = self._chunks + MOST_CHUNKS_AT_ONCE
        while self.in_stream and begin < len(data) and self._chunks < most:
            if not self._chunk_left:
                length = data[begin : begin + _LENGTH_BYTES]
                if len(length) < _LENGTH_BYTES:
                    break
                begin += _LENGTH_BYTES
                self._chunk_left = int.from_bytes(length, "big")
                self.in_stream = self._chunk_left > 0
                self._chunks += 1
            piece = data[begin : begin + self._chunk_left]
            pieces.append(piece)
            begin += len(piece)
            self._chunk_left -= len(piece)
            self._stream_bytes += len(piece)
        self._data = data[begin:]
        if not self._is_refused and self._chunks > most_chunks(self._stream_bytes):
            self._is_refused = True
            raise ConnectionAbortedError("chunks of a few bytes")
        return b"".join(pieces)
