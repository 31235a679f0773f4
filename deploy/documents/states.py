"""Draw the states of an upload from their table (``inspection/states.py``).

    python -m deploy.documents.states    # writes docs/drawings/states.svg

States are boxes in a column, in their order. An event that leads to the next box is an
arrow down, one that leads further an arrow at the side.
"""

from collections import defaultdict
from html import escape
from itertools import count
from pathlib import Path

from uploadfilter.inspection.states import TRANSITIONS, InspectionState

PAGE = Path(__file__).parents[2] / "docs" / "drawings" / "states.svg"
_STYLE_OF = PAGE.with_name("one-upload.svg")

_LEFT, _TOP, _WIDTH, _HEIGHT, _STEP = 30, 70, 270, 40, 78
_RIGHT = _LEFT + _WIDTH
_LANE = 96


def draw() -> str:
    """Return the drawing, in the style of the others."""
    between: dict[tuple[InspectionState, InspectionState], list[str]] = defaultdict(
        list
    )
    for before, events in TRANSITIONS.items():
        for event, after in events.items():
            between[before, after].append(event.value)
    place = {state: number for number, state in enumerate(InspectionState)}
    bottom = _TOP + len(place) * _STEP
    lines = [_box(state, _y(number)) for state, number in place.items()]
    lanes = count(1)
    for (before, after), names in between.items():
        words = escape(", ".join(names))
        begin, end = _y(place[before]), _y(place[after])
        if place[after] == place[before] + 1:
            lines += _down(begin, end, words)
        elif before is after:
            lines.append(_text(_LEFT + 10, begin + 14, f"{words}: stays"))
        else:
            lines += _aside(begin, end, next(lanes), words)
    width = _RIGHT + next(lanes) * _LANE + 40
    return _frame(width, bottom, lines)


def _y(number: int) -> int:
    return _TOP + number * _STEP


def _box(state: InspectionState, y: int) -> str:
    kind = "good" if state is InspectionState.OVER else "step"
    return (
        f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'rx="6"/>\n  <text class="name mid" x="{_LEFT + _WIDTH // 2}" y="{y + 25}">'
        f"{escape(state.value)}</text>"
    )


def _down(begin: int, end: int, words: str) -> list[str]:
    x = _LEFT + 40
    arrow = f"M{x} {begin + _HEIGHT} V{end - 2}"
    return [_arrow(arrow), _text(x + 10, begin + _HEIGHT + 24, words)]


def _aside(begin: int, end: int, lane: int, words: str) -> list[str]:
    x, begin, end = _RIGHT + lane * _LANE, begin + 30, end + 8
    arrow = f"M{_RIGHT} {begin} H{x} V{end} H{_RIGHT + 2}"
    return [_arrow(arrow), _text(x - 88, begin - 4, words)]


def _arrow(path: str) -> str:
    return f'<path class="line" d="{path}" marker-end="url(#tip)"/>'


def _text(x: int, y: int, words: str) -> str:
    return f'<text class="label" x="{x}" y="{y}">{words}</text>'


def _frame(width: int, height: int, lines: list[str]) -> str:
    other = _STYLE_OF.read_text("utf-8")
    style = other[other.index("  <style>") : other.index("</defs>")]
    title = "The states of an upload, and the events that lead from one to the next"
    body = "\n  ".join(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-labelledby="title desc">\n'
        f'  <title id="title">{title}</title>\n'
        f'  <desc id="desc">{title}, from new to over.</desc>\n{style}</defs>\n'
        f'  <rect class="paper" width="{width}" height="{height}" rx="10"/>\n'
        f'  <text class="title" x="{_LEFT}" y="36">the states of an upload</text>\n'
        f"  {body}\n</svg>\n"
    )


if __name__ == "__main__":
    PAGE.write_text(draw(), "utf-8")
