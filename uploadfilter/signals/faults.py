"""What decoders raise on bad bytes, as one list.

Every exception that leaves a decoder is a bug of this list or of the decoder; the tests
in ``tests/fuzz/`` look for one.
"""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

DECODER_ERRORS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""What the decoders raise on bad bytes, beside ``MemoryError``.

Pillow's own contract names ``OSError`` and ``SyntaxError`` only, but its plugins index
into headers without checks. 160,000 mutated files of every format raised:

- Pillow: ``OSError`` (all), ``SyntaxError`` (APNG, TIFF, icons), ``ValueError`` (PNG,
  TIFF, BMP, JPEG 2000, PNM, QOI, icons), ``TypeError`` (TIFF), ``EOFError`` (TIFF),
  ``IndexError`` (GIF, icons), ``struct.error`` (icons), ``RuntimeError`` (AVIF);
- pillow-heif: ``ValueError``, ``EOFError``, ``SyntaxError``, ``RuntimeError``,
  ``IndexError`` (a file without pictures);
- the JPEG XL library: ``RuntimeError``, and never a panic.

The others are what plugins of this kind can raise.
"""

_PANIC = "PanicException"
"""What Python sees of a panic in Rust. Its class is no ``Exception`` and can only be
imported from a module that exists once there was one."""


class BadPictureError(ValueError):
    """A file is not what its magic says; never leaves ``signals``."""


@contextmanager
def panics_are_errors() -> Iterator[None]:
    """Turn a panic of a library in Rust into an error of the file that it met.

    Raises:
        BadPictureError: The library gave up.
    """
    try:
        yield
    except BaseException as exc:
        if type(exc).__name__ == _PANIC:
            raise BadPictureError("the decoder gave up") from exc
        raise


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the decoders' warnings about bad files out of the process's output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
