"""Evaluate the functions of a PDF document, for many inputs at once.

Colour spaces use them to convert the inks of one space to another. Each function takes
a table of numbers, with a row for each input, and returns a table of as many rows.

Rules this module keeps: a function is evaluated with numpy alone; its steps are bounded
when it is read; a function that cannot be read is ``None``, never a guess.

Source:
    ISO 32000-2:2020, 7.10 "Functions".
"""

from collections.abc import Callable
from itertools import pairwise, product
from typing import Final

import numpy as np
import pikepdf
from numpy.typing import NDArray

from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.pdf.filters import filters_of, unfiltered
from uploadfilter.contents.pdf.programs import program_of
from uploadfilter.contents.pdf.values import (
    QPDF_ERRORS,
    items_of,
    reals,
    value_of,
    whole,
)

Table = NDArray[np.float64]
"""Rows of numbers: the inputs, or the outputs, of a function."""

Function = Callable[[Table], Table]

_MOST_NESTED: Final = 3
_MOST_INPUTS: Final = 4
"""Most inputs of a sampled function: each doubles the samples that are mixed for one
output."""

_MOST_OUTPUTS: Final = 32
_MOST_SAMPLES: Final = 1_000_000
"""Most numbers in the table of a sampled function; profiles of printers have 70,000."""

_MOST_PARTS: Final = 64
_SAMPLED, _EXPONENTIAL, _STITCHED, _PROGRAM = 0, 2, 3, 4
_SAMPLE_BITS: Final = frozenset({1, 2, 4, 8, 12, 16, 24, 32})


def function_of(item: object, *, depth: int = 0) -> Function | None:
    """Read a function.

    Args:
        item: Its dictionary or stream.
        depth: Number of the functions around it.

    Returns:
        ``None`` if it is not a function, or exceeds the bounds here.
    """
    domain = _pairs(value_of(item, "/Domain"))
    extent = _pairs(value_of(item, "/Range"))
    if domain is None or depth > _MOST_NESTED:
        return None
    kind = value_of(item, "/FunctionType")
    made: Function | None
    match whole(kind) if kind is not None else None:
        case 0:
            made = _sampled(item, domain, extent)
        case 2:
            made = _exponential(item)
        case 3:
            made = _stitched(item, domain, depth)
        case 4:
            made = _program(item, len(domain), extent)
        case _:
            made = None
    return made and _bounded(made, domain, extent)


def _bounded(function: Function, domain: Table, extent: Table | None) -> Function:
    """Return a function whose inputs and outputs are clipped."""

    def evaluate(inputs: Table) -> Table:
        clipped = np.clip(inputs[:, : len(domain)], domain[:, 0], domain[:, 1])
        with np.errstate(all="ignore"):
            outputs = np.nan_to_num(function(clipped))
        if extent is None:
            return outputs
        return np.clip(outputs[:, : len(extent)], extent[:, 0], extent[:, 1])

    return evaluate


def _pairs(value: object) -> Table | None:
    """Read an array of lowest and highest values; return ``None`` if it is not one."""
    numbers = reals(value)
    if not numbers or len(numbers) % 2 or len(numbers) > 2 * _MOST_OUTPUTS:
        return None
    return np.array(numbers, dtype=np.float64).reshape(-1, 2)


def _between(values: Table, old: Table, new: Table) -> Table:
    """Map values from one range to another."""
    reach = old[:, 1] - old[:, 0]
    share = (values - old[:, 0]) / np.where(reach == 0, 1, reach)
    return new[:, 0] + share * (new[:, 1] - new[:, 0])


# --- Sampled --------------------------------------------------------------------------


def _sampled(item: object, domain: Table, extent: Table | None) -> Function | None:
    """Read a function that is a table of samples, with interpolation."""
    sizes = [int(number) for number in reals(value_of(item, "/Size"))]
    bits = whole(value_of(item, "/BitsPerSample"))
    if extent is None or len(sizes) != len(domain) or bits not in _SAMPLE_BITS:
        return None
    count = int(np.prod(np.array(sizes, dtype=np.float64)) * len(extent))
    if len(sizes) > _MOST_INPUTS or min(sizes) < 1 or count > _MOST_SAMPLES:
        return None
    data = data_of(item)
    samples = _numbers_of(data, bits, count) if data is not None else None
    if samples is None:
        return None
    ends = np.array([[0.0, size - 1.0] for size in sizes])
    encode = _pairs(value_of(item, "/Encode"))
    encode = ends if encode is None else encode
    decode = _pairs(value_of(item, "/Decode"))
    decode = extent if decode is None else decode
    if len(encode) != len(sizes) or len(decode) != len(extent):
        return None
    table = _between(samples.reshape(-1, len(extent)), np.array([[0.0, 1.0]]), decode)

    def evaluate(inputs: Table) -> Table:
        places = np.clip(_between(inputs, domain, encode), 0, ends[:, 1])
        return _mixed(table, sizes, places)

    return evaluate


