"""Entries that look like harmless pictures are told."""

import random
from pathlib import Path

import numpy as np
import pytest

from uploadfilter.issuing import generic
from uploadfilter.issuing.generic import KnownGoodCheck, known_good_check
from uploadfilter.knowngood import corpus as corpora
from uploadfilter.knowngood.corpus import Corpus, Head
from uploadfilter.model import Entry, EntrySignal, Signal, SignalType
from uploadfilter.reference.search.matching import Thresholds

MOST = Thresholds().bits(SignalType.PDQ)
RNG = random.Random(3)  # noqa: S311 - values of a test
VALUES = [RNG.randbytes(32) for _ in range(5 * 4)]
DIGESTS = sorted(RNG.randbytes(16) for _ in range(9))


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Return a corpus of five pictures in four variants, and nine digests."""
    head = Head(format=corpora.FORMAT, pictures=5, each=4, digests={"md5": 9})
    path = tmp_path / "corpus" / "kg"
    corpora.write(
        path,
        head,
        values=b"".join(VALUES),
        qualities=bytes([90] * 5),
        digests={"md5": DIGESTS},
    )
    return corpora.read(path)


def flipped(value: bytes, bits: int) -> bytes:
    """Return a value with a number of bits changed."""
    number = int.from_bytes(value)
    for at in RNG.sample(range(256), bits):
        number ^= 1 << at
    return number.to_bytes(32)


def swapped(value: bytes) -> bytes:
    """Return a value with its rows and columns swapped."""
    bits = np.unpackbits(np.frombuffer(value, np.uint8)).reshape(16, 16)
    return np.packbits(bits.T).tobytes()


@pytest.mark.parametrize("at_once", [1, 2, 1 << 16])
def test_entries_within_the_threshold_are_told(
    monkeypatch: pytest.MonkeyPatch, corpus: Corpus, at_once: int
) -> None:
    """Pictures match in every variant, with rows and columns swapped; so do digests."""
    monkeypatch.setattr(generic, "_PICTURES_AT_A_TIME", at_once)
    near = {f"near-{n}": flipped(value, MOST) for n, value in enumerate(VALUES)}
    near |= {f"turned-{n}": swapped(flipped(v, MOST)) for n, v in enumerate(VALUES)}
    far = {f"far-{n}": flipped(value, MOST + 1) for n, value in enumerate(VALUES)}
    signals = {
        name: Signal(type=SignalType.PDQ, value=value)
        for name, value in {**near, **far}.items()
    }
    signals |= {
        f"md5-{n}": Signal(type=SignalType.MD5, value=digest)
        for n, digest in enumerate([*DIGESTS, RNG.randbytes(16)])
    }
    check = KnownGoodCheck(corpora={"kg": corpus}, leaves_out=False)
    found = {
        name: check.corpus_of(
            Entry(id=name, category="1", signals=(EntrySignal(signal=signal),))
        )
        for name, signal in signals.items()
    }

    expected = {*near, *(f"md5-{n}" for n in range(9))}
    assert {name for name, corpus in found.items() if corpus == "kg"} == expected
    assert set(found.values()) == {"kg", ""}


def test_corpus_of_the_program_is_for_leaving_out_alone() -> None:
    """Nothing is compared unasked; a named corpus takes its place."""
    ours = known_good_check((), leaves_out=True)

    assert known_good_check((), leaves_out=False) is None
    assert ours is not None
    assert list(ours.corpora) == ["default"]
