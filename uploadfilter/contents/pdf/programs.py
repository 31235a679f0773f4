"""Run the calculator programs of a PDF document, for many inputs at once.

They are a small part of PostScript: numbers and booleans on a stack, and conditionals.
Both branches of a conditional that depends on the input are run, and the results are
combined. So each step is done once for all inputs, and the time is proportional to the
length of the program.

Rules this module keeps: the language has no loops and no recursion; the steps, the
depth of conditionals and the height of the stack are bounded; a program that takes from
an empty stack, or whose branches leave stacks of different heights, is refused.

Source:
    ISO 32000-2:2020, 7.10.5 "Type 4 (PostScript calculator) functions".
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
Step = float | str | list["Step"]

_MOST_STEPS: Final = 1_000
"""Most words of a program. Programs that printing software writes have some hundreds.
"""

_MOST_NESTED: Final = 16
_MOST_STACK: Final = 100
"""Greatest height of the stack: the limit that the standard gives readers."""

_WORD: Final = re.compile(rb"%[^\r\n]*|[{}]|[^\s{}%]+")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z")
_RADIX: Final = re.compile(r"(\d{1,2})#([0-9a-zA-Z]{1,8})\Z")


class _BadProgramError(Exception):
    """A program breaks a rule. Never leaves this module."""


def program_of(
    data: bytes, *, inputs: int, outputs: int
) -> "Callable[[Column], Column] | None":
    """Read a program, and try it.

    Args:
        data: Its text, in braces.
        inputs: How many numbers are on its stack at the start.
        outputs: How many numbers are taken from the top of its stack.

    Returns:
        A function that runs it; ``None`` if it is not a program within the bounds.
    """
    try:
        words = _words(data)
        if next(words, "") != "{":
            return None
        steps = _block(words, 0)
        probe = np.full(2, 0.5)
        if len(_run(steps, [probe] * inputs)) < outputs:
            return None
    except (_BadProgramError, UnicodeDecodeError, ValueError):
        return None

    def run(rows: Column) -> Column:
        stack = [rows[:, number] for number in range(rows.shape[1])]
        try:
            stack = _run(steps, stack)
        except _BadProgramError:
            stack = []
        missing = outputs - len(stack)
        zero = np.zeros(len(rows))
        return np.stack([zero] * missing + stack[-outputs:], axis=1)

    return run


def _words(data: bytes) -> Iterator[str]:
    """Yield the words of a program without its comments."""
    for count, match in enumerate(_WORD.finditer(data)):
        if count > _MOST_STEPS:
            raise _BadProgramError
        if not match[0].startswith(b"%"):
            yield match[0].decode("ascii")


def _block(words: Iterator[str], depth: int) -> list[Step]:
    """Read the steps up to the closing brace."""
    if depth > _MOST_NESTED:
        raise _BadProgramError
    steps: list[Step] = []
    for word in words:
        if word == "}":
            return steps
        if word == "{":
            steps.append(_block(words, depth + 1))
        elif _NUMBER.match(word):
            steps.append(float(word))
        elif radix := _RADIX.match(word):
            steps.append(float(int(radix[2], int(radix[1]))))
        elif word in _KNOWN:
            steps.append(word)
        else:
            raise _BadProgramError
    # Readers differ if the last brace is missing: such a program is refused.
    raise _BadProgramError


def _run(steps: list[Step], stack: list[Column]) -> list[Column]:
    """Run steps on a stack, and return the stack."""
    count = len(stack[0]) if stack else 1
    blocks: list[list[Step]] = []
    for step in steps:
        if isinstance(step, list):
            blocks.append(step)
        elif isinstance(step, float):
            stack.append(np.full(count, step))
        elif step in {"if", "ifelse"}:
            stack = _choose(step, blocks, stack)
            blocks = []
        else:
            _do(step, stack, count)
        if len(stack) > _MOST_STACK:
            raise _BadProgramError
    return stack


def _choose(step: str, blocks: list[list[Step]], stack: list[Column]) -> list[Column]:
    """Run both branches of a conditional, and choose the result for each input."""
    if len(blocks) != (1 if step == "if" else 2):
        raise _BadProgramError
    condition = _pop(stack) != 0
    yes = _run(blocks[0], list(stack))
    no = _run(blocks[1], list(stack)) if step == "ifelse" else list(stack)
    if len(yes) != len(no):
        raise _BadProgramError
    return [
        one if one is other else np.where(condition, one, other)
        for one, other in zip(yes, no, strict=True)
    ]


def _pop(stack: list[Column]) -> Column:
    if not stack:
        raise _BadProgramError
    return stack.pop()


def _do(step: str, stack: list[Column], count: int) -> None:
    """Do one step."""
    if step in _ONE:
        stack.append(_ONE[step](_pop(stack)).astype(np.float64))
    elif step in _TWO:
        second, first = _pop(stack), _pop(stack)
        stack.append(_TWO[step](first, second).astype(np.float64))
    elif step in _TRUTHS:
        stack.append(np.full(count, _TRUTHS[step]))
    else:
        _arrange(step, stack)


def _arrange(step: str, stack: list[Column]) -> None:
    """Do a step that rearranges the stack."""
    match step:
        case "pop":
            _pop(stack)
        case "dup":
            stack += [_pop(stack)] * 2
        case "exch":
            second, first = _pop(stack), _pop(stack)
            stack += [second, first]
        case "copy":
            stack += _top(stack, _constant(stack))
        case "index":
            stack.append(_top(stack, _constant(stack) + 1)[0])
        case _:
            turns, number = _constant(stack), _constant(stack)
            part = _top(stack, number)
            if number:
                turns %= number
                stack[-number:] = part[number - turns :] + part[: number - turns]


def _top(stack: list[Column], number: int) -> list[Column]:
    """Return the top ``number`` items of the stack."""
    if not 0 <= number <= len(stack):
        raise _BadProgramError
    return stack[len(stack) - number :]


def _constant(stack: list[Column]) -> int:
    """Pop a number that must be the same for every input."""
    column = _pop(stack)
    if not (column == column[0]).all() or abs(column[0]) > _MOST_STACK:
        raise _BadProgramError
    return int(column[0])


def _whole(column: Column) -> NDArray[np.int64]:
    return np.clip(np.nan_to_num(column), -(2.0**31), 2.0**31 - 1).astype(np.int64)


def _shifted(first: Column, second: Column) -> NDArray[np.int64]:
    places = np.clip(_whole(second), -31, 31)
    left = _whole(first) << np.maximum(places, 0)
    return left >> np.maximum(-places, 0)


def _divided(first: Column, second: Column) -> Column:
    return first / np.where(second == 0, 1, second)


_ONE: Final[dict[str, Callable[[Column], Column]]] = {
    "abs": np.abs,
    "neg": np.negative,
    "ceiling": np.ceil,
    "floor": np.floor,
    "round": lambda column: np.floor(column + 0.5),
    "truncate": np.trunc,
    "sqrt": lambda column: np.sqrt(np.maximum(column, 0)),
    "sin": lambda column: np.sin(np.radians(column)),
    "cos": lambda column: np.cos(np.radians(column)),
    "ln": lambda column: np.log(np.maximum(column, 1e-300)),
    "log": lambda column: np.log10(np.maximum(column, 1e-300)),
    "cvi": np.trunc,
    "cvr": np.positive,
    "not": lambda column: np.where(np.isin(column, (0, 1)), 1 - column, -column - 1),
}
_TWO: Final[dict[str, Callable[[Column, Column], Column]]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": _divided,
    "idiv": lambda one, other: np.trunc(_divided(np.trunc(one), np.trunc(other))),
    "mod": lambda one, other: np.fmod(
        np.trunc(one), np.where(np.trunc(other) == 0, 1, np.trunc(other))
    ),
    "exp": lambda one, other: np.nan_to_num(np.power(one, other)),
    "atan": lambda one, other: np.degrees(np.arctan2(one, other)) % 360,
    "eq": lambda one, other: (one == other).astype(np.float64),
    "ne": lambda one, other: (one != other).astype(np.float64),
    "gt": lambda one, other: (one > other).astype(np.float64),
    "ge": lambda one, other: (one >= other).astype(np.float64),
    "lt": lambda one, other: (one < other).astype(np.float64),
    "le": lambda one, other: (one <= other).astype(np.float64),
    "and": lambda one, other: (_whole(one) & _whole(other)).astype(np.float64),
    "or": lambda one, other: (_whole(one) | _whole(other)).astype(np.float64),
    "xor": lambda one, other: (_whole(one) ^ _whole(other)).astype(np.float64),
    "bitshift": lambda one, other: _shifted(one, other).astype(np.float64),
}
_TRUTHS: Final = {"true": 1.0, "false": 0.0}
_MOVES: Final = frozenset({"pop", "dup", "exch", "copy", "index", "roll"})
_KNOWN: Final = frozenset({*_ONE, *_TWO, *_TRUTHS, *_MOVES, "if", "ifelse"})
