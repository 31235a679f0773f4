"""Format figures for people."""

from typing import Final

_MINUTE_S: Final = 60
_HOUR_S: Final = 60 * _MINUTE_S
_DAY_S: Final = 24 * _HOUR_S
_SHORT: Final = 2
"""Ages are given in the smaller unit until there are two of the larger one."""

_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
_THOUSAND: Final = 1000.0
_TWO_DIGITS: Final = 10.0


def counted(value: float) -> str:
    """Write a number of things: ``12,345``."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def rate(value: float) -> str:
    """Write a number of events per second: ``12/s``, ``1.2/s``, ``0.03/s``."""
    if value == int(value) or value >= _TWO_DIGITS:
        return f"{value:,.0f}/s"
    return f"{value:.1f}/s" if value >= 1 else f"{value:.2g}/s"


def duration(seconds: float) -> str:
    """Write a short time: ``850 µs``, ``12 ms``, ``1.2 s``."""
    for scale, unit in ((1e6, "µs"), (1e3, "ms")):
        if seconds * scale < _THOUSAND:
            return f"{_two_digits(seconds * scale)} {unit}"
    return f"{_two_digits(seconds)} s"


def _two_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= _TWO_DIGITS or not value % 1 else f"{value:.1f}"


def size(count: float) -> str:
    """Write a number of bytes: ``512 B``, ``1.2 MB``."""
    left = float(count)
    for unit in _UNITS:
        if left < _THOUSAND or unit == _UNITS[-1]:
            break
        left /= _THOUSAND
    return f"{_two_digits(left)} {unit}"


def age(seconds: float) -> str:
    """Write the age of something: ``40 s``, ``5 min``, ``3 h``, ``12 days``."""
    whole = max(int(seconds), 0)
    for length, unit in ((_DAY_S, "days"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if whole >= _SHORT * length:
            return f"{whole // length:,} {unit}"
    return f"{whole} s"
