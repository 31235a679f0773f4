"""Columns are found by their names, and messages contain no data."""

from typing import Any

import pytest

from uploadfilter.errors import HashSetFormatError, UsageError
from uploadfilter.hashsets.lines.columns import (
    FIELDS,
    Encoding,
    Layout,
    encoding_of,
    found_in,
    layout_of,
    pair_of,
    parsed,
    recognised,
    separator_of,
)
from uploadfilter.model import SignalType

HEADER = ["Media ID", "Category", "MD5", "SHA-1", "Name"]


def layout(**columns: str | tuple[str, ...]) -> Layout:
    """Return a layout with these columns."""
    return Layout(
        columns={
            name: (names,) if isinstance(names, str) else names
            for name, names in columns.items()
        }
    )


def test_every_signal_type_can_be_a_column() -> None:
    """A type that is added to the model can be imported from CSV."""
    assert set(FIELDS) >= {kind.value for kind in SignalType}


def test_mapped_columns_are_found() -> None:
    """By their names, in other capitals too, wherever they stand."""
    found = found_in(HEADER, layout(md5="md5", category="Category", sha1="SHA-1"))

    assert found.places == {"md5": (2,), "category": (1,), "sha1": (3,)}
    assert found.count == 5


def test_column_written_alike_comes_first() -> None:
    """If two differ only in capitals, the exact one is used."""
    assert found_in(["MD5", "md5"], layout(md5="md5")).places == {"md5": (1,)}


def test_known_names_are_recognised() -> None:
    """With any signs between their letters; pHash is missing, since it is ambiguous."""
    header = ["media_id", "CATEGORY", "Hash (SHA-256)", "PDQ quality", "phash", "Note"]

    assert dict(recognised(header)) == {
        "id": "media_id",
        "category": "CATEGORY",
        "sha256": "Hash (SHA-256)",
        "pdq_quality": "PDQ quality",
    }


@pytest.mark.parametrize(
    ("header", "wanted", "message", "hint"),
    [
        pytest.param(HEADER, {"md5": "MD-5"}, "no column 'MD-5'", "'MD5'?", id="near"),
        pytest.param(HEADER, {"md5": "x"}, "no column 'x'", "'Media ID', ", id="far"),
        pytest.param(
            ["MD5", "MD5"], {"md5": "MD5"}, "2 columns are called", "Rename", id="twice"
        ),
        pytest.param(
            ["a", "md5 "] + ["MD5"] * 2, {"md5": "Md5"}, "3 columns", "", id="capitals"
        ),
        pytest.param(
            ["id", "GUID", "md5"], {}, "could be the id", "--map id", id="ids"
        ),
        pytest.param(["Name"], {}, "known to hold a signal", "'Name'", id="unknown"),
        pytest.param(
            HEADER, {"id": "Media ID"}, "to hold a signal", "", id="no-signal"
        ),
    ],
)
def test_column_that_is_not_clear_is_refused(
    header: list[str], wanted: dict[str, str], message: str, hint: str
) -> None:
    """The message names the missing column, and the hint the existing ones."""
    with pytest.raises(HashSetFormatError, match=message) as caught:
        found_in(header, layout(**wanted))

    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "first_row",
    [
        ["Anna", "d131dd02c5e6eec4693d9a0698aff95c"],
        ["Anna", "anna@site.example"],
        ["Anna", "C:\\pictures"],
        ["Anna", "1998-04-12"],
    ],
)
def test_row_of_data_is_not_shown(first_row: list[str]) -> None:
    """A missing heading is reported, without personal data in the log."""
    with pytest.raises(HashSetFormatError) as caught:
        found_in(first_row, layout(md5="MD5"))

    assert "Anna" not in f"{caught.value} {caught.value.hint}"
    assert "seems to hold data" in caught.value.hint


def test_mapping_file() -> None:
    """Texts and lists of texts, in the shape of the options."""
    found = parsed(
        'delimiter = "tab"\nquote = "none"\nencoding = "UTF-16-LE"\n'
        '[map]\nid = "Media ID"\nmd5 = ["MD5", "MD5 of thumbnail"]\n'
        '[where]\nBaseline = ["Y", "yes"]\n'
    )

    assert found == Layout(
        columns={"id": ("Media ID",), "md5": ("MD5", "MD5 of thumbnail")},
        wanted={"Baseline": frozenset({"y", "yes"})},
        delimiter="\t",
        quote="none",
        encoding=Encoding.UTF_16_LE,
    )
    assert parsed("") == Layout()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"mpa": {}}, "unknown field `mpa`"),
        ({"map": "md5"}, r"got `str` - at `\$.map`"),
        ({"map": {"md5": 5.5}}, r"got `float` - at `\$.map"),
        ({"map": {"md5": []}}, "no column is given for md5"),
        ({"map": {"md5": ""}}, "no column is given for md5"),
        ({"map": {"md6": "x"}}, "'md6' is not a field that a column can hold"),
        ({"map": {"id": ["a", "b"]}}, "2 columns are given for id"),
        ({"where": {"a": [True]}}, r"got `bool` - at `\$.where"),
        ({"encoding": "ebcdic"}, "encoding 'ebcdic' is not known"),
        ({"delimiter": ";;"}, "delimiter ';;' is not a single"),
        ({"delimiter": "a"}, "delimiter 'a' is not a single"),
        ({"delimiter": 7}, r"got `int` - at `\$.delimiter`"),
        ({"quote": "\n"}, "quote .* is not a single"),
        ({"delimiter": '"'}, "same character"),
    ],
)
def test_mapping_that_cannot_be_used_is_refused(
    document: dict[str, Any], message: str
) -> None:
    """Each mistake is named."""
    with pytest.raises(UsageError, match=message):
        layout_of(document)


def test_mapping_file_that_is_no_toml_is_refused() -> None:
    """The line stands in the message."""
    with pytest.raises(UsageError, match=r"line 2: not TOML"):
        parsed("\nmap = 1 2")


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("md5=MD5", ("md5", "MD5")),
        ("a = b=c", ("a", "b=c")),
        ("Baseline=", ("Baseline", "")),
    ],
)
def test_pair_is_split_at_its_first_sign(text: str, pair: tuple[str, str]) -> None:
    """A value may hold another one, or nothing."""
    assert pair_of(text) == pair


@pytest.mark.parametrize("text", ["", "md5", "=MD5", " =x"])
def test_text_that_is_no_pair_is_refused(text: str) -> None:
    """Something must stand before the sign."""
    with pytest.raises(UsageError, match="is not a pair"):
        pair_of(text)


def test_words_for_characters() -> None:
    """A tab is hard to type."""
    assert [separator_of(word) for word in ("tab", "TAB", r"\t", ";")] == ["\t"] * 3 + [
        ";"
    ]
    assert encoding_of("CP1252") is Encoding.CP1252
