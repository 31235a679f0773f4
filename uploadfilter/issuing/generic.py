"""Find entries of a build that look like known-good pictures.

Such an entry would match innocent uploads, or is a stock picture that came in with
others. The issuer is told about it, or has it left out. A known-good corpus is a file
made by ``uploadfilter hashset known-good``, or comes with the program.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.errors import IssuerError
from uploadfilter.knowngood.corpus import Corpus, read
from uploadfilter.knowngood.store import DEFAULT, shipped
from uploadfilter.model import Entry, SignalType
from uploadfilter.reference.search.matching import Thresholds

_ROWS: Final = 16
"""Rows, and columns, of the bits of a PDQ value."""

_PICTURES_AT_A_TIME: Final = 1 << 16
"""Pictures of a corpus that are compared together: they take some 10 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGoodCheck:
    """The comparison of entries with known-good corpora.

    Attributes:
        corpora: The corpora, by the names that people are shown.
        leaves_out: Whether an entry that is found is left out, or only named.
    """

    corpora: Mapping[str, Corpus]
    leaves_out: bool

    def corpus_of(self, entry: Entry) -> str:
        """Return the first corpus with a picture or file like an entry's, or nothing.

        It takes some milliseconds for each corpus of a hundred thousand pictures.
        """
        found = (name for name, it in self.corpora.items() if _is_generic(entry, it))
        return next(found, "")


def known_good_check(
    paths: Sequence[Path], *, leaves_out: bool
) -> KnownGoodCheck | None:
    """Read known-good corpora.

    Args:
        paths: Their files; none means the corpus that comes with the program if entries
            are left out, otherwise that nothing is compared.
        leaves_out: Whether entries that are found are left out.

    Raises:
        HashSetKnownGoodError: A corpus cannot be used.
        IssuerError: No corpus comes with the program.
    """
    ours = shipped() if leaves_out and not paths else None
    if ours is not None:
        return KnownGoodCheck(corpora={DEFAULT: read(ours)}, leaves_out=True)
    if leaves_out and not paths:
        raise IssuerError(
            "no known-good corpus comes with this program",
            hint="Name one that 'uploadfilter hashset known-good' made.",
        )
    if not paths:
        return None
    return KnownGoodCheck(
        corpora={str(path): read(path) for path in paths}, leaves_out=leaves_out
    )


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
    at = bisect_left(digests, value, key=lambda row: row.tobytes())
    return at < len(digests) and digests[at].tobytes() == value


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
