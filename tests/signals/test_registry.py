"""Every registered signal type passes the suite, and every type is registered."""

import pytest

from tests.conformance.signal_types import check_exact_type, check_perceptual_type
from uploadfilter import model
from uploadfilter.signals.exact import EXACT_TYPES, ExactType
from uploadfilter.signals.registry import PERCEPTUAL_TYPES, PerceptualType


@pytest.mark.parametrize("signal_type", EXACT_TYPES, ids=lambda item: item.type)
def test_exact_type_conforms(signal_type: ExactType) -> None:
    """An exact type is a digest of its width."""
    check_exact_type(signal_type)


@pytest.mark.parametrize("signal_type", PERCEPTUAL_TYPES, ids=lambda item: item.type)
def test_perceptual_type_conforms(signal_type: PerceptualType) -> None:
    """A perceptual type gives all variants, keeps near ones near, never fails."""
    check_perceptual_type(signal_type)


def test_registry_has_every_type_in_the_order_of_the_model() -> None:
    """No name without a class, no class without a name."""
    assert tuple(item.type for item in EXACT_TYPES) == model.EXACT_TYPES
    assert tuple(item.type for item in PERCEPTUAL_TYPES) == model.PERCEPTUAL_TYPES
