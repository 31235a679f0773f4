"""Exceptions of decoders become one kind of error, and no others do."""

import io
import re
import warnings
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from uploadfilter.pictures.faults import (
    DECODER_ERRORS,
    BadPictureError,
    be_quiet,
    fault_of,
    note,
    noting,
    panics_are_errors,
    quiet,
)
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError, check_frame
from uploadfilter.pictures.readers.gifs import pieces_of as gif_pieces


class PanicException(BaseException):  # only the name is tested
    """The class that pyo3 raises when Rust panics: not an ``Exception``."""


def test_panic_is_an_error_of_the_file() -> None:
    """A panic of a library in Rust does not end the process."""
    with pytest.raises(BadPictureError), panics_are_errors():
        raise PanicException

    assert issubclass(BadPictureError, DECODER_ERRORS)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, MemoryError])
def test_other_exceptions_pass(kind: type[BaseException]) -> None:
    """Exceptions that end a process still do so."""
    with pytest.raises(kind), panics_are_errors():
        raise kind


def test_memory_error_is_no_decoder_error() -> None:
    """Running out of memory has a separate reason."""
    assert not issubclass(MemoryError, DECODER_ERRORS)


def test_warnings_of_decoders_are_not_seen() -> None:
    """Warnings are silenced for a decoder, and only for it."""
    with quiet():
        warnings.warn("about a file", stacklevel=1)

    with pytest.warns(UserWarning, match="ours"):
        warnings.warn("ours", stacklevel=1)


def test_process_that_is_quiet_stays_so() -> None:
    """A process that is silenced for good is silent in a block and after it."""
    with warnings.catch_warnings(record=True) as told:
        be_quiet()
        warnings.warn("before", UserWarning, stacklevel=1)
        with quiet():
            warnings.warn("within", UserWarning, stacklevel=1)
        warnings.warn("behind", UserWarning, stacklevel=1)

    assert told == []


def caught(work: Callable[[], object]) -> BaseException:
    """Return the exception of a piece of work."""
    try:
        work()
    except (*DECODER_ERRORS, OverBudgetError) as exc:
        return exc
    raise AssertionError("nothing was raised")


def test_mistake_of_ours_is_known_by_its_place() -> None:
    """Its class and its place, and nothing of the content."""
    place = re.fullmatch(r"[A-Za-z]+@uploadfilter[a-z.]+:[0-9]+", fault_of(ours()))

    assert place
    assert fault_of(caught(lambda: next(iter({"a": 1}.values())) / 0)) == ""
    assert fault_of(KeyError("never raised")) == ""


def ours() -> BaseException:
    """Return a mistake that is made in this package."""
    return caught(lambda: gif_pieces(None))  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize(
    "work",
    [
        lambda: Image.open(io.BytesIO(b"none")),
        lambda: zlib.decompress(b"none"),
        lambda: check_frame((10**6, 10**6), DecodeLimits(), bytes_per_pixel=4),
    ],
    ids=["decoder", "library", "meant"],
)
def test_errors_of_others_and_deliberate_ones_are_none(
    work: Callable[[], object],
) -> None:
    """A refusal of bad bytes and an intended exception are not bugs."""
    assert fault_of(caught(work)) == ""


def test_mistakes_are_noted_once_and_only_where_somebody_listens() -> None:
    """A file of a thousand frames makes one a thousand times."""
    with noting() as found:
        for _ in range(1000):
            note(ours())
    note(ours())

    assert len(found) == 1


def test_blocks_that_note_do_not_disturb_each_other() -> None:
    """The inner one ends before the outer."""
    with noting() as outer:
        with noting() as inner:
            note(ours())
        assert len(inner) == 1

    assert not outer
