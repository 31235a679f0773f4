"""The requirements on every ``ForeignFormat``, for any file in its format.

To have a format tested, describe it as a ``Subject`` and parametrise a test over
``CHECKS``, as ``tests/hashsets/foreign/test_foreign.py`` does.
"""

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets import formats
from uploadfilter.hashsets.foreign import documents
from uploadfilter.hashsets.foreign.foreign import foreign_rows, known_by
from uploadfilter.hashsets.foreign.form import ForeignFormat
from uploadfilter.hashsets.foreign.recognising import HEAD_BYTES
from uploadfilter.hashsets.formats import NOTHING_SAID, KnownBefore
from uploadfilter.hashsets.lines.items import any_id
from uploadfilter.hashsets.lines.rows import entries_of_rows
from uploadfilter.hashsets.tally import Problem, Tally
from uploadfilter.model import Entry, Signal
from uploadfilter.reference.entries.collecting import EntryBlock

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Told = tuple[str, str, frozenset[Signal]]
"""Id, category and signals of an entry."""

_MD5 = "d131dd02c5e6eec4693d9a0698aff95c"
_MANY = 5000
_MOST_BYTES = 6 << 20
"""Most memory of reading that many records: blocks of them, and not the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A format, with a file that has everything in it that is known of the format.

    Attributes:
        form: The format.
        file: A small file, without white space at its end.
        entries: The JSON lines that state the same as the entries taken from it.
        left_out: How many records are left out, by reason.
        not_compared: Signals that are counted by what they are.
        private: Texts in the file that must go nowhere.
        many: Makes a file of so many records.
        encodings: Those in which a file may come.
        category: The one that the operator names, if records have none.
    """

    form: ForeignFormat
    file: bytes
    entries: Sequence[Mapping[str, Any]]
    left_out: Mapping[Problem, int]
    not_compared: Mapping[str, int]
    private: Sequence[str]
    many: Callable[[int], Iterator[bytes]]
    encodings: Sequence[str] = ("utf-8", "utf-8-sig", "utf-16")
    category: str = "A"

    @property
    def categories(self) -> frozenset[str] | None:
        """Those that an operator names; ``None``: all are allowed."""
        return None if self.form.has_categories else frozenset({self.category})


Check = Callable[[Subject], None]


def read(
    subject: Subject,
    data: bytes,
    *,
    is_known: bool = False,
    categories: frozenset[str] | None = None,
) -> tuple[list[Told], Tally]:
    """Read a file, which tells itself what it is if it is known.

    Returns:
        Its entries, and the counts.
    """
    tally = Tally()
    items = formats.read(
        io.BufferedReader(io.BytesIO(data)),
        categories=subject.categories if categories is None else categories,
        tally=tally,
        said=NOTHING_SAID if is_known else KnownBefore(foreign=subject.form),
    )
    return [told for item in items for told in entries_of(item)], tally


def entries_of(item: object) -> Iterator[Told]:
    """Yield the entries that were read."""
    if isinstance(item, Entry):
        signals = frozenset(each.signal for each in item.signals)
        yield item.id, item.category, signals
    elif isinstance(item, EntryBlock):
        parts: list[set[Signal]] = [set() for _ in item.ids]
        for kind, found in item.signals.items():
            width = kind.width_bytes
            for at, row in enumerate(found.rows.tolist()):
                value = found.values[at * width : (at + 1) * width]
                parts[row].add(Signal(type=kind, value=value))
        yield from zip(item.ids, item.categories, map(frozenset, parts), strict=True)


def is_known_by_its_beginning(subject: Subject) -> None:
    """The format need not be named."""
    for encoding in subject.encodings:
        data = subject.file.decode().encode(encoding)
        form = known_by(data[:HEAD_BYTES])
        assert form is not None
        assert form.name == subject.form.name


def means_the_same_as_lines(subject: Subject) -> None:
    """Its records are the JSON lines that say the same; the rest is counted."""
    lines = "\n".join(map(json.dumps, subject.entries)).encode()
    expected = [
        told
        for item in formats.read(
            io.BufferedReader(io.BytesIO(lines)),
            categories=None,
            tally=Tally(),
        )
        for told in entries_of(item)
    ]
    for encoding in subject.encodings:
        found, tally = read(
            subject, subject.file.decode().encode(encoding), is_known=True
        )

        assert found == expected
        assert {item.problem: item.count for item in tally.problems} == subject.left_out
        assert tally.not_compared == subject.not_compared
        assert tally.accepted == len(expected)
        assert tally.lines == tally.accepted + sum(subject.left_out.values())


