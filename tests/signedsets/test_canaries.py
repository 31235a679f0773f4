"""The canary: its bytes, its entries, and the header that only an operator can make."""

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hashsets.demo.make_demo import entry_of
from uploadfilter.model import Action, Mode, SignalType, Verdict
from uploadfilter.signedsets import canaries
from uploadfilter.signedsets.canaries import (
    CanaryClaim,
    CanaryOutcome,
    ListedCanaries,
    faults,
)

KEY = bytes(range(32))
NOW_S = 1_795_000_000.5


def test_picture_is_the_same_bytes_everywhere() -> None:
    """Published sets list its SHA-256: a change of one byte makes them miss it."""
    digest = "be7919de12ed9b3b26dac4d418374c96f56fa9a2637004a735bcbeac09ce4eca"

    assert hashlib.sha256(canaries.picture()).hexdigest() == digest


def test_picture_is_one_that_programs_open() -> None:
    """It has all of its pixels, and as much detail as a photograph."""
    with Image.open(io.BytesIO(canaries.picture())) as shown:
        pixels = np.asarray(shown)

    assert pixels.shape == (192, 192)
    assert pixels.std() > 40


def test_entries_list_the_picture() -> None:
    """The values are those that the scanners compute, digests and picture."""
    computed = entry_of(canaries.picture(), entry_id="x", category="x")
    exact, near = canaries.entries()
    listed = {
        it.signal.type: it.signal.value.hex() for it in (*exact.signals, *near.signals)
    }

    assert (exact.id, near.id) == canaries.IDS
    assert exact.exact_only
    assert {it.value: listed[it] for it in listed} == {
        it.value: computed[it.value] for it in listed
    }
    assert set(listed) == {SignalType.SHA256, SignalType.PDQ, SignalType.PHASH}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((), CanaryClaim.NOTHING),
        ((canaries.header_value(KEY, NOW_S),), CanaryClaim.CANARY),
        ((canaries.header_value(KEY, NOW_S - 119),), CanaryClaim.CANARY),
        ((canaries.header_value(KEY, NOW_S + 119),), CanaryClaim.CANARY),
        ((canaries.header_value(KEY, NOW_S - 122),), CanaryClaim.WRONG),
        ((canaries.header_value(KEY, NOW_S + 122),), CanaryClaim.WRONG),
        ((canaries.header_value(bytes(32), NOW_S),), CanaryClaim.WRONG),
        ((canaries.header_value(KEY, NOW_S),) * 2, CanaryClaim.WRONG),
        ((canaries.header_value(KEY, NOW_S).upper(),), CanaryClaim.WRONG),
        ((b"",), CanaryClaim.WRONG),
        ((b":",), CanaryClaim.WRONG),
        ((b"9" * 4000 + b":00",), CanaryClaim.WRONG),
        ((b"\xff",), CanaryClaim.WRONG),
    ],
)
def test_header_is_believed_for_minutes_and_from_the_operator_only(
    values: tuple[bytes, ...], said: CanaryClaim
) -> None:
    """Any other value of this header is wrong, and never ignored."""
    assert canaries.said(values, KEY, NOW_S) is said


@given(st.binary(max_size=100))
def test_no_other_header_is_believed(value: bytes) -> None:
    """Any other header is ignored."""
    assert canaries.said((value,), KEY, NOW_S) is CanaryClaim.WRONG


def test_without_a_key_nothing_is_a_canary() -> None:
    """Everybody knows an empty key."""
    value = canaries.header_value(b"", NOW_S)

    assert canaries.said((value,), b"", NOW_S) is CanaryClaim.WRONG


BOTH = (("unit7", canaries.EXACT), ("unit7", canaries.NEAR))


def seen(
    *,
    mode: Mode = Mode.ENFORCE,
    effect: Action = Action.REJECT,
    matched: tuple[tuple[str, str], ...] = BOTH,
) -> CanaryOutcome:
    """Make what came of a canary."""
    return CanaryOutcome(
        id="d",
        at=1,
        instance="main",
        route="default",
        mode=mode,
        generation=1,
        verdict=Verdict.MATCH,
        effect=effect,
        matched=matched,
    )


@pytest.mark.parametrize(
    ("of", "is_rejected", "enforced", "said"),
    [
        (seen(), True, True, ()),
        (seen(), False, True, ("it matched, and was not rejected: REJECT",)),
        (
            seen(effect=Action.ACCEPT),
            False,
            True,
            ("it matched, and was not rejected: ACCEPT",),
        ),
        (seen(effect=Action.ACCEPT), False, False, ()),
        (seen(mode=Mode.MONITOR, effect=Action.ACCEPT), False, True, ()),
        (seen(matched=BOTH[:1]), True, True, ("canary-near did not match",)),
        (
            seen(matched=(("other", canaries.EXACT), ("other", canaries.NEAR))),
            True,
            False,
            ("canary-exact did not match", "canary-near did not match"),
        ),
    ],
)
def test_faults_of_a_set(
    of: CanaryOutcome, is_rejected: bool, enforced: bool, said: tuple[str, ...]
) -> None:
    """Both entries match, and are rejected where mode and set say so."""
    listed = ListedCanaries(set="unit7", ids=canaries.IDS, enforced=enforced)

    assert faults(listed, of, is_rejected=is_rejected) == said
