"""Join two files in one: a picture, and its alpha or its profile.

Only ``pictures/readers/layered.py`` reads such a file; no other program does.
"""

from collections.abc import Iterator

from uploadfilter.contents.kinds.magic import LAYERED_MAGIC, PROFILED_MAGIC
from uploadfilter.contents.members import Shortfall


def layered(
    colours: Iterator[bytes | Shortfall], alpha: Iterator[bytes | Shortfall]
) -> Iterator[bytes | Shortfall]:
    """Yield one file made of two.

    Args:
        colours: Parts of a picture file; a shortfall comes last.
        alpha: Parts of a second picture file, whose luma is the alpha of the first.
    """
    files: list[list[bytes]] = []
    for parts in (colours, alpha):
        held: list[bytes] = []
        for part in parts:
            if isinstance(part, Shortfall):
                yield part
                return
            held.append(part)
        files.append(held)
    yield LAYERED_MAGIC + sum(map(len, files[0])).to_bytes(8, "big")
    for held in files:
        yield from held


def profiled(
    colours: Iterator[bytes | Shortfall], profile: bytes
) -> Iterator[bytes | Shortfall]:
    """Yield one file made of a picture and an ICC profile that replaces its own.

    Args:
        colours: Parts of a picture file; a shortfall comes last.
        profile: The profile.
    """
    yield PROFILED_MAGIC + len(profile).to_bytes(8, "big")
    yield profile
    yield from colours
