"""Hash sets as JSON lines, in the short and the general form.

::

    {"id": "p-1", "category": "A", "md5": "…", "pdq": "…", "pdq_quality": 87}
    {"id": "p-2", "category": "A", "exact_only": false, "signals": [
        {"type": "pdq", "value": "…", "quality": 87, "geometry": "full"}]}

(each on one line). Clauses: ``hashsets/FORMAT.md``, section 3.
"""

import re
from binascii import unhexlify
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec

from uploadfilter.hashsets.degenerate import problem_of
from uploadfilter.hashsets.tally import Problem, Tally
from uploadfilter.hashsets.writings import hex_of
from uploadfilter.model import (
    FULL_WINDOW,
    Entry,
    EntrySignal,
    Geometry,
    Signal,
    SignalType,
)

MOST_ID_CHARACTERS = 128
"""Longest id of an entry: every record of a match holds an id."""

MOST_CATEGORY_CHARACTERS = 64
"""Longest name of a category: it is a label of metrics."""

MOST_QUALITY = 100

_WINDOW = re.compile(r"full|c[1-9][0-9]?|film:[1-9][0-9]{0,3}")
"""The whole picture, its centre with so many per cent of each side, or one of so many
frames of a film."""

_SHORT_TYPES = MappingProxyType({kind.value: kind for kind in SignalType})
_QUALITY_SUFFIX = "_quality"
_SHORT_QUALITIES = frozenset(
    f"{kind.value}{_QUALITY_SUFFIX}" for kind in SignalType if not kind.is_exact
)
_FIELDS = frozenset(
    {"id", "category", "exact_only", "signals", *_SHORT_TYPES, *_SHORT_QUALITIES}
)
_SIGNAL_FIELDS = frozenset({"type", "value", "quality", "geometry", "window"})
_GEOMETRIES = MappingProxyType({shape.value: shape for shape in Geometry})

_Object: TypeAlias = dict[str, Any]
_decode = msgspec.json.Decoder().decode


class _Refused(Exception):  # noqa: N818 - caught in this module, never an error
    """Carries the problem of a line out of the functions that parse its fields."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def parse_line(
    line: bytes, *, categories: frozenset[str] | None, tally: Tally
) -> Entry | None:
    """Parse one line, and count omissions in the tally.

    Args:
        line: Without leading and trailing white space; neither empty nor a comment.
        categories: Those that are allowed; ``None`` allows all.
        tally: Counts categories, unknown fields and omissions.

    Returns:
        The entry, or ``None`` if it is left out.
    """
    item: _Object = {}
    try:
        item = _object(line)
        entry_id = _id(item.get("id"))
        category = _category(item.get("category"))
        signals = list(_signals(item, tally))
        exact_only = _flag(item.get("exact_only", False))
    except _Refused as refused:
        tally.note(refused.problem)
        if refused.problem is Problem.NO_SIGNALS:
            # They may be in a field with another name.
            _note_unknown(item, _FIELDS, tally)
        return None
    _note_unknown(item, _FIELDS, tally)
    tally.saw_category(category)
    if category is None or (categories is not None and category not in categories):
        tally.note(Problem.CATEGORY)
        return None
    kept = tuple(_kept(signals, tally))
    if not kept:
        return None
    return Entry(id=entry_id, category=category, signals=kept, exact_only=exact_only)


def is_category(word: str) -> bool:
    """Return whether a word is a valid category."""
    return (
        0 < len(word) <= MOST_CATEGORY_CHARACTERS
        and word.isprintable()
        # Our own words in a histogram of categories begin so.
        and not word.startswith("(")
    )


def _object(line: bytes) -> _Object:
    try:
        item = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise _Refused(Problem.NOT_JSON) from exc
    if not isinstance(item, dict):
        raise _Refused(Problem.NOT_JSON)
    return item


def _id(value: object) -> str:
    """Return the id from a text or an integer: many tools number their entries."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= MOST_ID_CHARACTERS
        or not value.isprintable()
    ):
        raise _Refused(Problem.BAD_ID)
    return value


def _category(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not is_category(value):
        raise _Refused(Problem.BAD_CATEGORY)
    return value


def _flag(value: object) -> bool:
    # A text "false" would be true: only JSON's own words are taken.
    if not isinstance(value, bool):
        raise _Refused(Problem.BAD_FIELD)
    return value


def _signals(item: _Object, tally: Tally) -> Iterator[EntrySignal]:
    """Yield the signals of the short and the general form; a line may use both."""
    count = 0
    for name, signal_type in _SHORT_TYPES.items():
        digits = item.get(name)
        if digits is None or digits == "":
            continue
        quality = _quality(item.get(f"{name}{_QUALITY_SUFFIX}"), signal_type)
        yield EntrySignal(signal=_signal(signal_type, digits), quality=quality)
        count += 1
    general = item.get("signals")
    if general is not None:
        if not isinstance(general, list):
            raise _Refused(Problem.BAD_FIELD)
        for part in general:
            yield _general_signal(part, tally)
            count += 1
    if not count:
        raise _Refused(Problem.NO_SIGNALS)


def _general_signal(part: object, tally: Tally) -> EntrySignal:
    if not isinstance(part, dict):
        raise _Refused(Problem.BAD_FIELD)
    _note_unknown(part, _SIGNAL_FIELDS, tally)
    word = part.get("type")
    signal_type = _SHORT_TYPES.get(word) if isinstance(word, str) else None
    if signal_type is None:
        raise _Refused(Problem.UNKNOWN_TYPE)
    return EntrySignal(
        signal=_signal(signal_type, part.get("value")),
        quality=_quality(part.get("quality"), signal_type),
        geometry=_geometry(part.get("geometry"), signal_type),
        window=_window(part.get("window")),
    )


def _signal(signal_type: SignalType, digits: object) -> Signal:
    if not isinstance(digits, str):
        raise _Refused(Problem.BAD_FIELD)
    try:
        value = unhexlify(hex_of(digits, signal_type))
    except ValueError as exc:
        is_hex = all(digit in "0123456789abcdefABCDEF" for digit in digits)
        raise _Refused(Problem.ODD_LENGTH if is_hex else Problem.NOT_HEX) from exc
    if len(value) != signal_type.width_bytes:
        raise _Refused(Problem.WRONG_LENGTH)
    return Signal(type=signal_type, value=value)


def _quality(value: object, signal_type: SignalType) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or signal_type.is_exact:
        raise _Refused(Problem.BAD_FIELD)
    if not 0 <= value <= MOST_QUALITY:
        raise _Refused(Problem.BAD_FIELD)
    return value


def _geometry(value: object, signal_type: SignalType) -> Geometry | None:
    if value is None:
        return None
    shape = _GEOMETRIES.get(value) if isinstance(value, str) else None
    if shape is None or signal_type is not SignalType.PDQ:
        raise _Refused(Problem.BAD_FIELD)
    return shape


def _window(value: object) -> str:
    if value is None:
        return FULL_WINDOW
    if not isinstance(value, str) or not _WINDOW.fullmatch(value):
        raise _Refused(Problem.BAD_FIELD)
    return value


def _kept(signals: list[EntrySignal], tally: Tally) -> Iterator[EntrySignal]:
    """Yield the signals that may be matched, and count the others."""
    for item in signals:
        problem = problem_of(item.signal.type, item.signal.value)
        if problem is None:
            yield item
        else:
            tally.note(problem)


def _note_unknown(item: Mapping[str, Any], known: frozenset[str], tally: Tally) -> None:
    if not item.keys() <= known:
        for name in item.keys() - known:
            tally.ignored_field(name)
