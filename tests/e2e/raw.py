"""Exchange raw bytes with a proxy."""

import contextlib
import socket


def exchange(port: int, *pieces: bytes, half: bool = False) -> bytes:
    """Send bytes and return all that comes back; ``half`` ends our side first."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        for piece in pieces:
            client.sendall(piece)
        if half:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while data := client.recv(1 << 16):
                answer += data
    return answer
