"""Change bytes the way damage and malice do, the same way for the same number."""

import random
from collections.abc import Callable, Sequence

_HEADER_BYTES = 200
"""The first bytes of a file, which contain most fields that a decoder trusts."""

_LENGTHS = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
"""Values at which counting goes wrong."""


def mutated(content: bytes, others: Sequence[bytes], number: int) -> bytes:
    """Return content with one to eight changes.

    Args:
        content: A sound file.
        others: Files from which pieces may be put in.
        number: Which mutation; the same one always gives the same bytes.
    """
    rng = random.Random(number)  # noqa: S311  # nothing here is secret
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        if not changed:
            break
        rng.choice(_CHANGES)(changed, others, rng)
    return bytes(changed)


def _place(content: bytearray, rng: random.Random) -> int:
    """Choose where to change something: most often near the beginning."""
    end = len(content) if rng.random() < 0.5 else min(_HEADER_BYTES, len(content))
    return rng.randrange(end)


def _flip(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    content[_place(content, rng)] ^= 1 << rng.randrange(8)


def _set(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    content[_place(content, rng)] = rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF))


def _cut(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    del content[_place(content, rng) :]


def _remove(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    at = _place(content, rng)
    del content[at : at + rng.randrange(1, 33)]


def _insert(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    at = _place(content, rng)
    content[at:at] = rng.randbytes(rng.randrange(1, 33))


def _repeat(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    at = _place(content, rng)
    piece = content[at : at + rng.randrange(1, 129)]
    content[at:at] = piece * rng.randrange(1, 9)


def _length(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    """Put a number where a length may stand, in either order."""
    at, size = _place(content, rng), rng.choice((1, 2, 4))
    value = rng.choice(_LENGTHS) & (1 << 8 * size) - 1
    order = "big" if rng.getrandbits(1) else "little"
    content[at : at + size] = value.to_bytes(size, order)  # type: ignore[arg-type]  # either is an order


def _splice(content: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    """Put a piece of another file over this one."""
    other = rng.choice(others)
    start = rng.randrange(len(other))
    piece = other[start : start + rng.randrange(1, 513)]
    at = _place(content, rng)
    content[at : at + len(piece)] = piece


_CHANGES: tuple[Callable[[bytearray, Sequence[bytes], random.Random], None], ...] = (
    _flip,
    _flip,
    _set,
    _set,
    _cut,
    _remove,
    _insert,
    _repeat,
    _length,
    _splice,
)
