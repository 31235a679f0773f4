"""Headers of JPEG XL, bit by bit."""


def codestream(*fields: tuple[int, int]) -> bytes:
    """Return a codestream of (value, bits), least significant bit first."""
    number, length = 0, 0
    for value, bits in fields:
        number |= value << length
        length += bits
    return b"\xff\x0a" + number.to_bytes(-(-length // 8) + 8, "little")
