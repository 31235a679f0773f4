"""Items without an id or a category get one."""

import pytest

from uploadfilter.errors import UsageError
from uploadfilter.hashsets.lines.items import (
    any_id,
    common_category,
    flag_of,
    made_id,
)
from uploadfilter.hashsets.tally import UNNAMED_CATEGORY
from uploadfilter.model import SignalType

ONE = "d131dd02c5e6eec4693d9a0698aff95c"
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
SHA1 = f"{ONE}01234567"


def named(kind: SignalType, value: bytes) -> str:
    """Return an id that shows its source."""
    return f"{kind.value}-{value.hex()}"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        pytest.param({"md5": ONE}, f"md5-{ONE}", id="one"),
        pytest.param({"md5": ONE, "sha1": SHA1}, f"sha1-{SHA1}", id="first"),
        pytest.param({"md5": ONE.upper()}, f"md5-{ONE}", id="capitals"),
        pytest.param({"md5": EMPTY, "sha1": ""}, "?", id="nothing-to-match"),
        pytest.param({"md5": 17, "sha1": None}, "?", id="no-texts"),
        pytest.param(
            {"signals": [{"type": "md5", "value": ONE}]}, f"md5-{ONE}", id="general"
        ),
    ],
)
def test_id_is_made_of_a_signal(item: dict[str, object], expected: str) -> None:
    """From the first that may be matched, in the order of the format."""
    assert made_id(item, named) == expected


@pytest.mark.parametrize(
    ("categories", "expected"),
    [(None, UNNAMED_CATEGORY), (frozenset({"A"}), "A")],
)
def test_category_is_the_one_that_was_named(
    categories: frozenset[str] | None, expected: str
) -> None:
    """Or stands for one, for who only looks."""
    assert common_category(categories, what="no row", hint="h") == expected


@pytest.mark.parametrize("categories", [frozenset[str](), frozenset({"A", "B"})])
def test_category_has_to_be_one(categories: frozenset[str]) -> None:
    """An entry cannot belong to two."""
    with pytest.raises(UsageError, match="no row holds categories") as caught:
        common_category(categories, what="no row", hint="h")

    assert caught.value.hint == "h"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        (True, True),
        (False, False),
        ("false", False),
        ("TRUE", True),
        (0, False),
        ("1", True),
        ("maybe", None),
        (2, None),
        ([], None),
    ],
)
def test_flag_may_be_a_text(value: object, expected: bool | None) -> None:
    """The text "false" is false; a value that is not a flag gives ``None``."""
    assert flag_of(value) is expected


def test_who_only_looks_needs_no_secret() -> None:
    """The id stands for all."""
    assert any_id(SignalType.MD5, b"") == "auto"
