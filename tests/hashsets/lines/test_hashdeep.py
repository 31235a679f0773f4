"""Lists of hashdeep, whose names may hold commas, and go nowhere."""

import pytest

from tests.hashsets.reading import read_entries
from uploadfilter.errors import UsageError
from uploadfilter.hashsets.exporting import id_of
from uploadfilter.hashsets.lines.hashdeep import is_hashdeep
from uploadfilter.hashsets.tally import Problem, Tally
from uploadfilter.model import Entry, SignalType

MD5, SHA256 = "d131dd02c5e6eec4693d9a0698aff95c", "ab12" * 16
HEAD = "%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: /\n##\n"


def read(text: str, *categories: str) -> tuple[list[Entry], Tally]:
    """Return the entries of a list."""
    return read_entries(text.encode(), categories=categories or None, id_of=id_of)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_rows_are_entries(mark: str, end: str) -> None:
    """Digests under their types, the category that was named, and no name."""
    rows = f"7,{MD5},{SHA256},/secret/a, b.jpg\n8,{MD5[::-1]},,/secret/c.png\n"
    entries, tally = read((mark + HEAD + rows).replace("\n", end), "A")
    one, two = entries

    assert {it.signal.type: it.signal.value.hex() for it in one.signals} == {
        SignalType.MD5: MD5,
        SignalType.SHA256: SHA256,
    }
    assert [it.signal.value.hex() for it in two.signals] == [MD5[::-1]]
    assert one.id == id_of(SignalType.SHA256, bytes.fromhex(SHA256))
    assert {one.category, two.category} == {"A"}
    assert "secret" not in repr((entries, tally.problems, tally.ignored_fields))
    assert (tally.accepted, tally.lines, tally.problems) == (2, 6, ())


def test_what_cannot_be_taken_is_counted_with_its_line() -> None:
    """Too few cells, other digests alone, no digest, trivial ones, other files."""
    text = (
        f"{HEAD}7,{MD5}\n7,xyz,,a.jpg\n7,d41d8cd98f00b204e9800998ecf8427e,,b\n"
        f"7,{MD5},,notes.TXT\n"
        f"%%%% size,tiger,whirlpool,filename\n7,{MD5},{SHA256},a.jpg\n"
    )
    entries, tally = read(text, "A")
    found = {it.problem: (it.count, it.first_line) for it in tally.problems}

    assert len(entries) == 1
    assert found == {
        Problem.WRONG_COLUMNS: (1, 5),
        Problem.NOT_HEX: (1, 6),
        Problem.EMPTY_FILE: (1, 7),
        Problem.NOT_COMPARED: (1, 10),
    }
    assert tally.no_pictures == {"txt": 1}
    assert tally.not_compared == {"Tiger": 1, "Whirlpool": 1}


@pytest.mark.parametrize(
    "text",
    [
        "%%%% HASHDEEP-1.0\n",
        "%%%% HASHDEEP-1.0\n1,2\n",
        "%%%% HASHDEEP-1.0\n%%%% ,\n\xff,\ud7ff\n" + "," * 9999,
    ],
    ids=["nothing", "no-heading", "odd"],
)
def test_damaged_list_gives_no_entry(text: str) -> None:
    """It does not give an error of another kind, either."""
    assert read(text, "A")[0] == []


def test_category_is_the_operators() -> None:
    """As for any list, and not for files that only begin alike."""
    with pytest.raises(UsageError, match="no line of a list of hashdeep"):
        read(HEAD + f"7,{MD5},,a\n", "A", "B")
    assert read(HEAD + f"7,{MD5},,a\n")[0][0].category == "unnamed"
    assert not is_hashdeep(b"%%%% HASH")
