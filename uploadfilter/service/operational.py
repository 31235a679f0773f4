"""Configure the operational log: messages for the operator, on stderr.

Rules this module keeps: the log holds no data of a client; writing it never fails,
because the guarantees about uploads depend only on the decision log.
"""

import errno
import logging
import os
import sys
import traceback
from collections.abc import Iterator

import structlog
from structlog.typing import ExcInfo
from typing_extensions import override

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_NEVER_READ_AGAIN = frozenset({errno.EPIPE, errno.EIO})
"""Errors of a pipe without a reader, and of a closed terminal."""


def configure() -> None:
    """Send the operational log to stderr: text on a terminal, JSON lines otherwise.

    Field ``event`` is a constant snake_case name; all data is in other fields. Messages
    of libraries take the same path. Tracebacks hold code and exception types, but no
    variables and no messages, which may hold data of a client.
    """
    stream = sys.stderr
    renderer = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if stream.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(_traceback),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _Lines(stream),
    )
    logging.root.handlers[:] = [_Libraries(logging.WARNING)]


class _Lines(structlog.PrintLogger):
    """Writes lines to a stream, and ignores its failures.

    The reader of a pipe may end, a disk may be full, a terminal may be closed.
    """

    @override
    def msg(self, message: str) -> None:
        try:
            super().msg(message)
        except OSError as exc:
            if exc.errno in _NEVER_READ_AGAIN:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._file.fileno())
                os.close(nowhere)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


class _Libraries(logging.Handler):
    """Logs a library's message without its arguments, which may name a client."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        log.log(
            record.levelno,
            "library_message",
            logger=record.name,
            # The text without its arguments; asyncio's text also without its objects.
            text=str(record.msg).partition("\n")[0],
            exc_info=record.exc_info,
        )


def _traceback(exc_info: ExcInfo) -> str:
    """Return the places that an exception passed, and its type."""
    return "".join(_places(exc_info[1], frozenset())).rstrip("\n")


def _places(exc: BaseException | None, known: frozenset[int]) -> Iterator[str]:
    """Yield the lines of a traceback, the cause before the exception that followed."""
    if exc is None or id(exc) in known:
        return
    known |= {id(exc)}
    before = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
    yield from _places(before, known)
    for inner in exc.exceptions if isinstance(exc, BaseExceptionGroup) else ():
        yield from _places(inner, known)
    yield from traceback.format_tb(exc.__traceback__)
    # The system's error text names no file, and an operator needs it.
    words = f": {exc.strerror}" if isinstance(exc, OSError) else ""
    yield f"{type(exc).__qualname__}{words}\n"
