"""Divide a Merkle tree into tiles, the layout of C2SP tlog-tiles.

A tile at level ``l`` holds up to 256 hashes of consecutive perfect subtrees of height
``8 * l``. A full tile never changes; the tiles at the right edge of a tree are partial
and have their width in their name. A tree is served as files, so that any web server
can serve it, and any client of the specification can read it.

Source:
    https://c2sp.org/tlog-tiles
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from uploadfilter.decisions.tree.merkle import HASH_BYTES, folded

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
"""Hashes of a full tile."""

CHECKPOINT_NAME: Final = "checkpoint"
"""Path of the signed checkpoint, relative to the tree."""

_GROUP: Final = 1000
_INDEX = re.compile(r"(?:x\d{3}/)*\d{3}", re.ASCII)


class HashTile(NamedTuple):
    """The place of a tile.

    Attributes:
        level: From 0, the leaves.
        number: Within the level, from 0.
        width: Number of its hashes, 1 to ``TILE_WIDTH``.
    """

    level: int
    number: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """The path, such as ``tile/0/x001/234.p/17``."""
        whole = f"{self.directory}/{index_path(self.number)}"
        return whole if self.is_full else f"{whole}.p/{self.width}"

    @property
    def directory(self) -> str:
        """The path of the level."""
        return f"tile/{self.level}"

    @property
    def is_full(self) -> bool:
        """Whether it never changes."""
        return self.width == TILE_WIDTH


def index_path(index: int) -> str:
    """Return a tile's index in groups of three digits, all but the last after ``x``."""
    groups = [f"{index % _GROUP:03d}"]
    while index := index // _GROUP:
        groups.append(f"x{index % _GROUP:03d}")
    return "/".join(reversed(groups))


def parse_index(path: str) -> int | None:
    """Return the index that a path names; ``None`` if it names none."""
    if _INDEX.fullmatch(path) is None:
        return None
    index = int(path.replace("x", "").replace("/", ""))
    return index if index_path(index) == path else None


def edge(size: int) -> Iterator[HashTile]:
    """Yield the partial tiles of a tree, from the leaves upwards."""
    level = 0
    while size:
        width = size % TILE_WIDTH
        if width:
            yield HashTile(level, size // TILE_WIDTH, width)
        size //= TILE_WIDTH
        level += 1


def tile_of(level: int, index: int, size: int) -> HashTile:
    """Return the tile of a tree that holds the hash ``index`` of a level.

    Args:
        level: The level, from 0.
        index: Number of the hash within the level, from 0.
        size: Number of leaves of the tree.

    Raises:
        ValueError: The tree does not have this hash.
    """
    count = size >> (TILE_HEIGHT * level)
    if not 0 <= index < count:
        raise ValueError(
            f"a tree of {size} leaves has no hash {index} at level {level}"
        )
    number = index // TILE_WIDTH
    return HashTile(level, number, min(TILE_WIDTH, count - number * TILE_WIDTH))


class TileReader:
    """Reads the hashes of a tree from its tiles; call it as ``merkle.Read``.

    Args:
        size: Number of leaves of the tree.
        fetch: Returns the content of a tile, ``width * HASH_BYTES`` bytes.
    """

    def __init__(self, size: int, fetch: Callable[[HashTile], bytes]) -> None:
        self._size = size
        self._fetch = fetch
        self._kept: dict[HashTile, bytes] = {}

    def __call__(self, height: int, index: int) -> bytes:
        """Return the hash of the perfect subtree with this height and index.

        Raises:
            ValueError: The tree has no such subtree.
        """
        level, inner = divmod(height, TILE_HEIGHT)
        first, count = index << inner, 1 << inner
        tile = tile_of(level, first + count - 1, self._size)
        at = first % TILE_WIDTH
        return folded(hashes_of(self._data(tile))[at : at + count])

    def _data(self, tile: HashTile) -> bytes:
        if tile not in self._kept:
            self._kept[tile] = self._fetch(tile)
        return self._kept[tile]


def hashes_of(data: bytes) -> list[bytes]:
    """Return the hashes of a tile."""
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


class Edge:
    """The right edge of a tree, to which leaves are added.

    Args:
        size: Number of leaves.
        hashes: Of each partial tile of that size, from the leaves upwards, the hashes.
    """

    def __init__(self, size: int = 0, hashes: Sequence[Sequence[bytes]] = ()) -> None:
        self.size = size
        self._levels: list[list[bytes]] = []
        rest, given = size, iter(hashes)
        while rest:
            width = rest % TILE_WIDTH
            self._levels.append(list(next(given)) if width else [])
            if len(self._levels[-1]) != width:
                raise ValueError(f"a tree of {size} leaves has other partial tiles")
            rest //= TILE_WIDTH

    def add(self, leaf: bytes) -> Sequence[tuple[HashTile, bytes]]:
        """Add the hash of a leaf; return the tiles that are full now, with contents."""
        self.size += 1
        full: list[tuple[HashTile, bytes]] = []
        level, item = 0, leaf
        while True:
            if level == len(self._levels):
                self._levels.append([])
            row = self._levels[level]
            row.append(item)
            if len(row) < TILE_WIDTH:
                return full
            index = (self.size >> (TILE_HEIGHT * (level + 1))) - 1
            full.append((HashTile(level, index), b"".join(row)))
            item = folded(row)
            row.clear()
            level += 1

    def partial(self) -> list[tuple[HashTile, bytes]]:
        """Return the partial tiles, from the leaves upwards, with their contents."""
        rows = [row for row in self._levels if row]
        return [
            (tile, b"".join(row))
            for tile, row in zip(edge(self.size), rows, strict=True)
        ]

    def root(self) -> bytes:
        """Return the root of the tree."""
        carry: list[bytes] = []
        for row in self._levels:
            if row or carry:
                carry = [folded([*row, *carry])]
        return folded(carry)
