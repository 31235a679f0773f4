"""Which entries are kept out of force, and which changes wait for a person."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.generations import entry, exactly, pdq
from tests.gate.twins import UNBOUNDED, Corpus
from tests.knowngood.corpora import md5_of, value
from tests.reference.columns import tables_of
from uploadfilter.errors import HashSetGateError
from uploadfilter.gate.judging import GateSettings, problem_of
from uploadfilter.model import Entry, Signal, SignalType
from uploadfilter.reference.entries.off import Likeness
from uploadfilter.reference.entries.quarantining import Turnover

KNOWN = Corpus([value(seed) for seed in range(5)], [md5_of("a"), md5_of("b")])

SIGNAL = st.one_of(
    st.builds(
        lambda seed, low, count, quality, negative: pdq(
            _flipped(value(seed, range(low, low + count)), negative=negative),
            quality=quality,
        ),
        st.integers(0, 8),
        st.integers(0, 200),
        st.integers(0, 34),
        st.sampled_from([None, 49, 50, 100]),
        st.booleans(),
    ),
    st.builds(
        lambda text: exactly(Signal(type=SignalType.MD5, value=md5_of(text)))[0],
        st.sampled_from("abcdefgh"),
    ),
)


def _flipped(given_value: bytes, *, negative: bool) -> bytes:
    return bytes(it ^ 255 for it in given_value) if negative else given_value


ENTRIES = st.lists(
    st.tuples(st.lists(SIGNAL, min_size=1, max_size=3), st.booleans()), max_size=12
)


def entries_of(made: list[tuple[list[object], bool]]) -> list[Entry]:
    """Return entries for the drawn values."""
    return [
        entry(f"e{n}", *signals, exact_only=exact_only)  # type: ignore[arg-type]  # drawn
        for n, (signals, exact_only) in enumerate(made)
    ]


@settings(max_examples=40, deadline=None)
@given(made=ENTRIES)
def test_gate_finds_what_the_twin_finds(made: list[tuple[list[object], bool]]) -> None:
    """The slow model compares all pairs, and finds the same."""
    entries = entries_of(made)

    found = KNOWN.gate().look(tables_of("s", entries))

    assert {it.entry for it in found} == {it.id for it in entries if KNOWN.matches(it)}


def test_finding_says_what_it_is() -> None:
    """It states set, entry, kind, distance and corpus, for the nearest one."""
    entries = [
        entry("digest", *exactly(Signal(type=SignalType.MD5, value=md5_of("a")))),
        entry("near", pdq(value(1, range(7)))),
        entry("negative", pdq(_flipped(value(2, range(3)), negative=True))),
        entry("far", pdq(value(99))),
    ]
    gate = KNOWN.gate()

    found = {it.entry: it for it in gate.look(tables_of("s", entries))}

    why = {name: it.finding for name, it in found.items() if it.finding}
    assert {name: (it.kind, it.distance) for name, it in why.items()} == {
        "digest": (Likeness.EXACT, 0),
        "near": (Likeness.NEAR, 7),
        "negative": (Likeness.NEGATIVE, 3),
    }
    assert {(it.set, it.since) for it in found.values()} == {("s", 1000)}
    assert {it.corpus for it in why.values()} == {"own"}
    assert len({it.digest for it in why.values()}) == 3


def test_what_is_near_is_told_and_stays_in_force() -> None:
    """An entry between 31 and 60 bits away is only reported."""
    entries = [entry("near", pdq(value(1, range(40)))), entry("far", pdq(value(99)))]
    gate = KNOWN.gate()

    assert gate.look(tables_of("s", entries)) == ()
    assert [(it.entry, it.near) for it in gate.generic] == [("near", 1)]
    assert gate.generic_count == 1


TURNOVER = Turnover(
    before=100_000, after=100_000, gone=0, new=0, quarantined=0, is_chosen=False
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"new": 25_000, "gone": 10_000, "quarantined": 1000}, None),
        ({"new": 25_001}, "new or changed"),
        ({"gone": 10_001}, "would go"),
        ({"quarantined": 1001}, "known to be harmless"),
        ({"before": 0, "new": 100_000}, None),
        ({"is_chosen": True, "gone": 90_000}, None),
        ({"is_chosen": True, "quarantined": 1001}, "known to be harmless"),
        ({"before": 10, "after": 10_000, "new": 9_990}, None),
        ({"before": 500, "after": 0, "gone": 500}, None),
        ({"after": 10_000_000, "quarantined": 10_001}, "more than 10,000"),
    ],
)
def test_unusual_changes_wait(changes: dict[str, int], words: str | None) -> None:
    """Counts over a number and a share are refused, and the numbers are stated."""
    turnover = replace(TURNOVER, **changes)  # type: ignore[arg-type]  # by name

    error = problem_of(turnover, GateSettings(), is_accepted=False)

    assert (error is None) is (words is None)
    if error is not None and words is not None:
        assert words in str(error)
        assert error.hint.startswith("The set in force stays, withdrawals were taken.")


def test_person_accepts_size_and_never_harm() -> None:
    """A person may accept growth and shrinkage, but not a list of stock pictures."""
    many = replace(TURNOVER, new=90_000, gone=90_000)

    assert problem_of(many, GateSettings(), is_accepted=True) is None
    harm = replace(TURNOVER, quarantined=5_000)
    assert problem_of(harm, GateSettings(), is_accepted=True) is not None


def test_refused_findings_are_kept_for_the_report() -> None:
    """The findings because of which a whole change was refused are kept."""
    gate = KNOWN.gate(replace(UNBOUNDED, quarantined=0, quarantined_share=0))
    found = gate.look(tables_of("s", [entry("near", pdq(value(1)))]))

    with pytest.raises(HashSetGateError):
        gate.check(replace(TURNOVER, quarantined=1), found)
    assert [it.entry for it in gate.refused] == ["near"]


@pytest.mark.parametrize("wrong", [{"growth": -1}, {"growth_share": 1.5}])
def test_settings_are_checked(wrong: dict[str, float]) -> None:
    """A number is 0 or more, and a share is from 0 to 1."""
    with pytest.raises(ValueError, match="0"):
        GateSettings(**wrong)  # type: ignore[arg-type]  # by name