def _mixed(table: Table, sizes: list[int], places: Table) -> Table:
    """Interpolate the samples around each place; the first input changes fastest."""
    steps = np.cumprod([1, *sizes[:-1]])
    lower = np.floor(places).astype(np.int64)
    shares = places - lower
    outputs = np.zeros((len(places), table.shape[1]))
    for corner in product((0, 1), repeat=len(sizes)):
        upper = np.array(corner)
        index = np.minimum(lower + upper, np.array(sizes) - 1) @ steps
        weight = np.prod(np.where(upper == 1, shares, 1 - shares), axis=1)
        outputs += weight[:, None] * table[index]
    return outputs


def _numbers_of(data: bytes, bits: int, count: int) -> Table | None:
    """Return numbers of ``bits`` bits each, as 0 to 1; the first bit is the highest."""
    length = -(-count * bits // 8)
    if len(data) < length:
        return None
    packed = np.frombuffer(data, np.uint8, length)
    numbers = np.unpackbits(packed)[: count * bits].reshape(count, bits)
    return numbers @ (2.0 ** np.arange(bits - 1, -1, -1)) / (2.0**bits - 1)


def data_of(item: object) -> bytes | None:
    """Return the unpacked data of a stream; ``None`` if it cannot be unpacked."""
    if not isinstance(item, pikepdf.Stream):
        return None
    try:
        data = unfiltered(item.read_raw_bytes(), filters_of(item))
    except QPDF_ERRORS:  # it is not at its offset
        return None
    return None if isinstance(data, Shortfall) else data


def function_cost(item: object) -> int:
    """Return about how many steps a function takes for one input."""
    match whole(value_of(item, "/FunctionType")):
        case 0:
            inputs = min(len(items_of(value_of(item, "/Size"))), _MOST_INPUTS)
            return 16 << inputs
        case 3:
            parts = items_of(value_of(item, "/Functions"))[:_MOST_PARTS]
            return 16 + _PER_PART * len(parts)
        case 4:
            return 16 + len(data_of(item) or b"") // _BYTES_PER_WORD
        case _:
            return 16


_PER_PART: Final = 32
_BYTES_PER_WORD: Final = 2


# --- Exponential, stitched, programs --------------------------------------------------


def _exponential(item: object) -> Function | None:
    """Read a function that mixes two colours by a power of its only input."""
    start = np.array(reals(value_of(item, "/C0")) or [0.0])
    end = np.array(reals(value_of(item, "/C1")) or [1.0])
    power = reals(value_of(item, "/N"))
    if len(start) != len(end) or len(start) > _MOST_OUTPUTS or not power:
        return None
    exponent = power[0]
    return lambda inputs: start + np.power(inputs[:, :1], exponent) * (end - start)


def _stitched(item: object, domain: Table, depth: int) -> Function | None:
    """Read a function that joins several others, each for a part of the domain."""
    items = items_of(value_of(item, "/Functions"))
    bounds = reals(value_of(item, "/Bounds"))
    encode = _pairs(value_of(item, "/Encode"))
    if not 0 < len(items) <= _MOST_PARTS or len(bounds) != len(items) - 1:
        return None
    functions = [function_of(each, depth=depth + 1) for each in items]
    if encode is None or len(encode) != len(items):
        return None
    parts = [each for each in functions if each is not None]
    if len(parts) != len(functions):
        return None
    edges = np.array([domain[0, 0], *bounds, domain[0, 1]])
    ranges = [np.array([pair]) for pair in pairwise(edges)]

    def evaluate(inputs: Table) -> Table:
        which = np.searchsorted(np.array(bounds), inputs[:, 0], side="right")
        results = [
            part(_between(inputs[:, :1], reach, encode[number : number + 1]))
            for number, (part, reach) in enumerate(zip(parts, ranges, strict=True))
        ]
        width = min(result.shape[1] for result in results)
        joined = np.stack([result[:, :width] for result in results])
        chosen: Table = joined[which, np.arange(len(inputs))]
        return chosen

    return evaluate


def _program(item: object, inputs: int, extent: Table | None) -> Function | None:
    """Read a function that is a small program."""
    data = data_of(item)
    if data is None or extent is None:
        return None
    return program_of(data, inputs=inputs, outputs=len(extent))
