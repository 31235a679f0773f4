"""Reference directories of millions of entries, made without a Python object for each.

The columns for a benchmark of searching are made at once and passed to the writer, as
in an import; ``importing.py`` measures real imports.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.matching.data import BYTES, Values
from uploadfilter.model import Geometry, SignalType
from uploadfilter.reference.entries.collecting import TableBuilder
from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES
from uploadfilter.reference.entries.sets import LOCAL_ISSUER, SetInfo
from uploadfilter.reference.entries.tables import (
    EntryTable,
    ExactTable,
    PerceptualTable,
    Tables,
)
from uploadfilter.reference.search.index import lanes_of
from uploadfilter.reference.store import ReferenceDirectory

SET = "random"
CATEGORY = "benchmark"
_ID_DIGITS = 8
_QUALITY = 100


class Filled(TableBuilder):
    """A collection that is made from arrays.

    Args:
        values: PDQ values; the id of each entry is its row.
        keys: Keys of exact signals, of shape (n, 16), one for each entry, or empty.
    """

    def __init__(self, values: Values, keys: NDArray[np.uint8]) -> None:
        super().__init__(lambda _type, value: value)
        self._pdq = values
        self._exact = keys

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._pdq)

    def finish(self, info: SetInfo) -> Tables:
        """Return the tables."""
        count = len(self)
        rows = np.arange(count, dtype=np.uint32)
        counts = {"entries": count, SignalType.PDQ.value: count}
        if len(self._exact):
            counts[SignalType.SHA256.value] = count
        filled = SetInfo(
            name=info.name,
            issuer=info.issuer,
            categories=info.categories,
            enforced=info.enforced,
            imported_at=info.imported_at,
            entries=count,
            counts={CATEGORY: counts},
        )
        return Tables(
            sets=(filled,),
            categories=(CATEGORY,),
            windows=("full",),
            entries=EntryTable(
                ids=_digits(rows),
                id_ends=np.arange(1, count + 1, dtype=np.uint64)
                * np.uint64(_ID_DIGITS),
                sets=np.zeros(count, np.uint16),
                categories=np.zeros(count, np.uint16),
                exact_only=np.zeros(count, np.uint8),
            ),
            perceptual={
                (SignalType.PDQ, Geometry.FULL): PerceptualTable(
                    lanes=lanes_of(self._pdq.tobytes(), BYTES),
                    entries=rows,
                    quality=np.full(count, _QUALITY, np.uint8),
                    windows=np.zeros(count, np.uint16),
                )
            },
            exact=_sorted_keys(self._exact),
        )


def fill(path: Path, values: Values, *, digests: NDArray[np.uint8]) -> None:
    """Make a reference directory.

    Args:
        path: The path, which must not exist yet.
        values: A PDQ value for each entry.
        digests: SHA-256 of the first entries, of shape (k, 32). All others get random
            keys, which nobody can look up, and which make a look-up cost the same. If
            there are no digests, no entry has a key.
    """
    directory = ReferenceDirectory(path)
    with directory.writer() as writer:
        secret = directory.secret()
        rng = np.random.default_rng(len(values))
        listed = len(values) if len(digests) else 0
        keys = rng.integers(0, 256, (listed, EXACT_KEY_BYTES), np.uint8)
        for row, digest in enumerate(digests):
            key = secret.exact_key(SignalType.SHA256, digest.tobytes())
            keys[row] = np.frombuffer(key, np.uint8)
        info = SetInfo(
            name=SET,
            issuer=LOCAL_ISSUER,
            categories=(CATEGORY,),
            enforced=True,
            imported_at=0,
        )
        writer.replace_set(Filled(values, keys), info)


def _digits(rows: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return the numbers as text of eight digits each, one after the other."""
    digits = np.empty((len(rows), _ID_DIGITS), np.uint8)
    left = rows.copy()
    for place in range(_ID_DIGITS - 1, -1, -1):
        left, digit = np.divmod(left, np.uint32(10))
        digits[:, place] = digit + np.uint32(ord("0"))
    return digits.reshape(-1)


def _sorted_keys(keys: NDArray[np.uint8]) -> ExactTable:
    high, low = lanes_of(keys.tobytes(), EXACT_KEY_BYTES)
    order = np.lexsort((low, high))
    return ExactTable(
        high=high.take(order), low=low.take(order), entries=order.astype(np.uint32)
    )
