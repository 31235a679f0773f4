"""The operational log: what the operator of a running service is told, on stderr.

Rules this module keeps: it holds nothing of a client; and it never fails, for what is
promised about uploads rests on the decision log, not on this one.
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
"""A pipe without a reader, a terminal that was closed."""


def configure() -> None:
    """Send the operational log to stderr: text on a terminal, JSON lines otherwise.

    Field ``event`` is a constant snake_case name; everything else is in fields. What
    libraries have to say goes the same way. Tracebacks hold code and kinds, and neither
    variables nor messages: those may hold what a client sent.
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
    """Writes lines to a stream that may fail, which is no reason to fail as well.

    The reader of a pipe goes away, its disk fills up, a terminal is closed.
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
    """Says that a library said something, but not what it said about whom."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        log.log(
            record.levelno,
            "library_message",
            logger=record.name,
            # The text without its arguments, and of asyncio's without the objects.
            text=str(record.msg).partition("\n")[0],
            exc_info=record.exc_info,
        )


def _traceback(exc_info: ExcInfo) -> str:
    """Say where an exception came from, and of which kind it is."""
    return "".join(_places(exc_info[1], frozenset())).rstrip("\n")


def _places(exc: BaseException | None, known: frozenset[int]) -> Iterator[str]:
    """Yield the lines of a traceback, what was there first before what followed."""
    if exc is None or id(exc) in known:
        return
    known |= {id(exc)}
    before = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
    yield from _places(before, known)
    for inner in exc.exceptions if isinstance(exc, BaseExceptionGroup) else ():
        yield from _places(inner, known)
    yield from traceback.format_tb(exc.__traceback__)
    # The system's own words name no file, and an operator needs them.
    words = f": {exc.strerror}" if isinstance(exc, OSError) else ""
    yield f"{type(exc).__qualname__}{words}\n"
