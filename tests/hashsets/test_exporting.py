"""An exported file means the same as the original."""

import pytest

from tests.conformance.foreign import Subject, Told, read
from tests.conformance.foreign import entries_of as told_of
from tests.hashsets.foreign.subjects import SUBJECTS
from tests.hashsets.reading import read_entries
from uploadfilter.hashsets.exporting import id_of, json_lines, listed
from uploadfilter.hashsets.formats import KnownBefore
from uploadfilter.hashsets.lines.items import any_id
from uploadfilter.model import Entry, SignalType

ONE = "d131dd02c5e6eec4693d9a0698aff95c"
TWO = "e131dd02c5e6eec4693d9a0698aff95c"
PDQ = "f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22"
FULL = (
    f'{{"id":"a","category":"A","exact_only":true,"md5":"{ONE}","pdq":"{PDQ}",'
    f'"pdq_quality":70,"signals":[{{"type":"pdq","value":"{PDQ}","geometry":"full",'
    f'"window":"c60","quality":50}}]}}\n'
).encode()


def entries(data: bytes) -> list[Entry]:
    """Return the entries of a file."""
    return read_entries(data, categories=None, id_of=id_of)[0]


@pytest.mark.parametrize("name", SUBJECTS)
def test_json_lines_mean_what_the_file_means(name: str) -> None:
    """Every format gives the same ids, categories and signals."""
    subject: Subject = SUBJECTS[name]
    expected, _ = read(subject, subject.file)
    found_there, _ = read_entries(
        subject.file,
        categories=None if subject.form.has_categories else (subject.category,),
        said=KnownBefore(foreign=subject.form),
        id_of=any_id,
    )
    written = b"".join(json_lines(found_there))
    found: list[Told] = [told for item in entries(written) for told in told_of(item)]

    assert found == expected


def test_json_lines_say_everything_that_an_entry_says() -> None:
    """Quality, geometry, window, and that it is matched exactly only."""
    read_once = entries(FULL)
    again = entries(b"".join(json_lines(read_once)))

    assert [set(entry.signals) for entry in again] == [
        set(entry.signals) for entry in read_once
    ]
    assert again[0].exact_only


@pytest.mark.parametrize("count", [3, 40])
def test_blocks_are_written_as_their_entries(count: int) -> None:
    """Few lines are read one by one, many as columns."""
    lines = [
        f'{{"id":"{n}","category":"A","md5":"{n:08x}{ONE[8:]}","pdq":"{PDQ}"'
        + (f',"pdq_quality":{n}}}' if n % 2 else "}")
        for n in range(count)
    ]
    data = ("\n".join(lines) + "\n").encode()

    assert b"".join(json_lines(entries(data))) == data


def test_list_becomes_entries_of_one_category() -> None:
    """Each with an id that is the same whenever the line comes."""
    data = f"{ONE}\n{TWO}\n{ONE.upper()}\n".encode()
    found, _ = read_entries(data, categories=("B",), id_of=id_of)

    assert [entry.category for entry in found] == ["B"] * 3
    assert found[0] == found[2] != found[1]
    assert found[0].id.startswith("auto-")


def test_list_of_one_type_holds_nothing_else() -> None:
    """Entries without a signal of it are not in it."""
    data = FULL + f'{{"id":"b","category":"A","sha1":"{ONE}01234567"}}\n'.encode()
    found = entries(data)

    assert b"".join(listed(found, SignalType.MD5)).decode() == f"{ONE}\n"
    assert b"".join(listed(found, SignalType.PDQ)).decode() == f"{PDQ}\n" * 2
