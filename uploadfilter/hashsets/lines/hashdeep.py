"""Read lists of hashdeep: rows of digests below a heading that names their types.

::

    %%%% HASHDEEP-1.0
    %%%% size,md5,sha256,filename
    ## Invoked from: /case
    1051,d131dd02c5e6eec4693d9a0698aff95c,7d5f…,/case/holiday, 2.jpg

A name stands last, without quotes, and may hold commas. It goes nowhere; its suffix is
looked at as in a list (``lists.py``). Clauses: ``hashsets/FORMAT.md``, section 8.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from uploadfilter.hashsets.lines.items import IdOf, Item, made_id
from uploadfilter.hashsets.lines.lists import NO_PICTURES
from uploadfilter.hashsets.lines.rows import Numbered
from uploadfilter.hashsets.tally import Problem, Tally
from uploadfilter.model import EXACT_TYPES

TITLE: Final = "a list of hashdeep"

_BEGINNINGS: Final = (b"%%%% HASHDEEP", b"\xef\xbb\xbf%%%% HASHDEEP")
_HEADING: Final = b"%%%%"
_READ: Final = frozenset(kind.value for kind in EXACT_TYPES)
_OTHERS: Final = {"tiger": "Tiger", "whirlpool": "Whirlpool"}
_NAME: Final = "filename"


def is_hashdeep(head: bytes) -> bool:
    """Return whether a file is such a list, judged by its beginning."""
    return head.startswith(_BEGINNINGS)


def hashdeep_rows(
    lines: Iterable[Numbered], *, category: str, id_of: IdOf, tally: Tally
) -> Iterator[Numbered]:
    """Yield the rows as equivalent JSON lines, each with its number."""
    columns: list[str] = []
    for number, line in lines:
        if line.startswith(_HEADING):
            words = line.removeprefix(_HEADING).decode("ascii", "replace").strip()
            columns = words.lower().split(",") if "," in words else columns
            continue
        cells = line.split(b",", max(len(columns) - 1, 0))
        if len(cells) != len(columns):
            tally.note(Problem.WRONG_COLUMNS)
            continue
        item = _item(dict(zip(columns, cells, strict=True)), tally)
        if isinstance(item, Problem):
            tally.note(item)
            continue
        item["category"] = category
        item["id"] = made_id(item, id_of)
        yield number, msgspec.json.encode(item)


def _item(cells: dict[str, bytes], tally: Tally) -> Item | Problem:
    item: Item = {
        name: cells[name].decode("ascii", "replace")
        for name in _READ.intersection(cells)
        if cells[name]
    }
    others = _OTHERS.keys() & cells.keys()
    for other in others:
        tally.not_comparable(_OTHERS[other])
    if others and not item:
        return Problem.NOT_COMPARED
    name = cells.get(_NAME, b"")
    suffix = name.rpartition(b".")[2].lower() if b"." in name else b""
    if suffix in NO_PICTURES:
        tally.saw_no_picture(suffix.decode())
    return item
