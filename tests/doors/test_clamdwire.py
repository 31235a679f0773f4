"""What clients of ClamAV's daemon send, however it is cut on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doors.visiting import chunks
from uploadfilter.doors.clamdwire import (
    MOST_CHUNKS_AT_ONCE,
    MOST_COMMAND_BYTES,
    ClamdCommand,
    ClamdWire,
)


@pytest.mark.parametrize(
    ("sent", "command", "rest"),
    [
        pytest.param(b"zPING\0", (b"PING", b"\0"), b"", id="z"),
        pytest.param(b"nPING\n", (b"PING", b"\n"), b"", id="n"),
        pytest.param(b"nPING\r\n", (b"PING", b"\n"), b"", id="n-crlf"),
        pytest.param(b"PING", (b"PING", b"\n"), b"", id="old"),
        pytest.param(b"PING\r\n", (b"PING", b"\n"), b"", id="old-crlf"),
        pytest.param(b"zEND\0zPING\0", (b"END", b"\0"), b"zPING\0", id="two"),
        pytest.param(b"zSCAN /a\n\0", (b"SCAN /a", b"\0"), b"", id="line-end-inside"),
        pytest.param(b"z\0", (b"", b"\0"), b"", id="empty-z"),
        pytest.param(b"\n", (b"", b"\n"), b"", id="empty-old"),
        pytest.param(
            b"GET / HTTP/1.1\r\n\r\n", (b"GET / HTTP/1.1", b"\n"), b"\r\n", id="http"
        ),
        pytest.param(b"zFILDES\0!", (b"FILDES", b"\0"), b"", id="file"),
        pytest.param(b"nFILDES\n\0zEND\0", (b"FILDES", b"\n"), b"zEND\0", id="file-n"),
        pytest.param(b"zFILDES\0", None, b"zFILDES\0", id="file-without-its-byte"),
        pytest.param(b"", None, b"", id="nothing"),
        pytest.param(b"z", None, b"z", id="begun"),
        pytest.param(b"zPING", None, b"zPING", id="cut"),
        pytest.param(b"nPING\0", None, b"nPING\0", id="the-other-end"),
    ],
)
def test_command_ends_as_it_begins(
    sent: bytes, command: tuple[bytes, bytes] | None, rest: bytes
) -> None:
    """``z`` ends with a zero byte, ``n`` with a line; an old command with what came."""
    wire = wire_of(sent)
    found = wire.take_command()

    assert found == (command and ClamdCommand(*command))
    assert wire.take_command() == wire_of(rest).take_command()


def wire_of(sent: bytes) -> ClamdWire:
    """Return a wire with some bytes."""
    wire = ClamdWire()
    wire.receive(sent)
    return wire


def test_endless_command_is_no_command() -> None:
    """A client that never ends its command is answered, and holds no memory."""
    wire = wire_of(b"z" + b"A" * MOST_COMMAND_BYTES)
    found = wire.take_command()

    assert found == ClamdCommand(b"A" * MOST_COMMAND_BYTES, b"\0")
    assert wire.take_command() is None


@given(
    contents=st.lists(st.binary(max_size=40), max_size=3),
    size=st.integers(1, 9),
    cuts=st.lists(st.integers(1, 5)),
)
def test_streams_are_read_however_they_are_cut(
    contents: list[bytes], size: int, cuts: list[int]
) -> None:
    """Each stream has its own bytes, and what follows it is the next command."""
    wire = ClamdWire()
    sent = b"".join(
        b"".join([b"zINSTREAM\0", *chunks(content, size)]) for content in contents
    )
    found: list[bytes] = []
    while sent or cuts:
        cut = cuts.pop() if cuts else len(sent)
        wire.receive(sent[:cut])
        sent = sent[cut:]
        while True:
            if wire.in_stream:
                found[-1] += wire.take_stream()
                if wire.in_stream:
                    break
            elif wire.take_command() is None:
                break
            else:
                wire.begin_stream()
                found.append(b"")

    assert found == contents
    assert not wire.in_stream


def test_length_of_a_chunk_takes_no_memory() -> None:
    """A chunk is as long as what came of it, whatever its length says."""
    wire = ClamdWire()
    wire.begin_stream()
    wire.receive(b"\xff\xff\xff\xffabc")

    assert wire.take_stream() == b"abc"
    assert wire.in_stream


def test_chunks_of_a_few_bytes_are_refused_once() -> None:
    """They cost more to parse than to scan; what follows them is read nevertheless.

    A client that is broken off could send the rest as a whole file.
    """
    wire = ClamdWire()
    wire.begin_stream()
    wire.receive(b"".join(chunks(bytes(100_000), 1000)[:-1]))
    assert len(wire.take_stream()) == 100_000

    wire.receive(b"".join(chunks(bytes(100_000), 1)) + b"zPING\0")
    faults, longest = 0, 0
    while wire.in_stream:
        try:
            longest = max(longest, len(wire.take_stream()))
        except ConnectionAbortedError:
            faults += 1

    assert faults == 1
    assert longest == MOST_CHUNKS_AT_ONCE
    assert wire.take_command() == ClamdCommand(b"PING", b"\0")