def is_refused_if_cut_off(subject: Subject) -> None:
    """At whatever byte: half a file is never taken for a whole one."""
    for end in range(len(subject.file)):
        data = subject.file[:end]
        if data.strip():
            with pytest.raises(HashSetFormatError) as caught:
                read(subject, data)
            assert caught.value.hint
        else:
            with suppress(HashSetFormatError):
                assert read(subject, data)[0] == []


def survives_damage(subject: Subject) -> None:
    """Damaged bytes give an ``UploadFilterError``, or fewer entries."""
    size = len(subject.file)

    @settings(max_examples=60)
    @given(
        at=st.integers(0, size), length=st.integers(0, 40), new=st.binary(max_size=9)
    )
    def damage(at: int, length: int, new: bytes) -> None:
        data = subject.file[:at] + new + subject.file[at + length :]
        with suppress(HashSetFormatError):
            found, tally = read(subject, data)
            assert tally.accepted == len(found)

    damage()


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 1.5, 10**30, "", "x" * 99, "\ud800", "0", [], [None], {}, [[]]]
)


def survives_odd_values(subject: Subject) -> None:
    """A value of any kind, anywhere in a record, is taken or is a problem."""
    file: io.BufferedReader = io.BufferedReader(io.BytesIO(subject.file))
    records = [it for it in subject.form.records(file) if isinstance(it, dict)]
    if not records:
        # The elements of XML have texts only, which other checks damage.
        return

    @settings(max_examples=100)
    @given(record=st.sampled_from(records).flatmap(odd))
    def give(record: object) -> None:
        tally = Tally()
        lines = foreign_rows(
            io.BufferedReader(io.BytesIO()),
            replace(subject.form, records=lambda _: iter([record])),
            categories=subject.categories,
            id_of=any_id,
            tally=tally,
            tick=lambda: None,
        )
        found = list(entries_of_rows(lines, categories=None, tally=tally))
        assert tally.lines == 1
        assert found or tally.problems

    give()


def odd(value: object) -> st.SearchStrategy[Any]:
    """Return values like another one, somewhere in which something odd stands."""
    if isinstance(value, dict) and value:
        return st.sampled_from(sorted(value)).flatmap(
            lambda name: odd(value[name]).map(lambda new: {**value, name: new})
        )
    if isinstance(value, list) and value:
        return ODD | odd(value[0]).map(lambda new: [new, *value[1:]])
    return ODD


def keeps_nothing_private(subject: Subject) -> None:
    """Names, remarks and pictures in a file are neither kept nor told."""
    found, tally = read(subject, subject.file)
    told = repr(
        (found, tally.problems, tally.categories, tally.ignored_fields, tally.foreign)
    )

    assert [text for text in subject.private if text not in subject.file.decode()] == []
    assert [text for text in subject.private if text in told] == []


def takes_bounded_memory(subject: Subject) -> None:
    """A file is read in the memory of a block of records."""
    file: io.BufferedReader = io.BufferedReader(Chunks(subject.many(_MANY)))
    count = 0
    tally = Tally()
    tracemalloc.start()
    with pytest.MonkeyPatch.context() as patch:
        # So that a small file does what a large one does.
        patch.setattr(documents, "MOST_RECORD_CHARACTERS", 1 << 16)
        for item in formats.read(
            file,
            categories=subject.categories,
            tally=tally,
            said=KnownBefore(foreign=subject.form),
        ):
            count += len(item) if isinstance(item, EntryBlock) else 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == tally.lines == _MANY
    assert peak < _MOST_BYTES


class Chunks(io.RawIOBase):
    """A file of pieces that are made while it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = b""

    @override
    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    @override
    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read into a buffer; return how many bytes."""
        view = memoryview(buffer)
        while not self._rest:
            pieces = list(islice(self._pieces, 50))
            if not pieces:
                return 0
            self._rest = b"".join(pieces)
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def rows(count: int) -> Iterator[str]:
    """Yield a number of different MD5 values."""
    return (f"{number:08x}{_MD5[8:]}" for number in range(1, count + 1))


def document(start: str, records: Iterator[str], end: str) -> Iterator[bytes]:
    """Yield a JSON document with many records, piece by piece."""
    yield start.encode()
    for number, record in enumerate(records):
        yield f"{',' if number else ''}{record}".encode()
    yield end.encode()


CHECKS: tuple[Check, ...] = (
    is_known_by_its_beginning,
    means_the_same_as_lines,
    is_refused_if_cut_off,
    survives_damage,
    survives_odd_values,
    keeps_nothing_private,
    takes_bounded_memory,
)
