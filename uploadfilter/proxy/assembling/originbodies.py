"""Read the bodies of the origin's answers.

Rule this module keeps: a body that breaks off, or is longer than allowed, is ``None``,
never a shorter body.
"""

from typing import Final

import aiohttp

from uploadfilter.web.origins.asking import OriginAnswer

MOST_REPLY_BYTES: Final = 1024 * 1024
"""Longest answer of an origin that is held: those of protocols are short, and a page
for an error is some kilobytes."""


async def whole(answer: OriginAnswer) -> bytes | None:
    """Return a whole body; ``None`` if it breaks off or is too long."""
    found = bytearray()
    try:
        while data := await answer.content.readany():
            found += data
            if len(found) > MOST_REPLY_BYTES:
                return None
    except (aiohttp.ClientError, OSError, TimeoutError):
        return None
    return None if answer.is_broken_off() else bytes(found)
