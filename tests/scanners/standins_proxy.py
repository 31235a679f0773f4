"""A program with a pool of stand-ins, to be killed: prints their pids and waits."""

import asyncio
import os
import sys
from dataclasses import replace

from tests.scanners import standins
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.wire.messages import ContentSpan


async def main(content: str) -> None:
    """Scan one content, or nothing, for ever."""
    settings = replace(ScannerSettings(workers=1), module=standins.MODULE)
    async with ScannerPool.open(settings) as pool, asyncio.TaskGroup() as group:
        if content:
            fd = os.memfd_create("upload")
            os.write(fd, content.encode())
            span = ContentSpan(path="c0", offset=0, length=len(content))
            group.create_task(pool.scan(fd, [span], types=frozenset()))
            await asyncio.sleep(0.01)
        sys.stdout.write(" ".join(map(str, pool.pids)) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
