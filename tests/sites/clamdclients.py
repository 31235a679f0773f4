"""Ask a clamd door with clients of PyPI; runs in the environment of the sites.

Usage: ``python clamdclients.py ADDRESS FILE...``, where the address is the path of a
socket, or ``HOST:PORT``. Prints what each client was told, as JSON.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import aioclamd
import clamav_client
import clamd

ADDRESS = sys.argv[1]
HOST, _, PORT = ADDRESS.rpartition(":")
TOO_LONG = ["too long", None]

Told = list[str | None]


def by_clamd(file: Path) -> Told:
    """Ask with ``clamd``, of 2014, which most programs use."""
    client = (
        clamd.ClamdNetworkSocket(HOST, int(PORT))
        if HOST
        else clamd.ClamdUnixSocket(ADDRESS)
    )
    try:
        with file.open("rb") as content:
            return list(client.instream(content)["stream"])
    except clamd.BufferTooLongError:
        return TOO_LONG


def by_clamav_client(file: Path) -> Told:
    """Ask with ``clamav-client``, which also reads the version."""
    scanner = clamav_client.get_scanner({"backend": "clamd", "address": ADDRESS})
    if not scanner.info().virus_definitions:
        raise ValueError("the version says nothing of the reference set")
    result = scanner.scan(str(file))
    return TOO_LONG if result.passed is None else [result.state, result.details]


def by_aioclamd(file: Path) -> Told:
    """Ask with ``aioclamd``, which knows only TCP."""

    async def ask() -> Told:
        client = aioclamd.ClamdAsyncClient(host=HOST, port=int(PORT))
        with file.open("rb") as content:
            return list((await client.instream(content))["stream"])

    try:
        return asyncio.run(ask())
    except aioclamd.BufferTooLongError:
        return TOO_LONG


CLIENTS: dict[str, Callable[[Path], Told]] = {
    "clamd": by_clamd,
    "clamav-client": by_clamav_client,
}
if HOST:
    CLIENTS["aioclamd"] = by_aioclamd

if __name__ == "__main__":
    files = [Path(name) for name in sys.argv[2:]]
    json.dump(
        {
            name: {file.name: ask(file) for file in files}
            for name, ask in CLIENTS.items()
        },
        sys.stdout,
    )
