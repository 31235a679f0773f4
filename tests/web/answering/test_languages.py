"""One language for each answer, whatever a client asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.web.answering.languages import MOST_RANGES, choose

TAGS = ("en", "nl", "zh-Hant", "pt-BR")
LANGUAGE_TAGS = st.sampled_from(["en", "nl", "nl-BE", "zh-Hant-TW", "pt", "fr", "*"])
WEIGHTS = st.sampled_from(["", ";q=1", ";q=0.5", ";q=0.2", ";q=0"])


@pytest.mark.parametrize(
    ("header", "language"),
    [
        pytest.param("", "en", id="nothing"),
        pytest.param("nl", "nl", id="one"),
        pytest.param("NL", "nl", id="capitals"),
        pytest.param("nl-BE", "nl", id="region is cut off"),
        pytest.param("nl-Latn-BE-x-home", "nl", id="all is cut off"),
        pytest.param("zh-Hant-TW", "zh-Hant", id="script is kept"),
        pytest.param("zh-hant", "zh-Hant", id="written as it stands"),
        pytest.param("zh", "en", id="never made longer"),
        pytest.param("pt-br-x-a", "pt-BR", id="letter goes with what it introduces"),
        pytest.param("fr, nl;q=0.9, en;q=0.8", "nl", id="next best"),
        pytest.param("en;q=0.8, nl;q=0.9", "nl", id="weight before order"),
        pytest.param("nl, en", "nl", id="order at the same weight"),
        pytest.param("en, nl", "en", id="the other order"),
        pytest.param("fr", "en", id="nothing that there is"),
        pytest.param("*", "en", id="anything"),
        pytest.param("*, nl;q=0.5", "nl", id="named before anything"),
        pytest.param("nl;q=0", "en", id="not this one"),
        pytest.param("en;q=0", "nl", id="not the default"),
        pytest.param("en;q=0, *;q=0", "en", id="nothing at all"),
        pytest.param("nl-BE, nl;q=0", "en", id="cut off to a refused one"),
        pytest.param("nl;q=2", "en", id="no such weight"),
        pytest.param("nl;q=0.1234", "en", id="too long a weight"),
        pytest.param("nl;level=1", "en", id="other parameters"),
        pytest.param(" \tnl ; q=0.5\t,, ", "nl", id="odd but legal"),
        pytest.param("i-klingon, abcdefghi, nl", "nl", id="no tag at all"),
        pytest.param("fr," * MOST_RANGES + "nl", "en", id="too many to read"),
        pytest.param("nl" + "-ab" * 99, "en", id="too long to read"),
    ],
)
def test_language_is_looked_up(header: str, language: str) -> None:
    """The preferred language that is available, by the lookup of RFC 4647."""
    assert choose(header, TAGS, default="en") == language


def test_default_is_the_operators() -> None:
    """A client without a wish gets the operator's choice."""
    assert choose("fr", TAGS, default="nl") == "nl"


@given(items=st.lists(st.tuples(LANGUAGE_TAGS, WEIGHTS), max_size=6))
def test_named_language_is_never_passed_over(items: list[tuple[str, str]]) -> None:
    """The answer is in an available language, the best of those that are named."""
    header = ", ".join(tag + weight for tag, weight in items)
    chosen = choose(header, TAGS, default="en")
    first, weight = items[0] if items else ("", "")

    assert chosen in TAGS
    if first in TAGS and weight in ("", ";q=1") and (first, ";q=0") not in items:
        assert chosen == first


@given(header=st.text(max_size=80))
def test_any_header_has_an_answer(header: str) -> None:
    """Any header leads to an available language."""
    assert choose(header, TAGS, default="nl") in TAGS
