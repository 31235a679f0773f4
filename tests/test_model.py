"""The words of the product, as values."""

import dataclasses

import pytest

from uploadfilter import model
from uploadfilter.model import (
    EXACT_TYPES,
    INCAPACITY,
    PERCEPTUAL_TYPES,
    REFUSALS,
    Geometry,
    Scan,
    Signal,
    SignalRow,
    SignalType,
    Variant,
    View,
    ViewSignal,
)

VALUES = [
    kind
    for kind in vars(model).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
]


def signal(signal_type: SignalType, fill: int = 1) -> Signal:
    """Return a signal of a type, all its bytes alike."""
    return Signal(type=signal_type, value=bytes([fill]) * signal_type.width_bytes)


def scan(path: str, *contents: Scan) -> Scan:
    """Return a complete scan that holds others."""
    return Scan(path=path, kind="data", size=1, contents=contents)


@pytest.mark.parametrize("kind", VALUES)
def test_values_cannot_be_changed(kind: type) -> None:
    """A holder of a value can rely on it."""
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]  # no stub


def test_signal_types_are_exact_or_perceptual() -> None:
    """Every type is compared in one of the two ways."""
    assert {*EXACT_TYPES, *PERCEPTUAL_TYPES} == set(SignalType)
    assert set(EXACT_TYPES).isdisjoint(PERCEPTUAL_TYPES)
    assert {kind for kind in SignalType if kind.is_exact} == set(EXACT_TYPES)


@pytest.mark.parametrize("signal_type", SignalType)
@pytest.mark.parametrize("surplus", [-1, 1])
def test_signal_refuses_a_wrong_length(signal_type: SignalType, surplus: int) -> None:
    """A value that no signal type can produce never gets into a search."""
    value = bytes(signal_type.width_bytes + surplus)

    with pytest.raises(ValueError, match=f"has {signal_type.width_bytes} bytes"):
        Signal(type=signal_type, value=value)


def test_view_value_is_the_first_of_its_type() -> None:
    """The first signal of a type is the upright one, in full geometry."""
    rows = tuple(
        SignalRow(type=kind, values=signal(kind, fill).value)
        for kind, fill in [
            (SignalType.PDQ, 1),
            (SignalType.PDQ, 2),
            (SignalType.PHASH, 3),
        ]
    )
    view = View(name="stored", rows=rows, plane=b"")

    assert view.value(SignalType.PDQ) == bytes([1]) * 32
    assert view.value(SignalType.PHASH) == bytes([3]) * 8
    assert view.value(SignalType.DHASH) is None


@pytest.mark.parametrize("signal_type", PERCEPTUAL_TYPES)
@pytest.mark.parametrize("first", Variant)
def test_row_is_its_signals_one_behind_the_other(
    signal_type: SignalType, first: Variant
) -> None:
    """Values that are packed together are unpacked unchanged, in any number."""
    variants = list(Variant)[list(Variant).index(first) :]
    signals = [
        ViewSignal(
            signal=signal(signal_type, place), variant=variant, geometry=Geometry.FULL
        )
        for place, variant in enumerate(variants)
    ]
    for count in range(1, len(signals) + 1):
        values = b"".join(item.signal.value for item in signals[:count])
        row = SignalRow(
            type=signal_type, values=values, geometry=Geometry.FULL, first=first
        )
        view = View(name="stored", rows=(row, row), plane=b"")

        assert list(row) == signals[:count]
        assert row.variants == tuple(variants[:count])
        assert view.signals == (*signals[:count], *signals[:count])
        assert view.signal_count == len(view.signals)


@pytest.mark.parametrize("signal_type", SignalType)
@pytest.mark.parametrize("first", Variant)
def test_row_refuses_what_no_view_has(signal_type: SignalType, first: Variant) -> None:
    """Half a value, no value, and more values than variants do not make a row."""
    width = signal_type.width_bytes
    most = len(Variant) - list(Variant).index(first)
    for length in (0, width - 1, width + 1, (most + 1) * width):
        with pytest.raises(ValueError, match="a row of"):
            SignalRow(type=signal_type, values=bytes(length), first=first)


def test_walk_yields_containers_before_what_is_in_them() -> None:
    """A walk goes outside in, and leaves nothing out."""
    tree = scan("1", scan("1!/a", scan("1!/a!/b")), scan("1!/c"))

    assert [item.path for item in tree.walk()] == ["1", "1!/a", "1!/a!/b", "1!/c"]


def test_groups_of_reasons_exclude_each_other() -> None:
    """A request is at fault, or the filter is, never both."""
    assert INCAPACITY.isdisjoint(REFUSALS)
