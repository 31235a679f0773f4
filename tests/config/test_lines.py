"""Lines of a TOML file: every key is found where it stands."""

import tomllib
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.config.lines import Key, lines_of

TEXT = '''\
# [limits] is not here
origin = "http://x"   # nor is mode = "enforce"
text = """
mode = "enforce"
[limits]
"""
other = \'\'\'
a = 1\'\'\'

[limits]
"max parts" = 1_000
 max_name_bytes = 9
nested . deeper = [ 1,
  2, # a comment, with ]
  { x = "}", y = 3 },
]

[[routes]]
name = "a"
limits = { max_parts = 4 }

[[routes]]
name = "b"
[routes.limits]
max_parts = 5
[[routes.rules]]
z = 1
[[routes.rules]]
z = 2
'''

EXPECTED: dict[Key, int] = {
    ("origin",): 2,
    ("text",): 3,
    ("other",): 7,
    ("limits",): 10,
    ("limits", "max parts"): 11,
    ("limits", "max_name_bytes"): 12,
    ("limits", "nested"): 13,
    ("limits", "nested", "deeper"): 13,
    ("limits", "nested", "deeper", 0): 13,
    ("limits", "nested", "deeper", 1): 14,
    ("limits", "nested", "deeper", 2): 15,
    ("limits", "nested", "deeper", 2, "x"): 15,
    ("limits", "nested", "deeper", 2, "y"): 15,
    ("routes",): 18,
    ("routes", 0): 18,
    ("routes", 0, "name"): 19,
    ("routes", 0, "limits"): 20,
    ("routes", 0, "limits", "max_parts"): 20,
    ("routes", 1): 22,
    ("routes", 1, "name"): 23,
    ("routes", 1, "limits"): 24,
    ("routes", 1, "limits", "max_parts"): 25,
    ("routes", 1, "rules"): 26,
    ("routes", 1, "rules", 0): 26,
    ("routes", 1, "rules", 0, "z"): 27,
    ("routes", 1, "rules", 1): 28,
    ("routes", 1, "rules", 1, "z"): 29,
}


def test_each_key_is_found_on_its_line() -> None:
    """Comments, strings of several lines and lists do not lead astray."""
    assert lines_of(TEXT) == EXPECTED


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param('a = """"""""\nb = 1', 2, id="quotes-at-both-ends"),
        pytest.param("a = ''''''''\nb = 1", 2, id="apostrophes-at-the-end"),
        pytest.param('a = "\\\\"\nb = 1', 2, id="backslash-at-the-end"),
        pytest.param('a = """\\\n  x"""\nb = 1', 3, id="line-that-goes-on"),
        pytest.param("a = 1979-05-27 07:32:00Z\nb = 1", 2, id="time"),
        pytest.param("a = []\r\n\r\nb = 1\r\n", 3, id="lines-of-windows"),
        pytest.param("a = {}\n b = 1", 2, id="empty-table"),
        pytest.param("\n\n\t'b' = 1", 3, id="quoted-key"),
        pytest.param('"\\u0062" = 1', 1, id="escaped-key"),
    ],
)
def test_what_stands_before_does_not_matter(text: str, line: int) -> None:
    """However a value is written, the next key is found."""
    assert lines_of(text)["b",] == line


# A document is made of lines; each value is a number that stands nowhere else, so that
# the line of a value is the line that holds its number.

KEYS = st.sampled_from(["a", "b", "c-d", "e_f", '"g h"', "'i.j'"])
DECOYS = st.sampled_from(
    [
        "",
        "# a = 1 [b]",
        '{key}0 = """\n[a]\nb = 2\n"""',
        "{key}0 = '''\n[[a]]\n\"'''",
        '{key}0 = "# [a] \\" = "',
    ]
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Draw a document of tables, lists of tables, lists and inline tables."""
    numbers = count(1_000_000)
    names = count()

    def value(depth: int = 0) -> str:
        kind = draw(st.integers(0, 3 if depth < 2 else 0))
        if kind == 1:
            space = draw(st.sampled_from(["", " ", "\n", "\n # 7 ]\n"]))
            items = [value(depth + 1) for _ in range(draw(st.integers(0, 3)))]
            return f"[{space}{f',{space}'.join(items)}{space}]"
        if kind == 2:
            keys = draw(st.lists(KEYS, max_size=3, unique=True))
            return "{" + ", ".join(f"{key} = {value(depth + 1)}" for key in keys) + "}"
        return str(next(numbers))

    def pairs() -> Iterator[str]:
        for key in draw(st.lists(KEYS, max_size=3, unique=True)):
            yield draw(DECOYS).format(key=f"decoy{next(names)}")
            dots = draw(st.sampled_from(["", ".x", " . 'y z'.q"]))
            yield f"{draw(st.sampled_from(['', '  ']))}{key}{dots} = {value()}"

    lines = list(pairs())
    for _ in range(draw(st.integers(0, 3))):
        name = f"t{next(names)}"
        repeats = draw(st.integers(0, 2))
        for _ in range(repeats):
            lines += [f"[[ {name} ]] # {name}", *pairs(), f"[{name}.sub]", *pairs()]
        if not repeats:
            lines += [f"[{name}.'deep er']", *pairs()]
    return "\n".join(lines)


def leaves(value: object, key: Key = ()) -> Iterator[tuple[Key, object]]:
    """Yield the values of a document that hold no others."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*key, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*key, index))
    else:
        yield key, value


@given(documents())
def test_lines_are_those_of_the_values(text: str) -> None:
    """A search for the number of a value finds the line that was said."""
    found = lines_of(text)
    written = text.split("\n")

    for key, value in leaves(tomllib.loads(text)):
        assert key in found
        if isinstance(value, int):
            assert str(value) in written[found[key] - 1]


@given(documents())
def test_keys_are_those_of_the_document(text: str) -> None:
    """No key is invented: each that is found leads to something."""
    document = tomllib.loads(text)
    for key in lines_of(text):
        at: object = document
        for part in key:
            assert isinstance(at, dict | list)
            at = at[part]  # type: ignore[index] # of its own kind
