"""The gate's slow twin: all pairs, one after the other, with Python's integers."""

from collections.abc import Sequence

import numpy as np

from tests.reference.columns import SECRET
from uploadfilter.gate.judging import CorpusGate, GateSettings, KnownCorpus
from uploadfilter.gate.variants import all_variants
from uploadfilter.model import QUALITY_FLOOR, Entry, SignalType

UNBOUNDED = GateSettings(quarantined=10_000, growth=10_000, shrinkage=10_000)


class Corpus:
    """The known-good signals of a test.

    Args:
        values: Upright PDQ values.
        digests: MD5.
    """

    def __init__(self, values: Sequence[bytes], digests: Sequence[bytes] = ()) -> None:
        self.digests = frozenset(digests)
        kept = np.frombuffer(b"".join(values), ">u8").reshape(-1, 1, 4)
        self._known = KnownCorpus(values=kept, keys=self._keys())
        self._variants = [
            int.from_bytes(row.astype(">u8").tobytes())
            for row in all_variants(kept).reshape(-1, 4)
        ]
        self.identity = f"{hash((tuple(values), self.digests)):x}"

    def _keys(self) -> np.ndarray[tuple[int], np.dtype[np.bytes_]]:
        keyed = sorted(SECRET.exact_key(SignalType.MD5, it) for it in self.digests)
        return np.array(keyed, "S16")

    def gate(
        self,
        settings: GateSettings = UNBOUNDED,
        *,
        secret_keys: Sequence[bytes] | None = None,
        is_accepted: bool = False,
    ) -> CorpusGate:
        """Return a gate that compares with it.

        Args:
            settings: The changes that are allowed without a person.
            secret_keys: The digests under another key.
            is_accepted: Whether a person has seen the change.
        """
        known = self._known
        if secret_keys is not None:
            known = KnownCorpus(values=known.values, keys=np.array(secret_keys, "S16"))
        return CorpusGate(
            {"own": known},
            identity=self.identity,
            settings=settings,
            is_accepted=is_accepted,
            epoch_s=1000.0,
        )

    def matches(self, entry: Entry) -> bool:
        """Tell whether an upload of a known-good picture would match an entry."""
        for item in entry.signals:
            if item.signal.value in self.digests:
                return True
            is_low = item.quality is not None and item.quality < QUALITY_FLOOR
            if item.signal.type is not SignalType.PDQ or is_low or entry.exact_only:
                continue
            value = int.from_bytes(item.signal.value)
            for known in self._variants:
                apart = (value ^ known).bit_count()
                if apart <= 31 or apart >= 256 - 23:
                    return True
        return False
