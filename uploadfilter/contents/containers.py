"""The containers that are read: one line for each.

To add one: a class that passes ``tests/conformance/containers.py``, a kind in
``magic.py`` and a line here.
"""

from typing import Final

from uploadfilter.contents.magic import Kind
from uploadfilter.contents.members import Container
from uploadfilter.contents.streams import BZIPPED, GZIPPED, XZ, ZSTD
from uploadfilter.contents.tars import TarContainer
from uploadfilter.contents.zipping import ZipContainer

CONTAINERS: Final[tuple[Container, ...]] = (
    ZipContainer(),
    TarContainer(),
    GZIPPED,
    BZIPPED,
    XZ,
    ZSTD,
)


def container_for(kind: Kind) -> Container | None:
    """Return what reads a kind of container, if anything does."""
    return _BY_KIND.get(kind)


_BY_KIND: Final = {kind: each for each in CONTAINERS for kind in each.kinds}
