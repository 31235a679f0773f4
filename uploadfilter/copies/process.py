"""Start the process that searches for altered copies, and talk to it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from uploadfilter.copies.wire import (
    LENGTH_BYTES,
    MOST_BYTES,
    Reply,
    Request,
    decode_reply,
    encode,
)
from uploadfilter.errors import CopySearchError
from uploadfilter.reference.files.keys import KEY_VARIABLES
from uploadfilter.scanners.pool.launching import environment

MODULE: Final = "uploadfilter.copies.child"


class SearchProcess:
    """A running process; it answers one request at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def search(self, request: Request) -> Reply:
        """Have an upload searched; there is no limit on the wait.

        Raises:
            CopySearchError: The process has ended.
        """
        writer, reader = self._process.stdin, self._process.stdout
        if writer is None or reader is None:
            raise RuntimeError("the process was started without pipes")
        try:
            writer.write(encode(request))
            await writer.drain()
            length = int.from_bytes(await reader.readexactly(LENGTH_BYTES))
            if length <= MOST_BYTES:
                return decode_reply(await reader.readexactly(length))
        except (OSError, asyncio.IncompleteReadError, msgspec.DecodeError) as exc:
            raise await self._failure() from exc
        raise await self._failure()

    async def _failure(self) -> CopySearchError:
        """End the process, and say how it ended."""
        code = await self.end()
        return CopySearchError(
            f"the process that searches for altered copies ended with {code}",
            hint="It is started again. If this goes on, look for the cause in the "
            "output of the service, and report it.",
        )

    async def end(self) -> int:
        """Kill the process, which has nothing to save; return its exit code."""
        with suppress(ProcessLookupError):
            self._process.kill()
        return await self._process.wait()


@asynccontextmanager
async def searching(
    state: Path, *, module: str = MODULE
) -> AsyncIterator[SearchProcess]:
    """Run a process that searches the reference set of a state directory.

    Args:
        state: The state directory, as an absolute path.
        module: The module to run; tests use others.

    Raises:
        CopySearchError: It cannot be started.
    """
    passed = environment()
    passed |= {name: os.environ[name] for name in KEY_VARIABLES if name in os.environ}
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-s", "-P", "-m", module),
            *("--state", str(state)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd="/",
            env=passed,
            start_new_session=True,
            limit=MOST_BYTES,
        )
    except OSError as exc:
        raise CopySearchError(
            f"the process that searches for altered copies cannot be started: {exc}",
            hint="There may be no process, memory or descriptor left.",
        ) from exc
    running = SearchProcess(process)
    try:
        yield running
    finally:
        await running.end()
