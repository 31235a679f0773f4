"""The table ``[witnesses]``."""

import pytest

from tests.decisions.tree.keys import KEY
from uploadfilter.decisions.tree.notes import COSIGNATURE, Signer
from uploadfilter.decisions.tree.settings import MOST_WITNESSES, WitnessSettings


def test_witnesses_are_read() -> None:
    """None by default."""
    made = WitnessSettings(submit_to=(f"https://w.example {KEY.text}",))
    assert [it.url for it in made.known] == ["https://w.example"]
    assert WitnessSettings().known == ()


def test_mistakes_are_named() -> None:
    """A text that is no witness, one that is named twice, and too many."""
    seeds = [number.to_bytes(32, "big") for number in range(MOST_WITNESSES + 1)]
    keys = [Signer("w", seed, kind=COSIGNATURE).verifier for seed in seeds]
    for wrong in (
        ("https://w.example",),
        (f"https://a.example {KEY.text}", f"https://b.example {KEY.text}"),
        tuple(f"https://w.example {key.text}" for key in keys),
    ):
        with pytest.raises(
            ValueError, match=r"is not a URL|must name different|must be at most"
        ):
            WitnessSettings(submit_to=wrong)
