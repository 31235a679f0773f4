"""What decoders raise becomes one kind of error, and nothing else does."""

import warnings

import pytest

from uploadfilter.signals.faults import (
    DECODER_ERRORS,
    BadPictureError,
    panics_are_errors,
    quiet,
)


class PanicException(BaseException):  # the name is what is looked at
    """What pyo3 raises when Rust panics: no ``Exception``, and hard to import."""


def test_panic_is_an_error_of_the_file() -> None:
    """A library in Rust that gives up is no reason to end the process."""
    with pytest.raises(BadPictureError), panics_are_errors():
        raise PanicException

    assert issubclass(BadPictureError, DECODER_ERRORS)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, MemoryError])
def test_other_exceptions_pass(kind: type[BaseException]) -> None:
    """What ends a process still does."""
    with pytest.raises(kind), panics_are_errors():
        raise kind


def test_memory_error_is_no_decoder_error() -> None:
    """Running out of memory has a reason of its own."""
    assert not issubclass(MemoryError, DECODER_ERRORS)


def test_warnings_of_decoders_are_not_seen() -> None:
    """Warnings are silenced for a decoder, and only for it."""
    with quiet():
        warnings.warn("about a file", stacklevel=1)

    with pytest.warns(UserWarning, match="ours"):
        warnings.warn("ours", stacklevel=1)
