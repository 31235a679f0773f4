"""List the exceptions of decoders for bad bytes, and note exceptions of our own bugs.

Every exception that leaves a decoder is a bug of this list or of the decoder; the tests
in ``tests/fuzz/`` look for one.

A bug in this project raises the same classes, and the code that catches them takes it
for bad bytes. The content still gets its reason, since it was not inspected. So that
the bug is found, its class and its place are noted (``note``), but nothing of the
content.
"""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

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
"""The exceptions of decoders for bad bytes, besides ``MemoryError``.

Pillow's own contract names ``OSError`` and ``SyntaxError`` only, but its plugins index
into headers without checks. 160,000 mutated files of every format raised:

- Pillow: ``OSError`` (all), ``SyntaxError`` (APNG, TIFF, icons), ``ValueError`` (PNG,
  TIFF, BMP, JPEG 2000, PNM, QOI, icons), ``TypeError`` (TIFF), ``EOFError`` (TIFF),
  ``IndexError`` (GIF, icons), ``struct.error`` (icons), ``RuntimeError`` (AVIF);
- pillow-heif: ``ValueError``, ``EOFError``, ``SyntaxError``, ``RuntimeError``,
  ``IndexError`` (a file without pictures);
- the JPEG XL library: ``RuntimeError``, and never a panic.

Plugins of this kind can raise the others.
"""

_PANIC = "PanicException"
"""The class that Python sees for a panic in Rust. It is not an ``Exception``, and can
only be imported from a module that exists after the first panic."""


_MISTAKES = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(AssertionError, NotImplementedError, RecursionError, struct.error),
)
"""The classes that a bug in this project raises. The others come from code that it
calls: the file system, zlib, or a library in C."""

_PACKAGE = __name__.partition(".")[0]

_noted: ContextVar[list[str] | None] = ContextVar("noted", default=None)


@contextmanager
def noting() -> Iterator[list[str]]:
    """Collect the bugs that are noted during the block, in order."""
    found: list[str] = []
    before = _noted.get()
    _noted.set(found)
    try:
        yield found
    finally:
        # Without a token: a scan is a generator, and may be closed in another context.
        _noted.set(before)


def note(exc: BaseException) -> None:
    """Note an exception that was caught as bad bytes, if it is a bug of this code."""
    found, fault = _noted.get(), fault_of(exc)
    if found is not None and fault and fault not in found and len(found) < _MOST_NOTED:
        found.append(fault)


def fault_of(exc: BaseException) -> str:
    """Return class and place of a bug in this project: ``KeyError@module:9``.

    Empty for an error of a decoder, and for an exception that is raised on purpose.
    """
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not isinstance(exc, _MISTAKES):
        return ""
    module = str(trace.tb_frame.f_globals.get("__name__", ""))
    is_ours = module.partition(".")[0] == _PACKAGE
    is_meant = type(exc).__module__.partition(".")[0] == _PACKAGE
    name = f"{type(exc).__name__}@{module}:{trace.tb_lineno}"
    return name if is_ours and not is_meant else ""


_MOST_NOTED = 8
"""Most bugs that are noted for one content: the first is the one to look for."""


class BadPictureError(ValueError):
    """A file is not of the kind that its magic says. Never leaves ``pictures``."""


@contextmanager
def panics_are_errors() -> Iterator[None]:
    """Turn a panic of a library in Rust into a ``BadPictureError``."""
    try:
        yield
    except BaseException as exc:
        if type(exc).__name__ == _PANIC:
            raise BadPictureError("the decoder gave up") from exc
        raise


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the decoders' warnings about bad files out of the process's output.

    A process that is already silent (``be_quiet``) is not silenced again for each
    picture.
    """
    if warnings.filters[:1] == [_NOTHING]:
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def be_quiet() -> None:
    """Silence all warnings of this process: nobody reads the output of a scanner."""
    warnings.simplefilter("ignore")


_NOTHING = ("ignore", None, Warning, None, 0)
"""The filter that drops all warnings."""
