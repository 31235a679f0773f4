"""Find entries of a build that look like known-good pictures.

Such an entry would match innocent uploads, or is a stock picture that came in with
others. The issuer is told about it, and decides. The known-good corpus is a file made
by ``uploadfilter hashset known-good build``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.errors import IssuerError
from uploadfilter.hashsets.lines.jsonlines import parse_line
from uploadfilter.hashsets.tally import Tally
from uploadfilter.knowngood.corpus import Corpus
from uploadfilter.model import Entry, SignalType
from uploadfilter.reference.search.matching import Thresholds

_ROWS: Final = 16
"""Rows, and columns, of the bits of a PDQ value."""

_PICTURES_AT_A_TIME: Final = 1 << 16
"""Pictures of a corpus that are compared together: they take some 10 MB."""


def generic_ids(path: Path, corpus: Corpus) -> Iterator[str]:
    """Yield the ids of entries that match a picture or file of a corpus.

    Args:
        path: JSON lines, as written by a build.
        corpus: Signals of known-good pictures, and digests of known-good files.

    Raises:
        IssuerError: The file cannot be read.
    """
    tally = Tally()
    try:
        with path.open("rb") as file:
            for line in file:
                entry = parse_line(line, categories=None, tally=tally)
                if entry is not None and _is_generic(entry, corpus):
                    yield entry.id
    except OSError as exc:
        raise IssuerError(
            f"cannot read {str(path)!r}: {exc.strerror}", hint="Build it anew."
        ) from exc


def _is_generic(entry: Entry, corpus: Corpus) -> bool:
    for item in entry.signals:
        kind, value = item.signal.type, item.signal.value
        if kind.is_exact:
            digests = corpus.digests.get(kind.value)
            if digests is not None and _is_among(value, digests):
                return True
        elif kind is SignalType.PDQ and _is_near(value, corpus):
            return True
    return False


def _is_among(value: bytes, digests: NDArray[np.uint8]) -> bool:
    """Look a digest up in a sorted list of digests."""
    low, high = 0, len(digests)
    while low < high:
        middle = (low + high) // 2
        if digests[middle].tobytes() < value:
            low = middle + 1
        else:
            high = middle
    return low < len(digests) and digests[low].tobytes() == value


def _is_near(value: bytes, corpus: Corpus) -> bool:
    """Tell whether a picture of the corpus, or a mirrored one, is within the threshold.

    A corpus has the variants in which rows stay rows; the others are these with rows
    and columns of bits swapped, on either side.
    """
    bits = np.unpackbits(np.frombuffer(value, np.uint8)).reshape(_ROWS, _ROWS)
    swapped = np.packbits(bits.T).tobytes()
    most = Thresholds().bits(SignalType.PDQ)
    for first in range(0, len(corpus.values), _PICTURES_AT_A_TIME):
        part = corpus.values[first : first + _PICTURES_AT_A_TIME]
        for one in (value, swapped):
            other = part ^ np.frombuffer(one, ">u8")
            distances = np.bitwise_count(other).sum(axis=2, dtype=np.uint16)
            if (distances <= most).any():
                return True
    return False
