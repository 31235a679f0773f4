"""A saved mapping, and options on top of it."""

from pathlib import Path

import pytest

from uploadfilter.cli.hashset.layouts import NamedFormat, TableOptions
from uploadfilter.errors import ConfigError, UsageError
from uploadfilter.hashsets.lines.columns import Encoding, Layout


def options(
    *maps: str,
    format: NamedFormat = NamedFormat.AUTO,  # noqa: A002 - as the option is called
    mapping: Path | None = None,
    wheres: tuple[str, ...] = (),
    delimiter: str | None = None,
    quote: str | None = None,
    encoding: Encoding | None = None,
) -> TableOptions:
    """Return options, those that matter given."""
    return TableOptions(
        format=format,
        mapping=mapping,
        maps=list(maps),
        wheres=list(wheres),
        delimiter=delimiter,
        quote=quote,
        encoding=encoding,
    )


def test_file_is_csv_only_if_something_says_so() -> None:
    """Without any of these options a file is a list or JSON lines."""
    assert options().layout() is None
    assert options(format=NamedFormat.CSV).layout() == Layout()
    assert options(delimiter=";").layout() == Layout(delimiter=";")
    assert options(encoding=Encoding.CP1252).layout() == Layout(
        encoding=Encoding.CP1252
    )


def test_options_are_repeated_for_more() -> None:
    """Several columns of a type, several values of a column."""
    layout = options(
        "md5=MD5",
        "md5=MD5 2",
        "id=a=b",
        wheres=("Baseline=Y", "Baseline=yes", "State=3"),
        delimiter="tab",
        quote="none",
    ).layout()

    assert layout == Layout(
        columns={"md5": ("MD5", "MD5 2"), "id": ("a=b",)},
        wanted={"Baseline": frozenset({"y", "yes"}), "State": frozenset("3")},
        delimiter="\t",
        quote="none",
    )


def test_options_win_over_the_saved_mapping(tmp_path: Path) -> None:
    """Columns that they do not name stay as saved."""
    path = tmp_path / "export.toml"
    path.write_text(
        'delimiter = "|"\nquote = "\'"\nencoding = "utf-16"\n'
        '[map]\nid = "ID"\nmd5 = ["a", "b"]\n[where]\nx = "1"\n'
    )

    assert options(
        "md5=c", mapping=path, wheres=("y=2",), delimiter=";"
    ).layout() == Layout(
        columns={"id": ("ID",), "md5": ("c",)},
        wanted={"x": frozenset("1"), "y": frozenset("2")},
        delimiter=";",
        quote="'",
        encoding=Encoding.UTF_16,
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[map]\nmd6 = 'x'\n", "'md6' is not a field"),
        (b"map", "not TOML"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_saved_mapping_that_cannot_be_used_is_named(
    tmp_path: Path, data: bytes, message: str
) -> None:
    """The operator must edit a file, and reads which."""
    path = tmp_path / "export.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=message) as caught:
        options(mapping=path).layout()
    assert str(path) in str(caught.value)

    with pytest.raises(ConfigError, match="cannot read"):
        options(mapping=tmp_path / "nowhere").layout()


@pytest.mark.parametrize("text", ["md5", "md6=x", "id="])
def test_option_that_cannot_be_used_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(UsageError):
        options(text).layout()
