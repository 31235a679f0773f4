"""A document's own entities are put together, and cost no more than they may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.texts.entities import expanded


class _TooMuchError(Exception):
    """The steps are used up."""


class Steps:
    """Counts steps up to a limit."""

    def __init__(self, most: int = 10_000) -> None:
        self.taken = 0
        self._most = most

    def take(self, steps: int) -> None:
        """Count some."""
        self.taken += steps
        if self.taken > self._most:
            raise _TooMuchError


def body(declared: str, used: str) -> str | None:
    """Return the body of a document after the rewriting."""
    text = f"<!DOCTYPE svg [{declared}]><svg>{used}</svg>"
    found = expanded(text.encode(), Steps().take)
    return None if found is None else found.decode().partition("<svg>")[2][:-6]


@pytest.mark.parametrize(
    ("declared", "used", "expected"),
    [
        pytest.param(
            "<!ENTITY a 'da'><!ENTITY b \"ta\">", "&a;&b;:", "data:", id="two"
        ),
        pytest.param("<!ENTITY a 'ta'>", "da&a;:", "data:", id="half"),
        pytest.param("<!ENTITY a 'x'><!ENTITY a 'y'>", "&a;", "x", id="first stands"),
        pytest.param("<!ENTITY ä.1-x\n'x' >", "&ä.1-x;", "x", id="name"),
        pytest.param("<!ENTITY a '&b;y'><!ENTITY b 'x'>", "&a;", "xy", id="nested"),
        pytest.param(
            "<!ENTITY % p \"<!ENTITY a 'x'>\">%p;", "&a;", "x", id="in a parameter"
        ),
        pytest.param(
            "<!ENTITY % p \"&#60;!ENTITY a '&#x78;'>\">%p;", "&a;", "x", id="as numbers"
        ),
        pytest.param(
            "<!ENTITY a 'x'>", "&lt;&#65;&other;", "&lt;&#65;&other;", id="none"
        ),
        pytest.param("<!ENTITY a ''>", "x&a;y", "xy", id="empty"),
    ],
)
def test_names_give_way_to_values(declared: str, used: str, expected: str) -> None:
    """As browsers join them; other layers read other references."""
    assert body(declared, used) == expected


@pytest.mark.parametrize(
    "declared",
    [
        "",
        "<!ENTITY a SYSTEM 'file:///etc/passwd'>",
        "<!ENTITY a PUBLIC 'x' 'http://example.org'>",
        "<!ENTITY % a SYSTEM 'x'>",
        "<!ENTITY a",
        "<!entity a 'x'>",
    ],
)
def test_what_is_not_declared_in_the_document_is_nothing(declared: str) -> None:
    """External entities have no value here."""
    assert body(declared, "&a;") is None


def test_entity_of_itself_ends() -> None:
    """At a depth that no document has."""
    assert body("<!ENTITY a 'x&a;'>", "&a;") == "x" * 8


@pytest.mark.parametrize("leaf", ["", "laugh", "laugh" * 100])
def test_billion_laughs_end_with_the_steps(leaf: str) -> None:
    """This includes empty values."""
    declared = f"<!ENTITY a0 '{leaf}'>" + "".join(
        f"<!ENTITY a{number} '{f'&a{number - 1};' * 100}'>" for number in range(1, 8)
    )
    steps = Steps()

    with pytest.raises(_TooMuchError):
        expanded(f"{declared}&a7;".encode(), steps.take)

    assert steps.taken <= 10_010


def test_parameters_in_parameters_end_with_the_steps() -> None:
    """Each name is looked up as often as it is declared."""
    inner = "&#60;!ENTITY a 'x'>" * 20_000

    with pytest.raises(_TooMuchError):
        expanded(f'<!ENTITY % p "{inner}">'.encode(), Steps().take)


@given(
    text=st.lists(
        st.sampled_from(
            ["<!ENTITY ", "% ", "a ", "b ", "'", '"', "&a;", "&b;", "&#60;", ">", "x"]
        ),
        max_size=40,
    ).map("".join)
)
def test_any_text_is_a_value_or_ends(text: str) -> None:
    """Only the steps can end it."""
    try:
        found = expanded(text.encode(), Steps().take)
    except _TooMuchError:
        return
    assert found is None or isinstance(found, bytes)
