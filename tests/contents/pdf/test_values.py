"""Values of a document are read in the expected type, or are empty."""

from decimal import Decimal

import pikepdf
import pytest

from uploadfilter.contents.pdf.values import (
    items_of,
    numbers_of,
    text_of,
    value_of,
    whole,
)

DICTIONARY = pikepdf.Object.parse(
    b"<< /Width 5 /H 1.5 /Filter [/A null] /Name /\x80 /Text (\xfe\xff\xd8) /T true >>"
)


def test_keys_may_be_shortened() -> None:
    """An inline image has shorter keys."""
    assert value_of(DICTIONARY, "/Width") == 5
    assert whole(value_of(DICTIONARY, "/Height")) == 1
    assert value_of(DICTIONARY, "/ColorSpace") is None


@pytest.mark.parametrize("value", [None, 5, "text", pikepdf.Name.Width])
def test_other_values_have_no_entries(value: object) -> None:
    """A value that is not a dictionary is empty."""
    assert value_of(value, "/Width") is None
    assert numbers_of(value) == {}


def test_one_value_stands_for_an_array_of_it() -> None:
    """Where an array is expected, its one item may stand without it."""
    assert len(items_of(value_of(DICTIONARY, "/Filter"))) == 2
    assert items_of(5) == [5]
    assert items_of(None) == []


def test_names_may_be_any_bytes() -> None:
    """A text that cannot be decoded is read as far as possible."""
    assert text_of(value_of(DICTIONARY, "/Name")) == "/\N{REPLACEMENT CHARACTER}"
    assert isinstance(text_of(value_of(DICTIONARY, "/Text")), str)
    assert text_of(5) == ""


def test_numbers_and_truths_are_kept() -> None:
    """Parameters that are not numbers are left out."""
    odd = pikepdf.Object.parse(b"<< /K -1 /\xfe 2 >>")

    assert numbers_of(DICTIONARY) == {"/Width": 5, "/H": 1, "/T": 1}
    assert numbers_of(odd)["/K"] == -1
    assert whole(pikepdf.Name.A) == 0
    assert whole(Decimal("-9e40")) == 1 - 2**31
